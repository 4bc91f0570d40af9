/* Convolution of each channel by itself, and its gradients.
 *
 * Weights are (kernel height, kernel width, channels).  An image is copied into a
 * frame of zeros, so that all taps of every window are there; for a vector of
 * channels the taps of a 3x3 kernel then stay in registers over the whole image. */

#define TAPS_MOST 64 /* of a kernel */

typedef struct frame {
    size_t row;  /* floats */
    size_t size; /* likewise */
    size_t n_taps;
    size_t taps[TAPS_MOST]; /* where each lies from the first of a window */
} frame;

INLINE frame make_frame(const ef_train_window *g)
{
    frame f;
    f.row = (g->w + g->left + g->right) * g->c;
    f.size = (g->h + g->top + g->bottom) * f.row + EF_TRAIN_SLACK;
    f.n_taps = 0;
    for (size_t ky = 0; ky < g->kernel[0]; ky++) {
        for (size_t kx = 0; kx < g->kernel[1]; kx++) {
            f.taps[f.n_taps++] =
                ky * g->dilation[0] * f.row + kx * g->dilation[1] * g->c;
        }
    }
    return f;
}

static int depthwise_fits(const ef_train_window *g)
{
    return g->kernel[0] * g->kernel[1] <= TAPS_MOST;
}

static size_t depthwise_scratch(const ef_train_window *g)
{
    return make_frame(g).size;
}

static void fill_frame(const ef_train_window *g, const frame *f, const float *image,
                       float *to)
{
    size_t inner = g->w * g->c;
    memset(to, 0, f->size * sizeof(float));
    to += g->top * f->row + g->left * g->c;
    for (size_t y = 0; y < g->h; y++) {
        memcpy(to + y * f->row, image + y * inner, inner * sizeof(float));
    }
}

static void add_frame(const ef_train_window *g, const frame *f, const float *from,
                      float *restrict image)
{
    size_t inner = g->w * g->c;
    from += g->top * f->row + g->left * g->c;
    for (size_t y = 0; y < g->h; y++) {
        for (size_t i = 0; i < inner; i++) {
            image[y * inner + i] += from[y * f->row + i];
        }
    }
}

/* One vector of channels of one image; n_taps is f->n_taps, constant where inlined. */
INLINE void depthwise_vector(const ef_train_window *g, const frame *f, size_t n_taps,
                             size_t lanes, const float *a, const float *w, vec bias,
                             ef_train_clamp clamp, float *y)
{
    vec low = all(clamp.low), high = all(clamp.high), weights[TAPS_MOST];
    for (size_t k = 0; k < n_taps; k++) {
        weights[k] = load(w + k * g->c);
    }
    for (size_t oy = 0; oy < g->oh; oy++) {
        const float *p = a + oy * g->stride[0] * f->row;
        for (size_t ox = 0; ox < g->ow; ox++, p += g->stride[1] * g->c, y += g->c) {
            vec sum = bias;
            for (size_t k = 0; k < n_taps; k++) {
                sum = FMA(load(p + f->taps[k]), weights[k], sum);
            }
            store_part(y, clamp_vec(sum, low, high), lanes);
        }
    }
}

static void depthwise_forward(const ef_train_window *g, const float *x, const float *w,
                              const float *bias, ef_train_clamp clamp, float *y,
                              float *scratch)
{
    frame f = make_frame(g);
    for (size_t n = 0; n < g->n; n++, y += g->oh * g->ow * g->c) {
        fill_frame(g, &f, x + n * g->h * g->w * g->c, scratch);
        for (size_t c = 0; c < g->c; c += LANES) {
            size_t lanes = least(LANES, g->c - c);
            vec shift = bias ? load(bias + c) : (vec){0};
            if (f.n_taps == 9) {
                depthwise_vector(g, &f, 9, lanes, scratch + c, w + c, shift, clamp,
                                 y + c);
            } else {
                depthwise_vector(g, &f, f.n_taps, lanes, scratch + c, w + c, shift,
                                 clamp, y + c);
            }
        }
    }
}

INLINE void depthwise_back_vector(const ef_train_window *g, const frame *f,
                                  size_t n_taps, size_t lanes, const float *dy,
                                  const float *w, float *a)
{
    vec weights[TAPS_MOST];
    for (size_t k = 0; k < n_taps; k++) {
        weights[k] = load(w + k * g->c);
    }
    for (size_t oy = 0; oy < g->oh; oy++) {
        float *p = a + oy * g->stride[0] * f->row;
        for (size_t ox = 0; ox < g->ow; ox++, p += g->stride[1] * g->c, dy += g->c) {
            vec d = load(dy);
            for (size_t k = 0; k < n_taps; k++) {
                float *to = p + f->taps[k];
                store_part(to, FMA(weights[k], d, load(to)), lanes);
            }
        }
    }
}

static void depthwise_backward(const ef_train_window *g, const float *dy,
                               const float *w, float *dx, float *scratch)
{
    frame f = make_frame(g);
    for (size_t n = 0; n < g->n; n++, dy += g->oh * g->ow * g->c) {
        memset(scratch, 0, f.size * sizeof(float));
        for (size_t c = 0; c < g->c; c += LANES) {
            size_t lanes = least(LANES, g->c - c);
            if (f.n_taps == 9) {
                depthwise_back_vector(g, &f, 9, lanes, dy + c, w + c, scratch + c);
            } else {
                depthwise_back_vector(g, &f, f.n_taps, lanes, dy + c, w + c,
                                      scratch + c);
            }
        }
        add_frame(g, &f, scratch, dx + n * g->h * g->w * g->c);
    }
}

INLINE void depthwise_sum_vector(const ef_train_window *g, const frame *f,
                                 size_t n_taps, size_t lanes, const float *a,
                                 const float *dy, float *dw)
{
    vec sums[TAPS_MOST];
    for (size_t k = 0; k < n_taps; k++) {
        sums[k] = load(dw + k * g->c);
    }
    for (size_t oy = 0; oy < g->oh; oy++) {
        const float *p = a + oy * g->stride[0] * f->row;
        for (size_t ox = 0; ox < g->ow; ox++, p += g->stride[1] * g->c, dy += g->c) {
            vec d = load(dy);
            for (size_t k = 0; k < n_taps; k++) {
                sums[k] = FMA(load(p + f->taps[k]), d, sums[k]);
            }
        }
    }
    for (size_t k = 0; k < n_taps; k++) {
        store_part(dw + k * g->c, sums[k], lanes);
    }
}

static void depthwise_gradient(const ef_train_window *g, const float *x,
                               const float *dy, float *dw, float *scratch)
{
    frame f = make_frame(g);
    memset(dw, 0, f.n_taps * g->c * sizeof(float));
    for (size_t n = 0; n < g->n; n++, dy += g->oh * g->ow * g->c) {
        fill_frame(g, &f, x + n * g->h * g->w * g->c, scratch);
        for (size_t c = 0; c < g->c; c += LANES) {
            size_t lanes = least(LANES, g->c - c);
            if (f.n_taps == 9) {
                depthwise_sum_vector(g, &f, 9, lanes, scratch + c, dy + c, dw + c);
            } else {
                depthwise_sum_vector(g, &f, f.n_taps, lanes, scratch + c, dy + c,
                                     dw + c);
            }
        }
    }
}
