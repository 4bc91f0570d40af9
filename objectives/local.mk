noinst_LIBRARIES += %D%/libobjectives.a
%C%_libobjectives_a_SOURCES = \
  %D%/accelerator.c %D%/accelerator.h \
  %D%/constants.c %D%/constants.h \
  %D%/energy.c \
  %D%/exposure.c %D%/exposure.h \
  %D%/flip_effect.c %D%/flip_effect.h \
  %D%/hardware.c %D%/hardware.h \
  %D%/latency.c %D%/latency.h \
  %D%/memory.c \
  %D%/objective.c %D%/objective.h \
  %D%/prediction.c %D%/prediction.h \
  %D%/relevance.c %D%/relevance.h \
  %D%/resilience.c %D%/resilience.h \
  %D%/scoring.c %D%/scoring.h \
  %D%/simulation.c %D%/simulation.h \
  %D%/table.c \
  %D%/tasks.c %D%/tasks.h \
  %D%/tiling.c %D%/tiling.h \
  %D%/traffic.c %D%/traffic.h \
  %D%/workload.c %D%/workload.h
