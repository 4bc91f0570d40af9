noinst_LIBRARIES += %D%/libreport.a
%C%_libreport_a_SOURCES = \
  %D%/confusion.c %D%/confusion.h \
  %D%/fit.c %D%/fit.h \
  %D%/gantt.c %D%/gantt.h \
  %D%/gnuplot.c %D%/gnuplot.h \
  %D%/front_plot.c %D%/front_plot.h \
  %D%/protection.c %D%/protection.h \
  %D%/protection_plot.c %D%/protection_plot.h \
  %D%/scatter.c %D%/scatter.h \
  %D%/severity.c %D%/severity.h \
  %D%/sweep_plot.c %D%/sweep_plot.h \
  %D%/table.c %D%/table.h \
  %D%/worst.c %D%/worst.h
