/* The inner loops of the exact float32 execution, compiled once for each instruction
 * set from one text (kernels_body.h).
 *
 * Activations lie in lanes: element (channel, row, column) of a block of images is a
 * run of `lanes` floats, one an image.  A vector so holds the same element of several
 * images, every operation on it is uniform (a tap in the padding is skipped for all of
 * them at once), and the chain of each output element keeps its order whatever the
 * vector's width.  Planes (channels) lie `plane` floats apart, which is a little more
 * than height * width * lanes: a power of two would send all channels of a pixel to
 * the same few lines of the cache. */
#ifndef EF_FAULTSIM_KERNELS_H
#define EF_FAULTSIM_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define EF_LANE_VECTORS 3 /* vectors of one element, at most */
#define EF_SPAN_COEF 3    /* coefficients of one channel */

/* Functions of one element, by channel: x becomes ...  NaN becomes NaN, 0x7fc00000;
 * those marked "passes" hand on what they get, which is canonical already. */
typedef enum ef_span_kind {
    EF_SPAN_CANON,       /* x */
    EF_SPAN_BIAS,        /* x + a */
    EF_SPAN_NORM,        /* (x - a) * b + c, three roundings */
    EF_SPAN_SCALE,       /* x * a + b, two roundings */
    EF_SPAN_RELU,        /* 0 > x ? 0 : x; passes */
    EF_SPAN_CLIP,        /* relu's kind of max(a, x), then min(b, x); passes */
    EF_SPAN_SLOPE,       /* x >= 0 ? x : a * x */
    EF_SPAN_SIGMOID,     /* 1 / (1 + exp(-x)) */
    EF_SPAN_HARDSIGMOID, /* clip(a * x + b, 0, 1), two roundings */
    EF_SPAN_HARDSWISH,   /* x * clip(a * x + b, 0, 1), three roundings */
    EF_SPAN_TANH,
    EF_SPAN_COUNT
} ef_span_kind;

/* The valid kernel positions of one output row or column. */
typedef struct ef_taps {
    uint32_t first; /* kernel position */
    uint32_t count; /* may be 0: all in the padding */
    uint32_t at;    /* input position of the first */
    uint32_t area;  /* positions that an average counts, padding included or not */
} ef_taps;

/* One output row of one group, over a range of its input channels. */
typedef struct ef_conv_row {
    const float *in;  /* first channel of the range, first valid row, column 0 */
    size_t in_plane;  /* floats between input channels */
    size_t in_row;    /* floats between the rows of two neighbouring taps */
    size_t in_column; /* floats between the columns of two neighbouring taps */
    size_t n_in;      /* input channels */
    size_t n_rows;    /* valid kernel rows */

    const ef_taps *columns; /* (n_columns) */
    size_t n_columns;       /* of the output */

    /* (n_out / block, in, kh, kw, block), at the first channel and row of the range */
    const float *weights;
    size_t w_block; /* floats between blocks of output channels */
    size_t w_in;    /* floats between input channels */
    size_t w_row;   /* floats between kernel rows */

    float *out; /* first channel of the group, this row */
    size_t out_plane;
    size_t n_out; /* channels of the group */

    size_t lanes;
    int first; /* the chains start here, from +0; else at what out holds */
} ef_conv_row;

/* One output row of one channel. */
typedef struct ef_pool_row {
    const float *in; /* the channel, first valid row, column 0 */
    size_t in_row;
    size_t in_column;
    size_t n_rows;
    size_t row_area; /* rows that an average counts */
    const ef_taps *columns;
    size_t n_columns;
    float *out;
    size_t lanes;
} ef_pool_row;

typedef struct ef_kernels {
    const char *name;
    size_t width; /* floats of a vector */
    size_t block; /* output channels of one packed block of weights */
    void (*conv_row)(const ef_conv_row *row);
    void (*maxpool_row)(const ef_pool_row *row);
    void (*avgpool_row)(const ef_pool_row *row);
    /* n floats, a multiple of width; NaN comes out canonical; out may be x or y */
    void (*add)(float *out, const float *x, const float *y, size_t n);
    void (*mul)(float *out, const float *x, const float *y, size_t n);
    /* each of the n / lanes elements of x times the one element y of lanes floats */
    void (*gate)(float *out, const float *x, const float *y, size_t n, size_t lanes);
    void (*div)(float *out, const float *x, const float *y, size_t n);
    /* softmax of n elements, stride floats apart in out and in x, for each of the
     * n_lines lines that begin at neighbouring floats, a multiple of width */
    void (*softmax)(float *out, const float *x, size_t n, size_t stride,
                    size_t n_lines);
    void (*spans[EF_SPAN_COUNT])(float *x, size_t n, const float *coef);
} ef_kernels;

extern const ef_kernels ef_kernels_portable;
#if defined(__x86_64__)
extern const ef_kernels ef_kernels_avx2;
extern const ef_kernels ef_kernels_avx512;
#endif

/* The tables that this CPU can run, the fastest first; *n of them. */
const ef_kernels *const *ef_kernels_available(size_t *n);

#endif
