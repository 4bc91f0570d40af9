/* The inner loops of execution in bytes, of each instruction set that this CPU has,
 * against the definition written down here: ties, ends, every number of channels. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "faultsim/int_kernels.h"
#include "faultsim/quantized_priv.h"

static ef_rng rng;

static void make(void)
{
    rng = ef_rng_stream(21, EF_PURPOSE_TEST, 0, 0, 0);
}

TestSuite(int_kernels, .init = make);

static uint8_t byte(void)
{
    return (uint8_t)ef_rng_below(&rng, 256);
}

/* Powers of two make ties; others come near to them. */
static double factor(void)
{
    double power = 1.0 / (double)(UINT64_C(1) << ef_rng_below(&rng, 14));
    return ef_rng_below(&rng, 3) ? power * (float)(1 + ef_rng_unit(&rng)) : power;
}

static ef_int_rounding rounding(void)
{
    int32_t least = (int32_t)ef_rng_below(&rng, 128);
    return (ef_int_rounding){
        .zero = least + (int32_t)ef_rng_below(&rng, (uint64_t)(256 - least)),
        .least = least,
        .most = least + (int32_t)ef_rng_below(&rng, (uint64_t)(256 - least)),
        .unused = (unsigned)(ef_rng_below(&rng, 4) ? 0 : ef_rng_below(&rng, 17))};
}

static uint8_t rounded(double value, const ef_int_rounding *r)
{
    return (uint8_t)ef_qround(value, r->zero, r->least, r->most);
}

static int32_t narrow(uint32_t sum, const ef_int_rounding *r)
{
    return (int32_t)(sum << r->unused) >> r->unused;
}

/* A sum whose product lies at a tie, near one, or anywhere. */
static int32_t sum_for(double by)
{
    double half = (double)ef_rng_below(&rng, 600) - 300 + 0.5;
    int32_t near = (int32_t)(half / by) + (int32_t)ef_rng_below(&rng, 3) - 1;
    return ef_rng_below(&rng, 8) ? near : (int32_t)(uint32_t)ef_rng_u64(&rng);
}

/* --- rounding --------------------------------------------------------------------- */

Test(int_kernels, round_as_the_definition_does)
{
    enum { MOST = 150, PIXELS = 3, STRIDE = 160 };
    size_t n_kernels;
    const ef_int_kernels *const *kernels = ef_int_kernels_available(&n_kernels);
    static int32_t acc[PIXELS * STRIDE];
    static double exact[STRIDE];
    static float quick[STRIDE];
    static uint8_t out[PIXELS][STRIDE];
    for (size_t trial = 0; trial < 3000; trial++) {
        size_t n = 1 + ef_rng_below(&rng, MOST);
        const ef_int_rounding r = rounding();
        for (size_t i = 0; i < STRIDE; i++) {
            exact[i] = factor();
            quick[i] = (float)exact[i];
            for (size_t p = 0; p < PIXELS; p++) {
                acc[p * STRIDE + i] = sum_for(exact[i]);
            }
        }
        for (size_t k = 0; k < n_kernels; k++) {
            uint8_t *const rows[PIXELS] = {out[0], out[1], out[2]};
            memset(out, 0xaa, sizeof out);
            kernels[k]->round(acc, PIXELS, STRIDE, (ef_int_factors){exact, quick}, n,
                              &r, rows);
            for (size_t i = 0; i < PIXELS * STRIDE; i++) {
                size_t c = i % STRIDE;
                uint8_t expected = rounded(narrow((uint32_t)acc[i], &r) * exact[c], &r);
                cr_assert_eq(out[i / STRIDE][c], c < n ? expected : 0xaa,
                             "%s: %zu of %zu, sum %d times %.17g", kernels[k]->name, c,
                             n, acc[i], exact[c]);
            }
        }
    }
}

Test(int_kernels, add_two_images_as_the_definition_does)
{
    enum { MOST = 96 };
    size_t n_kernels;
    const ef_int_kernels *const *kernels = ef_int_kernels_available(&n_kernels);
    uint8_t a[MOST], b[MOST], out[MOST];
    for (size_t trial = 0; trial < 20000; trial++) {
        ef_int_rounding r = rounding();
        const double factors[2] = {64 * factor(), 64 * factor()};
        int32_t zero_a = byte(), zero_b = byte();
        size_t n = 1 + ef_rng_below(&rng, MOST - EF_INT_BLOCK);
        for (size_t i = 0; i < MOST; i++) {
            a[i] = byte();
            b[i] = byte();
        }
        for (size_t k = 0; k < n_kernels; k++) {
            kernels[k]->add(a, b, zero_a, zero_b, factors, n, &r, out);
            for (size_t i = 0; i < n; i++) {
                double sum =
                    (a[i] - zero_a) * factors[0] + (b[i] - zero_b) * factors[1];
                cr_assert_eq(out[i], rounded(sum, &r), "%s: %d and %d by %.17g, %.17g",
                             kernels[k]->name, a[i], b[i], factors[0], factors[1]);
            }
        }
    }
}

Test(int_kernels, shift_a_channel_as_the_definition_does)
{
    enum { MOST = 96 };
    size_t n_kernels;
    const ef_int_kernels *const *kernels = ef_int_kernels_available(&n_kernels);
    int32_t acc[MOST];
    uint8_t x[MOST], out[MOST];
    for (size_t trial = 0; trial < 20000; trial++) {
        const ef_int_rounding r = rounding();
        double by = factor();
        int32_t delta = (int32_t)ef_rng_below(&rng, 511) - 255, zero = byte();
        size_t n = 1 + ef_rng_below(&rng, MOST - EF_INT_BLOCK);
        for (size_t i = 0; i < MOST; i++) {
            x[i] = byte();
            acc[i] =
                (int32_t)((uint32_t)sum_for(by) - (uint32_t)(delta * (x[i] - zero)));
        }
        for (size_t k = 0; k < n_kernels; k++) {
            kernels[k]->shift(acc, x, n, delta, zero, by, &r, out);
            for (size_t i = 0; i < n; i++) {
                uint32_t sum = (uint32_t)acc[i] + (uint32_t)(delta * (x[i] - zero));
                cr_assert_eq(out[i], rounded(narrow(sum, &r) * by, &r), "%s: sum %d",
                             kernels[k]->name, (int32_t)sum);
            }
        }
    }
}

/* --- convolutions ----------------------------------------------------------------- */

#define SIDE 6 /* pixels of the input with its border; windows of 3 x 3 */
#define INNER (SIDE - 2)
#define N_TAPS 9
#define CHANNELS 150

/* A convolution, an image as it was and as it is now. */
typedef struct setup {
    size_t n_in, n_out, pixel, n_groups, n_blocks;
    int8_t weights[CHANNELS][CHANNELS][N_TAPS]; /* (out, in, tap) */
    int32_t start[CHANNELS + EF_INT_BLOCK];
    double exact[CHANNELS + EF_INT_BLOCK];
    float quick[CHANNELS + EF_INT_BLOCK];
    uint8_t was[SIDE * SIDE * (CHANNELS + EF_INT_GROUP) + 64];
    uint8_t now[SIDE * SIDE * (CHANNELS + EF_INT_GROUP) + 64];
    ptrdiff_t taps[N_TAPS];
    uint32_t corners[INNER * INNER], places[INNER * INNER], all[INNER * INNER];
    ef_int_run runs[3];
} setup;

static void fill(setup *s)
{
    s->n_in = 1 + ef_rng_below(&rng, CHANNELS);
    s->n_out = 1 + ef_rng_below(&rng, CHANNELS);
    s->n_groups = (s->n_in + EF_INT_GROUP - 1) / EF_INT_GROUP;
    s->n_blocks = (s->n_out + EF_INT_BLOCK - 1) / EF_INT_BLOCK;
    s->pixel = s->n_groups * EF_INT_GROUP;
    for (size_t o = 0; o < s->n_out; o++) {
        for (size_t i = 0; i < s->n_in * N_TAPS; i++) {
            s->weights[o][i / N_TAPS][i % N_TAPS] =
                (int8_t)((int)ef_rng_below(&rng, 256) - 128);
        }
        s->start[o] = (int32_t)ef_rng_below(&rng, 20000) - 10000;
        s->exact[o] = factor() / 16;
        s->quick[o] = (float)s->exact[o];
    }
    uint64_t rarely = 1 + ef_rng_below(&rng, 60);
    for (size_t i = 0; i < SIDE * SIDE * s->pixel; i++) {
        s->was[i] = i % s->pixel < s->n_in ? byte() : 0;
        int changes = i % s->pixel < s->n_in && ef_rng_below(&rng, rarely) == 0;
        s->now[i] = changes ? byte() : s->was[i];
    }
    for (uint32_t t = 0; t < N_TAPS; t++) {
        s->taps[t] = (ptrdiff_t)((t / 3 * SIDE + t % 3) * s->pixel);
    }
    for (uint32_t r = 0; r < 3; r++) {
        s->runs[r] = (ef_int_run){.place = r * SIDE, .length = 3, .tap = 3 * r};
    }
    for (uint32_t p = 0; p < INNER * INNER; p++) {
        s->all[p] = p;
        s->corners[p] = p / INNER * SIDE + p % INNER;
        s->places[p] = p;
    }
}

static uint32_t sum_of(const setup *s, const uint8_t *image, size_t pixel, size_t out)
{
    uint32_t sum = (uint32_t)s->start[out];
    for (size_t i = 0; i < s->n_in; i++) {
        for (size_t t = 0; t < N_TAPS; t++) {
            sum +=
                (uint32_t)(s->weights[out][i][t] * image[s->corners[pixel] * s->pixel +
                                                         (size_t)s->taps[t] + i]);
        }
    }
    return sum;
}

static void *pack(const setup *s, const ef_int_kernels *kernels, ef_int_conv *conv)
{
    size_t n = s->n_blocks * EF_INT_BLOCK * N_TAPS * s->pixel;
    void *weights = ef_calloc_aligned(kernels->packed_size(n) + 64, 1);
    *conv = (ef_int_conv){.n_blocks = s->n_blocks,
                          .n_groups = s->n_groups,
                          .n_taps = N_TAPS,
                          .taps = s->taps,
                          .weights = weights,
                          .start = s->start};
    cr_assert(weights);
    for (size_t o = 0; o < s->n_out; o++) {
        for (size_t i = 0; i < s->n_in * N_TAPS; i++) {
            kernels->pack(weights, conv, o / EF_INT_BLOCK, i % N_TAPS, i / N_TAPS,
                          o % EF_INT_BLOCK, s->weights[o][i / N_TAPS][i % N_TAPS]);
        }
    }
    return weights;
}

/* The sums of both images, (pixels, n_blocks * EF_INT_BLOCK), held to the definition.
 */
static int32_t *sums_of(const setup *s, const ef_int_kernels *kernels,
                        const ef_int_conv *conv, const uint8_t *image)
{
    const uint8_t *windows[INNER * INNER];
    size_t stride = s->n_blocks * EF_INT_BLOCK;
    int32_t *acc = ef_calloc_aligned(INNER * INNER * stride, sizeof *acc);
    cr_assert(acc);
    for (size_t p = 0; p < INNER * INNER; p++) {
        windows[p] = image + s->corners[p] * s->pixel;
    }
    kernels->conv(conv, windows, INNER * INNER, acc);
    for (size_t i = 0; i < INNER * INNER * s->n_out; i++) {
        size_t p = i / s->n_out, o = i % s->n_out;
        cr_assert_eq((uint32_t)acc[p * stride + o], sum_of(s, image, p, o),
                     "%s: %zu to %zu channels, output %zu of pixel %zu", kernels->name,
                     s->n_in, s->n_out, o, p);
    }
    return acc;
}

static ef_int_tensor tensor_of(const setup *s)
{
    size_t most = SIDE * SIDE * s->n_groups + EF_INT_BLOCK;
    ef_int_tensor t = {.pixel = s->pixel,
                       .n_places = SIDE * SIDE,
                       .more = ef_calloc(most, sizeof *t.more),
                       .less = ef_calloc(most, sizeof *t.less),
                       .starts = ef_calloc(SIDE * SIDE + 1, sizeof *t.starts)};
    cr_assert(t.more && t.less && t.starts);
    return t;
}

/* What differs, found at every second place only where the rest does not. */
static void differ(const setup *s, const ef_int_kernels *kernels, ef_int_tensor *t)
{
    uint32_t places[SIDE * SIDE];
    size_t n = 0;
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        int differs =
            memcmp(s->now + i * s->pixel, s->was + i * s->pixel, s->pixel) != 0;
        places[n] = i;
        n += differs || i % 2;
    }
    kernels->differ(s->now, s->was, places, n, t);
}

static void check_update(const setup *s, const ef_int_kernels *kernels,
                         const ef_int_conv *conv, const int32_t *acc)
{
    static uint8_t out[INNER * INNER][CHANNELS + 1];
    const ef_int_rounding r = rounding();
    ef_int_tensor tensor = tensor_of(s);
    uint32_t dense[INNER * INNER];
    size_t n_dense;
    differ(s, kernels, &tensor);
    const ef_int_window window = {.conv = conv,
                                  .tensor = &tensor,
                                  .runs = s->runs,
                                  .n_runs = 3,
                                  .corners = s->corners,
                                  .places = s->places,
                                  .acc = acc,
                                  .acc_pixel = s->n_blocks * EF_INT_BLOCK,
                                  .factors = {s->exact, s->quick},
                                  .rounding = &r,
                                  .out = out[0],
                                  .out_pixel = sizeof out[0],
                                  .n_out = s->n_out,
                                  .most = N_TAPS * s->n_groups};
    memset(out, 0xaa, sizeof out);
    kernels->update(&window, s->all, INNER * INNER, dense, &n_dense);
    for (size_t p = 0, next = 0; p < INNER * INNER; p++) {
        int is_dense = next < n_dense && dense[next] == p;
        next += (size_t)is_dense;
        int is_same = out[p][0] == 0xaa && out[p][s->n_out - 1] == 0xaa;
        for (size_t o = 0; o < s->n_out && !is_dense; o++) {
            double value = narrow(sum_of(s, s->now, p, o), &r) * s->exact[o];
            double before = narrow(sum_of(s, s->was, p, o), &r) * s->exact[o];
            int unseen = is_same && out[p][o] == 0xaa && value == before;
            cr_assert(unseen || out[p][o] == rounded(value, &r),
                      "%s: %zu to %zu channels, output %zu of pixel %zu", kernels->name,
                      s->n_in, s->n_out, o, p);
        }
        cr_assert_eq(out[p][s->n_out], 0xaa, "%s writes too much", kernels->name);
    }
    ef_free(tensor.more);
    ef_free(tensor.less);
    ef_free(tensor.starts);
}

Test(int_kernels, update_sums_by_what_differs_as_if_made_anew, .timeout = 120)
{
    size_t n_kernels;
    const ef_int_kernels *const *kernels = ef_int_kernels_available(&n_kernels);
    setup *s = ef_calloc(1, sizeof *s);
    cr_assert(s);
    for (size_t trial = 0; trial < 40; trial++) {
        fill(s);
        for (size_t k = 0; k < n_kernels; k++) {
            ef_int_conv conv;
            void *weights = pack(s, kernels[k], &conv);
            int32_t *acc = sums_of(s, kernels[k], &conv, s->was);
            int32_t *now = sums_of(s, kernels[k], &conv, s->now);
            check_update(s, kernels[k], &conv, acc);
            ef_free(acc);
            ef_free(now);
            ef_free(weights);
        }
    }
    ef_free(s);
}
