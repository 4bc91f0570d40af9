/* The most that this machine's vector units multiply and add. */
#ifndef EF_BENCH_PEAK_H
#define EF_BENCH_PEAK_H

#include <stddef.h>

/* float32 operations per second on n_threads threads at once, a fused multiply-add
 * being two, from registers alone: what no program that multiplies and adds in float32
 * exceeds.  On the widest instruction set that this CPU has of those that the library
 * uses. */
double peak_flops(size_t n_threads);
/* "avx512", "avx2", "portable" */
const char *peak_name(void);

#endif
