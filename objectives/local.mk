noinst_LIBRARIES += %D%/libobjectives.a
%C%_libobjectives_a_SOURCES = \
  %D%/accelerator.c %D%/accelerator.h \
  %D%/hardware.c %D%/hardware.h \
  %D%/objective.c %D%/objective.h \
  %D%/relevance.c %D%/relevance.h \
  %D%/resilience.c %D%/resilience.h \
  %D%/scoring.c %D%/scoring.h \
  %D%/table.c \
  %D%/workload.c %D%/workload.h
