noinst_LIBRARIES += %D%/libfaultsim.a
%C%_libfaultsim_a_SOURCES = \
  %D%/functions.h \
  %D%/kernels.c %D%/kernels.h %D%/kernels_body.h \
  %D%/kernels_portable.c %D%/kernels_avx2.c %D%/kernels_avx512.c \
  %D%/forward.c %D%/forward.h %D%/forward_priv.h \
  %D%/forward_plan.c %D%/forward_move.c %D%/forward_naive.c %D%/forward_naive.h \
  %D%/floating.c %D%/floating.h %D%/floating_priv.h %D%/floating_naive.c \
  %D%/floating_rerun.c %D%/floating_worker.c %D%/floating_hits.c \
  %D%/floating_step.c %D%/floating_step.h %D%/floating_area.c \
  %D%/floating_params.c %D%/floating_values.c \
  %D%/classify.c %D%/classify.h \
  %D%/formats.c %D%/formats.h \
  %D%/histogram.c %D%/histogram.h \
  %D%/ranges.c %D%/ranges.h %D%/ranges_fit.c \
  %D%/quantized.c %D%/quantized.h %D%/quantized_priv.h %D%/quantized_steps.c \
  %D%/quantized_scales.c %D%/quantized_values.c %D%/quantized_naive.c \
  %D%/quantized_copy.c %D%/quantized_struck.c \
  %D%/fault.h %D%/site.c %D%/site.h %D%/permutation.c %D%/permutation.h \
  %D%/selection.c %D%/selection.h %D%/strikes.c %D%/strikes.h \
  %D%/population.c %D%/population.h \
  %D%/ber.c %D%/ber.h \
  %D%/fault_list.c %D%/fault_list.h %D%/statistics.c %D%/statistics.h \
  %D%/spread.c %D%/spread.h \
  %D%/int_kernels.c %D%/int_kernels.h %D%/int_kernels_avx2.c \
  %D%/int_kernels_vnni.c \
  %D%/rerun.c %D%/rerun.h %D%/rerun_priv.h %D%/rerun_create.c \
  %D%/wide.c %D%/wide_priv.h %D%/wide_box.c %D%/wide_conv.c %D%/wide_run.c \
  %D%/wide_sites.c %D%/wide_strike.c %D%/wide_taps.c \
  %D%/bytes.c %D%/bytes_priv.h %D%/bytes_build.c %D%/bytes_change.c %D%/bytes_need.c \
  %D%/bytes_conv.c %D%/bytes_param.c %D%/bytes_run.c %D%/bytes_steps.c %D%/bytes_strike.c \
  %D%/bytes_worker.c
