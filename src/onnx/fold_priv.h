/* What the operators on constants share.
 *
 * Every operator is a function that reads fold->inputs, makes fold->outputs and sets
 * n_outputs where that is not 1; ef_fold_run hands it a copy of the caller's fold. */
#ifndef EF_ONNX_FOLD_PRIV_H
#define EF_ONNX_FOLD_PRIV_H

#include "onnx/fold.h"

typedef ef_status ef_fold_operator(ef_fold *fold);

/* fold_shape.c: other dimensions, same values */
ef_fold_operator ef_fold_identity, ef_fold_dropout, ef_fold_reshape, ef_fold_squeeze,
    ef_fold_unsqueeze, ef_fold_flatten;
/* fold_make.c: values from nothing, of another type */
ef_fold_operator ef_fold_constant, ef_fold_constant_of_shape, ef_fold_range,
    ef_fold_cast;
/* fold_move.c, fold_slice.c: elements moved */
ef_fold_operator ef_fold_concat, ef_fold_gather, ef_fold_transpose, ef_fold_expand,
    ef_fold_tile, ef_fold_where;
ef_fold_operator ef_fold_slice, ef_fold_split, ef_fold_pad;
/* fold_math.c, fold_reduce.c */
ef_fold_operator ef_fold_unary, ef_fold_binary, ef_fold_variadic, ef_fold_clip;
ef_fold_operator ef_fold_reduce, ef_fold_matmul;

/* --- errors, attributes, inputs (fold.c) ----------------------------------------- */

/* Writes the reason and returns status. */
ef_status ef_fold_refuse(ef_fold *fold, ef_status status, const char *format, ...)
    EF_PRINTF(3, 4);
ef_status ef_fold_refuse_batch(ef_fold *fold);

/* Takes n elements off the budget. */
EF_NODISCARD ef_status ef_fold_spend(ef_fold *fold, uint64_t n);

/* NULL where it is absent. */
const Onnx__AttributeProto *ef_fold_attribute(const ef_fold *fold, const char *name);
/* What is absent leaves *value as it is. */
EF_NODISCARD ef_status ef_fold_int(ef_fold *fold, const char *name, int64_t *value);
EF_NODISCARD ef_status ef_fold_float(ef_fold *fold, const char *name, float *value);

/* A list of integers, an input or an attribute as the operator set has it. */
typedef struct ef_fold_list {
    const int64_t *values; /* NULL where it is absent */
    size_t n;
} ef_fold_list;
/* Of attribute name before opset since, of input k from then on; the number of images
 * is refused. */
EF_NODISCARD ef_status ef_fold_integers(ef_fold *fold, const char *name, int64_t since,
                                        size_t k, ef_fold_list *list);

/* Refuses unless the first n inputs are there. */
EF_NODISCARD ef_status ef_fold_need(ef_fold *fold, size_t n);
/* Refuses unless all inputs that are there, from first on, have one data type. */
EF_NODISCARD ef_status ef_fold_demand_one_type(ef_fold *fold, size_t first);
/* Input k's elements, float or int64_t. */
EF_NODISCARD ef_status ef_fold_values(ef_fold *fold, size_t k, const void **values);
/* An axis of `rank` ones, negative ones from behind. */
EF_NODISCARD ef_status ef_fold_axis(ef_fold *fold, int64_t axis, size_t rank,
                                    size_t *found);
/* Marks the axes listed; one that is listed twice is refused. */
EF_NODISCARD ef_status ef_fold_axes(ef_fold *fold, ef_fold_list axes, size_t rank,
                                    unsigned char marks[EF_CONSTANT_MAX_RANK]);

/* --- outputs (fold.c) ------------------------------------------------------------ */

/* Output k, its elements (float or int64_t) zeros in *values. */
EF_NODISCARD ef_status ef_fold_make(ef_fold *fold, size_t k, int32_t data_type,
                                    size_t rank, const int64_t *dims, void **values);
/* Output 0 becomes input 0 with these dimensions, of the same product. */
EF_NODISCARD ef_status ef_fold_share(ef_fold *fold, size_t rank, const int64_t *dims);

/* Of one element in memory. */
size_t ef_fold_size(int32_t data_type);

/* --- numbers (fold_number.c) ----------------------------------------------------- */

/* real for float types, whole for integers and bool. */
typedef union ef_fold_number {
    double real;
    int64_t whole;
} ef_fold_number;

ef_fold_number ef_fold_load(const void *values, int is_float, size_t at);
/* Rounded to the type, wrapped at its width; EF_BATCH_SIZE stays. */
void ef_fold_store(void *values, int32_t data_type, size_t at, ef_fold_number number);
int ef_fold_is_batch(ef_fold_number number, int is_float);
int64_t ef_fold_wrap(int32_t data_type, int64_t value);

/* --- walks over elements (fold_walk.c) ------------------------------------------- */

#define EF_WALK_RANK (2 * EF_CONSTANT_MAX_RANK)
#define EF_WALK_ARRAYS 4

/* All elements of a box in row-major order, with their places in up to four arrays. */
typedef struct ef_walk {
    size_t rank;
    int64_t dims[EF_WALK_RANK], index[EF_WALK_RANK];
    int64_t strides[EF_WALK_ARRAYS][EF_WALK_RANK]; /* in elements */
    int64_t at[EF_WALK_ARRAYS];
} ef_walk;

/* The number of elements; 0 where a dimension is 0. */
size_t ef_walk_count(const ef_walk *walk);
void ef_walk_next(ef_walk *walk);
/* Row-major strides of dims. */
void ef_walk_strides(size_t rank, const int64_t *dims, int64_t *strides);
/* Array `array` walks through c as if it were broadcast to the walk's box. */
void ef_walk_broadcast(ef_walk *walk, size_t array, const ef_constant *c);
/* Copies elements of size bytes from array 1 to array 0; the walk stays at its start.
 */
void ef_walk_copy(const ef_walk *walk, void *to, const void *from, size_t size);

/* Widens (rank, dims) so that c can be broadcast to it; begin with rank 0. */
EF_NODISCARD ef_status ef_fold_broadcast(ef_fold *fold, size_t *rank,
                                         int64_t dims[EF_CONSTANT_MAX_RANK], size_t n,
                                         const int64_t *others);

/* --- two numbers (fold_pair.c) --------------------------------------------------- */

/* Where the number of images stands, of which is known only that it is whole and at
 * least 1; and what comes of it. */
typedef enum ef_batch_side {
    EF_BATCH_LEFT,
    EF_BATCH_RIGHT,
    EF_BATCH_BOTH
} ef_batch_side;
typedef enum ef_batch_answer {
    EF_BATCH_NO,  /* false */
    EF_BATCH_YES, /* true */
    EF_BATCH_IT,  /* the number of images itself */
    EF_BATCH_OPEN /* depends on how many there are */
} ef_batch_answer;

typedef struct ef_fold_pair {
    const char *op_type;
    int gives_bool;
    double (*real)(double a, double b); /* NULL: not of floats */
    int (*whole)(int64_t a, int64_t b, int64_t *out);
    ef_batch_answer (*batch)(ef_batch_side side, double other);
} ef_fold_pair;

/* op_type is one that ef_fold_binary or ef_fold_variadic run. */
const ef_fold_pair *ef_fold_find_pair(const char *op_type);
/* Two numbers of one kind, which the pair takes; a truth is in out->whole. */
EF_NODISCARD ef_status ef_fold_combine(ef_fold *fold, const ef_fold_pair *pair,
                                       int is_float, ef_fold_number a, ef_fold_number b,
                                       ef_fold_number *out);

#endif
