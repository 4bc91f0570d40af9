noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = \
  %D%/status.c %D%/status.h \
  %D%/mem.c %D%/mem.h \
  %D%/hash.c %D%/hash.h \
  %D%/text.c %D%/text.h \
  %D%/stop.c %D%/stop.h \
  %D%/problem.h
