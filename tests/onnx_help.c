#include "onnx_help.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/forward.h"

#define MOST_WORDS 256

void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err->text);
}

/* --- text to model ------------------------------------------------------------------
 * protobuf-c releases all of it with free(). */

static void *zeroed(size_t n, size_t size)
{
    void *made = calloc(n ? n : 1, size);
    cr_assert_not_null(made);
    return made;
}

static char *copy_of(const char *text)
{
    char *copy = zeroed(strlen(text) + 1, 1);
    return strcpy(copy, text);
}

/* One more in a list of pointers or numbers, which has room for a power of two. */
#define APPEND(list, n, item)                                                          \
    do {                                                                               \
        if (((n) & ((n)-1)) == 0) {                                                    \
            (list) = realloc((list), ((n) ? 2 * (n) : 1) * sizeof *(list));            \
            cr_assert_not_null((list));                                                \
        }                                                                              \
        (list)[(n)++] = (item);                                                        \
    } while (0)

static size_t split(char *line, char **words)
{
    size_t n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest)) {
        cr_assert_lt(n, MOST_WORDS);
        words[n++] = word;
    }
    return n;
}

static void add_value_info(Onnx__ValueInfoProto ***list, size_t *n, const char *name,
                           char **dims, size_t rank)
{
    Onnx__ValueInfoProto *info = zeroed(1, sizeof *info);
    Onnx__TypeProto *type = zeroed(1, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = zeroed(1, sizeof *tensor);
    Onnx__TensorShapeProto *shape = zeroed(1, sizeof *shape);
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    for (size_t i = 0; i < rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = zeroed(1, sizeof *dim);
        onnx__tensor_shape_proto__dimension__init(dim);
        if (strchr("-0123456789", dims[i][0])) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = strtoll(dims[i], NULL, 10);
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = copy_of(dims[i]);
        }
        APPEND(shape->dim, shape->n_dim, dim);
    }
    info->name = copy_of(name);
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape;
    APPEND(*list, *n, info);
}

static void add_tensor(Onnx__GraphProto *graph, const char *name, char **words,
                       size_t n, int is_float)
{
    Onnx__TensorProto *tensor = zeroed(1, sizeof *tensor);
    size_t rank = 0, count = 1;
    onnx__tensor_proto__init(tensor);
    for (; rank < n && strcmp(words[rank], ":") != 0; rank++) {
        APPEND(tensor->dims, tensor->n_dims, strtoll(words[rank], NULL, 10));
        count *= (size_t)tensor->dims[rank];
    }
    char **values = rank + 1 < n ? words + rank + 1 : NULL;
    size_t n_values = rank + 1 < n ? n - rank - 1 : 0;
    size_t size = is_float ? sizeof(float) : sizeof(int64_t);
    tensor->name = copy_of(name);
    tensor->has_data_type = tensor->has_raw_data = 1;
    tensor->data_type = is_float ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
                                 : ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    tensor->raw_data.len = count * size;
    tensor->raw_data.data = zeroed(count, size);
    for (size_t i = 0; i < count; i++) {
        const char *word = values ? values[i % n_values] : NULL;
        float single = word ? strtof(word, NULL) : (float)i;
        int64_t whole = word ? strtoll(word, NULL, 10) : (int64_t)i;
        memcpy(tensor->raw_data.data + i * size,
               is_float ? (const void *)&single : (const void *)&whole, size);
    }
    APPEND(graph->initializer, graph->n_initializer, tensor);
}

/* word is name=value. */
static Onnx__AttributeProto *attribute_of(char *word)
{
    Onnx__AttributeProto *made = zeroed(1, sizeof *made);
    char *value = strchr(word, '=');
    *value++ = '\0';
    int is_float = strchr(value, '.') != NULL, is_list = strchr(value, ',') != NULL;
    onnx__attribute_proto__init(made);
    made->name = copy_of(word);
    made->has_type = 1;
    if (!strchr("-0123456789", value[0])) {
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        made->has_s = 1;
        made->s.data = (unsigned char *)copy_of(value);
        made->s.len = strlen(value);
    } else if (!is_list && is_float) {
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        made->has_f = 1;
        made->f = strtof(value, NULL);
    } else if (!is_list) {
        made->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        made->has_i = 1;
        made->i = strtoll(value, NULL, 10);
    } else {
        char *rest = NULL;
        made->type = is_float ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS
                              : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        for (char *one = strtok_r(value, ",", &rest); one;
             one = strtok_r(NULL, ",", &rest)) {
            if (is_float) {
                APPEND(made->floats, made->n_floats, strtof(one, NULL));
            } else {
                APPEND(made->ints, made->n_ints, strtoll(one, NULL, 10));
            }
        }
    }
    return made;
}

static char *value_name(const char *word)
{
    return copy_of(strcmp(word, "_") == 0 ? "" : word);
}

/* [name:] outputs = operator inputs and attributes; equals is the position of "=". */
static void add_node(Onnx__GraphProto *graph, char **words, size_t n, size_t equals)
{
    Onnx__NodeProto *node = zeroed(1, sizeof *node);
    size_t length = strlen(words[0]), first = words[0][length - 1] == ':';
    onnx__node_proto__init(node);
    if (first) {
        words[0][length - 1] = '\0';
        node->name = copy_of(words[0]);
    }
    for (size_t i = first; i < equals; i++) {
        APPEND(node->output, node->n_output, value_name(words[i]));
    }
    node->op_type = copy_of(words[equals + 1]);
    for (size_t i = equals + 2; i < n; i++) {
        if (strchr(words[i], '=')) {
            APPEND(node->attribute, node->n_attribute, attribute_of(words[i]));
        } else {
            APPEND(node->input, node->n_input, value_name(words[i]));
        }
    }
    APPEND(graph->node, graph->n_node, node);
}

static void add_line(Onnx__ModelProto *model, char *line)
{
    Onnx__GraphProto *graph = model->graph;
    char *words[MOST_WORDS];
    size_t n = split(line, words), equals = 0;
    if (n == 0) {
        return;
    }
    while (equals < n && strcmp(words[equals], "=") != 0) {
        equals++;
    }
    if (equals == n) {
        cr_assert_eq(n, 2, "what is %s?", words[0]);
        if (strcmp(words[0], "opset") == 0) {
            model->opset_import[0]->version = strtoll(words[1], NULL, 10);
        } else {
            cr_assert_str_eq(words[0], "output");
            add_value_info(&graph->output, &graph->n_output, words[1], NULL, 0);
        }
        return;
    }
    cr_assert_lt(equals + 1, n);
    const char *what = words[equals + 1];
    char **rest = words + equals + 2;
    if (strcmp(what, "input") == 0) {
        add_value_info(&graph->input, &graph->n_input, words[0], rest, n - equals - 2);
    } else if (strcmp(what, "float") == 0 || strcmp(what, "int") == 0) {
        add_tensor(graph, words[0], rest, n - equals - 2, what[0] == 'f');
    } else {
        add_node(graph, words, n, equals);
    }
}

Onnx__ModelProto *onnx_model(const char *text)
{
    Onnx__ModelProto *model = zeroed(1, sizeof *model);
    Onnx__OperatorSetIdProto *opset = zeroed(1, sizeof *opset);
    char *lines = copy_of(text), *rest = NULL;
    onnx__model_proto__init(model);
    onnx__operator_set_id_proto__init(opset);
    opset->has_version = model->has_ir_version = 1;
    opset->version = 13;
    model->ir_version = 8;
    APPEND(model->opset_import, model->n_opset_import, opset);
    model->graph = zeroed(1, sizeof *model->graph);
    onnx__graph_proto__init(model->graph);
    model->graph->name = copy_of("test");
    for (char *line = strtok_r(lines, ";\n", &rest); line;
         line = strtok_r(NULL, ";\n", &rest)) {
        add_line(model, line);
    }
    free(lines);
    return model;
}

/* --- bytes and networks --------------------------------------------------------------
 */

packed pack(Onnx__ModelProto *model)
{
    packed m = {NULL, onnx__model_proto__get_packed_size(model)};
    m.bytes = ef_calloc(m.size, 1);
    cr_assert_not_null(m.bytes);
    onnx__model_proto__pack(model, m.bytes);
    onnx__model_proto__free_unpacked(model, NULL);
    return m;
}

packed pack_text(const char *text)
{
    return pack(onnx_model(text));
}

Onnx__ModelProto *unpack(packed m)
{
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, m.size, m.bytes);
    cr_assert_not_null(model);
    ef_free(m.bytes);
    return model;
}

packed write_net(const ef_net *net, const ef_onnx_metadata *metadata)
{
    ef_error err = {0};
    packed m = {NULL, 0};
    must(ef_onnx_write(net, metadata, &m.bytes, &m.size, &err), &err);
    return m;
}

ef_net *read_net(packed m, ef_onnx_metadata *metadata)
{
    ef_error err = {0};
    ef_net *net = NULL;
    must(ef_onnx_read(&net, metadata, "m.onnx", m.bytes, m.size, &err), &err);
    return net;
}

ef_net *read_text(const char *text)
{
    ef_error err = {0};
    packed m = pack_text(text);
    ef_net *net = NULL;
    ef_status status = ef_onnx_read(&net, NULL, "m.onnx", m.bytes, m.size, &err);
    cr_assert_eq(status, EF_OK, "%s\nof\n%s", err.text, text);
    ef_free(m.bytes);
    return net;
}

ef_status refuse(const void *bytes, size_t size, ef_error *err)
{
    ef_net *net = NULL;
    memset(err, 0, sizeof *err);
    ef_status status = ef_onnx_read(&net, NULL, "m.onnx", bytes, size, err);
    cr_assert_neq(status, EF_OK);
    cr_assert_null(net);
    cr_assert_eq(strncmp(err->text, "m.onnx: ", 8), 0, "%s", err->text);
    return status;
}

ef_status refuse_text(const char *text, ef_error *err)
{
    packed m = pack_text(text);
    ef_net *net = NULL;
    memset(err, 0, sizeof *err);
    ef_status status = ef_onnx_read(&net, NULL, "m.onnx", m.bytes, m.size, err);
    cr_expect_neq(status, EF_OK, "not refused:\n%s", text);
    ef_net_destroy(net);
    ef_free(m.bytes);
    return status;
}

const char *ops_of(const ef_net *net)
{
    static char text[4096];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 1; i < ef_topology_n_nodes(net->topology); i++) {
        const char *name = ef_op_name(ef_topology_node(net->topology, i)->op);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                 i > 1 ? " " : "", name);
        cr_assert_lt(used, sizeof text);
    }
    return text;
}

/* --- numbers -------------------------------------------------------------------------
 */

float *logits_of_ramp(const ef_net *net, size_t n, size_t *n_logits)
{
    ef_error err = {0};
    const ef_topology *topology = net->topology;
    size_t size = ef_shape_elements(ef_topology_shape(topology, 0));
    *n_logits = n * ef_shape_elements(
                        ef_topology_shape(topology, ef_topology_output(topology)));
    float *images = ef_calloc(n * size, sizeof *images);
    float *logits = ef_calloc(*n_logits, sizeof *logits);
    cr_assert(images && logits);
    for (size_t i = 0; i < n * size; i++) {
        images[i] = (float)i;
    }
    must(ef_forward_naive(net, images, n, logits, &err), &err);
    ef_free(images);
    return logits;
}

void expect_logits(const char *name, const ef_net *net, const char *expected)
{
    size_t n, k = 0;
    float *logits = logits_of_ramp(net, 1, &n);
    char *end = NULL;
    for (const char *at = expected; k < n; k++, at = end) {
        double value = strtod(at, &end);
        cr_assert_neq(end, at, "%s: more than %zu logits", name, k);
        double error = fabs(logits[k] - value) / fmax(1, fabs(value));
        cr_expect(error <= 1e-5, "%s: logit %zu is %.9g instead of %.9g", name, k,
                  (double)logits[k], value);
    }
    cr_expect_eq(strspn(end ? end : "", " "), strlen(end ? end : ""),
                 "%s: only %zu logits", name, n);
    ef_free(logits);
}

void expect_twins(const char *name, const ef_net *a, const ef_net *b)
{
    size_t n, n_other;
    cr_expect_eq(ef_topology_hash(a->topology), ef_topology_hash(b->topology), "%s: %s",
                 name, ops_of(a));
    float *x = logits_of_ramp(a, 2, &n), *y = logits_of_ramp(b, 2, &n_other);
    cr_assert_eq(n, n_other, "%s", name);
    cr_expect_eq(memcmp(x, y, n * sizeof *x), 0, "%s", name);
    ef_free(x);
    ef_free(y);
}
