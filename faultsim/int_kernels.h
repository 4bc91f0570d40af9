/* The inner loops of exact execution in integers of at most 8 bits, for each
 * instruction set; all give the same bits.
 *
 * A stored integer x lies in memory as the byte x + offset, 0 to 255 (offset 128 for
 * signed formats).  Images lie as rows of pixels, channels innermost, the channels
 * filled up to a multiple of EF_INT_GROUP, with a border of zero points all around, so
 * that every tap of a window lies in memory.  Accumulators are 32 bits and wrap, which
 * makes their order free: other widths up to 32 are the low bits of these. */
#ifndef EF_FAULTSIM_INT_KERNELS_H
#define EF_FAULTSIM_INT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define EF_INT_GROUP 4  /* input channels of one packed group */
#define EF_INT_BLOCK 16 /* output channels of one packed block */

/* A convolution of one group of channels. */
typedef struct ef_int_conv {
    size_t n_blocks; /* of output channels */
    size_t n_groups; /* of input channels */
    size_t n_taps;
    const ptrdiff_t *taps; /* (n_taps) bytes from a window's first tap */
    const void *weights;   /* packed by pack */
    const int32_t *start;  /* (n_blocks * EF_INT_BLOCK) bias - zero point * sum of w */
} ef_int_conv;

typedef struct ef_int_kernels {
    const char *name;
    /* Bytes that packed weights take, for so many values. */
    size_t (*packed_size)(size_t n_values);
    /* One weight into its place: block, tap, channel, out (within the block). */
    void (*pack)(void *weights, const ef_int_conv *conv, size_t block, size_t tap,
                 size_t channel, size_t out, int32_t value);
    /* acc (n, n_blocks * EF_INT_BLOCK): the sums of n windows, which begin at these
     * bytes. */
    void (*conv)(const ef_int_conv *conv, const uint8_t *const *windows, size_t n,
                 int32_t *acc);
    /* n of: round-half-even(acc * factor) + zero, within [least, most], as a byte; n is
     * a multiple of EF_INT_BLOCK.  zero, least and most are of bytes. */
    void (*round)(const int32_t *acc, const double *factors, size_t n, int32_t zero,
                  int32_t least, int32_t most, uint8_t *out);
    /* round-half-even((a - zero_a) * factors[0] + (b - zero_b) * factors[1]) + zero,
     * within [least, most], of n pairs of bytes; what lies behind them is read and
     * written up to a multiple of EF_INT_BLOCK. */
    void (*add)(const uint8_t *a, const uint8_t *b, int32_t zero_a, int32_t zero_b,
                const double *factors, size_t n, int32_t zero, int32_t least,
                int32_t most, uint8_t *out);
} ef_int_kernels;

/* Those that this CPU can run, the fastest first; *n of them. */
const ef_int_kernels *const *ef_int_kernels_available(size_t *n);

#endif
