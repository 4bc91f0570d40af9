/* Max and average pooling over windows. */

/* The part of a window that lies inside: rows [from[0], to[0]), columns likewise,
 * counted in taps of the kernel; the first one is at input (y, x). */
typedef struct taps {
    size_t from[2], to[2];
    ptrdiff_t y, x;
} taps;

INLINE void clip_taps(const ef_train_window *g, size_t axis, ptrdiff_t begin,
                      size_t size, taps *t)
{
    ptrdiff_t step = (ptrdiff_t)g->dilation[axis];
    ptrdiff_t from = begin < 0 ? -begin : 0, to = (ptrdiff_t)size - begin;
    if (step > 1) { /* divisions are slow, and this runs for every window */
        from = (from + step - 1) / step;
        to = (to + step - 1) / step;
    }
    t->from[axis] = (size_t)from;
    t->to[axis] = to < from ? (size_t)from : least((size_t)to, g->kernel[axis]);
}

INLINE taps find_taps(const ef_train_window *g, size_t oy, size_t ox)
{
    taps t;
    t.y = (ptrdiff_t)(oy * g->stride[0]) - (ptrdiff_t)g->top;
    t.x = (ptrdiff_t)(ox * g->stride[1]) - (ptrdiff_t)g->left;
    clip_taps(g, 0, t.y, g->h, &t);
    clip_taps(g, 1, t.x, g->w, &t);
    return t;
}

/* Where tap (ky, kx) of image n lies in x. */
INLINE size_t tap_at(const ef_train_window *g, const taps *t, size_t n, size_t ky,
                     size_t kx)
{
    size_t y = (size_t)(t->y + (ptrdiff_t)(ky * g->dilation[0]));
    size_t x = (size_t)(t->x + (ptrdiff_t)(kx * g->dilation[1]));
    return ((n * g->h + y) * g->w + x) * g->c;
}

#define FOR_EACH_WINDOW(g, n, oy, ox)                                                  \
    for (size_t n = 0; n < (g)->n; n++)                                                \
        for (size_t oy = 0; oy < (g)->oh; oy++)                                        \
            for (size_t ox = 0; ox < (g)->ow; ox++)

#define FOR_EACH_TAP(t, ky, kx)                                                        \
    for (size_t ky = (t).from[0]; ky < (t).to[0]; ky++)                                \
        for (size_t kx = (t).from[1]; kx < (t).to[1]; kx++)

static void max_forward(const ef_train_window *g, const float *x, float *y)
{
    FOR_EACH_WINDOW(g, n, oy, ox)
    {
        taps t = find_taps(g, oy, ox);
        for (size_t c = 0; c < g->c; c += LANES) {
            vec best = all(-INFINITY);
            FOR_EACH_TAP(t, ky, kx)
            {
                vec v = load(x + tap_at(g, &t, n, ky, kx) + c);
                best = VMAX(best, v);
            }
            store_part(y + c, best, least(LANES, g->c - c));
        }
        y += g->c;
    }
}

static void max_gradient(const ef_train_window *g, const float *x, const float *y,
                         const float *dy, float *dx)
{
    FOR_EACH_WINDOW(g, n, oy, ox)
    {
        taps t = find_taps(g, oy, ox);
        for (size_t c = 0; c < g->c; c += LANES) {
            vec best = load(y + c), d = load(dy + c);
            size_t lanes = least(LANES, g->c - c);
            mask open = ~(mask){0};
            FOR_EACH_TAP(t, ky, kx)
            {
                size_t at = tap_at(g, &t, n, ky, kx) + c;
                mask hit = (load(x + at) == best) & open;
                open &= ~hit;
                store_part(dx + at, load(dx + at) + (vec)(hit & (mask)d), lanes);
            }
        }
        y += g->c;
        dy += g->c;
    }
}

/* One over the number of elements that count. */
INLINE float average_weight(const ef_train_window *g, const taps *t, size_t oy,
                            size_t ox)
{
    size_t rows = t->to[0] - t->from[0], columns = t->to[1] - t->from[1];
    if (g->count_pad) {
        /* A window that a rounded-up size lets hang over the padding counts only up
         * to the padding's end. */
        rows = least(g->kernel[0], g->h + g->top + g->bottom - oy * g->stride[0]);
        columns = least(g->kernel[1], g->w + g->left + g->right - ox * g->stride[1]);
    }
    return rows * columns > 0 ? 1.0F / (float)(rows * columns) : 0.0F;
}

static void average_forward(const ef_train_window *g, const float *x, float *y)
{
    FOR_EACH_WINDOW(g, n, oy, ox)
    {
        taps t = find_taps(g, oy, ox);
        vec weight = all(average_weight(g, &t, oy, ox));
        for (size_t c = 0; c < g->c; c += LANES) {
            vec sum = {0};
            FOR_EACH_TAP(t, ky, kx)
            {
                sum += load(x + tap_at(g, &t, n, ky, kx) + c);
            }
            store_part(y + c, sum * weight, least(LANES, g->c - c));
        }
        y += g->c;
    }
}

static void average_gradient(const ef_train_window *g, const float *dy, float *dx)
{
    FOR_EACH_WINDOW(g, n, oy, ox)
    {
        taps t = find_taps(g, oy, ox);
        vec weight = all(average_weight(g, &t, oy, ox));
        for (size_t c = 0; c < g->c; c += LANES) {
            vec d = load(dy + c) * weight;
            size_t lanes = least(LANES, g->c - c);
            FOR_EACH_TAP(t, ky, kx)
            {
                size_t at = tap_at(g, &t, n, ky, kx) + c;
                store_part(dx + at, load(dx + at) + d, lanes);
            }
        }
        dy += g->c;
    }
}
