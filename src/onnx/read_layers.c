/* Reading convolutions, products of matrices, batch norm. */
#include <string.h>

#include "onnx/operators.h"
#include "onnx/read_window.h"

/* --- convolution ------------------------------------------------------------------ */

static int has_fitting_kernel(const ef_constant *weight, const uint32_t kernel[2],
                              size_t n)
{
    int fits = n == 0 || weight->rank == n + 2;
    for (size_t i = 0; i < n && fits; i++) {
        fits = weight->dims[2 + i] == kernel[2 - n + i];
    }
    return fits;
}

/* The kernel from the weight; kernel_shape, where given, says the same. */
static void read_kernel(ef_reader *reader, const ef_constant *weight, ef_conv *conv,
                        size_t n)
{
    uint32_t kernel[2] = {1, 1};
    if (reader->status) {
        return;
    }
    if (weight->count == 0) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its weight is empty");
        return;
    }
    if (weight->rank != n + 2) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "its weight has %zu dimensions, its input asks for %zu",
                         weight->rank, n + 2);
        return;
    }
    conv->channels = (uint32_t)weight->dims[0];
    for (size_t i = 0; i < n; i++) {
        conv->kernel[2 - n + i] = kernel[2 - n + i] = (uint32_t)weight->dims[2 + i];
    }
    ef_reader_uints(reader, "kernel_shape", kernel + 2 - n, n);
    if (!has_fitting_kernel(weight, kernel, n)) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "its kernel_shape is not that of its weight");
    }
}

void ef_onnx_read_conv(ef_reader *reader, int kind)
{
    (void)kind;
    ef_node node = ef_node_default(EF_OP_CONV);
    ef_conv *conv = &node.u.conv;
    size_t n;
    ef_value value = ef_reader_source(reader, 0);
    ef_constant *weight = ef_reader_parameter(reader, 1);
    ef_constant *bias = ef_reader_constant(reader, 2);
    uint32_t source = ef_reader_spatial(reader, &value, 1, &n);
    read_kernel(reader, weight, conv, n);
    ef_window_field window = {conv->kernel, conv->stride, conv->dilation, conv->pad};
    ef_read_window(reader, &window, reader->shapes[source], n);
    conv->groups = ef_reader_uint(reader, "group", 1, 1, EF_MAX_ELEMENTS);
    if (reader->status) {
        return;
    }
    conv->bias = bias != NULL;
    if ((uint64_t)weight->dims[1] * conv->groups != reader->shapes[source].channels) {
        ef_reader_refuse(
            reader, EF_ERR_INPUT, "its weight is for %lld channels, its input has %u",
            (long long)weight->dims[1] * conv->groups, reader->shapes[source].channels);
    }
    uint32_t made = ef_reader_make_on(reader, &node, source, "");
    ef_reader_fill(reader, made, EF_ROLE_WEIGHT, weight, 0);
    ef_reader_fill(reader, made, EF_ROLE_BIAS, bias, 0);
    ef_reader_give_spatial(reader, made, n);
    if (!reader->status && !bias) {
        reader->open[made] = EF_ROLE_BIAS;
    }
}

/* --- products of matrices --------------------------------------------------------- */

/* Blocks of a constant that a product takes: n_blocks of (rows, columns), as the file
 * has them. */
typedef struct blocks {
    ef_constant *constant;
    int64_t n, rows, columns;
} blocks;

/* Each block transposed and times a factor: values (n, columns, rows). */
static ef_constant *transposed(ef_reader *reader, const blocks *b, float factor)
{
    ef_dims dims = {3, {b->n, b->columns, b->rows}};
    float *to = NULL;
    const float *from = ef_reader_floats(reader, b->constant);
    ef_constant *made = ef_reader_new_floats(reader, &dims, &to);
    for (int64_t i = 0; made && from && i < b->n; i++) {
        for (int64_t r = 0; r < b->rows; r++) {
            for (int64_t c = 0; c < b->columns; c++) {
                to[(i * b->columns + c) * b->rows + r] =
                    factor * from[(i * b->rows + r) * b->columns + c];
            }
        }
    }
    if (made && factor == 1 && b->constant->layout.n_dims == 0) {
        const uint32_t sizes[3] = {(uint32_t)b->n, (uint32_t)b->rows,
                                   (uint32_t)b->columns};
        made->layout = ef_layout_of_turned(3, sizes, (const uint32_t[]){0, 2, 1});
        made->name = b->constant->name;
    }
    return made;
}

/* All values times a factor; the constant itself where that is 1. */
static ef_constant *times(ef_reader *reader, ef_constant *constant, float factor)
{
    if (reader->status || !constant || factor == 1) {
        return constant;
    }
    ef_dims dims = {.rank = constant->rank};
    memcpy(dims.size, constant->dims, sizeof dims.size);
    float *to = NULL;
    const float *from = ef_reader_floats(reader, constant);
    ef_constant *made = ef_reader_new_floats(reader, &dims, &to);
    for (size_t i = 0; made && from && i < made->count; i++) {
        to[i] = factor * from[i];
    }
    return made;
}

/* A dense layer on one vector an image: weight (out, in), or (in, out). */
static uint32_t make_dense(ef_reader *reader, const ef_value *value, uint32_t n_in,
                           ef_constant *weight, int is_out_in)
{
    ef_node node = ef_node_default(EF_OP_DENSE);
    if (reader->status) {
        return 0;
    }
    node.u.dense.channels = (uint32_t)weight->dims[is_out_in ? 0 : 1];
    node.u.dense.bias = 0;
    uint32_t source = ef_reader_view(reader, value->node, (ef_shape){n_in, 1, 1, 2});
    uint32_t made = ef_reader_make_on(reader, &node, source, "");
    ef_reader_fill(reader, made, EF_ROLE_WEIGHT, weight, !is_out_in);
    if (!reader->status) {
        reader->open[made] = EF_ROLE_BIAS;
    }
    return made;
}

/* value (blocks, rows, in) times weight (blocks, out, in) transposed: a convolution of
 * 1 x 1 over the rows, the blocks its groups. */
static ef_value make_product(ef_reader *reader, const ef_value *value,
                             ef_constant *weight, int64_t n_blocks, int64_t n_out)
{
    static const size_t swap[3] = {0, 2, 1}, swap_two[2] = {1, 0};
    ef_node node = ef_node_default(EF_OP_CONV);
    size_t rank = value->dims.rank;
    const size_t *perm = rank == 2 ? swap_two : swap;
    ef_value turned = ef_reader_permute(reader, value, perm);
    if (reader->status) {
        return *value;
    }
    uint32_t n_in = (uint32_t)turned.dims.size[rank - 2];
    uint32_t n_rows = (uint32_t)turned.dims.size[rank - 1];
    node.u.conv.channels = (uint32_t)(n_blocks * n_out);
    node.u.conv.groups = (uint32_t)n_blocks;
    node.u.conv.bias = 0;
    ef_shape shape = {(uint32_t)n_blocks * n_in, 1, n_rows, 4};
    turned.node = ef_reader_view(reader, turned.node, shape);
    turned.node = ef_reader_make_on(reader, &node, turned.node, "");
    ef_reader_fill(reader, turned.node, EF_ROLE_WEIGHT, weight, 0);
    turned.dims.size[rank - 2] = n_out;
    if (!reader->status && n_blocks == 1) {
        reader->open[turned.node] = EF_ROLE_BIAS;
        reader->readers[turned.node] = 1;
    }
    return ef_reader_permute(reader, &turned, perm);
}

/* The same for images turned by perm, their channels last: weight (1, out, in). */
static ef_value make_pointwise(ef_reader *reader, const ef_value *image,
                               ef_constant *weight, const size_t *perm)
{
    ef_node node = ef_node_default(EF_OP_CONV);
    ef_value made = *image;
    if (reader->status || !weight) {
        return made;
    }
    made.dims.size[0] = (int64_t)weight->count / image->dims.size[0];
    node.u.conv.channels = (uint32_t)made.dims.size[0];
    node.u.conv.bias = 0;
    uint32_t source = ef_reader_image(reader, image);
    made.node = ef_reader_make_on(reader, &node, source, "");
    ef_reader_fill(reader, made.node, EF_ROLE_WEIGHT, weight, 0);
    if (!reader->status) {
        reader->open[made.node] = EF_ROLE_BIAS;
        reader->readers[made.node] = 1;
    }
    return ef_reader_permute(reader, &made, perm);
}

/* value (..., in) times a matrix (in, out), or (out, in). */
static ef_value times_matrix(ef_reader *reader, const ef_value *value,
                             ef_constant *matrix, int is_out_in, float factor)
{
    ef_value made = *value;
    if (reader->status) {
        return made;
    }
    size_t last = made.dims.rank - 1;
    int64_t n_in = made.dims.size[last], n_out = matrix->dims[is_out_in ? 0 : 1];
    int64_t n_rows = ef_dims_product(&made.dims, 0, last);
    if (matrix->dims[is_out_in ? 1 : 0] != n_in) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "its matrix is for %lld values, its input has %lld",
                         (long long)matrix->dims[is_out_in ? 1 : 0], (long long)n_in);
        return made;
    }
    made.dims.size[last] = n_out;
    if (n_rows == 1) {
        made.node = make_dense(reader, value, (uint32_t)n_in,
                               times(reader, matrix, factor), is_out_in);
        return made;
    }
    blocks b = {matrix, 1, n_in, n_out};
    ef_value rows = *value;
    rows.dims = (ef_dims){2, {n_rows, n_in}};
    ef_constant *weight =
        is_out_in ? times(reader, matrix, factor) : transposed(reader, &b, factor);
    ef_value image;
    size_t perm[3];
    if (ef_reader_unturn(reader, value, &image, perm) && perm[last] == 0) {
        return make_pointwise(reader, &image, weight, perm);
    }
    made.node = make_product(reader, &rows, weight, 1, n_out).node;
    return made;
}

/* value (b..., rows, in) times (b..., in, out), both but for leading ones. */
static ef_value times_blocks(ef_reader *reader, const ef_value *value, ef_constant *c)
{
    ef_value made = *value, rows = *value;
    size_t rank = made.dims.rank, more = rank - c->rank;
    int fits = c->rank <= rank && ef_dims_product(&made.dims, 0, more) == 1 &&
               made.dims.size[rank - 1] == c->dims[c->rank - 2];
    for (size_t i = 0; i + 2 < c->rank && fits; i++) {
        fits = made.dims.size[more + i] == c->dims[i];
    }
    if (!fits) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its matrices are not one for all or one for each of those of "
                         "its input");
        return made;
    }
    blocks b = {c, ef_dims_product(&made.dims, 0, rank - 2), c->dims[c->rank - 2],
                c->dims[c->rank - 1]};
    rows.dims = (ef_dims){3, {b.n, made.dims.size[rank - 2], b.rows}};
    ef_constant *weight = transposed(reader, &b, 1);
    made.dims.size[rank - 1] = b.columns;
    made.node = make_product(reader, &rows, weight, b.n, b.columns).node;
    return made;
}

/* A matrix (rows, in) times value (in, columns). */
static ef_value matrix_times(ef_reader *reader, ef_constant *matrix,
                             const ef_value *value)
{
    ef_node node = ef_node_default(EF_OP_CONV);
    ef_value made = *value;
    size_t rank = made.dims.rank;
    if (reader->status || matrix->rank != 2 || rank < 2 ||
        ef_dims_product(&made.dims, 0, rank - 2) != 1 ||
        matrix->dims[1] != made.dims.size[rank - 2]) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it multiplies a constant by something else than one matrix");
        return made;
    }
    ef_shape shape = {(uint32_t)made.dims.size[rank - 2], 1,
                      (uint32_t)made.dims.size[rank - 1], 4};
    node.u.conv.channels = (uint32_t)matrix->dims[0];
    node.u.conv.bias = 0;
    made.node = ef_reader_view(reader, made.node, shape);
    made.node = ef_reader_make_on(reader, &node, made.node, "");
    ef_reader_fill(reader, made.node, EF_ROLE_WEIGHT, matrix, 0);
    made.dims.size[rank - 2] = matrix->dims[0];
    return made;
}

/* A constant with batches of matrices, but only one in each. */
static void drop_ones(ef_constant *constant)
{
    size_t n = 0;
    while (constant->rank - n > 2 && constant->dims[n] == 1) {
        n++;
    }
    constant->rank -= n;
    memmove(constant->dims, constant->dims + n,
            constant->rank * sizeof constant->dims[0]);
}

void ef_onnx_read_matmul(ef_reader *reader, int kind)
{
    (void)kind;
    const ef_value *a = ef_reader_value(reader, 0), *b = ef_reader_value(reader, 1);
    ef_constant *given = a->constant ? a->constant : b->constant;
    if (reader->status) {
        return;
    }
    if (!given || given->rank < 2 || given->count == 0 ||
        (a->constant && b->constant)) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it multiplies no constant matrix; products of two computed "
                         "tensors (attention) are not supported");
        return;
    }
    ef_constant matrix = *given;
    drop_ones(&matrix);
    ef_constant *own = ef_arena_calloc(&reader->arena, 1, sizeof *own);
    if (!own) {
        ef_reader_refuse_memory(reader);
        return;
    }
    *own = matrix;
    if (a->constant) {
        ef_reader_give(reader, 0, matrix_times(reader, own, b));
    } else if (a->dims.rank == 0) {
        ef_reader_refuse_mixing(reader);
    } else if (own->rank == 2) {
        ef_reader_give(reader, 0, times_matrix(reader, a, own, 0, 1));
    } else if (reader->lead) {
        ef_reader_refuse_mixing(reader);
    } else {
        ef_reader_give(reader, 0, times_blocks(reader, a, own));
    }
}

/* The term of a Gemm as a bias: the same for all images. */
static int is_bias(const ef_constant *term, int64_t n_out)
{
    return (int64_t)term->count == n_out &&
           (term->rank == 1 || (term->rank == 2 && term->dims[0] == 1));
}

/* The product plus beta times the third input, where there is one. */
static ef_value add_term(ef_reader *reader, const ef_value *product, float beta)
{
    if (reader->status || !ef_reader_is_given(reader, 2)) {
        return *product;
    }
    const ef_value *given = ef_reader_value(reader, 2);
    if (!given->constant) {
        ef_value scaled = ef_reader_times(reader, given, beta);
        return ef_reader_add(reader, product, &scaled);
    }
    ef_constant *term = times(reader, given->constant, beta);
    if (reader->status || product->dims.rank != 1 ||
        !is_bias(term, product->dims.size[0])) {
        return ef_reader_add_constant(
            reader, product, ef_reader_of_image(reader, term, product->dims.rank));
    }
    reader->made.nodes[product->node].u.dense.bias = 1;
    reader->open[product->node] = EF_ROLE_COUNT;
    ef_reader_fill(reader, product->node, EF_ROLE_BIAS, term, 0);
    return *product;
}

void ef_onnx_read_gemm(ef_reader *reader, int kind)
{
    (void)kind;
    ef_value value = ef_reader_source(reader, 0);
    ef_constant *matrix = ef_reader_parameter(reader, 1);
    float alpha = ef_reader_float(reader, "alpha", 1);
    float beta = ef_reader_float(reader, "beta", 1);
    int is_turned = ef_reader_int(reader, "transA", 0) != 0;
    int is_out_in = ef_reader_int(reader, "transB", 0) != 0;
    if (reader->status) {
        return;
    }
    if (matrix->count == 0) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its matrix is empty");
        return;
    }
    if (matrix->rank != 2 || value.dims.rank + reader->lead != 2) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "it multiplies a tensor of rank %zu by one of rank %zu, "
                         "instead of two matrices",
                         value.dims.rank + reader->lead, matrix->rank);
        return;
    }
    if (is_turned && reader->lead) {
        ef_reader_refuse_mixing(reader);
        return;
    }
    if (is_turned) {
        value = ef_reader_permute(reader, &value, (const size_t[]){1, 0});
    }
    ef_value made = times_matrix(reader, &value, matrix, is_out_in, alpha);
    made = add_term(reader, &made, beta);
    ef_reader_give(reader, 0, made);
}

/* --- batch norm ------------------------------------------------------------------- */

void ef_onnx_read_batchnorm(ef_reader *reader, int kind)
{
    (void)kind;
    static const ef_role roles[4] = {EF_ROLE_GAMMA, EF_ROLE_BETA, EF_ROLE_MEAN,
                                     EF_ROLE_VARIANCE};
    ef_node node = ef_node_default(EF_OP_BATCHNORM);
    size_t n;
    ef_value value = ef_reader_source(reader, 0);
    node.u.batchnorm.epsilon = ef_reader_float(reader, "epsilon", 1e-5f);
    ef_reader_uint(reader, "training_mode", 0, 0, 0);
    ef_reader_uint(reader, "spatial", 1, 1, 1);
    uint32_t source = value.dims.rank == 1 && reader->lead
                          ? ef_reader_image(reader, &value)
                          : ef_reader_spatial(reader, &value, 0, &n);
    uint32_t made = ef_reader_make_on(reader, &node, source, "");
    for (size_t i = 0; i < 4; i++) {
        ef_reader_fill(reader, made, roles[i], ef_reader_parameter(reader, i + 1), 0);
    }
    ef_reader_give_node(reader, made, &value.dims);
}
