/* The text of the kernels.  Before it is included, these are defined:
 *   NAME(x)      the name of x in this instruction set
 *   TARGET       attribute of every function
 *   WIDTH        floats of a vector
 *   BLOCK        output channels of one register block: BLOCK * EF_LANE_VECTORS
 *                accumulators, as many vectors of the input, and one weight have
 *                registers
 *   vec          the vector, with LOAD STORE SPLAT FMA ADD SUB MUL DIV
 *   CANON(x)     NaN made canonical
 *   MAXOF(a, x)  a > x ? a : x, x where either is NaN or both are zeros
 *   MINOF(a, x)  a < x ? a : x, likewise
 *   GREATER_OR_NAN(x, m)  x > m or x is NaN ? x : m, and m where m is NaN
 *   SLOPED(x, a) x >= 0 ? x : a * x */
#include "faultsim/functions.h"

/* Loops of constant length, written out so that their arrays become registers. */
#if defined(UNROLLED)
#elif defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

#define BODY static inline TARGET __attribute__((always_inline))

/* The accumulators of n_out channels, n_pixels neighbouring columns and n_vectors *
 * WIDTH images stand in this order; there is room for all that are used. */
#define AT(o, p, v) (((o)*n_pixels + (p)) * n_vectors + (v))
#define ACCUMULATORS (BLOCK * EF_LANE_VECTORS)

/* One tap: a product for each channel, column and image. */
BODY void NAME(step)(vec acc[ACCUMULATORS], const float *in, size_t in_pixel,
                     const float *weights, const int n_out, const int n_pixels,
                     const int n_vectors)
{
    vec image[ACCUMULATORS];
    UNROLLED for (int p = 0; p < n_pixels; p++)
    {
        UNROLLED for (int v = 0; v < n_vectors; v++)
        {
            image[AT(0, p, v)] = LOAD(in + (size_t)p * in_pixel + v * WIDTH);
        }
    }
    UNROLLED for (int o = 0; o < n_out; o++)
    {
        vec weight = SPLAT(weights[o]);
        UNROLLED for (int p = 0; p < n_pixels; p++)
        {
            UNROLLED for (int v = 0; v < n_vectors; v++)
            {
                acc[AT(o, p, v)] = FMA(image[AT(0, p, v)], weight, acc[AT(o, p, v)]);
            }
        }
    }
}

/* n_pixels columns that have the taps of the first, in_pixel floats apart. */
BODY void NAME(tile)(const ef_conv_row *row, const float *in, size_t in_pixel,
                     const float *weights, size_t n_columns, float *out,
                     const int n_out, const int n_pixels, const int n_vectors)
{
    const size_t in_plane = row->in_plane, in_row = row->in_row;
    const size_t in_column = row->in_column, out_plane = row->out_plane;
    const size_t w_in = row->w_in, w_row = row->w_row, n_rows = row->n_rows;
    vec acc[ACCUMULATORS];
    UNROLLED for (int o = 0; o < n_out; o++)
    {
        UNROLLED for (int i = 0; i < n_pixels * n_vectors; i++)
        {
            acc[AT(o, 0, i)] = row->first
                                   ? SPLAT(0.0f)
                                   : LOAD(out + (size_t)o * out_plane + i * WIDTH);
        }
    }
    if (n_rows == 1 && n_columns == 1) {
        for (size_t i = row->n_in; i > 0; i--, in += in_plane, weights += w_in) {
            NAME(step)(acc, in, in_pixel, weights, n_out, n_pixels, n_vectors);
        }
    } else if (n_columns > 0) {
        for (size_t i = row->n_in; i > 0; i--, in += in_plane, weights += w_in) {
            const float *x_row = in, *w_first = weights;
            for (size_t r = n_rows; r > 0; r--, x_row += in_row, w_first += w_row) {
                const float *x = x_row, *w = w_first;
                for (size_t c = n_columns; c > 0; c--, x += in_column, w += BLOCK) {
                    NAME(step)(acc, x, in_pixel, w, n_out, n_pixels, n_vectors);
                }
            }
        }
    }
    UNROLLED for (int o = 0; o < n_out; o++)
    {
        UNROLLED for (int i = 0; i < n_pixels * n_vectors; i++)
        {
            STORE(out + (size_t)o * out_plane + i * WIDTH, acc[AT(o, 0, i)]);
        }
    }
}

/* Whether columns [x, x + n_pixels) have the same taps, each a stride further on. */
BODY int NAME(are_alike)(const ef_conv_row *row, size_t x, size_t n_pixels)
{
    const ef_taps *first = row->columns + x, *last = first + n_pixels - 1;
    return x + n_pixels <= row->n_columns && first->first == 0 && last->first == 0 &&
           first->count == last->count && first->count > 0;
}

/* All columns, n_pixels at once where they are alike: blocks [begin, end) of n_out
 * channels each. */
BODY void NAME(tiles)(const ef_conv_row *row, size_t begin, size_t end, const int n_out,
                      const int n_pixels, const int n_vectors)
{
    for (size_t x = 0, n = 1; x < row->n_columns; x += n) {
        const ef_taps *taps = &row->columns[x];
        const float *in = row->in + taps->at * row->lanes;
        size_t in_pixel = 0;
        n = 1;
        if (n_pixels > 1 && NAME(are_alike)(row, x, (size_t)n_pixels)) {
            n = (size_t)n_pixels;
            in_pixel = (taps[1].at - taps->at) * row->lanes;
        }
        for (size_t b = begin; b < end; b++) {
            const float *weights =
                row->weights + b * row->w_block + taps->first * (size_t)BLOCK;
            float *out = row->out + b * BLOCK * row->out_plane + x * row->lanes;
            if (n > 1) {
                NAME(tile)
                (row, in, in_pixel, weights, taps->count, out, n_out, n_pixels,
                 n_vectors);
            } else {
                NAME(tile)(row, in, 0, weights, taps->count, out, n_out, 1, n_vectors);
            }
        }
    }
}

/* Few channels or few images leave registers for several columns. */
#define PIXELS(n_out, n_vectors)                                                       \
    ((n_out) == 1 ? BLOCK : (n_vectors) == 1 ? EF_LANE_VECTORS : 1)

BODY void NAME(row_of)(const ef_conv_row *row, const int n_vectors)
{
    size_t whole = row->n_out / BLOCK;
    if (whole > 0) {
        NAME(tiles)(row, 0, whole, BLOCK, PIXELS(BLOCK, n_vectors), n_vectors);
    }
    switch (row->n_out % BLOCK) {
#define REST(n)                                                                        \
    case n:                                                                            \
        NAME(tiles)(row, whole, whole + 1, n, PIXELS(n, n_vectors), n_vectors);        \
        break;
        REST(1)
        REST(2)
        REST(3)
#if BLOCK > 4
        REST(4)
        REST(5)
        REST(6)
        REST(7)
#endif
#undef REST
    default:
        break;
    }
}

static TARGET void NAME(conv_row)(const ef_conv_row *row)
{
    switch (row->lanes / WIDTH) {
    case 1:
        NAME(row_of)(row, 1);
        break;
    case 2:
        NAME(row_of)(row, 2);
        break;
    default:
        NAME(row_of)(row, 3);
        break;
    }
}

static TARGET void NAME(maxpool_row)(const ef_pool_row *row)
{
    for (size_t x = 0; x < row->n_columns; x++) {
        const ef_taps *taps = &row->columns[x];
        for (size_t lane = 0; lane < row->lanes; lane += WIDTH) {
            const float *in = row->in + taps->at * row->lanes + lane;
            vec most = SPLAT(-INFINITY);
            for (size_t r = 0; r < row->n_rows; r++) {
                for (size_t c = 0; c < taps->count; c++) {
                    vec value = LOAD(in + r * row->in_row + c * row->in_column);
                    most = GREATER_OR_NAN(value, most);
                }
            }
            STORE(row->out + x * row->lanes + lane, most);
        }
    }
}

static TARGET void NAME(avgpool_row)(const ef_pool_row *row)
{
    for (size_t x = 0; x < row->n_columns; x++) {
        const ef_taps *taps = &row->columns[x];
        vec count = SPLAT((float)(row->row_area * taps->area));
        for (size_t lane = 0; lane < row->lanes; lane += WIDTH) {
            const float *in = row->in + taps->at * row->lanes + lane;
            vec sum = SPLAT(0.0f);
            for (size_t r = 0; r < row->n_rows; r++) {
                for (size_t c = 0; c < taps->count; c++) {
                    sum = ADD(sum, LOAD(in + r * row->in_row + c * row->in_column));
                }
            }
            vec mean = DIV(sum, count);
            STORE(row->out + x * row->lanes + lane, CANON(mean));
        }
    }
}

static TARGET void NAME(add)(float *out, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        vec sum = ADD(LOAD(x + i), LOAD(y + i));
        STORE(out + i, CANON(sum));
    }
}

static TARGET void NAME(mul)(float *out, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        vec product = MUL(LOAD(x + i), LOAD(y + i));
        STORE(out + i, CANON(product));
    }
}

static TARGET void NAME(gate)(float *out, const float *x, const float *y, size_t n,
                              size_t lanes)
{
    for (size_t i = 0; i < n; i += lanes) {
        NAME(mul)(out + i, x + i, y, lanes);
    }
}

static TARGET void NAME(div)(float *out, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH) {
        vec quotient = DIV(LOAD(x + i), LOAD(y + i));
        STORE(out + i, CANON(quotient));
    }
}

/* exp(x - most) of one vector, lane by lane: the bits of the scalar function. */
BODY vec NAME(exp_below)(const float *x, vec most)
{
    float values[WIDTH];
    vec below = SUB(LOAD(x), most);
    STORE(values, below);
    for (int i = 0; i < WIDTH; i++) {
        values[i] = exact_exp(values[i]);
    }
    return LOAD(values);
}

static TARGET void NAME(softmax)(float *out, const float *x, size_t n, size_t stride,
                                 size_t n_lines)
{
    for (size_t line = 0; line < n_lines; line += WIDTH, out += WIDTH, x += WIDTH) {
        vec most = SPLAT(-INFINITY), sum = SPLAT(0.0f);
        for (size_t i = 0; i < n; i++) {
            vec value = LOAD(x + i * stride);
            most = GREATER_OR_NAN(value, most);
        }
        for (size_t i = 0; i < n; i++) {
            vec e = NAME(exp_below)(x + i * stride, most);
            STORE(out + i * stride, e);
            sum = ADD(sum, e);
        }
        for (size_t i = 0; i < n; i++) {
            vec share = DIV(LOAD(out + i * stride), sum);
            STORE(out + i * stride, CANON(share));
        }
    }
}

/* A function of spans in vectors: x is the element, a, b, c the coefficients. */
#define SPAN(name, value)                                                              \
    static TARGET void NAME(name)(float *data, size_t n, const float *coef)            \
    {                                                                                  \
        vec a = SPLAT(coef[0]), b = SPLAT(coef[1]), c = SPLAT(coef[2]);                \
        (void)a, (void)b, (void)c;                                                     \
        for (size_t i = 0; i < n; i += WIDTH) {                                        \
            vec x = LOAD(data + i);                                                    \
            x = value;                                                                 \
            STORE(data + i, x);                                                        \
        }                                                                              \
    }

/* The same in scalars, for what has no vector form above. */
#define SCALAR_SPAN(name, value)                                                       \
    static TARGET void NAME(name)(float *data, size_t n, const float *coef)            \
    {                                                                                  \
        (void)coef;                                                                    \
        for (size_t i = 0; i < n; i++) {                                               \
            float x = data[i];                                                         \
            data[i] = value;                                                           \
        }                                                                              \
    }

SPAN(span_canon, CANON(x))
SPAN(span_bias, (x = ADD(x, a), CANON(x)))
SPAN(span_norm, (x = ADD(MUL(SUB(x, a), b), c), CANON(x)))
SPAN(span_scale, (x = ADD(MUL(x, a), b), CANON(x)))
SPAN(span_relu, MAXOF(SPLAT(0.0f), x))
SPAN(span_clip, MINOF(b, MAXOF(a, x)))
SPAN(span_slope, (x = SLOPED(x, a), CANON(x)))
SPAN(span_hardsigmoid,
     (x = MINOF(SPLAT(1.0f), MAXOF(SPLAT(0.0f), ADD(MUL(x, a), b))), CANON(x)))
SPAN(span_hardswish,
     (x = MUL(x, MINOF(SPLAT(1.0f), MAXOF(SPLAT(0.0f), ADD(MUL(x, a), b)))), CANON(x)))
SCALAR_SPAN(span_sigmoid, exact_sigmoid(x))
SCALAR_SPAN(span_tanh, exact_tanh(x))

#define TABLE                                                                          \
    .width = WIDTH, .block = BLOCK, .conv_row = NAME(conv_row),                        \
    .maxpool_row = NAME(maxpool_row), .avgpool_row = NAME(avgpool_row),                \
    .add = NAME(add), .mul = NAME(mul), .gate = NAME(gate), .div = NAME(div),          \
    .softmax = NAME(softmax),                                                          \
    .spans = {                                                                         \
        [EF_SPAN_CANON] = NAME(span_canon),                                            \
        [EF_SPAN_BIAS] = NAME(span_bias),                                              \
        [EF_SPAN_NORM] = NAME(span_norm),                                              \
        [EF_SPAN_SCALE] = NAME(span_scale),                                            \
        [EF_SPAN_RELU] = NAME(span_relu),                                              \
        [EF_SPAN_CLIP] = NAME(span_clip),                                              \
        [EF_SPAN_SLOPE] = NAME(span_slope),                                            \
        [EF_SPAN_SIGMOID] = NAME(span_sigmoid),                                        \
        [EF_SPAN_HARDSIGMOID] = NAME(span_hardsigmoid),                                \
        [EF_SPAN_HARDSWISH] = NAME(span_hardswish),                                    \
        [EF_SPAN_TANH] = NAME(span_tanh),                                              \
    }
