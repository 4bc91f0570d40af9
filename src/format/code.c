/* Codes of number formats: what is common to all kinds. */
#include "format/code.h"

#include <assert.h>
#include <float.h>
#include <math.h>

#include "format/code_priv.h"

typedef struct kind_row {
    int is_integer;
    void (*bind)(ef_code *code, double low, double high);
    uint32_t (*of)(const ef_code *code, float value, const uint64_t *draw);
    float (*value)(const ef_code *code, uint32_t bits);
} kind_row;

static const kind_row kinds[] = {
    [EF_FORMAT_FLOAT] = {0, ef_code_bind_float, ef_code_of_float, ef_code_value_float},
    [EF_FORMAT_FIXED] = {1, ef_code_bind_integer, ef_code_of_integral,
                         ef_code_value_integral},
    [EF_FORMAT_INT] = {1, ef_code_bind_integer, ef_code_of_integral,
                       ef_code_value_integral},
    [EF_FORMAT_UINT] = {1, ef_code_bind_integer, ef_code_of_integral,
                        ef_code_value_integral},
    [EF_FORMAT_POW2] = {0, ef_code_bind_float, ef_code_of_float, ef_code_value_float},
    [EF_FORMAT_TERN] = {1, ef_code_bind_integer, ef_code_of_integral,
                        ef_code_value_integral},
    [EF_FORMAT_BIN] = {1, ef_code_bind_integer, ef_code_of_integral,
                       ef_code_value_integral},
};

static int is_float32(double bound)
{
    return bound >= -(double)FLT_MAX && bound <= (double)FLT_MAX;
}

ef_status ef_code_bind(ef_code *code, const ef_format *format, double low, double high,
                       ef_error *err)
{
    char name[EF_FORMAT_NAME];
    ef_format known;
    ef_format_name(format, name);
    if (ef_format_parse(name, &known, NULL) || !ef_format_equal(&known, format)) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "the number format is none that has a name");
    }
    if (!is_float32(low) || !is_float32(high) || low > high) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "number format %s cannot hold values from %g to %g", name,
                            low, high);
    }
    ef_code made = {.format = *format, .scale = 1};
    low = low < 0 ? low : 0;
    high = high > 0 ? high : 0;
    kinds[format->kind].bind(&made, low, high);
    *code = made;
    return EF_OK;
}

int ef_code_exponent_to_hold(double most, double magnitude)
{
    int of_most, of_magnitude;
    double most_part = frexp(most, &of_most);
    double magnitude_part = frexp(magnitude, &of_magnitude);
    return of_magnitude - of_most + (magnitude_part > most_part);
}

uint32_t ef_code_of(const ef_code *code, float value)
{
    return kinds[code->format.kind].of(code, value, NULL);
}

uint32_t ef_code_of_stochastic(const ef_code *code, float value, uint64_t draw)
{
    /* A value of a free scale is itself rounded, and so may lie beside its step. */
    uint32_t nearest = ef_code_of(code, value);
    if (ef_code_value(code, nearest) == value) {
        return nearest;
    }
    return kinds[code->format.kind].of(code, value, &draw);
}

float ef_code_value(const ef_code *code, uint32_t bits)
{
    return kinds[code->format.kind].value(code, bits);
}

float ef_code_flip(const ef_code *code, uint32_t bits, unsigned bit)
{
    assert(bit < code->format.bits);
    return ef_code_value(code, bits ^ (uint32_t)1 << bit);
}

void ef_code_table(const ef_code *code, float *values)
{
    assert(code->format.bits <= 16);
    uint32_t n_codes = (uint32_t)1 << code->format.bits;
    for (uint32_t bits = 0; bits < n_codes; bits++) {
        values[bits] = ef_code_value(code, bits);
    }
}

void ef_code_store(const ef_code *code, size_t n, float *values)
{
    for (size_t i = ef_code_store_blocks(code, n, values); i < n; i++) {
        values[i] = ef_code_value(code, ef_code_of(code, values[i]));
    }
}

int ef_code_is_integer(const ef_code *code)
{
    return kinds[code->format.kind].is_integer;
}
