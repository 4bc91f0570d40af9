/* Operators on two numbers, the number of images among them. */
#include <math.h>
#include <string.h>

#include "base/mathfn.h"
#include "onnx/fold_priv.h"

/* --- functions of two numbers ---------------------------------------------------- */

static double add_real(double a, double b)
{
    return a + b;
}

static double sub_real(double a, double b)
{
    return a - b;
}

static double mul_real(double a, double b)
{
    return a * b;
}

static double div_real(double a, double b)
{
    return a / b;
}

/* As C's pow, whose bits differ between machines. */
static double pow_real(double a, double b)
{
    int is_whole = rint(b) == b, is_odd = is_whole && fmod(b, 2) != 0;
    if (b == 0 || a == 1) {
        return 1;
    }
    if (isnan(a) || isnan(b)) {
        return NAN;
    }
    if (a == 0 || isinf(a) || isinf(b)) {
        return pow(a, b); /* exact everywhere */
    }
    if (a < 0 && !is_whole) {
        return NAN;
    }
    double magnitude = b == 0.5 ? sqrt(a) : ef_pow(fabs(a), b);
    return a < 0 && is_odd ? -magnitude : magnitude;
}

static double min_real(double a, double b)
{
    return a < b || isnan(a) ? a : b;
}

static double max_real(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

static double equal_real(double a, double b)
{
    return a == b;
}

static double greater_real(double a, double b)
{
    return a > b;
}

static double greater_or_equal_real(double a, double b)
{
    return a >= b;
}

static double less_real(double a, double b)
{
    return a < b;
}

static double less_or_equal_real(double a, double b)
{
    return a <= b;
}

/* Those of integers return 0 where there is no answer; sums wrap. */
static int add_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = (int64_t)((uint64_t)a + (uint64_t)b);
    return 1;
}

static int sub_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = (int64_t)((uint64_t)a - (uint64_t)b);
    return 1;
}

static int mul_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = (int64_t)((uint64_t)a * (uint64_t)b);
    return 1;
}

static int div_whole(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0) {
        return 0;
    }
    *out = a / b; /* neither is INT64_MIN */
    return 1;
}

static int pow_whole(int64_t a, int64_t b, int64_t *out)
{
    uint64_t power = 1, base = (uint64_t)a;
    if (b < 0) { /* 1 / a^-b, cut */
        *out = a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
        return a != 0;
    }
    for (uint64_t left = (uint64_t)b; left > 0; left >>= 1) {
        power *= left & 1 ? base : 1;
        base *= base;
    }
    *out = (int64_t)power;
    return 1;
}

static int min_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a < b ? a : b;
    return 1;
}

static int max_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a > b ? a : b;
    return 1;
}

static int equal_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a == b;
    return 1;
}

static int greater_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a > b;
    return 1;
}

static int greater_or_equal_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a >= b;
    return 1;
}

static int less_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a < b;
    return 1;
}

static int less_or_equal_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a <= b;
    return 1;
}

static int and_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a && b;
    return 1;
}

static int or_whole(int64_t a, int64_t b, int64_t *out)
{
    *out = a || b;
    return 1;
}

/* --- the number of images among them --------------------------------------------- */

/* The number of images is a whole number from 1 on, and nothing else is known of it. */

static ef_batch_answer add_batch(ef_batch_side side, double other)
{
    return side != EF_BATCH_BOTH && other == 0 ? EF_BATCH_IT : EF_BATCH_OPEN;
}

static ef_batch_answer sub_batch(ef_batch_side side, double other)
{
    return side == EF_BATCH_LEFT && other == 0 ? EF_BATCH_IT : EF_BATCH_OPEN;
}

static ef_batch_answer mul_batch(ef_batch_side side, double other)
{
    return side != EF_BATCH_BOTH && other == 1 ? EF_BATCH_IT : EF_BATCH_OPEN;
}

static ef_batch_answer div_batch(ef_batch_side side, double other)
{
    return side == EF_BATCH_LEFT && other == 1 ? EF_BATCH_IT : EF_BATCH_OPEN;
}

static ef_batch_answer min_batch(ef_batch_side side, double other)
{
    (void)other;
    return side == EF_BATCH_BOTH ? EF_BATCH_IT : EF_BATCH_OPEN;
}

static ef_batch_answer max_batch(ef_batch_side side, double other)
{
    return side == EF_BATCH_BOTH || other <= 1 ? EF_BATCH_IT : EF_BATCH_OPEN;
}

static ef_batch_answer equal_batch(ef_batch_side side, double other)
{
    (void)other; /* a shape compared with -1 or 1 means the dimensions that are known */
    return side == EF_BATCH_BOTH ? EF_BATCH_YES : EF_BATCH_NO;
}

static ef_batch_answer greater_batch(ef_batch_side side, double other)
{
    if (side == EF_BATCH_BOTH || (side == EF_BATCH_RIGHT && other <= 1)) {
        return EF_BATCH_NO;
    }
    return side == EF_BATCH_LEFT && other < 1 ? EF_BATCH_YES : EF_BATCH_OPEN;
}

static ef_batch_answer less_batch(ef_batch_side side, double other)
{
    return greater_batch(side == EF_BATCH_BOTH   ? side
                         : side == EF_BATCH_LEFT ? EF_BATCH_RIGHT
                                                 : EF_BATCH_LEFT,
                         other);
}

static ef_batch_answer opposite(ef_batch_answer given)
{
    return given == EF_BATCH_NO    ? EF_BATCH_YES
           : given == EF_BATCH_YES ? EF_BATCH_NO
                                   : given;
}

static ef_batch_answer less_or_equal_batch(ef_batch_side side, double other)
{
    return opposite(greater_batch(side, other));
}

static ef_batch_answer greater_or_equal_batch(ef_batch_side side, double other)
{
    return opposite(less_batch(side, other));
}

static ef_batch_answer no_batch(ef_batch_side side, double other)
{
    (void)side;
    (void)other;
    return EF_BATCH_OPEN;
}

/* --- two numbers ----------------------------------------------------------------- */

static const ef_fold_pair pairs[] = {
    {"Add", 0, add_real, add_whole, add_batch},
    {"Sub", 0, sub_real, sub_whole, sub_batch},
    {"Mul", 0, mul_real, mul_whole, mul_batch},
    {"Div", 0, div_real, div_whole, div_batch},
    {"Pow", 0, pow_real, pow_whole, div_batch},
    {"Min", 0, min_real, min_whole, min_batch},
    {"Max", 0, max_real, max_whole, max_batch},
    {"Equal", 1, equal_real, equal_whole, equal_batch},
    {"Greater", 1, greater_real, greater_whole, greater_batch},
    {"GreaterOrEqual", 1, greater_or_equal_real, greater_or_equal_whole,
     greater_or_equal_batch},
    {"Less", 1, less_real, less_whole, less_batch},
    {"LessOrEqual", 1, less_or_equal_real, less_or_equal_whole, less_or_equal_batch},
    {"And", 1, NULL, and_whole, no_batch},
    {"Or", 1, NULL, or_whole, no_batch},
};

const ef_fold_pair *ef_fold_find_pair(const char *op_type)
{
    size_t i = 0;
    while (strcmp(pairs[i].op_type, op_type) != 0) {
        i++; /* ef_fold_run lets no other through */
    }
    return &pairs[i];
}

static ef_status combine_batch(ef_fold *fold, const ef_fold_pair *pair, int is_float,
                               ef_fold_number a, ef_fold_number b, ef_fold_number *out)
{
    int left = ef_fold_is_batch(a, is_float), right = ef_fold_is_batch(b, is_float);
    ef_fold_number other = left ? b : a;
    ef_batch_answer given = pair->batch(left && right ? EF_BATCH_BOTH
                                        : left        ? EF_BATCH_LEFT
                                                      : EF_BATCH_RIGHT,
                                        is_float ? other.real : (double)other.whole);
    if (given == EF_BATCH_OPEN) {
        return ef_fold_refuse_batch(fold);
    }
    *out = left ? a : b;
    if (given != EF_BATCH_IT) {
        out->whole = given == EF_BATCH_YES;
    }
    return EF_OK;
}

ef_status ef_fold_combine(ef_fold *fold, const ef_fold_pair *pair, int is_float,
                          ef_fold_number a, ef_fold_number b, ef_fold_number *out)
{
    if (ef_fold_is_batch(a, is_float) || ef_fold_is_batch(b, is_float)) {
        return combine_batch(fold, pair, is_float, a, b, out);
    }
    if (is_float) {
        double real = pair->real(a.real, b.real);
        out->real = real;
        if (pair->gives_bool) {
            out->whole = real != 0;
        }
        return EF_OK;
    }
    if (!pair->whole(a.whole, b.whole, &out->whole)) {
        return ef_fold_refuse(fold, EF_ERR_INPUT, "it divides by zero");
    }
    if (out->whole == EF_BATCH_SIZE) {
        out->whole++; /* a sum that only looks like it */
    }
    return EF_OK;
}
