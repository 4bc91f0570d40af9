noinst_LIBRARIES += %D%/libfaultsim.a
%C%_libfaultsim_a_SOURCES = \
  %D%/functions.h \
  %D%/kernels.c %D%/kernels.h %D%/kernels_body.h \
  %D%/kernels_portable.c %D%/kernels_avx2.c %D%/kernels_avx512.c \
  %D%/forward.c %D%/forward.h %D%/forward_priv.h \
  %D%/forward_plan.c %D%/forward_move.c %D%/forward_naive.c \
  %D%/classify.c %D%/classify.h \
  %D%/fault.h %D%/permutation.c %D%/permutation.h \
  %D%/selection.c %D%/selection.h %D%/population.c %D%/population.h \
  %D%/ber.c %D%/ber.h \
  %D%/fault_list.c %D%/fault_list.h \
  %D%/statistics.c %D%/statistics.h
