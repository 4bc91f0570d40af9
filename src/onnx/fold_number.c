/* Numbers in and out of arrays, with the rounding of their types. */
#include "onnx/fold_priv.h"

#include <math.h>

#define TYPE(name) ONNX__TENSOR_PROTO__DATA_TYPE__##name

ef_fold_number ef_fold_load(const void *values, int is_float, size_t at)
{
    if (is_float) {
        return (ef_fold_number){.real = ((const float *)values)[at]};
    }
    return (ef_fold_number){.whole = ((const int64_t *)values)[at]};
}

int ef_fold_is_batch(ef_fold_number number, int is_float)
{
    return is_float ? number.real == (double)EF_BATCH_SIZE
                    : number.whole == EF_BATCH_SIZE;
}

/* To the nearest of a binary format with so many digits behind the leading one, ties
 * to even; beyond the largest, infinity (IEEE 754-2019, 4.3.1). */
static double round_to(double value, int digits, int least_exponent, double most)
{
    if (!isfinite(value) || value == 0) {
        return value;
    }
    int exponent = ilogb(value);
    exponent = exponent > least_exponent ? exponent : least_exponent;
    double rounded = ldexp(rint(ldexp(value, digits - exponent)), exponent - digits);
    return fabs(rounded) > most ? copysign(INFINITY, value) : rounded;
}

static float round_real(int32_t data_type, double value)
{
    if (value == (double)EF_BATCH_SIZE) {
        return (float)value;
    }
    if (data_type == TYPE(FLOAT16)) {
        return (float)round_to(value, 10, -14, 65504);
    }
    if (data_type == TYPE(BFLOAT16)) {
        return (float)round_to(value, 7, -126, 0x1.fep127);
    }
    return (float)value;
}

int64_t ef_fold_wrap(int32_t data_type, int64_t value)
{
    unsigned n_bits = ef_constant_type_bits(data_type);
    if (value == EF_BATCH_SIZE) {
        return data_type == TYPE(BOOL) ? 1 : value; /* there is an image */
    }
    if (data_type == TYPE(BOOL)) {
        return value != 0;
    }
    if (n_bits >= 64) {
        return value;
    }
    uint64_t sign =
        ef_constant_is_signed_type(data_type) ? UINT64_C(1) << (n_bits - 1) : 0;
    uint64_t bits = (uint64_t)value & ((UINT64_C(1) << n_bits) - 1);
    return (int64_t)((bits ^ sign) - sign);
}

void ef_fold_store(void *values, int32_t data_type, size_t at, ef_fold_number number)
{
    if (ef_constant_is_float_type(data_type)) {
        ((float *)values)[at] = round_real(data_type, number.real);
    } else {
        ((int64_t *)values)[at] = ef_fold_wrap(data_type, number.whole);
    }
}
