noinst_LIBRARIES += %D%/libtrain.a
%C%_libtrain_a_SOURCES = \
  %D%/train.c %D%/train.h \
  %D%/evaluate.c \
  %D%/shard.c %D%/shard_priv.h \
  %D%/descent.c %D%/descent_priv.h \
  %D%/loss.c %D%/loss.h \
  %D%/isa.c %D%/isa.h \
  %D%/plan.c %D%/plan_priv.h \
  %D%/plan_memory.c %D%/plan_calls.c \
  %D%/worker.c \
  %D%/step_conv.c %D%/step_winograd.c %D%/step_direct.c \
  %D%/step_depthwise.c %D%/step_dense.c %D%/step_small_dense.c \
  %D%/step_norm.c %D%/step_pool.c \
  %D%/step_point.c %D%/step_activation.c %D%/step_move.c \
  %D%/kernels_priv.h %D%/kernels_generic.c %D%/kernels_avx2.c \
  %D%/kernels_body.h %D%/direct_body.h %D%/depthwise_body.h \
  %D%/norm_body.h %D%/point_body.h \
  %D%/pool_body.h %D%/winograd_body.h
