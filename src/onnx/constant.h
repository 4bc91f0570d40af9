/* Constants of a model: numbers known before any image comes.
 *
 * A constant is an initialiser whose values are still as the file holds them (tensor),
 * or values that were computed from such (floats, integers), or both.  Every kind of
 * float is kept as float and every kind of integer as int64_t: double loses digits,
 * uint64 above INT64_MAX wraps. */
#ifndef EF_ONNX_CONSTANT_H
#define EF_ONNX_CONSTANT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/layout.h"
#include "onnx/arena.h"
#include "onnx/onnx.pb-c.h"

#define EF_CONSTANT_MAX_RANK 8
/* Stands for the number of images in what Shape gives; it survives a cast to float and
 * back.  An integer of this value in a file is read as the next larger. */
#define EF_BATCH_SIZE INT64_MIN
#define EF_CONSTANT_REASON 160

typedef struct ef_constant {
    int32_t data_type;                  /* ONNX TensorProto data type */
    size_t rank;                        /* 0: a scalar */
    int64_t dims[EF_CONSTANT_MAX_RANK]; /* >= 0 */
    size_t count;                       /* elements; 0 where a dimension is 0 */
    const Onnx__TensorProto *tensor;    /* unaltered values; NULL where computed */
    const float *floats;     /* of a float type; NULL while only tensor has them */
    const int64_t *integers; /* of an integer type or bool; likewise */
    const char *name; /* of the initialiser whose values these are, unaltered or only
                         moved; "" where computed */
    ef_layout layout; /* of these values beside the initialiser's */
} ef_constant;

/* float, double, float16, bfloat16; and bool and the integers of 8 to 64 bits. */
int ef_constant_is_float(const ef_constant *c);
int ef_constant_is_integer(const ef_constant *c);
/* The same of a data type alone. */
int ef_constant_is_float_type(int32_t data_type);
int ef_constant_is_integer_type(int32_t data_type);
/* How many bits an element of this type takes in a file; 0 for a type unknown here. */
unsigned ef_constant_type_bits(int32_t data_type);
int ef_constant_is_signed_type(int32_t data_type);
/* The type's name in ONNX ("float16"), "number N" for one that has none. */
const char *ef_constant_type_name(int32_t data_type, char text[24]);

/* Sets rank, dims and count.  why gets a phrase that begins with "it" and names neither
 * file nor node.  EF_ERR_INPUT: negative.  EF_ERR_UNSUPPORTED: a rank above
 * EF_CONSTANT_MAX_RANK, or dimensions whose product, zeros left out, is above
 * EF_MAX_ELEMENTS; so no product of some of them overflows. */
EF_NODISCARD ef_status ef_constant_set_dims(ef_constant *c, size_t rank,
                                            const int64_t *dims,
                                            char why[EF_CONSTANT_REASON]);

/* A constant of an initialiser, which must outlive it.  Checks dimensions, data type
 * and length, so that no value has to be checked later; no value is copied yet.
 * EF_ERR_INPUT: it does not hold what its dimensions say.  EF_ERR_UNSUPPORTED: strings,
 * complex numbers, types below 16 (floats) or 8 bits, segments, values in another file.
 */
EF_NODISCARD ef_status ef_constant_of_tensor(ef_constant *c,
                                             const Onnx__TensorProto *tensor,
                                             char why[EF_CONSTANT_REASON]);

/* All values, in the arena from the first use on; NULL where memory is short.  Values
 * of the other kind are converted: integers to the nearest float, floats cut towards
 * zero, to INT64_MAX or INT64_MIN + 1 what lies beyond, NaN to 0. */
const float *ef_constant_floats(ef_constant *c, ef_arena *arena);
const int64_t *ef_constant_integers(ef_constant *c, ef_arena *arena);

/* The same into the caller's count floats, without a copy in an arena. */
void ef_constant_copy_floats(const ef_constant *c, float *to);

/* A number cut towards zero, as above; that of EF_BATCH_SIZE gives it back. */
int64_t ef_constant_cut(double value);

/* A computed constant of type float, of type int64, values (NULL: zeros) copied into
 * the arena.  NULL where memory is short, or dims are such as ef_constant_set_dims
 * refuses.
 */
ef_constant *ef_constant_new_floats(ef_arena *arena, size_t rank, const int64_t *dims,
                                    const float *values);
ef_constant *ef_constant_new_integers(ef_arena *arena, size_t rank, const int64_t *dims,
                                      const int64_t *values);

#endif
