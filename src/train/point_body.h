/* Loops over elements and over rows of channels. */

INLINE float clamp_one(float v, ef_train_clamp clamp)
{
    v = clamp.low > v ? clamp.low : v;
    return clamp.high < v ? clamp.high : v;
}

static void point_clamp(size_t n, const float *x, ef_train_clamp clamp, float *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = clamp_one(x[i], clamp);
    }
}

static void point_add(size_t n, const float *a, const float *b, ef_train_clamp clamp,
                      float *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = clamp_one(a[i] + b[i], clamp);
    }
}

static void point_multiply(size_t n, const float *a, const float *b, float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = a[i] * b[i];
    }
}

static void point_pass(size_t n, const float *y, const float *dy, ef_train_clamp clamp,
                       int add, float *dx)
{
    vec low = all(clamp.low), high = all(clamp.high);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec g = pass_vec(load(y + i), load(dy + i), low, high);
        store(dx + i, add ? load(dx + i) + g : g);
    }
    if (i < n) {
        vec g = pass_vec(load(y + i), load(dy + i), low, high);
        store_part(dx + i, add ? load(dx + i) + g : g, n - i);
    }
}

static void point_accumulate(size_t n, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += x[i];
    }
}

static void point_accumulate_product(size_t n, const float *a, const float *b,
                                     float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] += a[i] * b[i];
    }
}

static void row_scale(size_t rows, size_t channels, const float *x, const float *scale,
                      const float *shift, int add, float *y)
{
    for (size_t r = 0; r < rows; r++, x += channels, y += channels) {
        for (size_t c = 0; c < channels; c += LANES) {
            vec v = load(x + c) * load(scale + c);
            v = shift ? v + load(shift + c) : v;
            store_part(y + c, add ? load(y + c) + v : v, least(LANES, channels - c));
        }
    }
}

static void column_sums(size_t rows, size_t channels, const float *x, double *sums)
{
    memset(sums, 0, channels * sizeof *sums);
    size_t block = block_rows(channels);
    for (size_t r0 = 0; r0 < rows; r0 += block) {
        size_t n = least(block, rows - r0);
        for (size_t c = 0; c < channels; c += LANES) {
            const float *p = x + r0 * channels + c;
            vec s[2] = {{0}};
            for (size_t r = 0; r < n; r++, p += channels) {
                s[r % 2] += load(p);
            }
            add_lanes(sums + c, s[0] + s[1], least(LANES, channels - c));
        }
    }
}

static void descend(size_t n, float *restrict w, const float *restrict g,
                    float *restrict v, float rate, float momentum, float decay)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= rate * v[i];
    }
}
