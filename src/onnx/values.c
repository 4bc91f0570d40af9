/* Inputs and outputs of the node in hand. */
#include <string.h>

#include "onnx/reader.h"

int ef_reader_spend(ef_reader *reader, uint64_t count)
{
    if (count > reader->budget) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its constants spread to more values than are reasonable");
        return 0;
    }
    reader->budget -= (size_t)count;
    return 1;
}

uint32_t ef_reader_intern(ef_reader *reader, const char *name)
{
    uint32_t at;
    if (!ef_names_find(&reader->names, name, &at)) {
        at = reader->n_values++;
        ef_names_put(&reader->names, name, at);
    }
    return at;
}

int ef_reader_is_given(const ef_reader *reader, size_t k)
{
    return k < reader->node->n_input && reader->node->input[k][0] != '\0';
}

ef_value *ef_reader_value(ef_reader *reader, size_t k)
{
    uint32_t at = 0;
    if (!ef_reader_is_given(reader, k)) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "input %zu is missing", k + 1);
    } else if (!ef_names_find(&reader->names, reader->node->input[k], &at) ||
               !reader->table[at].is_defined) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "its input %.200s comes from nowhere before it",
                         reader->node->input[k]);
        at = 0;
    }
    return &reader->table[at];
}

ef_value ef_reader_source(ef_reader *reader, size_t k)
{
    ef_value value = *ef_reader_value(reader, k);
    if (value.constant) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its input %.200s is not computed from the images",
                         reader->node->input[k]);
        value = (ef_value){.dims = {.rank = 0}};
    }
    return value;
}

ef_constant *ef_reader_constant(ef_reader *reader, size_t k)
{
    if (!ef_reader_is_given(reader, k)) {
        return NULL;
    }
    ef_constant *constant = ef_reader_value(reader, k)->constant;
    if (!constant) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its input %.200s is known only at run time, not a constant",
                         reader->node->input[k]);
    }
    return constant;
}

ef_constant *ef_reader_parameter(ef_reader *reader, size_t k)
{
    if (!ef_reader_is_given(reader, k)) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "input %zu is missing", k + 1);
    }
    return ef_reader_constant(reader, k);
}

size_t ef_reader_integers(ef_reader *reader, size_t k, int64_t *values, size_t most)
{
    ef_constant *constant = ef_reader_constant(reader, k);
    if (!constant || reader->status) {
        return 0;
    }
    if (!ef_constant_is_integer(constant) || constant->count > most) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "its input %.200s is not a list of at most %zu integers",
                         reader->node->input[k], most);
        return 0;
    }
    const int64_t *from = ef_constant_integers(constant, &reader->arena);
    if (!from) {
        ef_reader_refuse_memory(reader);
        return 0;
    }
    memcpy(values, from, constant->count * sizeof *values);
    return constant->count;
}

size_t ef_reader_list(ef_reader *reader, const char *name, size_t k, int64_t since,
                      int64_t *values, size_t most)
{
    return reader->opset < since ? ef_reader_ints(reader, name, values, most)
                                 : ef_reader_integers(reader, k, values, most);
}

const float *ef_reader_floats(ef_reader *reader, ef_constant *constant)
{
    if (reader->status || !constant) {
        return NULL;
    }
    if (!ef_constant_is_float(constant)) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED,
                         "constant %.200s does not hold floating-point numbers",
                         constant->name);
        return NULL;
    }
    const float *values = ef_constant_floats(constant, &reader->arena);
    if (!values) {
        ef_reader_refuse_memory(reader);
    }
    return values;
}

float ef_reader_scalar(ef_reader *reader, size_t k, float otherwise)
{
    ef_constant *constant = ef_reader_constant(reader, k);
    if (constant && constant->count != 1) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "its input %.200s is not one number",
                         reader->node->input[k]);
    }
    const float *values = ef_reader_floats(reader, constant);
    return values ? values[0] : otherwise;
}

ef_constant *ef_reader_new_floats(ef_reader *reader, const ef_dims *dims,
                                  float **values)
{
    char why[EF_CONSTANT_REASON];
    if (reader->status || !ef_reader_spend(reader, (uint64_t)ef_dims_count(dims))) {
        return NULL;
    }
    ef_constant *made = ef_arena_calloc(&reader->arena, 1, sizeof *made);
    float *to =
        ef_arena_calloc(&reader->arena, (size_t)ef_dims_count(dims), sizeof *to);
    if (!made || !to) {
        ef_reader_refuse_memory(reader);
        return NULL;
    }
    if (ef_constant_set_dims(made, dims->rank, dims->size, why)) {
        ef_reader_refuse(reader, EF_ERR_UNSUPPORTED, "%s", why);
        return NULL;
    }
    made->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    made->floats = *values = to;
    made->name = "";
    return made;
}

size_t ef_reader_axis(ef_reader *reader, int64_t axis, size_t rank)
{
    int64_t all = (int64_t)(rank + reader->lead);
    int64_t place = axis < 0 ? axis + all : axis;
    if (place < 0 || place >= all) {
        ef_reader_refuse(reader, EF_ERR_INPUT, "it has no axis %lld", (long long)axis);
        return 0;
    }
    if (place < (int64_t)reader->lead) {
        ef_reader_refuse_mixing(reader);
        return 0;
    }
    return (size_t)place - reader->lead;
}

/* Whether the node in hand has this one for an input; not where it looks through a view
 * or a transpose that others may read. */
static int is_read(const ef_reader *reader, uint32_t node)
{
    uint32_t at;
    for (size_t k = 0; k < reader->node->n_input; k++) {
        if (ef_names_find(&reader->names, reader->node->input[k], &at) &&
            reader->table[at].is_defined && !reader->table[at].constant &&
            reader->table[at].node == node) {
            return 1;
        }
    }
    return 0;
}

void ef_reader_give(ef_reader *reader, size_t k, ef_value value)
{
    const Onnx__NodeProto *node = reader->node;
    if (reader->status || k >= node->n_output || node->output[k][0] == '\0') {
        return;
    }
    ef_value *to = &reader->table[ef_reader_intern(reader, node->output[k])];
    if (to->is_defined) {
        ef_reader_refuse(reader, EF_ERR_INPUT,
                         "its output %.200s has a name that is taken", node->output[k]);
        return;
    }
    if (!value.constant) {
        /* Another name for a node that this one reads is itself one of its readers. */
        uint32_t *readers = &reader->readers[value.node];
        *readers += to->uses - (*readers > 0 && is_read(reader, value.node));
        ef_label *label = &reader->labels[value.node];
        label->output = label->output ? label->output : node->output[k];
    }
    value.uses = to->uses;
    value.is_defined = 1;
    *to = value;
}

void ef_reader_give_node(ef_reader *reader, uint32_t node, const ef_dims *dims)
{
    ef_reader_give(reader, 0, (ef_value){.node = node, .dims = *dims});
}
