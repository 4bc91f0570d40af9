/* The portable kernels in the sizes of AVX-512, so that these are tested on every CPU;
 * as loops, since written out they take compilers minutes. */
#define WIDTH 16
#define BLOCK 8
#define KERNELS kernels_wide
#define UNROLLED
#include "faultsim/kernels_portable.c"
