/* Reading sums, differences, products and quotients. */
#include <string.h>

#include "onnx/operators.h"

/* --- values by channel ------------------------------------------------------------ */

ef_constant *ef_reader_of_image(ef_reader *reader, ef_constant *constant, size_t rank)
{
    if (reader->status || !reader->lead || constant->rank <= rank) {
        return constant;
    }
    ef_constant *made = ef_arena_calloc(&reader->arena, 1, sizeof *made);
    if (!made) {
        ef_reader_refuse_memory(reader);
        return constant;
    }
    if (constant->rank > rank + 1 || constant->dims[0] != 1) {
        ef_reader_refuse_mixing(reader);
        return constant;
    }
    *made = *constant;
    made->rank--;
    memmove(made->dims, made->dims + 1, made->rank * sizeof made->dims[0]);
    return made;
}

/* The constant spread over the first axes, down to last, of dims. */
static ef_constant *spread(ef_reader *reader, ef_constant *constant,
                           const ef_dims *dims, size_t last)
{
    ef_dims made_dims = {1, {ef_dims_product(dims, 0, last + 1)}};
    size_t offset = dims->rank - constant->rank;
    float *to = NULL;
    const float *from = ef_reader_floats(reader, constant);
    ef_constant *made = ef_reader_new_floats(reader, &made_dims, &to);
    for (int64_t i = 0; made && from && i < made_dims.size[0]; i++) {
        int64_t rest = i, at = 0, stride = 1;
        for (size_t axis = last + 1; axis-- > 0;) {
            int64_t place = rest % dims->size[axis];
            rest /= dims->size[axis];
            if (axis >= offset) {
                int64_t size = constant->dims[axis - offset];
                at += size == 1 ? 0 : place * stride;
                stride *= size;
            }
        }
        to[i] = from[at];
    }
    return made ? made : constant;
}

uint32_t ef_reader_by_channel(ef_reader *reader, const ef_value *value,
                              ef_constant **constant)
{
    const ef_dims *dims = &value->dims;
    if (reader->status || (*constant)->count == 1) {
        return value->node;
    }
    size_t last = dims->rank - 1;
    for (size_t k = (*constant)->rank; (*constant)->dims[k - 1] == 1; k--) {
        last--;
    }
    uint32_t channels = (uint32_t)ef_dims_product(dims, 0, last + 1);
    uint32_t inner = (uint32_t)ef_dims_product(dims, last + 1, dims->rank);
    if ((*constant)->count != channels) {
        *constant = spread(reader, *constant, dims, last);
    }
    ef_shape shape = ef_dims_shape(dims);
    if (shape.channels != channels) {
        shape = inner == 1 ? (ef_shape){channels, 1, 1, 2}
                           : (ef_shape){channels, 1, inner, 4};
    }
    return reader->shapes[value->node].channels == channels
               ? value->node
               : ef_reader_view(reader, value->node, shape);
}

/* value * factor + term; either may be NULL.  What they have is for one image. */
static ef_value scale(ef_reader *reader, const ef_value *value, ef_constant *factor,
                      ef_constant *term)
{
    ef_node node = ef_node_default(EF_OP_SCALE);
    ef_constant **constant = factor ? &factor : &term;
    ef_dims spread_to, own = ef_dims_of(*constant);
    if (reader->status) {
        return *value;
    }
    if (!ef_dims_broadcast(&value->dims, &own, &spread_to) || (*constant)->count == 0) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its inputs do not fit each other");
        return *value;
    }
    ef_value made = ef_reader_spread(reader, value, &spread_to);
    uint32_t source = ef_reader_by_channel(reader, &made, constant);
    made.node = ef_reader_make_on(reader, &node, source, "");
    if (factor) {
        ef_reader_fill(reader, made.node, EF_ROLE_SCALE, factor, 0);
    }
    if (term) {
        ef_reader_fill(reader, made.node, EF_ROLE_SHIFT, term, 0);
    }
    return made;
}

ef_value ef_reader_add_constant(ef_reader *reader, const ef_value *value,
                                ef_constant *constant)
{
    return scale(reader, value, NULL, constant);
}

/* --- two tensors ------------------------------------------------------------------ */

/* Whether b has one value for each channel of images a. */
static int is_gate(const ef_value *a, const ef_value *b)
{
    return a->dims.rank == 3 && b->dims.rank == 3 &&
           a->dims.size[0] == b->dims.size[0] && b->dims.size[1] == 1 &&
           b->dims.size[2] == 1;
}

/* Both in the shape of what they spread to. */
static ef_dims level(ef_reader *reader, ef_value *a, ef_value *b)
{
    ef_dims to = a->dims;
    if (reader->status) {
        return to;
    }
    if (reader->lead && a->dims.rank != b->dims.rank) {
        ef_reader_refuse_mixing(reader);
        return to;
    }
    if (!ef_dims_broadcast(&a->dims, &b->dims, &to)) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its inputs do not fit each other");
        return to;
    }
    *a = ef_reader_spread(reader, a, &to);
    *b = ef_reader_spread(reader, b, &to);
    if (!ef_shape_equal(reader->shapes[a->node], reader->shapes[b->node])) {
        a->node = ef_reader_image(reader, a);
        b->node = ef_reader_image(reader, b);
    }
    return to;
}

ef_value ef_reader_times(ef_reader *reader, const ef_value *value, float factor)
{
    ef_dims one = {0, {0}};
    float *to = NULL;
    ef_value made = *value;
    ef_constant *constant =
        factor == 1 ? NULL : ef_reader_new_floats(reader, &one, &to);
    if (constant) {
        ef_node node = ef_node_default(EF_OP_SCALE);
        *to = factor;
        made.node = ef_reader_make_on(reader, &node, value->node, ".times");
        ef_reader_fill(reader, made.node, EF_ROLE_SCALE, constant, 0);
    }
    return made;
}

void ef_onnx_read_neg(ef_reader *reader, int kind)
{
    (void)kind;
    ef_value value = ef_reader_source(reader, 0);
    ef_reader_give(reader, 0, ef_reader_times(reader, &value, -1));
}

/* The value before it was spread to all places of its channels, or itself. */
static ef_value unspread(const ef_reader *reader, const ef_value *value)
{
    ef_value before = *value;
    const ef_node *node = &reader->made.nodes[value->node];
    ef_shape shape = reader->shapes[node->inputs[0]];
    if (!reader->status && !reader->is_own && node->op == EF_OP_UPSAMPLE &&
        value->dims.rank == 3 && value->dims.size[0] == shape.channels &&
        shape.height == 1 && shape.width == 1) {
        before.node = node->inputs[0];
        before.dims = (ef_dims){3, {shape.channels, 1, 1}};
    }
    return before;
}

static ef_value join_two(ef_reader *reader, int kind, ef_value a, ef_value b)
{
    static const ef_op ops[] = {[EF_JOIN_ADD] = EF_OP_ADD,
                                [EF_JOIN_SUB] = EF_OP_ADD,
                                [EF_JOIN_MUL] = EF_OP_MUL,
                                [EF_JOIN_DIV] = EF_OP_DIV};
    ef_node node = ef_node_default(ops[kind]);
    ef_dims dims = a.dims;
    if (kind == EF_JOIN_SUB) {
        b = ef_reader_times(reader, &b, -1);
    }
    if (kind == EF_JOIN_MUL || kind == EF_JOIN_DIV) {
        ef_value gate = unspread(reader, &b);
        b = is_gate(&a, &gate) ? gate : b;
    }
    int gates = (kind == EF_JOIN_MUL || kind == EF_JOIN_DIV) && is_gate(&a, &b);
    int gated = kind == EF_JOIN_MUL && is_gate(&b, &a);
    if (gates || gated) {
        dims = gates ? a.dims : b.dims;
        a.node = ef_reader_image(reader, &a);
        b.node = ef_reader_image(reader, &b);
    } else {
        dims = level(reader, &a, &b);
    }
    node.n_inputs = 2;
    node.inputs[0] = a.node;
    node.inputs[1] = b.node;
    return (ef_value){.node = ef_reader_make(reader, &node, ""), .dims = dims};
}

/* A node that gives a constant whatever the images are: zeros that pad a value are cut
 * out, and the constant is added to them. */
static ef_value constant_node(ef_reader *reader, const ef_value *value,
                              ef_constant *constant)
{
    ef_dims dims = ef_dims_of(constant);
    ef_value flat = *value;
    while (dims.rank < value->dims.rank) {
        ef_dims_insert(&dims, 0, 1);
    }
    int64_t count = ef_dims_count(&value->dims), n = ef_dims_count(&dims);
    flat.dims = (ef_dims){1, {count}};
    flat = ef_reader_pad(reader, &flat, 0, 0, n, 0);
    flat = ef_reader_slice(reader, &flat, 0, count, n, 1);
    flat.dims = dims;
    return scale(reader, &flat, NULL, constant);
}

/* --- a tensor and a constant ------------------------------------------------------ */

static float minus_of(float x)
{
    return -x;
}

static float inverse_of(float x)
{
    return 1 / x;
}

/* A computed constant: a function of each value. */
static ef_constant *mapped(ef_reader *reader, ef_constant *constant,
                           float (*function)(float))
{
    ef_dims dims = ef_dims_of(constant);
    float *to = NULL;
    const float *from = ef_reader_floats(reader, constant);
    ef_constant *made = ef_reader_new_floats(reader, &dims, &to);
    for (size_t i = 0; made && from && i < made->count; i++) {
        to[i] = function(from[i]);
    }
    return made ? made : constant;
}

/* What a node before could take instead of a node of its own: only this one reads it,
 * and it has room for a value per channel. */
static int absorb(ef_reader *reader, const ef_value *before, ef_constant *term)
{
    ef_role role = reader->open[before->node];
    ef_constant *spread_term = term;
    ef_dims to, own = ef_dims_of(term);
    if (reader->status || reader->readers[before->node] != 1 || role == EF_ROLE_COUNT ||
        !ef_dims_broadcast(&before->dims, &own, &to) ||
        !ef_dims_equal(&to, &before->dims)) {
        return 0;
    }
    uint32_t node = ef_reader_by_channel(reader, before, &spread_term);
    size_t channels = reader->shapes[before->node].channels;
    if (node != before->node || (spread_term->count != channels &&
                                 !(spread_term->count == 1 && role == EF_ROLE_SHIFT))) {
        return 0;
    }
    ef_node *made = &reader->made.nodes[node];
    if (made->op == EF_OP_CONV) {
        made->u.conv.bias = 1;
    } else if (made->op == EF_OP_DENSE) {
        made->u.dense.bias = 1;
    } else {
        ef_reader_rename(reader, node);
    }
    ef_reader_fill(reader, node, role, spread_term, 0);
    reader->open[node] = EF_ROLE_COUNT;
    reader->labels[node].output = NULL; /* it is the sum now */
    return 1;
}

static ef_value with_constant(ef_reader *reader, int kind, const ef_value *value,
                              ef_constant *constant, int is_first)
{
    ef_value made = *value;
    switch (kind) {
    case EF_JOIN_MUL:
        made = scale(reader, value, constant, NULL);
        if (!reader->status) {
            reader->open[made.node] = EF_ROLE_SHIFT;
        }
        return made;
    case EF_JOIN_DIV:
        if (is_first) {
            made = constant_node(reader, value, constant);
            return join_two(reader, kind, made, *value);
        }
        return scale(reader, value, mapped(reader, constant, inverse_of), NULL);
    case EF_JOIN_SUB:
        if (is_first) {
            made = ef_reader_times(reader, value, -1);
            if (!reader->status) { /* exact, so that what is added is rounded once */
                reader->open[made.node] = EF_ROLE_SHIFT;
                reader->readers[made.node] = 1;
            }
        } else {
            constant = mapped(reader, constant, minus_of);
        }
        break;
    default:
        break;
    }
    return absorb(reader, &made, constant) ? made
                                           : scale(reader, &made, NULL, constant);
}

void ef_onnx_read_reciprocal(ef_reader *reader, int kind)
{
    (void)kind;
    float *to = NULL;
    ef_value value = ef_reader_source(reader, 0);
    ef_constant *one = ef_reader_new_floats(reader, &(ef_dims){.rank = 0}, &to);
    if (one) {
        *to = 1;
        ef_reader_give(reader, 0, with_constant(reader, EF_JOIN_DIV, &value, one, 1));
    }
}

/* The constant along the axes before a perm; NULL where it has values along more than
 * one. */
static ef_constant *unturned(ef_reader *reader, const ef_constant *constant,
                             const size_t *perm, size_t rank)
{
    size_t n_long = 0;
    for (size_t i = 0; i < constant->rank; i++) {
        n_long += constant->dims[i] != 1;
    }
    ef_constant *made = ef_arena_calloc(&reader->arena, 1, sizeof *made);
    if (!made || n_long > 1 || constant->rank > rank) {
        return NULL;
    }
    *made = *constant;
    made->rank = rank;
    for (size_t i = 0; i < rank; i++) {
        size_t more = rank - constant->rank;
        made->dims[perm[i]] = i < more ? 1 : constant->dims[i - more];
    }
    return made;
}

/* With images that only this one sees transposed, it is done before they are: so what
 * files with channels last do to their input comes before the turning, and that can be
 * left out. */
static ef_value with_turned(ef_reader *reader, int kind, const ef_value *value,
                            ef_constant *constant, int is_first)
{
    ef_value before;
    size_t perm[3];
    ef_constant *own = NULL;
    if (ef_reader_unturn(reader, value, &before, perm) &&
        reader->readers[value->node] == 1) {
        own = unturned(reader, constant, perm, value->dims.rank);
    }
    if (!own) {
        return with_constant(reader, kind, value, constant, is_first);
    }
    ef_value made = with_constant(reader, kind, &before, own, is_first);
    if (!reader->status && made.node != before.node) {
        reader->readers[made.node] = 1;
    } else if (!reader->status) { /* what was turned is not there any more */
        reader->labels[value->node].output = NULL;
    }
    return ef_reader_permute(reader, &made, perm);
}

/* Whether gate is the hard sigmoid of value that makes a hard swish of it. */
static int is_hardswish(const ef_reader *reader, const ef_value *gate,
                        const ef_value *value)
{
    if (reader->status || gate->constant || value->constant ||
        reader->readers[gate->node] != 1 || !ef_dims_equal(&gate->dims, &value->dims)) {
        return 0;
    }
    const ef_node *node = &reader->made.nodes[gate->node];
    const ef_activation *activation = &node->u.activation;
    return node->op == EF_OP_ACTIVATION && node->inputs[0] == value->node &&
           activation->kind == EF_ACTIVATION_HARDSIGMOID &&
           activation->low == EF_HARDSWISH_SLOPE &&
           activation->high == EF_HARDSWISH_SHIFT;
}

/* The gate becomes the whole. */
static void give_hardswish(ef_reader *reader, const ef_value *gate)
{
    ef_activation *activation = &reader->made.nodes[gate->node].u.activation;
    *activation = (ef_activation){EF_ACTIVATION_HARDSWISH, 0, 0};
    ef_reader_rename(reader, gate->node);
    reader->labels[gate->node].output = NULL;
    ef_reader_give(reader, 0, *gate);
}

/* At most one of them is a constant: two are folded. */
static ef_value join(ef_reader *reader, int kind, const ef_value *a, const ef_value *b)
{
    const ef_value *source = a->constant ? b : a;
    ef_constant *constant = a->constant ? a->constant : b->constant;
    if (reader->status) {
        return *a;
    }
    if (!constant) {
        return join_two(reader, kind, *a, *b);
    }
    if (source->constant) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "it joins constants before it joins what is computed");
        return *a;
    }
    constant = ef_reader_of_image(reader, constant, source->dims.rank);
    return with_turned(reader, kind, source, constant, a->constant != NULL);
}

ef_value ef_reader_add(ef_reader *reader, const ef_value *a, const ef_value *b)
{
    return join(reader, EF_JOIN_ADD, a, b);
}

void ef_onnx_read_join(ef_reader *reader, int kind)
{
    const ef_value *a = ef_reader_value(reader, 0), *b = ef_reader_value(reader, 1);
    /* x * hard_sigmoid(x) */
    if (kind == EF_JOIN_MUL &&
        (is_hardswish(reader, a, b) || is_hardswish(reader, b, a))) {
        give_hardswish(reader, is_hardswish(reader, a, b) ? a : b);
        return;
    }
    ef_reader_give(reader, 0, join(reader, kind, a, b));
}

/* Sum of any number of tensors of one shape, or else two by two. */
void ef_onnx_read_sum(ef_reader *reader, int kind)
{
    (void)kind;
    ef_node node = ef_node_default(EF_OP_ADD);
    size_t n = reader->node->n_input;
    ef_value made = *ef_reader_value(reader, 0);
    int is_plain = n > 2;
    for (size_t k = 0; k < n; k++) {
        const ef_value *value = ef_reader_value(reader, k);
        is_plain =
            is_plain && !value->constant && !made.constant &&
            ef_shape_equal(reader->shapes[value->node], reader->shapes[made.node]) &&
            ef_dims_equal(&value->dims, &made.dims);
        node.inputs[k] = value->node;
    }
    if (is_plain) {
        node.n_inputs = (uint32_t)n;
        made.node = ef_reader_make(reader, &node, "");
    }
    for (size_t k = 1; k < n && !is_plain && !reader->status; k++) {
        made = ef_reader_add(reader, &made, ef_reader_value(reader, k));
    }
    ef_reader_give(reader, 0, made);
}
