#include "objectives/flip_effect.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "format/code.h"

/* Quantiles of |N(0, 1)| at the midpoints of 32 equal shares: z with erf(z / sqrt 2) =
 * (i + 1/2) / 32. */
static const double half_normal[] = {
    0.0195842852, 0.0587829361, 0.0980721525, 0.1375134021, 0.1771698210, 0.2171069472,
    0.2573935261, 0.2981024129, 0.3393116065, 0.3811054548, 0.4235760842, 0.4668251229,
    0.5109658067, 0.5561255936, 0.6024494532, 0.6501040706, 0.6992833024, 0.7502153755,
    0.8031725656, 0.8584844741, 0.9165566675, 0.9778975439, 1.0431582633, 1.1131942772,
    1.1891643502, 1.2726986412, 1.3662038164, 1.4734675779, 1.6010086649, 1.7616704104,
    1.9874278859, 2.4175590162};
enum { HALF = sizeof half_normal / sizeof *half_normal, PLACES = 4 };

/* 2^(k/4 - 3/8): the middles of the quarters of an octave. */
static const double octave[PLACES] = {0.7711054127, 0.9170040432, 1.0905077327,
                                      1.2968395547};

/* One value of the law as it is stored. */
typedef struct stored_value {
    uint32_t bits;
    double value;
    double share; /* of the law */
} stored_value;

/* The format at one place in the octave, and what the law gives there, ascending. */
typedef struct place {
    ef_code code;
    stored_value values[2 * HALF];
    size_t n;
} place;

/* --- the values --------------------------------------------------------------- */

static int has_power_of_two_scale(const ef_format *format)
{
    return (format->kind == EF_FORMAT_FIXED && !format->has_fraction) ||
           format->kind == EF_FORMAT_POW2 ||
           (format->kind == EF_FORMAT_FLOAT && format->scaled);
}

static void store(place *p, double value, double share)
{
    stored_value *stored = &p->values[p->n++];
    stored->bits = ef_code_of(&p->code, (float)value);
    stored->value = (double)ef_code_value(&p->code, stored->bits);
    stored->share = share;
}

/* Place k of n: every n-th value, so that all places together have the whole law. */
static void fill(place *p, const ef_value_spread *spread, double deviation, size_t k,
                 size_t n)
{
    const double share = 1.0 / (2 * HALF);
    p->n = 0;
    if (spread->law == EF_VALUES_RECTIFIED) {
        store(p, 0, 0.5 / (double)n);
    }
    for (size_t i = HALF; i-- > 0 && spread->law == EF_VALUES_NORMAL;) {
        if (i % n == k) {
            store(p, -deviation * fmin(half_normal[i], spread->cut), share);
        }
    }
    for (size_t i = 0; i < HALF; i++) {
        if (i % n == k) {
            store(p, deviation * fmin(half_normal[i], spread->cut), share);
        }
    }
}

/* Moving range and values within an octave of the scale is as good as moving that. */
static ef_status make_places(place *made, size_t n, const ef_format *format,
                             const ef_value_spread *spread, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t k = 0; k < n && !status; k++) {
        double deviation = spread->deviation * (n > 1 ? octave[k] : 1);
        double high = spread->cut * deviation;
        double low = spread->law == EF_VALUES_NORMAL ? -high : 0;
        status = ef_code_bind(&made[k].code, format, low, high, err);
        if (!status) {
            fill(&made[k], spread, deviation, k, n);
        }
    }
    return status;
}

/* Relative to the place's own deviation, since that is what moved. */
static double mean_square(const place *places, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        double unit = n > 1 ? octave[k] : 1;
        for (size_t i = 0; i < places[k].n; i++) {
            double value = places[k].values[i].value / unit;
            sum += places[k].values[i].share * value * value;
        }
    }
    return sum;
}

/* --- the flips ---------------------------------------------------------------- */

/* To 12 bits, so that equal effects meet in spite of rounding. */
static double shorten(double square)
{
    uint64_t bits;
    const uint64_t kept = UINT64_C(1) << 40;
    memcpy(&bits, &square, sizeof bits);
    bits = (bits + kept / 2) / kept * kept;
    memcpy(&square, &bits, sizeof bits);
    return square;
}

/* Values ascend, so that equal effects often follow each other. */
static void add(ef_flip_effect *effect, double square, double share)
{
    if (!isfinite(square)) {
        effect->boundless += share;
    } else if (effect->n > 0 && effect->squares[effect->n - 1] == square) {
        effect->bits[effect->n - 1] += share;
    } else if (square > 0) {
        effect->squares[effect->n] = square;
        effect->bits[effect->n++] = share;
    } else {
        effect->without += share;
    }
}

static void flip_all(ef_flip_effect *effect, const place *places, size_t n, double rms2)
{
    for (unsigned bit = 0; bit < effect->width; bit++) {
        for (size_t k = 0; k < n; k++) {
            double unit = n > 1 ? octave[k] : 1, scale = 1 / (unit * unit * rms2);
            for (size_t i = 0; i < places[k].n; i++) {
                const stored_value *v = &places[k].values[i];
                double to = (double)ef_code_flip(&places[k].code, v->bits, bit);
                double change = to - v->value;
                add(effect, shorten(change * change * scale), v->share);
            }
        }
    }
}

ef_status ef_flip_effect_init(ef_flip_effect *effect, const ef_format *format,
                              const ef_value_spread *spread, ef_error *err)
{
    place places[PLACES];
    size_t n = has_power_of_two_scale(format) ? PLACES : 1;
    ef_status status = make_places(places, n, format, spread, err);
    if (status) {
        return status;
    }
    ef_flip_effect made = {.width = format->bits};
    size_t most = (size_t)made.width * (2 * HALF + PLACES);
    made.squares = ef_calloc(2 * most, sizeof *made.squares);
    if (!made.squares) {
        return ef_error_memory(err);
    }
    made.bits = made.squares + most;
    double rms2 = mean_square(places, n);
    /* Values too small for a format that has no scale: any change is the greatest. */
    flip_all(&made, places, n, rms2 > 0 ? rms2 : DBL_MIN);
    *effect = made;
    return EF_OK;
}

void ef_flip_effect_clear(ef_flip_effect *effect)
{
    ef_free(effect->squares);
    *effect = (ef_flip_effect){0};
}

double ef_flip_effect_sum(const ef_flip_effect *effect, double gain)
{
    double sum = gain > 0 ? effect->boundless : 0;
    for (size_t i = 0; i < effect->n; i++) {
        double u = gain * effect->squares[i];
        sum += effect->bits[i] * (u < DBL_MAX ? u / (1 + u) : 1);
    }
    return sum;
}
