/* Number formats: how the values of a tensor are stored in bits, by name.
 *
 * Names: fixed8, fixed8.5, int8, int8c, uint8, e4m3, e4m3s, fp16, bf16, fp32, eXmY,
 * pow2_4, tern, bin; then any of +signmag +offset +gray +stochastic. */
#ifndef EF_FORMAT_FORMAT_H
#define EF_FORMAT_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum ef_format_kind {
    EF_FORMAT_FLOAT, /* sign, exponent, mantissa */
    EF_FORMAT_FIXED, /* two's complement, scale a power of two */
    EF_FORMAT_INT,   /* two's complement, free scale */
    EF_FORMAT_UINT,  /* unsigned with a zero point */
    EF_FORMAT_POW2,  /* sign and exponent code */
    EF_FORMAT_TERN,
    EF_FORMAT_BIN
} ef_format_kind;

typedef enum ef_format_encoding {
    EF_ENCODING_PLAIN,
    EF_ENCODING_SIGNMAG,
    EF_ENCODING_OFFSET,
    EF_ENCODING_GRAY
} ef_format_encoding;

/* A plain value; zeroed it means "not stated".  Compare with ef_format_equal. */
typedef struct ef_format {
    uint8_t kind;          /* ef_format_kind */
    uint8_t bits;          /* of one stored element, 1..32; 0: not stated */
    uint8_t exponent_bits; /* float only */
    uint8_t mantissa_bits; /* float only */
    int8_t fraction_bits;  /* fixed only, where has_fraction */
    uint8_t has_fraction;  /* fixed: the fraction is given, not chosen per tensor */
    uint8_t per_channel;   /* int: a scale per output channel */
    uint8_t scaled;        /* float: a power-of-two scale per tensor */
    uint8_t encoding;      /* ef_format_encoding */
    uint8_t stochastic;    /* stochastic rounding */
} ef_format;

/* Long enough for every name. */
#define EF_FORMAT_NAME 40

/* EF_ERR_INPUT: no such format; the text names those that exist. */
EF_NODISCARD ef_status ef_format_parse(const char *name, ef_format *format,
                                       ef_error *err);

/* The canonical name: parsing it gives the format back.  "" when not stated. */
void ef_format_name(const ef_format *format, char name[EF_FORMAT_NAME]);

int ef_format_equal(const ef_format *a, const ef_format *b);
int ef_format_is_stated(const ef_format *format);

#endif
