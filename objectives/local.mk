noinst_LIBRARIES += %D%/libobjectives.a
%C%_libobjectives_a_SOURCES = \
  %D%/constants.c %D%/constants.h \
  %D%/flip_effect.c %D%/flip_effect.h \
  %D%/hardware.c %D%/hardware.h \
  %D%/objective.c %D%/objective.h \
  %D%/prediction.c %D%/prediction.h \
  %D%/relevance.c %D%/relevance.h \
  %D%/resilience.c %D%/resilience.h \
  %D%/table.c
