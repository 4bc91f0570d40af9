/* Convolution with 3x3 kernels at stride 1 by F(2x2, 3x3) and F(4x4, 3x3) [1], and its
 * weight gradient by the same transforms: 16 multiplications where 36 stand, or 36
 * where 144 do.
 *
 * [1] A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR
 *     2016, doi:10.1109/CVPR.2016.435.
 * We differ in: tiles are taken in chunks whose transforms stay in the second-level
 * cache; the weight gradient sums over tiles before it is transformed back, which is
 * the transpose of the forward algorithm rather than the paper's F(3x3, 2x2).
 *
 * A tile is the patch of (m + 2)^2 inputs behind m x m outputs, m = 2 or 4.
 * Transformed, it is (m + 2)^2 vectors of channels; the vectors of one of these
 * places, over the tiles of a chunk, are a matrix (tiles, channels), and the
 * convolution is a matrix product for each place.
 *
 * Functions that take m as a parameter are inlined with m constant, so that their
 * loops unroll and their arrays become registers. */

#define MOST 6                   /* m + 2 */
#define CHUNK_BYTES (128 * 1024) /* of transformed input and output; measured */
#define CHUNK_LEAST 24           /* tiles */
#define CHUNK_MOST 192
#define CHANNELS_MOST 256

/* Between the matrices; off powers of two, where addresses would share cache sets. */
INLINE size_t place_stride(size_t rows, size_t columns)
{
    return rows * columns + 16;
}

INLINE size_t places(const ef_train_winograd *g)
{
    return (g->tile + 2) * (g->tile + 2);
}

INLINE size_t count_tiles(const ef_train_winograd *g, size_t m)
{
    return g->n * ((g->oh + m - 1) / m) * ((g->ow + m - 1) / m);
}

static int winograd_fits(ef_train_winograd *g)
{
    size_t widest = g->ic > g->oc ? g->ic : g->oc;
    if (g->ic % LANES || g->oc % LANES || widest > CHANNELS_MOST || g->top > 2 ||
        g->left > 2) {
        return 0;
    }
    g->tile = 36 * count_tiles(g, 4) < 16 * count_tiles(g, 2) ? 4 : 2;
    size_t n_tiles = count_tiles(g, g->tile);
    size_t most = CHUNK_BYTES / (places(g) * sizeof(float) * (g->ic + g->oc));
    most = most > CHUNK_MOST ? CHUNK_MOST : most < CHUNK_LEAST ? CHUNK_LEAST : most;
    size_t n_chunks = (n_tiles + most - 1) / most;
    g->chunk = ((n_tiles + n_chunks - 1) / n_chunks + 5) / 6 * 6;
    return 1;
}

/* The transformed weights, and behind them the scratch of winograd_turn. */
static size_t winograd_size(const ef_train_winograd *g)
{
    return places(g) * place_stride(g->ic, g->oc) + 9 * g->ic * g->oc;
}

/* The scratch, piece by piece. */
typedef struct pieces {
    float *in, *out, *sums; /* a matrix for each place */
    float *edge;            /* (channels): what lies outside */
    size_t in_stride, out_stride, sums_stride;
} pieces;

INLINE pieces cut_scratch(const ef_train_winograd *g, float *scratch)
{
    pieces p;
    p.in_stride = place_stride(g->chunk, g->ic);
    p.out_stride = place_stride(g->chunk, g->oc);
    p.sums_stride = place_stride(g->ic, g->oc);
    p.edge = scratch;
    p.in = p.edge + CHANNELS_MOST;
    p.out = p.in + places(g) * p.in_stride;
    p.sums = p.out + places(g) * p.out_stride;
    return p;
}

static size_t winograd_scratch(const ef_train_winograd *g)
{
    return CHANNELS_MOST +
           places(g) * (place_stride(g->chunk, g->ic) + place_stride(g->chunk, g->oc) +
                        place_stride(g->ic, g->oc));
}

/* --- matrix products ------------------------------------------------------------ */

/* c (rows, LANES * n) = or += sum over k < depth of a(row, k) b(k, .), where a(row, k)
 * stands at a[row * row_step + k * depth_step]. */
INLINE void product_tile(size_t rows, size_t n, size_t depth, const float *a,
                         size_t row_step, size_t depth_step, const float *b,
                         size_t b_step, float *c, size_t c_step, int add)
{
    vec sum[6][3];
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++) {
            sum[r][i] = add ? load(c + r * c_step + LANES * i) : (vec){0};
        }
    }
    for (size_t k = 0; k < depth; k++, a += depth_step, b += b_step) {
        vec w[3];
        for (size_t i = 0; i < n; i++) {
            w[i] = load(b + LANES * i);
        }
        for (size_t r = 0; r < rows; r++) {
            vec x = all(a[r * row_step]);
            for (size_t i = 0; i < n; i++) {
                sum[r][i] = FMA(x, w[i], sum[r][i]);
            }
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++) {
            store(c + r * c_step + LANES * i, sum[r][i]);
        }
    }
}

/* A column of tiles; n vectors wide, at most `high` rows each: 12 sums in all. */
INLINE void product_column(size_t high, size_t n, size_t rows, size_t depth,
                           const float *a, size_t row_step, size_t depth_step,
                           const float *b, size_t b_step, float *c, size_t c_step,
                           int add)
{
    size_t r = 0;
    for (; r + high <= rows; r += high) {
        product_tile(high, n, depth, a + r * row_step, row_step, depth_step, b, b_step,
                     c + r * c_step, c_step, add);
    }
    for (; r + 2 <= rows; r += 2) {
        product_tile(2, n, depth, a + r * row_step, row_step, depth_step, b, b_step,
                     c + r * c_step, c_step, add);
    }
    for (; r < rows; r++) {
        product_tile(1, n, depth, a + r * row_step, row_step, depth_step, b, b_step,
                     c + r * c_step, c_step, add);
    }
}

INLINE void product(size_t rows, size_t columns, size_t depth, const float *a,
                    size_t row_step, size_t depth_step, const float *b, float *c,
                    int add)
{
    size_t i = 0;
    if (columns % (3 * LANES) == 0) {
        for (; i < columns; i += 3 * LANES) {
            product_column(4, 3, rows, depth, a, row_step, depth_step, b + i, columns,
                           c + i, columns, add);
        }
    }
    for (; i + 2 * LANES <= columns; i += 2 * LANES) {
        product_column(6, 2, rows, depth, a, row_step, depth_step, b + i, columns,
                       c + i, columns, add);
    }
    for (; i < columns; i += LANES) {
        product_column(6, 1, rows, depth, a, row_step, depth_step, b + i, columns,
                       c + i, columns, add);
    }
}

/* c (tiles, out) = a (tiles, in) b (in, out) */
static void product_forward(size_t tiles, size_t out, size_t in, const float *a,
                            const float *b, float *c)
{
    product(tiles, out, in, a, in, 1, b, c, 0);
}

/* c (in, out) = or += a (tiles, in) transposed, b (tiles, out) */
static void product_gradient(size_t in, size_t out, size_t tiles, const float *a,
                             const float *b, float *c, int add)
{
    product(in, out, tiles, a, 1, in, b, c, add);
}

/* --- the transforms of [1] in one dimension -------------------------------------- */

/* B^T: m + 2 inputs. */
INLINE void transform_inputs(size_t m, const vec *d, vec *t)
{
    if (m == 2) {
        t[0] = d[0] - d[2];
        t[1] = d[1] + d[2];
        t[2] = d[2] - d[1];
        t[3] = d[1] - d[3];
        return;
    }
    vec even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
    vec near = d[4] - d[2], far = 2 * (d[3] - d[1]);
    t[0] = 4 * d[0] - 5 * d[2] + d[4];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = near + far;
    t[4] = near - far;
    t[5] = 4 * d[1] - 5 * d[3] + d[5];
}

/* A^T: m + 2 products to m outputs. */
INLINE void transform_products(size_t m, const vec *t, vec *y)
{
    vec sum = t[1] + t[2], difference = t[1] - t[2];
    if (m == 2) {
        y[0] = t[0] + sum;
        y[1] = difference - t[3];
        return;
    }
    vec far_sum = t[3] + t[4], far_difference = t[3] - t[4];
    y[0] = t[0] + sum + far_sum;
    y[1] = difference + 2 * far_difference;
    y[2] = sum + 4 * far_sum;
    y[3] = difference + 8 * far_difference + t[5];
}

/* A: gradients of m outputs to those of m + 2 products. */
INLINE void transform_outputs(size_t m, const vec *y, vec *t)
{
    if (m == 2) {
        t[0] = y[0];
        t[1] = y[0] + y[1];
        t[2] = y[0] - y[1];
        t[3] = -y[1];
        return;
    }
    vec even = y[0] + y[2], odd = y[1] + y[3];
    vec far_even = y[0] + 4 * y[2], far_odd = 2 * y[1] + 8 * y[3];
    t[0] = y[0];
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = far_even + far_odd;
    t[4] = far_even - far_odd;
    t[5] = y[3];
}

/* G: three weights to m + 2. */
INLINE void transform_weights(size_t m, const vec *g, vec *t)
{
    vec even = g[0] + g[2];
    if (m == 2) {
        t[0] = g[0];
        t[1] = 0.5F * (even + g[1]);
        t[2] = 0.5F * (even - g[1]);
        t[3] = g[2];
        return;
    }
    vec far_even = (g[0] + 4 * g[2]) * (1.0F / 24), far_odd = g[1] * (1.0F / 12);
    t[0] = 0.25F * g[0];
    t[1] = (even + g[1]) * (-1.0F / 6);
    t[2] = (even - g[1]) * (-1.0F / 6);
    t[3] = far_even + far_odd;
    t[4] = far_even - far_odd;
    t[5] = g[2];
}

/* G^T: gradients of m + 2 to those of three weights. */
INLINE void transform_sums(size_t m, const vec *t, vec *g)
{
    vec sum = t[1] + t[2], difference = t[1] - t[2];
    if (m == 2) {
        g[0] = t[0] + 0.5F * sum;
        g[1] = 0.5F * difference;
        g[2] = 0.5F * sum + t[3];
        return;
    }
    vec far_sum = (t[3] + t[4]) * (1.0F / 24);
    sum = sum * (-1.0F / 6);
    g[0] = 0.25F * t[0] + sum + far_sum;
    g[1] = difference * (-1.0F / 6) + (t[3] - t[4]) * (1.0F / 12);
    g[2] = sum + 4 * far_sum + t[5];
}

/* --- tiles ---------------------------------------------------------------------- */

typedef struct tile {
    size_t n, y, x; /* image, first output */
} tile;

INLINE tile find_tile(const ef_train_winograd *g, size_t m, size_t index)
{
    size_t wide = (g->ow + m - 1) / m, high = (g->oh + m - 1) / m;
    return (tile){index / (high * wide), index / wide % high * m, index % wide * m};
}

INLINE void next_tile(const ef_train_winograd *g, size_t m, tile *t)
{
    t->x += m;
    if (t->x >= g->ow) {
        t->x = 0;
        t->y += m;
        if (t->y >= g->oh) {
            t->y = 0;
            t->n++;
        }
    }
}

/* Where the patch of a tile lies in x: each pixel by a pointer, those outside at the
 * edge. */
INLINE void find_patch(const ef_train_winograd *g, size_t m, const tile *t,
                       const float *x, const float *edge, const float *at[MOST][MOST])
{
    for (size_t i = 0; i < m + 2; i++) {
        size_t py = t->y + i - g->top; /* below 0 wraps to a large number */
        const float *row = x + (t->n * g->h + py) * g->w * g->ic;
        for (size_t j = 0; j < m + 2; j++) {
            size_t px = t->x + j - g->left;
            at[i][j] = py < g->h && px < g->w ? row + px * g->ic : edge;
        }
    }
}

/* Tiles [first, first + n) of x, transformed into the matrices at p->in. */
INLINE void load_tiles(const ef_train_winograd *g, size_t m, const float *x,
                       size_t first, size_t n, const pieces *p)
{
    tile t = find_tile(g, m, first);
    size_t stride = p->in_stride;
    float *to = p->in;
    for (size_t k = 0; k < n; k++, to += g->ic, next_tile(g, m, &t)) {
        const float *at[MOST][MOST];
        find_patch(g, m, &t, x, p->edge, at);
        for (size_t c = 0; c < g->ic; c += LANES) {
            vec half[MOST][MOST], column[MOST], row[MOST];
            for (size_t j = 0; j < m + 2; j++) {
                for (size_t i = 0; i < m + 2; i++) {
                    column[i] = load(at[i][j] + c);
                }
                transform_inputs(m, column, half[j]);
            }
            for (size_t i = 0; i < m + 2; i++) {
                for (size_t j = 0; j < m + 2; j++) {
                    column[j] = half[j][i];
                }
                transform_inputs(m, column, row);
                for (size_t j = 0; j < m + 2; j++) {
                    store(to + c + (i * (m + 2) + j) * stride, row[j]);
                }
            }
        }
    }
}

/* Where output (i, j) of a tile lies; SIZE_MAX: outside. */
INLINE size_t find_output(const ef_train_winograd *g, const tile *t, size_t i, size_t j)
{
    size_t y = t->y + i, x = t->x + j;
    return y < g->oh && x < g->ow ? ((t->n * g->oh + y) * g->ow + x) * g->oc : SIZE_MAX;
}

/* What becomes of outputs: clamp(v + bias), or added to what is there. */
typedef struct finish {
    const float *bias; /* or NULL */
    vec low, high;
    int add;
} finish;

INLINE void store_output(const finish *f, size_t c, vec v, float *to)
{
    if (f->add) {
        store(to + c, load(to + c) + v);
    } else {
        vec bias = f->bias ? load(f->bias + c) : (vec){0};
        store(to + c, clamp_vec(v + bias, f->low, f->high));
    }
}

/* The matrices at p->out, transformed back to outputs. */
INLINE void store_tiles(const ef_train_winograd *g, size_t m, size_t first, size_t n,
                        const pieces *p, const finish *f, float *y)
{
    tile t = find_tile(g, m, first);
    size_t stride = p->out_stride;
    const float *from = p->out;
    for (size_t k = 0; k < n; k++, from += g->oc, next_tile(g, m, &t)) {
        float *at[4][4];
        for (size_t i = 0; i < m * m; i++) {
            size_t index = find_output(g, &t, i / m, i % m);
            at[i / m][i % m] = index < SIZE_MAX ? y + index : p->edge;
        }
        for (size_t c = 0; c < g->oc; c += LANES) {
            vec half[MOST][4], column[MOST], row[4];
            for (size_t j = 0; j < m + 2; j++) {
                for (size_t i = 0; i < m + 2; i++) {
                    column[i] = load(from + c + (i * (m + 2) + j) * stride);
                }
                transform_products(m, column, half[j]);
            }
            for (size_t i = 0; i < m; i++) {
                for (size_t j = 0; j < m + 2; j++) {
                    column[j] = half[j][i];
                }
                transform_products(m, column, row);
                for (size_t j = 0; j < m; j++) {
                    store_output(f, c, row[j], at[i][j]);
                }
            }
        }
    }
}

/* Gradients of outputs, transformed to those of the products at p->out. */
INLINE void load_gradients(const ef_train_winograd *g, size_t m, const float *dy,
                           size_t first, size_t n, const pieces *p)
{
    tile t = find_tile(g, m, first);
    size_t stride = p->out_stride;
    float *to = p->out;
    for (size_t k = 0; k < n; k++, to += g->oc, next_tile(g, m, &t)) {
        const float *at[4][4];
        for (size_t i = 0; i < m * m; i++) {
            size_t index = find_output(g, &t, i / m, i % m);
            at[i / m][i % m] = index < SIZE_MAX ? dy + index : p->edge;
        }
        for (size_t c = 0; c < g->oc; c += LANES) {
            vec half[4][MOST], column[4], row[MOST];
            for (size_t j = 0; j < m; j++) {
                for (size_t i = 0; i < m; i++) {
                    column[i] = load(at[i][j] + c);
                }
                transform_outputs(m, column, half[j]);
            }
            for (size_t i = 0; i < m + 2; i++) {
                for (size_t j = 0; j < m; j++) {
                    column[j] = half[j][i];
                }
                transform_outputs(m, column, row);
                for (size_t j = 0; j < m + 2; j++) {
                    store(to + c + (i * (m + 2) + j) * stride, row[j]);
                }
            }
        }
    }
}

/* --- weights ------------------------------------------------------------------- */

INLINE void spread_weights(size_t m, size_t n, size_t stride, const float *w, float *u)
{
    for (size_t c = 0; c < n; c += LANES) {
        vec half[3][MOST], column[3], row[MOST];
        for (size_t j = 0; j < 3; j++) {
            for (size_t i = 0; i < 3; i++) {
                column[i] = load(w + (3 * i + j) * n + c);
            }
            transform_weights(m, column, half[j]);
        }
        for (size_t i = 0; i < m + 2; i++) {
            for (size_t j = 0; j < 3; j++) {
                column[j] = half[j][i];
            }
            transform_weights(m, column, row);
            for (size_t j = 0; j < m + 2; j++) {
                store(u + c + (i * (m + 2) + j) * stride, row[j]);
            }
        }
    }
}

static void winograd_weights(const ef_train_winograd *g, const float *w, float *u)
{
    size_t n = g->ic * g->oc, stride = place_stride(g->ic, g->oc);
    if (g->tile == 2) {
        spread_weights(2, n, stride, w, u);
    } else {
        spread_weights(4, n, stride, w, u);
    }
}

/* The kernel turned by half a turn, its channels exchanged, then transformed. */
static void winograd_turn(const ef_train_winograd *g, const float *w, float *turned)
{
    size_t ic = g->ic, oc = g->oc;
    float *scratch = turned + places(g) * place_stride(ic, oc);
    for (size_t k = 0; k < 9; k++) {
        const float *from = w + k * ic * oc;
        float *to = scratch + (8 - k) * ic * oc;
        for (size_t i0 = 0; i0 < ic; i0 += LANES) {
            for (size_t o = 0; o < oc; o++) {
                for (size_t i = i0; i < i0 + LANES; i++) {
                    to[o * ic + i] = from[i * oc + o];
                }
            }
        }
    }
    winograd_weights(g, scratch, turned);
}

INLINE void gather_sums(size_t m, size_t n, const pieces *p, float *dw)
{
    size_t stride = p->sums_stride;
    for (size_t c = 0; c < n; c += LANES) {
        vec half[MOST][3], column[MOST], row[3];
        for (size_t j = 0; j < m + 2; j++) {
            for (size_t i = 0; i < m + 2; i++) {
                column[i] = load(p->sums + c + (i * (m + 2) + j) * stride);
            }
            transform_sums(m, column, half[j]);
        }
        for (size_t i = 0; i < 3; i++) {
            for (size_t j = 0; j < m + 2; j++) {
                column[j] = half[j][i];
            }
            transform_sums(m, column, row);
            for (size_t j = 0; j < 3; j++) {
                store(dw + (3 * i + j) * n + c, row[j]);
            }
        }
    }
}

/* --- the convolutions ------------------------------------------------------------ */

INLINE void run_forward(const ef_train_winograd *g, size_t m, const float *x,
                        const float *u, const finish *f, float *y, float *scratch)
{
    pieces p = cut_scratch(g, scratch);
    size_t n_tiles = count_tiles(g, m);
    for (size_t first = 0; first < n_tiles; first += g->chunk) {
        size_t n = least(g->chunk, n_tiles - first);
        memset(p.edge, 0, g->ic * sizeof(float));
        load_tiles(g, m, x, first, n, &p);
        for (size_t i = 0; i < (m + 2) * (m + 2); i++) {
            product_forward(n, g->oc, g->ic, p.in + i * p.in_stride,
                            u + i * p.sums_stride, p.out + i * p.out_stride);
        }
        store_tiles(g, m, first, n, &p, f, y);
    }
}

static void winograd_forward(const ef_train_winograd *g, const float *x, const float *u,
                             const float *bias, ef_train_clamp clamp, int add, float *y,
                             float *scratch)
{
    finish f = {bias, all(clamp.low), all(clamp.high), add};
    if (g->tile == 2) {
        run_forward(g, 2, x, u, &f, y, scratch);
    } else {
        run_forward(g, 4, x, u, &f, y, scratch);
    }
}

INLINE void run_gradient(const ef_train_winograd *g, size_t m, const float *x,
                         const float *dy, float *dw, float *scratch)
{
    pieces p = cut_scratch(g, scratch);
    size_t n_tiles = count_tiles(g, m);
    memset(p.edge, 0, CHANNELS_MOST * sizeof(float));
    for (size_t first = 0; first < n_tiles; first += g->chunk) {
        size_t n = least(g->chunk, n_tiles - first);
        load_tiles(g, m, x, first, n, &p);
        load_gradients(g, m, dy, first, n, &p);
        for (size_t i = 0; i < (m + 2) * (m + 2); i++) {
            product_gradient(g->ic, g->oc, n, p.in + i * p.in_stride,
                             p.out + i * p.out_stride, p.sums + i * p.sums_stride,
                             first > 0);
        }
    }
    gather_sums(m, g->ic * g->oc, &p, dw);
}

static void winograd_gradient(const ef_train_winograd *g, const float *x,
                              const float *dy, float *dw, float *scratch)
{
    if (g->tile == 2) {
        run_gradient(g, 2, x, dy, dw, scratch);
    } else {
        run_gradient(g, 4, x, dy, dw, scratch);
    }
}
