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

/* How sums become bytes: round-half-even(sum * factor) + zero, within [least, most];
 * zero, least and most are of bytes.  Of the sum the low 32 - unused bits count. */
typedef struct ef_int_rounding {
    int32_t zero, least, most;
    unsigned unused;
} ef_int_rounding;

/* What sums are multiplied by, and the same in float32: kernels may round by that where
 * it cannot matter, and by the exact ones where a value is near a tie. */
typedef struct ef_int_factors {
    const double *exact;
    const float *quick;
} ef_int_factors;

/* A group of channels of a pixel in which bytes are greater, or less, than in the
 * fault-free run.  at: the group's number times the group_size of the kernels, and the
 * pixel's place times what its groups take so (the sizes of a tensor, ef_int_tensor);
 * in arithmetic that wraps, so that a window turns it into the place of weights by
 * adding one number to all changes of a row. */
typedef struct ef_int_change {
    uint32_t at;
    uint32_t deltas; /* of each channel, in a byte */
} ef_int_change;

/* Where the changes of a pixel begin, among those to more and those to less; they end
 * where those of the next place begin. */
typedef struct ef_int_start {
    uint32_t more, less;
} ef_int_start;

/* What differs in a tensor, by the places of its pixels. */
typedef struct ef_int_tensor {
    size_t pixel; /* bytes, a multiple of EF_INT_GROUP */
    size_t n_places;
    ef_int_change *more, *less; /* room for EF_INT_BLOCK more than there can be */
    ef_int_start *starts;       /* (n_places + 1) */
} ef_int_tensor;

/* A row of taps beside each other. */
typedef struct ef_int_run {
    uint32_t place;  /* of the first one, from the window's first tap on */
    uint32_t length; /* taps */
    uint32_t tap;    /* number of the first one */
} ef_int_run;

/* A convolution whose input differs, and its output. */
typedef struct ef_int_window {
    const ef_int_conv *conv;
    const ef_int_tensor *tensor;
    const ef_int_run *runs; /* (n_runs) */
    size_t n_runs;
    const uint32_t *corners; /* by output pixel: the place of its window's first tap */
    const uint32_t *places;  /* by output pixel: its own place */
    const int32_t *acc;      /* fault-free sums, acc_pixel of them for each pixel */
    size_t acc_pixel;
    ef_int_factors factors;
    const ef_int_rounding *rounding;
    uint8_t *out; /* of place 0 */
    size_t out_pixel;
    size_t n_out; /* bytes of a pixel to write */
    size_t most;  /* changes of a window that are added one by one */
} ef_int_window;

typedef struct ef_int_kernels {
    const char *name;
    size_t group_size; /* bytes of a packed group: EF_INT_GROUP by EF_INT_BLOCK */
    /* Bytes that packed weights take, for so many values. */
    size_t (*packed_size)(size_t n_values);
    /* One weight into its place: block, tap, channel, out (within the block). */
    void (*pack)(void *weights, const ef_int_conv *conv, size_t block, size_t tap,
                 size_t channel, size_t out, int32_t value);
    /* acc (n, n_blocks * EF_INT_BLOCK): the sums of n windows, which begin at these
     * bytes. */
    void (*conv)(const ef_int_conv *conv, const uint8_t *const *windows, size_t n,
                 int32_t *acc);
    /* Sums of n_pixels pixels, stride apart, into the first n_out bytes of each of
     * out (n_pixels); factors (n_out up to a multiple of EF_INT_BLOCK), and so sums. */
    void (*round)(const int32_t *acc, size_t n_pixels, size_t stride,
                  ef_int_factors factors, size_t n_out, const ef_int_rounding *rounding,
                  uint8_t *const *out);
    /* n output pixels: what the changes that their windows see add to their sums, into
     * bytes.  Those that see none are not written; those that see more than most go to
     * dense, *n_dense of them.  Returns how many changes were added. */
    size_t (*update)(const ef_int_window *window, const uint32_t *pixels, size_t n,
                     uint32_t *dense, size_t *n_dense);
    /* The sums acc (n) and delta * (x - zero_x) into bytes by one factor; x, acc and
     * out have room up to a multiple of EF_INT_BLOCK. |delta| < 2^15. */
    void (*shift)(const int32_t *acc, const uint8_t *x, size_t n, int32_t delta,
                  int32_t zero_x, double factor, const ef_int_rounding *rounding,
                  uint8_t *out);
    /* round-half-even((a - zero_a) * factors[0] + (b - zero_b) * factors[1]) + zero,
     * within [least, most], of n pairs of bytes; what lies behind them is read and
     * written up to a multiple of EF_INT_BLOCK. */
    void (*add)(const uint8_t *a, const uint8_t *b, int32_t zero_a, int32_t zero_b,
                const double *factors, size_t n, const ef_int_rounding *rounding,
                uint8_t *out);
    /* What differs in n pixels at ascending places, into the tensor's changes; all
     * starts are set. */
    void (*differ)(const uint8_t *now, const uint8_t *was, const uint32_t *places,
                   size_t n, ef_int_tensor *tensor);
} ef_int_kernels;

extern const ef_int_kernels ef_int_kernels_portable;
#if defined(__x86_64__)
extern const ef_int_kernels ef_int_kernels_avx2;
extern const ef_int_kernels ef_int_kernels_vnni;
#endif

/* Those that this CPU can run, the fastest first; *n of them. */
const ef_int_kernels *const *ef_int_kernels_available(size_t *n);

/* The place of a weight where `group` channels are packed together. */
static inline size_t ef_int_place(const ef_int_conv *conv, size_t block, size_t tap,
                                  size_t channel, size_t out, size_t group)
{
    size_t n = conv->n_groups * EF_INT_GROUP / group;
    return (((block * conv->n_taps + tap) * n + channel / group) * EF_INT_BLOCK + out) *
               group +
           channel % group;
}

/* What those without instructions of their own share with the portable ones. */
size_t ef_int_packed_pairs(size_t n_values);
void ef_int_pack_pair(void *weights, const ef_int_conv *conv, size_t block, size_t tap,
                      size_t channel, size_t out, int32_t value);
void ef_int_differ_pairs(const uint8_t *now, const uint8_t *was, const uint32_t *places,
                         size_t n, ef_int_tensor *tensor);

/* The changes that a run of taps sees of a window that begins at corner. */
typedef struct ef_int_seen {
    ef_int_start begin, end;
    uint32_t base; /* what turns their places into those of weights */
} ef_int_seen;

static inline ef_int_seen ef_int_see(const ef_int_tensor *tensor, const ef_int_run *run,
                                     uint32_t corner, uint32_t tap_size)
{
    uint32_t place = corner + run->place;
    return (ef_int_seen){tensor->starts[place], tensor->starts[place + run->length],
                         (run->tap - place) * tap_size};
}

/* How many a window sees. */
static inline size_t ef_int_count(const ef_int_window *w, uint32_t corner)
{
    size_t n = 0;
    for (size_t r = 0; r < w->n_runs; r++) {
        ef_int_seen seen = ef_int_see(w->tensor, &w->runs[r], corner, 0);
        n += seen.end.more - seen.begin.more + seen.end.less - seen.begin.less;
    }
    return n;
}

/* Sets the starts of places [begin, end). */
static inline void ef_int_start_at(ef_int_start *starts, size_t begin, size_t end,
                                   size_t n_more, size_t n_less)
{
    const ef_int_start start = {(uint32_t)n_more, (uint32_t)n_less};
    for (size_t i = begin; i < end; i++) {
        starts[i] = start;
    }
}

#endif
