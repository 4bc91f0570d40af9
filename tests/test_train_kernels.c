/* The inner loops of training, each instruction set's, against their definitions in
 * binary64. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "train/kernels_priv.h"

/* The tables that this CPU can run. */
static size_t list_kernels(const ef_train_kernels *list[2])
{
    size_t n = 0;
    list[n++] = &ef_train_kernels_generic;
#ifdef EF_HAVE_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        list[n++] = &ef_train_kernels_avx2;
    }
#endif
    return n;
}

/* n normal values, and room to read past them. */
static float *make_values(size_t n, uint64_t seed)
{
    float *values = ef_calloc_aligned(n + EF_TRAIN_SLACK, sizeof *values);
    cr_assert_not_null(values);
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < n; i++) {
        values[i] = (float)ef_rng_normal(&rng);
    }
    return values;
}

/* Largest difference, over the largest value. */
static double distance(size_t n, const float *found, const double *expected)
{
    double worst = 0, scale = 1e-30;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)found[i] - expected[i]));
        scale = fmax(scale, fabs(expected[i]));
    }
    return isfinite(worst) ? worst / scale : 1e9;
}

/* --- convolution ------------------------------------------------------------------ */

/* One of the three: y += x w, dx += dy w, dw += x dy, all in binary64. */
typedef enum product { TO_Y, TO_X, TO_W } product;

static void convolve(const ef_train_direct *g, product to, double *x, double *w,
                     double *y)
{
    size_t area = g->kernel[0] * g->kernel[1];
    for (size_t i = 0; i < g->n * g->oh * g->ow * area; i++) {
        size_t at = i / area, k = i % area, n = at / (g->oh * g->ow);
        size_t oy = at / g->ow % g->oh, ox = at % g->ow;
        size_t iy = oy * g->stride[0] + k / g->kernel[1] - g->top;
        size_t ix = ox * g->stride[1] + k % g->kernel[1] - g->left;
        if (iy >= g->h || ix >= g->w) {
            continue; /* below 0 wraps to a large number */
        }
        double *px = x + ((n * g->h + iy) * g->w + ix) * g->ic, *py = y + at * g->oc;
        for (size_t c = 0; c < g->ic * g->oc; c++) {
            double *pw = w + k * g->ic * g->oc + c;
            double *a = px + c / g->oc, *b = py + c % g->oc;
            *(to == TO_Y   ? b
              : to == TO_X ? a
                           : pw) +=
                (to == TO_Y ? 1 : *b) * (to == TO_X ? 1 : *a) * (to == TO_W ? 1 : *pw);
        }
    }
}

static double *widen(size_t n, const float *values)
{
    double *wide = ef_calloc(n, sizeof *wide);
    cr_assert_not_null(wide);
    for (size_t i = 0; i < n && values; i++) {
        wide[i] = (double)values[i];
    }
    return wide;
}

static void check_winograd(const ef_train_kernels *k, ef_train_winograd g)
{
    const ef_train_clamp none = {-INFINITY, INFINITY};
    cr_assert(k->winograd_fits(&g), "%s", k->name);
    size_t nx = g.n * g.h * g.w * g.ic, ny = g.n * g.oh * g.ow * g.oc;
    size_t nw = 9 * g.ic * g.oc, nu = k->winograd_size(&g);
    float *x = make_values(nx, 1), *w = make_values(nw, 2), *y = make_values(ny, 3);
    float *bias = make_values(g.oc, 4), *u = make_values(nu, 5);
    float *turned = make_values(nu, 6), *dx = make_values(nx, 7);
    float *dw = make_values(nw, 8), *dy = make_values(ny, 9);
    float *scratch = make_values(k->winograd_scratch(&g), 10);
    double *wx = widen(nx, x), *ww = widen(nw, w), *wy = widen(ny, NULL);
    double *wdx = widen(nx, dx), *wdw = widen(nw, NULL), *wdy = widen(ny, dy);
    ef_train_direct d = {.n = g.n,
                         .h = g.h,
                         .w = g.w,
                         .ic = g.ic,
                         .oh = g.oh,
                         .ow = g.ow,
                         .oc = g.oc,
                         .kernel = {3, 3},
                         .stride = {1, 1},
                         .top = g.top,
                         .left = g.left};

    k->winograd_weights(&g, w, u);
    k->winograd_forward(&g, x, u, bias, none, 0, y, scratch);
    for (size_t i = 0; i < ny; i++) {
        wy[i] = (double)bias[i % g.oc];
    }
    convolve(&d, TO_Y, wx, ww, wy);
    cr_assert_lt(distance(ny, y, wy), 1e-5, "%s: forward", k->name);

    k->winograd_turn(&g, w, turned);
    ef_train_winograd back = ef_train_winograd_reverse(&g);
    k->winograd_forward(&back, dy, turned, NULL, none, 1, dx, scratch);
    convolve(&d, TO_X, wdx, ww, wdy);
    cr_assert_lt(distance(nx, dx, wdx), 1e-5, "%s: gradient of the input", k->name);

    k->winograd_gradient(&g, x, dy, dw, scratch);
    convolve(&d, TO_W, wx, wdw, wdy);
    cr_assert_lt(distance(nw, dw, wdw), 1e-5, "%s: gradient of the weights", k->name);

    float *floats[] = {x, w, y, bias, u, turned, dx, dw, dy, scratch};
    double *doubles[] = {wx, ww, wy, wdx, wdw, wdy};
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        ef_free(floats[i]);
    }
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        ef_free(doubles[i]);
    }
}

Test(train_kernels, winograd_equals_direct_convolution_at_every_size_and_padding)
{
    const ef_train_kernels *list[2];
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 7, 0, 0);
    for (size_t trial = 0; trial < 60; trial++) {
        ef_train_winograd g = {.n = 1 + ef_rng_below(&rng, 3),
                               .h = 1 + ef_rng_below(&rng, 13),
                               .w = 1 + ef_rng_below(&rng, 13),
                               .ic = 8 + 8 * ef_rng_below(&rng, 4),
                               .oc = 8 + 8 * ef_rng_below(&rng, 4),
                               .top = ef_rng_below(&rng, 3),
                               .left = ef_rng_below(&rng, 3)};
        size_t bottom = ef_rng_below(&rng, 3), right = ef_rng_below(&rng, 3);
        if (g.h + g.top + bottom < 3 || g.w + g.left + right < 3) {
            continue;
        }
        g.oh = g.h + g.top + bottom - 2;
        g.ow = g.w + g.left + right - 2;
        for (size_t k = 0, n = list_kernels(list); k < n; k++) {
            check_winograd(list[k], g);
        }
    }
}

Test(train_kernels, winograd_adds_many_tiles_and_clamps)
{
    const ef_train_kernels *list[2];
    for (size_t k = 0, n = list_kernels(list); k < n; k++) {
        ef_train_winograd g = {
            .n = 2, .h = 34, .w = 33, .ic = 8, .oh = 32, .ow = 33, .oc = 16, .left = 1};
        check_winograd(list[k], g);
    }
}

static void check_direct(const ef_train_kernels *k, const ef_train_direct *g)
{
    size_t nx = g->n * g->h * g->w * g->ic, ny = g->n * g->oh * g->ow * g->oc;
    size_t nw = g->kernel[0] * g->kernel[1] * g->ic * g->oc;
    float *x = make_values(nx, 1), *w = make_values(nw, 2), *y = make_values(ny, 3);
    float *bias = make_values(g->oc, 4), *dy = make_values(ny, 5);
    float *dw = make_values(nw, 6), *scratch = make_values(k->direct_scratch(g), 7);
    double *wx = widen(nx, x), *ww = widen(nw, w), *wy = widen(ny, NULL);
    double *wdy = widen(ny, dy), *wdw = widen(nw, NULL);
    const ef_train_clamp clamp = {-1, 2};

    k->direct_forward(g, x, w, bias, clamp, y, scratch);
    convolve(g, TO_Y, wx, ww, wy);
    for (size_t i = 0; i < ny; i++) {
        wy[i] = fmin(2, fmax(-1, wy[i] + (double)bias[i % g->oc]));
    }
    cr_assert_lt(distance(ny, y, wy), 1e-5, "%s: forward", k->name);

    k->direct_gradient(g, x, dy, dw, scratch);
    convolve(g, TO_W, wx, wdw, wdy);
    cr_assert_lt(distance(nw, dw, wdw), 1e-5, "%s: gradient of the weights", k->name);

    float *floats[] = {x, w, y, bias, dy, dw, scratch};
    double *doubles[] = {wx, ww, wy, wdy, wdw};
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        ef_free(floats[i]);
    }
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        ef_free(doubles[i]);
    }
}

Test(train_kernels, first_layers_equal_direct_convolution_at_every_size)
{
    const ef_train_kernels *list[2];
    ef_rng rng = ef_rng_stream(2, EF_PURPOSE_TEST, 7, 0, 0);
    for (size_t trial = 0; trial < 80; trial++) {
        ef_train_direct g = {
            .n = 1 + ef_rng_below(&rng, 3),
            .h = 1 + ef_rng_below(&rng, 20),
            .w = 1 + ef_rng_below(&rng, 20),
            .ic = 1 + ef_rng_below(&rng, 4),
            .oc = 1 + ef_rng_below(&rng, 40),
            .kernel = {1 + ef_rng_below(&rng, 5), 1 + ef_rng_below(&rng, 5)},
            .stride = {1 + ef_rng_below(&rng, 2), 1 + ef_rng_below(&rng, 2)},
            .top = ef_rng_below(&rng, 3),
            .left = ef_rng_below(&rng, 3),
            .bottom = ef_rng_below(&rng, 3),
            .right = ef_rng_below(&rng, 3)};
        size_t high = g.h + g.top + g.bottom, wide = g.w + g.left + g.right;
        if (high < g.kernel[0] || wide < g.kernel[1]) {
            continue;
        }
        g.oh = (high - g.kernel[0]) / g.stride[0] + 1;
        g.ow = (wide - g.kernel[1]) / g.stride[1] + 1;
        for (size_t k = 0, n = list_kernels(list); k < n; k++) {
            check_direct(list[k], &g);
        }
    }
}

/* --- batch norm ---------------------------------------------------------------------
 */

Test(train_kernels, batch_norm_sums_to_the_accuracy_of_binary64)
{
    static const size_t channels[] = {1, 3, 8, 13, 40};
    const ef_train_kernels *list[2];
    for (size_t k = 0, n = list_kernels(list); k < n; k++) {
        for (size_t i = 0; i < 5; i++) {
            size_t c = channels[i], rows = 1031;
            float *x = make_values(rows * c, i);
            double sums[40], squares[40];
            list[k]->norm_moments(rows, c, x, sums, squares);
            for (size_t j = 0; j < c; j++) {
                double sum = 0, square = 0;
                for (size_t r = 0; r < rows; r++) {
                    double d = (double)x[r * c + j] - (double)x[j];
                    sum += d;
                    square += d * d;
                }
                cr_assert_float_eq(sums[j], sum, 1e-5 * sqrt(square * (double)rows));
                cr_assert_float_eq(squares[j], square, 1e-5 * square);
            }
            ef_free(x);
        }
    }
}

/* --- what NaN does ------------------------------------------------------------------
 */

Test(train_kernels, clamps_keep_a_nan)
{
    const ef_train_kernels *list[2];
    const ef_train_clamp relu = {0, INFINITY};
    for (size_t k = 0, n = list_kernels(list); k < n; k++) {
        float x[20 + EF_TRAIN_SLACK] = {0}, y[20 + EF_TRAIN_SLACK];
        for (size_t i = 0; i < 20; i += 3) {
            x[i] = NAN;
        }
        list[k]->clamp(20, x, relu, y);
        for (size_t i = 0; i < 20; i++) {
            cr_assert_eq(isnan(y[i]) != 0, i % 3 == 0);
        }
        list[k]->add(20, x, x, relu, y);
        for (size_t i = 0; i < 20; i++) {
            cr_assert_eq(isnan(y[i]) != 0, i % 3 == 0);
        }
    }
}
