noinst_LIBRARIES += %D%/libreport.a
%C%_libreport_a_SOURCES = \
  %D%/confusion.c %D%/confusion.h \
  %D%/gnuplot.c %D%/gnuplot.h \
  %D%/front_plot.c %D%/front_plot.h \
  %D%/sweep_plot.c %D%/sweep_plot.h \
  %D%/table.c %D%/table.h
