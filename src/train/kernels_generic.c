/* The kernels in plain C on vectors of four, for every machine. */
#include "train/kernels_priv.h"

#define LANES 4
#define FMA(a, b, c) ((a) * (b) + (c))
#define VMAX(a, b) select_vec((a) > (b), a, b)
#define VMIN(a, b) select_vec((a) < (b), a, b)
#define KERNELS ef_train_kernels_generic
#define KERNELS_NAME "generic"
/* Without fused multiply-add on wide vectors, oneDNN's convolutions win. */
#define HAS_CONV 0

#include "train/kernels_body.h"
