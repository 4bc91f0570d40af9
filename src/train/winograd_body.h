/* Convolution with 3x3 kernels at stride 1 by F(2x2, 3x3) [1], and its weight
 * gradient by the same transforms: 16 multiplications where 36 stand.
 *
 * [1] A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR
 *     2016, doi:10.1109/CVPR.2016.435.
 * We differ in: tiles are taken in chunks whose transforms stay in the second-level
 * cache; the weight gradient sums over tiles before it is transformed back, which is
 * the transpose of the forward algorithm rather than the paper's F(3x3, 2x2).
 *
 * A tile is the 4x4 patch of x behind 2x2 outputs.  Transformed, it is 16 vectors of
 * channels; the vectors of one of the 16 places, over the tiles of a chunk, are a
 * matrix (tiles, channels), and the convolution is 16 matrix products. */

#define PLACES 16
#define CHUNK_BYTES (192 * 1024) /* of transformed input and output; measured */
#define CHUNK_LEAST 12
#define CHUNK_MOST 192
#define CHANNELS_MOST 256

/* Between the 16 matrices; off powers of two, where addresses would share cache sets.
 */
INLINE size_t place_stride(size_t rows, size_t columns)
{
    return rows * columns + 16;
}

static int winograd_fits(ef_train_winograd *g)
{
    size_t widest = g->ic > g->oc ? g->ic : g->oc;
    if (g->ic % LANES || g->oc % LANES || widest > CHANNELS_MOST || g->top > 2 ||
        g->left > 2) {
        return 0;
    }
    size_t chunk = CHUNK_BYTES / (PLACES * sizeof(float) * (g->ic + g->oc)) / 12 * 12;
    chunk = chunk > CHUNK_MOST ? CHUNK_MOST : chunk;
    g->chunk = chunk < CHUNK_LEAST ? CHUNK_LEAST : chunk;
    g->lanes = LANES;
    return 1;
}

static size_t winograd_size(const ef_train_winograd *g)
{
    return PLACES * place_stride(g->ic, g->oc);
}

/* The scratch, piece by piece. */
typedef struct pieces {
    float *in, *out, *sums; /* 16 matrices each */
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
    p.out = p.in + PLACES * p.in_stride;
    p.sums = p.out + PLACES * p.out_stride;
    return p;
}

static size_t winograd_scratch(const ef_train_winograd *g)
{
    return CHANNELS_MOST + PLACES * place_stride(g->chunk, g->ic) +
           PLACES * place_stride(g->chunk, g->oc) + winograd_size(g);
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

/* c (in, out) += a (tiles, in) transposed, b (tiles, out) */
static void product_gradient(size_t in, size_t out, size_t tiles, const float *a,
                             const float *b, float *c)
{
    product(in, out, tiles, a, 1, in, b, c, 1);
}

/* --- tiles ------------------------------------------------------------------------ */

typedef struct tile {
    size_t n, ty, tx;
} tile;

INLINE size_t tiles_high(const ef_train_winograd *g)
{
    return (g->oh + 1) / 2;
}

INLINE size_t tiles_wide(const ef_train_winograd *g)
{
    return (g->ow + 1) / 2;
}

INLINE tile find_tile(const ef_train_winograd *g, size_t index)
{
    size_t wide = tiles_wide(g), high = tiles_high(g);
    return (tile){index / (high * wide), index / wide % high, index % wide};
}

INLINE void next_tile(const ef_train_winograd *g, tile *t)
{
    if (++t->tx == tiles_wide(g)) {
        t->tx = 0;
        if (++t->ty == tiles_high(g)) {
            t->ty = 0;
            t->n++;
        }
    }
}

INLINE void store_row(float *to, size_t stride, vec a, vec b, vec c, vec d)
{
    store(to, a - c);
    store(to + stride, b + c);
    store(to + 2 * stride, c - b);
    store(to + 3 * stride, b - d);
}

/* B^T d B of [1] for one vector of channels; AT(i, j) reads the patch. */
#define STORE_PATCH(AT, to, stride)                                                    \
    store_row(to, stride, AT(0, 0) - AT(2, 0), AT(0, 1) - AT(2, 1),                    \
              AT(0, 2) - AT(2, 2), AT(0, 3) - AT(2, 3));                               \
    store_row((to) + 4 * (stride), stride, AT(1, 0) + AT(2, 0), AT(1, 1) + AT(2, 1),   \
              AT(1, 2) + AT(2, 2), AT(1, 3) + AT(2, 3));                               \
    store_row((to) + 8 * (stride), stride, AT(2, 0) - AT(1, 0), AT(2, 1) - AT(1, 1),   \
              AT(2, 2) - AT(1, 2), AT(2, 3) - AT(1, 3));                               \
    store_row((to) + 12 * (stride), stride, AT(1, 0) - AT(3, 0), AT(1, 1) - AT(3, 1),  \
              AT(1, 2) - AT(3, 2), AT(1, 3) - AT(3, 3))

INLINE void transform_inside(const float *x, size_t row, size_t channels, float *to,
                             size_t stride)
{
#define AT(i, j) load(x + c + (i)*row + (j)*channels)
    for (size_t c = 0; c < channels; c += LANES) {
        STORE_PATCH(AT, to + c, stride);
    }
#undef AT
}

INLINE void transform_edge(const float *const at[4][4], size_t channels, float *to,
                           size_t stride)
{
#define AT(i, j) load(at[i][j] + c)
    for (size_t c = 0; c < channels; c += LANES) {
        STORE_PATCH(AT, to + c, stride);
    }
#undef AT
}

/* Tiles [first, first + n) of x, transformed into the 16 matrices at p->in. */
static void transform_input(const ef_train_winograd *g, const float *x, size_t first,
                            size_t n, const pieces *p)
{
    tile t = find_tile(g, first);
    ptrdiff_t row = (ptrdiff_t)(g->w * g->ic), high = (ptrdiff_t)g->h;
    ptrdiff_t wide = (ptrdiff_t)g->w, channels = (ptrdiff_t)g->ic;
    float *to = p->in;
    for (size_t i = 0; i < n; i++, to += channels, next_tile(g, &t)) {
        ptrdiff_t y0 = (ptrdiff_t)(2 * t.ty) - (ptrdiff_t)g->top;
        ptrdiff_t x0 = (ptrdiff_t)(2 * t.tx) - (ptrdiff_t)g->left;
        const float *image = x + t.n * g->h * g->w * g->ic;
        if (y0 >= 0 && x0 >= 0 && y0 + 4 <= high && x0 + 4 <= wide) {
            transform_inside(image + y0 * row + x0 * channels, (size_t)row, g->ic, to,
                             p->in_stride);
            continue;
        }
        const float *at[4][4];
        for (ptrdiff_t j = 0; j < 16; j++) {
            ptrdiff_t py = y0 + j / 4, px = x0 + j % 4;
            int inside = py >= 0 && px >= 0 && py < high && px < wide;
            at[j / 4][j % 4] = inside ? image + py * row + px * channels : p->edge;
        }
        transform_edge(at, g->ic, to, p->in_stride);
    }
}

/* Where output j of the 2x2 of a tile lies; SIZE_MAX: outside. */
INLINE size_t find_output(const ef_train_winograd *g, const tile *t, size_t j)
{
    size_t oy = 2 * t->ty + j / 2, ox = 2 * t->tx + j % 2;
    int inside = oy < g->oh && ox < g->ow;
    return inside ? ((t->n * g->oh + oy) * g->ow + ox) * g->oc : SIZE_MAX;
}

/* A^T m A of [1]: the 16 matrices at p->out to outputs. */
INLINE void transform_output(const ef_train_winograd *g, size_t first, size_t n,
                             const pieces *p, const float *bias, ef_train_clamp clamp,
                             int add, float *y)
{
    tile t = find_tile(g, first);
    size_t stride = p->out_stride;
    const float *from = p->out;
    vec low = all(clamp.low), high = all(clamp.high);
    for (size_t i = 0; i < n; i++, from += g->oc, next_tile(g, &t)) {
        float *at[4];
        for (size_t j = 0; j < 4; j++) {
            size_t index = find_output(g, &t, j);
            at[j] = index < SIZE_MAX ? y + index : p->edge;
        }
        for (size_t c = 0; c < g->oc; c += LANES) {
            const float *m = from + c;
            vec r[2][4], shift = bias ? load(bias + c) : (vec){0};
            for (size_t j = 0; j < 4; j++, m += stride) {
                vec a = load(m), b = load(m + 4 * stride), d = load(m + 8 * stride);
                r[0][j] = a + b + d;
                r[1][j] = b - d - load(m + 12 * stride);
            }
            for (size_t j = 0; j < 2; j++) {
                float *even = at[2 * j] + c, *odd = at[2 * j + 1] + c;
                vec u = r[j][0] + r[j][1] + r[j][2], v = r[j][1] - r[j][2] - r[j][3];
                if (add) {
                    store(even, load(even) + u);
                    store(odd, load(odd) + v);
                } else {
                    store(even, clamp_vec(u + shift, low, high));
                    store(odd, clamp_vec(v + shift, low, high));
                }
            }
        }
    }
}

/* A dy A^T: gradients of 2x2 outputs to those of the 16 matrices, at p->out. */
static void transform_gradient(const ef_train_winograd *g, const float *dy,
                               size_t first, size_t n, const pieces *p)
{
    tile t = find_tile(g, first);
    size_t stride = p->out_stride;
    float *to = p->out;
    for (size_t i = 0; i < n; i++, to += g->oc, next_tile(g, &t)) {
        const float *at[4];
        for (size_t j = 0; j < 4; j++) {
            size_t index = find_output(g, &t, j);
            at[j] = index < SIZE_MAX ? dy + index : p->edge;
        }
        for (size_t c = 0; c < g->oc; c += LANES) {
            vec a = load(at[0] + c), b = load(at[1] + c);
            vec d = load(at[2] + c), e = load(at[3] + c);
            vec left[4] = {a, a + d, a - d, -d}, right[4] = {b, b + e, b - e, -e};
            float *place = to + c;
            for (size_t j = 0; j < 4; j++, place += 4 * stride) {
                store(place, left[j]);
                store(place + stride, left[j] + right[j]);
                store(place + 2 * stride, left[j] - right[j]);
                store(place + 3 * stride, -right[j]);
            }
        }
    }
}

/* --- the convolutions ----------------------------------------------------------- */

static void winograd_forward(const ef_train_winograd *g, const float *x, const float *u,
                             const float *bias, ef_train_clamp clamp, int add, float *y,
                             float *scratch)
{
    pieces p = cut_scratch(g, scratch);
    size_t n_tiles = g->n * tiles_high(g) * tiles_wide(g);
    for (size_t first = 0; first < n_tiles; first += g->chunk) {
        size_t n = least(g->chunk, n_tiles - first);
        memset(p.edge, 0, g->ic * sizeof(float));
        transform_input(g, x, first, n, &p);
        for (size_t i = 0; i < PLACES; i++) {
            product_forward(n, g->oc, g->ic, p.in + i * p.in_stride,
                            u + i * p.sums_stride, p.out + i * p.out_stride);
        }
        if (add) {
            transform_output(g, first, n, &p, NULL, clamp, 1, y);
        } else {
            transform_output(g, first, n, &p, bias, clamp, 0, y);
        }
    }
}

/* G g G^T of [1]. */
static void winograd_weights(const ef_train_winograd *g, const float *w, float *u)
{
    size_t n = g->ic * g->oc, stride = place_stride(g->ic, g->oc);
    vec half = all(0.5F);
    for (size_t i = 0; i < n; i += LANES) {
        vec t[4][3];
        for (size_t j = 0; j < 3; j++) {
            vec a = load(w + j * n + i), b = load(w + (3 + j) * n + i);
            vec c = load(w + (6 + j) * n + i);
            t[0][j] = a;
            t[1][j] = half * (a + c + b);
            t[2][j] = half * (a + c - b);
            t[3][j] = c;
        }
        float *to = u + i;
        for (size_t j = 0; j < 4; j++, to += 4 * stride) {
            store(to, t[j][0]);
            store(to + stride, half * (t[j][0] + t[j][2] + t[j][1]));
            store(to + 2 * stride, half * (t[j][0] + t[j][2] - t[j][1]));
            store(to + 3 * stride, t[j][2]);
        }
    }
}

/* A kernel turned by half a turn has its rows 0 and 3 of G g exchanged. */
static void winograd_turn(const ef_train_winograd *g, const float *u, float *turned)
{
    static const size_t place[4] = {3, 1, 2, 0};
    size_t ic = g->ic, oc = g->oc, stride = place_stride(ic, oc);
    for (size_t j = 0; j < PLACES; j++) {
        const float *from = u + j * stride;
        float *to = turned + (4 * place[j / 4] + place[j % 4]) * stride;
        for (size_t i0 = 0; i0 < ic; i0 += LANES) {
            for (size_t o = 0; o < oc; o++) {
                for (size_t i = i0; i < i0 + LANES; i++) {
                    to[o * ic + i] = from[i * oc + o];
                }
            }
        }
    }
}

/* G^T s G: the sums at p->sums to the gradient of the weights. */
static void transform_sums(const ef_train_winograd *g, const pieces *p, float *dw)
{
    size_t n = g->ic * g->oc, stride = p->sums_stride;
    vec half = all(0.5F);
    for (size_t i = 0; i < n; i += LANES) {
        vec t[3][4];
        const float *s = p->sums + i;
        for (size_t j = 0; j < 4; j++, s += stride) {
            vec b = load(s + 4 * stride), c = load(s + 8 * stride);
            vec middle = half * (b + c);
            t[0][j] = load(s) + middle;
            t[1][j] = half * (b - c);
            t[2][j] = middle + load(s + 12 * stride);
        }
        for (size_t j = 0; j < 3; j++) {
            vec middle = half * (t[j][1] + t[j][2]);
            store(dw + 3 * j * n + i, t[j][0] + middle);
            store(dw + (3 * j + 1) * n + i, half * (t[j][1] - t[j][2]));
            store(dw + (3 * j + 2) * n + i, middle + t[j][3]);
        }
    }
}

static void winograd_gradient(const ef_train_winograd *g, const float *x,
                              const float *dy, float *dw, float *scratch)
{
    pieces p = cut_scratch(g, scratch);
    size_t n_tiles = g->n * tiles_high(g) * tiles_wide(g);
    memset(p.edge, 0, CHANNELS_MOST * sizeof(float));
    memset(p.sums, 0, winograd_size(g) * sizeof(float));
    for (size_t first = 0; first < n_tiles; first += g->chunk) {
        size_t n = least(g->chunk, n_tiles - first);
        transform_input(g, x, first, n, &p);
        transform_gradient(g, dy, first, n, &p);
        for (size_t i = 0; i < PLACES; i++) {
            product_gradient(g->ic, g->oc, n, p.in + i * p.in_stride,
                             p.out + i * p.out_stride, p.sums + i * p.sums_stride);
        }
    }
    transform_sums(g, &p, dw);
}
