/* A graph in the reading: what a name stands for, and what the operators ask for.
 *
 * The first failure is kept in `status`; from then on every function here does nothing
 * and gives something harmless back, so that operators need no checks in between. */
#ifndef EF_ONNX_READER_H
#define EF_ONNX_READER_H

#include <stdint.h>

#include "net/net.h"
#include "onnx/arena.h"
#include "onnx/constant.h"
#include "onnx/dims.h"
#include "onnx/names.h"
#include "onnx/onnx.h"
#include "onnx/onnx.pb-c.h"

/* What a name stands for. */
typedef struct ef_value {
    int is_defined;
    ef_constant *constant; /* NULL: computed from the images, by a node */
    uint32_t node;         /* of the topology in the making */
    ef_dims dims;          /* of one image; the node's shape has as many elements */
    uint32_t uses;         /* as an input, or an output of the graph */
} ef_value;

/* Values on their way into the network. */
typedef struct ef_fill {
    uint32_t node;
    ef_role role;
    ef_constant *constant; /* as many values as the parameter has, or one for all */
    int is_transposed;     /* (in, out) in the file */
    const char *name;      /* of the node, once all are made */
} ef_fill;

/* What a node of the topology is to be called. */
typedef struct ef_label {
    const char *wanted; /* of the ONNX node */
    const char *suffix; /* "": stands for that node; else a step on the way there */
    unsigned n_alike;   /* nodes that wanted its name too, and got a number behind it */
    const char *name;   /* chosen; NULL: the output does not need it */
    const char *output; /* the value of the file that its output is; NULL: none */
    ef_layout layout;   /* of that value */
} ef_label;

typedef struct ef_reader {
    const char *file;
    ef_error *err;
    ef_status status;
    ef_arena arena;
    const Onnx__ModelProto *model;
    const Onnx__GraphProto *graph;
    int64_t opset;
    int is_own; /* written by evoflip: every node comes back as it was */
    /* Axes of ONNX before those of an image: 1, the batch; or 0 where operators mix
     * the images of a batch whose size is fixed, and so the whole is one image. */
    size_t lead;
    int64_t batch;            /* images, or EF_BATCH_SIZE */
    int mixes_images;         /* this is why it failed */
    int turns_input;          /* channels last for the operators that read it first */
    const char *turned_input; /* whose every Transpose is done before reading; NULL */
    size_t budget;  /* elements that may still be made beside those of the file */
    ef_names names; /* -> position in table */
    ef_value *table;
    uint32_t n_values;
    ef_names keys; /* of the metadata -> their position */

    ef_names node_names; /* given to nodes of the topology */
    ef_graph made;
    size_t n_made; /* before those that the output does not need were dropped */
    /* of the nodes made, each (EF_MAX_NODES) */
    ef_shape *shapes;
    ef_label *labels;
    uint32_t *readers; /* uses of what has their output */
    /* Parameters that a node could still take: EF_ROLE_BIAS of a layer without one,
     * EF_ROLE_SHIFT of a product with a constant; EF_ROLE_COUNT: none. */
    ef_role *open;
    ef_fill *fills;
    size_t n_fills, fill_capacity;
    ef_onnx_info info;

    const Onnx__NodeProto *node; /* in hand */
} ef_reader;

/* Keeps the failure, with the file and the node in hand in front of the text. */
void ef_reader_refuse(ef_reader *reader, ef_status status, const char *format, ...)
    EF_PRINTF(3, 4);
/* The operator does not keep the images of a batch apart. */
void ef_reader_refuse_mixing(ef_reader *reader);
void ef_reader_refuse_memory(ef_reader *reader);
/* What names the node in hand to people: its name, or else its output's. */
const char *ef_reader_label(const ef_reader *reader);

/* --- attributes of the node in hand (attributes.c) --- */

int ef_reader_has(const ef_reader *reader, const char *name);
int64_t ef_reader_int(ef_reader *reader, const char *name, int64_t otherwise);
/* From least to most. */
uint32_t ef_reader_uint(ef_reader *reader, const char *name, uint32_t otherwise,
                        uint32_t least, uint32_t most);
float ef_reader_float(ef_reader *reader, const char *name, float otherwise);
/* The number of values; 0 where the attribute is absent. */
size_t ef_reader_ints(ef_reader *reader, const char *name, int64_t *values,
                      size_t most);
size_t ef_reader_float_list(ef_reader *reader, const char *name, float *values,
                            size_t most);
/* Exactly n values from 0 to EF_MAX_ELEMENTS; absent: values stays as it is. */
void ef_reader_uints(ef_reader *reader, const char *name, uint32_t *values, size_t n);
/* The position of the attribute's text in a list that ends with NULL; absent: 0. */
size_t ef_reader_word(ef_reader *reader, const char *name, const char *const *words);

/* --- inputs and outputs of the node in hand (values.c) --- */

/* Counts elements about to be made; 0 where they are too many. */
int ef_reader_spend(ef_reader *reader, uint64_t count);

/* The slot of a name, made where it is new. */
uint32_t ef_reader_intern(ef_reader *reader, const char *name);

int ef_reader_is_given(const ef_reader *reader, size_t k);
/* Input k, which must be there. */
ef_value *ef_reader_value(ef_reader *reader, size_t k);
/* Input k, computed from the images. */
ef_value ef_reader_source(ef_reader *reader, size_t k);
/* Input k, a constant; NULL where it is absent. */
ef_constant *ef_reader_constant(ef_reader *reader, size_t k);
ef_constant *ef_reader_parameter(ef_reader *reader, size_t k); /* must be there */
/* The values of constant k, at most so many of them; 0 where it is absent. */
size_t ef_reader_integers(ef_reader *reader, size_t k, int64_t *values, size_t most);
/* The same, an attribute before operator set `since`. */
size_t ef_reader_list(ef_reader *reader, const char *name, size_t k, int64_t since,
                      int64_t *values, size_t most);
float ef_reader_scalar(ef_reader *reader, size_t k, float otherwise);
/* Values of a constant as float, or NULL. */
const float *ef_reader_floats(ef_reader *reader, ef_constant *constant);
/* A computed constant of these dims; its values are to be written. */
ef_constant *ef_reader_new_floats(ef_reader *reader, const ef_dims *dims,
                                  float **values);

/* An axis of ONNX, negative ones from the end, as an axis of one image; rank: of the
 * image.  The batch is refused as mixing. */
size_t ef_reader_axis(ef_reader *reader, int64_t axis, size_t rank);

/* Output k is this. */
void ef_reader_give(ef_reader *reader, size_t k, ef_value value);
void ef_reader_give_node(ef_reader *reader, uint32_t node, const ef_dims *dims);

/* --- making nodes (make.c) --- */

/* Adds a node of the topology.  suffix "": it has the name of the node in hand; else
 * it is a step on the way there.  Its inputs are nodes made before. */
uint32_t ef_reader_make(ef_reader *reader, ef_node *node, const char *suffix);
/* Gives a node the name of the node in hand. */
void ef_reader_rename(ef_reader *reader, uint32_t node);
/* Values of a parameter of a node. */
void ef_reader_fill(ef_reader *reader, uint32_t node, ef_role role,
                    ef_constant *constant, int is_transposed);
/* Chooses names that are free for all that output is computed from. */
void ef_reader_name_nodes(ef_reader *reader, uint32_t output);
/* Copies all values, and names of the file, into the network. */
void ef_reader_fill_net(ef_reader *reader, ef_net *net);

/* The value of key in the model's metadata, name (may be "") behind it; or NULL. */
const char *ef_reader_metadata(const ef_reader *reader, const char *key,
                               const char *name);

/* --- other looks at a value (view.c) --- */

/* A node with the same elements in this shape; itself where it has it. */
uint32_t ef_reader_view(ef_reader *reader, uint32_t node, ef_shape shape);
/* Whether value is a transposed image or matrix: what it was before, and the perm that
 * made value of it. */
int ef_reader_unturn(const ef_reader *reader, const ef_value *value, ef_value *before,
                     size_t perm[3]);
/* In ef_dims_shape. */
uint32_t ef_reader_image(ef_reader *reader, const ef_value *value);
/* (C, 1, L) or (C, H, W) with the number of axes behind the channels, 1 or 2; or 0 and
 * (C), where least is 0. */
uint32_t ef_reader_spatial(ef_reader *reader, const ef_value *value, size_t least,
                           size_t *n);
/* What a spatial operator gives: node, with n axes behind the channels. */
void ef_reader_give_spatial(ef_reader *reader, uint32_t node, size_t n);
/* A node with one input that makes the node in hand. */
uint32_t ef_reader_make_on(ef_reader *reader, ef_node *node, uint32_t source,
                           const char *suffix);

/* --- moving elements (take.c) --- */

/* A slice of source; of a slice: one of what that one reads. */
uint32_t ef_reader_make_slice(ef_reader *reader, ef_node *node, uint32_t source,
                              const char *suffix);
/* n elements along an axis, from begin in steps of step >= 1. */
ef_value ef_reader_slice(ef_reader *reader, const ef_value *value, size_t axis,
                         int64_t begin, int64_t n, int64_t step);
/* The elements at n places along an axis, in any order. */
ef_value ef_reader_take(ef_reader *reader, const ef_value *value, size_t axis,
                        const uint32_t *places, size_t n);
/* Spreads axes of size 1; dims is a result of ef_dims_broadcast. */
ef_value ef_reader_spread(ef_reader *reader, const ef_value *value,
                          const ef_dims *dims);
ef_value ef_reader_permute(ef_reader *reader, const ef_value *value,
                           const size_t *perm);
/* fill before and after what is along an axis. */
ef_value ef_reader_pad(ef_reader *reader, const ef_value *value, size_t axis,
                       int64_t before, int64_t after, float fill);
ef_value ef_reader_join(ef_reader *reader, const ef_value *values, size_t n,
                        size_t axis);

/* --- values by element (read_elementwise.c) --- */

/* The constant as an image of this rank sees it: without the axis of the batch. */
ef_constant *ef_reader_of_image(ef_reader *reader, ef_constant *constant, size_t rank);
/* The node of value in a shape whose channels are what constant has values for; and
 * the constant, spread as far as needed.  dims of the constant: those of an image. */
uint32_t ef_reader_by_channel(ef_reader *reader, const ef_value *value,
                              ef_constant **constant);
ef_value ef_reader_times(ef_reader *reader, const ef_value *value, float factor);
/* The sum, with all that broadcasting asks for; at most one of them is a constant. */
ef_value ef_reader_add(ef_reader *reader, const ef_value *a, const ef_value *b);
/* The same of a constant that an image has. */
ef_value ef_reader_add_constant(ef_reader *reader, const ef_value *value,
                                ef_constant *constant);

#endif
