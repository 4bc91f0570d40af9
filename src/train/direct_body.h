/* Convolution of images with few channels, as a network's first layer sees them, and
 * its weight gradient.
 *
 * An image is copied into a frame of zeros, in which the inputs behind one row of the
 * kernel are one run of kernel width times channels floats: for a block of outputs in
 * a row, a row of the kernel is a matrix product.  Blocks of constant size are
 * inlined; the last block of a row overlaps the one before it. */

INLINE size_t framed_row(const ef_train_direct *g)
{
    return (g->w + g->left + g->right) * g->ic;
}

static size_t direct_scratch(const ef_train_direct *g)
{
    return (g->h + g->top + g->bottom) * framed_row(g) + EF_TRAIN_SLACK;
}

/* The framed image: x itself where there is nothing to add. */
static const float *frame_image(const ef_train_direct *g, const float *x, float *frame)
{
    if (g->top + g->left + g->bottom + g->right == 0) {
        return x;
    }
    size_t row = framed_row(g), inner = g->w * g->ic;
    memset(frame, 0, (g->h + g->top + g->bottom) * row * sizeof(float));
    for (size_t y = 0; y < g->h; y++) {
        memcpy(frame + (y + g->top) * row + g->left * g->ic, x + y * inner,
               inner * sizeof(float));
    }
    return frame;
}

/* --- forward -------------------------------------------------------------------- */

/* n vectors of `lanes` channels, of `size` outputs in a row, from the frame at a. */
INLINE void direct_block(const ef_train_direct *g, size_t size, size_t n, size_t lanes,
                         const float *a, const float *w, const float *bias, vec low,
                         vec high, float *y)
{
    vec sum[8][2];
    size_t step = g->stride[1] * g->ic, run = g->kernel[1] * g->ic;
    for (size_t r = 0; r < size; r++) {
        for (size_t i = 0; i < n; i++) {
            sum[r][i] = (vec){0};
        }
    }
    for (size_t ky = 0; ky < g->kernel[0]; ky++, a += framed_row(g)) {
        for (size_t k = 0; k < run; k++, w += g->oc) {
            vec v[2];
            for (size_t i = 0; i < n; i++) {
                v[i] = load(w + LANES * i);
            }
            for (size_t r = 0; r < size; r++) {
                vec x = all(a[k + r * step]);
                for (size_t i = 0; i < n; i++) {
                    sum[r][i] = FMA(x, v[i], sum[r][i]);
                }
            }
        }
    }
    for (size_t r = 0; r < size; r++) {
        for (size_t i = 0; i < n; i++) {
            vec shift = bias ? load(bias + LANES * i) : (vec){0};
            store_part(y + r * g->oc + LANES * i,
                       clamp_vec(sum[r][i] + shift, low, high),
                       i + 1 < n ? LANES : lanes);
        }
    }
}

/* One row of outputs, in blocks of the same size. */
INLINE void direct_row(const ef_train_direct *g, size_t size, size_t n, size_t lanes,
                       const float *a, const float *w, const float *bias, vec low,
                       vec high, float *y)
{
    size_t step = g->stride[1] * g->ic;
    for (size_t x = 0; x < g->ow; x += size) {
        size_t at = least(x, g->ow - size);
        direct_block(g, size, n, lanes, a + at * step, w, bias, low, high,
                     y + at * g->oc);
    }
}

static void direct_rows(const ef_train_direct *g, const float *frame, const float *w,
                        const float *bias, ef_train_clamp clamp, size_t c, float *y)
{
    vec low = all(clamp.low), high = all(clamp.high);
    size_t rest = g->oc - c, lanes = rest > LANES ? least(LANES, rest - LANES) : rest;
    for (size_t oy = 0; oy < g->oh; oy++, y += g->ow * g->oc) {
        const float *a = frame + oy * g->stride[0] * framed_row(g);
        if (rest > LANES && g->ow >= 6) {
            direct_row(g, 6, 2, lanes, a, w, bias, low, high, y);
        } else if (rest > LANES) {
            direct_row(g, 1, 2, lanes, a, w, bias, low, high, y);
        } else if (g->ow >= 8) {
            direct_row(g, 8, 1, lanes, a, w, bias, low, high, y);
        } else if (g->ow >= 6) {
            direct_row(g, 6, 1, lanes, a, w, bias, low, high, y);
        } else {
            direct_row(g, 1, 1, lanes, a, w, bias, low, high, y);
        }
    }
}

static void direct_forward(const ef_train_direct *g, const float *x, const float *w,
                           const float *bias, ef_train_clamp clamp, float *y,
                           float *scratch)
{
    for (size_t n = 0; n < g->n; n++) {
        const float *image = x + n * g->h * g->w * g->ic;
        const float *frame = frame_image(g, image, scratch);
        for (size_t c = 0; c < g->oc; c += 2 * LANES) {
            direct_rows(g, frame, w + c, bias ? bias + c : NULL, clamp, c,
                        y + n * g->oh * g->ow * g->oc + c);
        }
    }
}

/* --- gradient of the weights ----------------------------------------------------- */

/* `size` rows of dw from row k on, n vectors of channels, added over one image. */
INLINE void direct_gradient_block(const ef_train_direct *g, size_t size, size_t n,
                                  size_t lanes, const float *frame, const float *dy,
                                  size_t k, float *dw)
{
    vec sum[8][2];
    const float *at[8];
    size_t run = g->kernel[1] * g->ic, step = g->stride[1] * g->ic;
    for (size_t r = 0; r < size; r++) {
        at[r] = frame + (k + r) / run * framed_row(g) + (k + r) % run;
        for (size_t i = 0; i < n; i++) {
            sum[r][i] = load(dw + (k + r) * g->oc + LANES * i);
        }
    }
    for (size_t oy = 0; oy < g->oh; oy++) {
        size_t a = oy * g->stride[0] * framed_row(g);
        for (size_t ox = 0; ox < g->ow; ox++, a += step, dy += g->oc) {
            vec d[2];
            for (size_t i = 0; i < n; i++) {
                d[i] = load(dy + LANES * i);
            }
            for (size_t r = 0; r < size; r++) {
                vec x = all(at[r][a]);
                for (size_t i = 0; i < n; i++) {
                    sum[r][i] = FMA(x, d[i], sum[r][i]);
                }
            }
        }
    }
    for (size_t r = 0; r < size; r++) {
        for (size_t i = 0; i < n; i++) {
            store_part(dw + (k + r) * g->oc + LANES * i, sum[r][i],
                       i + 1 < n ? LANES : lanes);
        }
    }
}

static void direct_gradient_image(const ef_train_direct *g, const float *frame,
                                  const float *dy, float *dw)
{
    size_t rows = g->kernel[0] * g->kernel[1] * g->ic;
    for (size_t c = 0; c < g->oc; c += 2 * LANES) {
        size_t k = 0, rest = g->oc - c;
        size_t lanes = rest > LANES ? least(LANES, rest - LANES) : rest;
        for (; rest > LANES && k + 6 <= rows; k += 6) {
            direct_gradient_block(g, 6, 2, lanes, frame, dy + c, k, dw + c);
        }
        for (; rest > LANES && k + 3 <= rows; k += 3) {
            direct_gradient_block(g, 3, 2, lanes, frame, dy + c, k, dw + c);
        }
        for (; rest > LANES && k < rows; k++) {
            direct_gradient_block(g, 1, 2, lanes, frame, dy + c, k, dw + c);
        }
        for (; k + 8 <= rows; k += 8) {
            direct_gradient_block(g, 8, 1, lanes, frame, dy + c, k, dw + c);
        }
        for (; k < rows; k++) {
            direct_gradient_block(g, 1, 1, lanes, frame, dy + c, k, dw + c);
        }
    }
}

static void direct_gradient(const ef_train_direct *g, const float *x, const float *dy,
                            float *dw, float *scratch)
{
    size_t n_weights = g->kernel[0] * g->kernel[1] * g->ic * g->oc;
    memset(dw, 0, n_weights * sizeof(float));
    for (size_t n = 0; n < g->n; n++) {
        const float *image = x + n * g->h * g->w * g->ic;
        direct_gradient_image(g, frame_image(g, image, scratch),
                              dy + n * g->oh * g->ow * g->oc, dw);
    }
}
