/* Batch norm, forward and backward, over rows of channels.
 *
 * Rows are taken in blocks that stay in the first-level cache while the loop goes
 * over the vectors of channels; sums run in float32 within a block, in two or
 * four chains, and in binary64 from block to block. */

#define BLOCK_FLOATS 4096

INLINE size_t block_rows(size_t channels)
{
    size_t rows = BLOCK_FLOATS / channels;
    return rows < 4 ? 4 : rows;
}

INLINE void add_lanes(double *sums, vec v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sums[i] += (double)v[i];
    }
}

static void norm_moments(size_t rows, size_t channels, const float *x, double *sums,
                         double *squares)
{
    memset(sums, 0, channels * sizeof *sums);
    memset(squares, 0, channels * sizeof *squares);
    size_t block = block_rows(channels);
    for (size_t r0 = 0; r0 < rows; r0 += block) {
        size_t n = least(block, rows - r0);
        for (size_t c = 0; c < channels; c += LANES) {
            const float *p = x + r0 * channels + c;
            vec first = load(x + c), s[4] = {{0}}, q[4] = {{0}};
            size_t r = 0;
            for (; r + 4 <= n; r += 4, p += 4 * channels) {
                for (size_t i = 0; i < 4; i++) {
                    vec d = load(p + i * channels) - first;
                    s[i] += d;
                    q[i] += d * d;
                }
            }
            for (; r < n; r++, p += channels) {
                vec d = load(p) - first;
                s[0] += d;
                q[0] += d * d;
            }
            size_t lanes = least(LANES, channels - c);
            add_lanes(sums + c, (s[0] + s[1]) + (s[2] + s[3]), lanes);
            add_lanes(squares + c, (q[0] + q[1]) + (q[2] + q[3]), lanes);
        }
    }
}

/* What a vector of channels needs, held in registers over a block of rows. */
typedef struct normer {
    vec mean, scale, shift, low, high;
} normer;

INLINE normer get_normer(const ef_train_norm *norm, size_t c)
{
    return (normer){load(norm->mean + c), load(norm->scale + c), load(norm->shift + c),
                    all(norm->clamp.low), all(norm->clamp.high)};
}

/* The gradient that passes the clamp, where centred is x - mean. */
INLINE vec pass_normed(const normer *m, vec centred, vec dy)
{
    return pass_vec(centred * m->scale + m->shift, dy, m->low, m->high);
}

static void norm_forward(const ef_train_norm *norm, const float *x, float *y)
{
    size_t channels = norm->channels, block = block_rows(channels);
    for (size_t r0 = 0; r0 < norm->rows; r0 += block) {
        size_t end = (r0 + least(block, norm->rows - r0)) * channels;
        for (size_t c = 0; c < channels; c += LANES) {
            normer m = get_normer(norm, c);
            size_t lanes = least(LANES, channels - c);
            for (size_t i = r0 * channels + c; i < end; i += channels) {
                vec v = (load(x + i) - m.mean) * m.scale + m.shift;
                store_part(y + i, clamp_vec(v, m.low, m.high), lanes);
            }
        }
    }
}

static void norm_sums(const ef_train_norm *norm, const float *x, const float *dy,
                      double *sums, double *products)
{
    size_t channels = norm->channels, block = block_rows(channels);
    memset(sums, 0, channels * sizeof *sums);
    memset(products, 0, channels * sizeof *products);
    for (size_t r0 = 0; r0 < norm->rows; r0 += block) {
        size_t n = least(block, norm->rows - r0);
        for (size_t c = 0; c < channels; c += LANES) {
            const float *p = x + r0 * channels + c, *d = dy + r0 * channels + c;
            normer m = get_normer(norm, c);
            vec s[2] = {{0}}, q[2] = {{0}};
            size_t r = 0;
            for (; r + 2 <= n; r += 2, p += 2 * channels, d += 2 * channels) {
                for (size_t i = 0; i < 2; i++) {
                    vec centred = load(p + i * channels) - m.mean;
                    vec g = pass_normed(&m, centred, load(d + i * channels));
                    s[i] += g;
                    q[i] += g * centred;
                }
            }
            if (r < n) {
                vec centred = load(p) - m.mean;
                vec g = pass_normed(&m, centred, load(d));
                s[0] += g;
                q[0] += g * centred;
            }
            size_t lanes = least(LANES, channels - c);
            add_lanes(sums + c, s[0] + s[1], lanes);
            add_lanes(products + c, q[0] + q[1], lanes);
        }
    }
}

INLINE void norm_gradient_rows(const ef_train_norm *norm, const float *x,
                               const float *dy, const float *slope, const float *offset,
                               int add, size_t c, size_t begin, size_t end, float *dx)
{
    normer m = get_normer(norm, c);
    vec a = load(slope + c), b = load(offset + c);
    size_t lanes = least(LANES, norm->channels - c);
    for (size_t i = begin; i < end; i += norm->channels) {
        vec centred = load(x + i) - m.mean;
        vec g = pass_normed(&m, centred, load(dy + i));
        vec v = g * m.scale + (centred * a + b);
        store_part(dx + i, add ? load(dx + i) + v : v, lanes);
    }
}

static void norm_gradient(const ef_train_norm *norm, const float *x, const float *dy,
                          const float *slope, const float *offset, int add, float *dx)
{
    size_t channels = norm->channels, block = block_rows(channels);
    for (size_t r0 = 0; r0 < norm->rows; r0 += block) {
        size_t end = (r0 + least(block, norm->rows - r0)) * channels;
        for (size_t c = 0; c < channels; c += LANES) {
            norm_gradient_rows(norm, x, dy, slope, offset, add, c, r0 * channels + c,
                               end, dx);
        }
    }
}
