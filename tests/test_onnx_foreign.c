/* Models of other programs in what onnx_help.h has no words for: where tensors keep
 * their values, domains, metadata, and damage to all of these. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "onnx_help.h"

#define CONV                                                                           \
    "x = input N 2 3 3; first.weight = float 4 2 1 1; first.bias = float 4;"           \
    "first: c = Conv x first.weight first.bias; p: y = MaxPool c kernel_shape=2,2;"    \
    "output y"

TestSuite(onnx_foreign, .timeout = 60);

typedef void change_function(Onnx__ModelProto *model);

/* CONV, changed. */
static packed change(change_function *function)
{
    Onnx__ModelProto *model = onnx_model(CONV);
    function(model);
    return pack(model);
}

static void rename_text(char **text, const char *to)
{
    free(*text);
    *text = strdup(to);
    cr_assert_not_null(*text);
}

/* One more entry of the metadata. */
static void add_entry(Onnx__ModelProto *model, const char *key, const char *value)
{
    size_t n = model->n_metadata_props++;
    Onnx__StringStringEntryProto *entry = calloc(1, sizeof *entry);
    if ((n & (n - 1)) == 0) { /* room for a power of two */
        model->metadata_props =
            realloc(model->metadata_props, 2 * (n + 1) * sizeof *model->metadata_props);
    }
    cr_assert(entry && model->metadata_props);
    onnx__string_string_entry_proto__init(entry);
    entry->key = strdup(key);
    entry->value = strdup(value);
    model->metadata_props[n] = entry;
}

/* --- refused
 * --------------------------------------------------------------------------
 */

static void to_no_operator(Onnx__ModelProto *model)
{
    rename_text(&model->graph->node[0]->op_type, "");
}

static void to_foreign_domain(Onnx__ModelProto *model)
{
    model->graph->node[0]->domain = strdup("com.example");
}

static void to_no_opset(Onnx__ModelProto *model)
{
    model->opset_import[0]->domain = strdup("com.example");
}

static void to_constant_too_short(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->raw_data.len -= 4;
}

static void to_huge_dimensions(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->dims[0] = INT64_MAX;
}

static void to_negative_dimensions(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->dims[0] = -4;
}

static void to_more_than_it_holds(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->dims[0] = 1 << 20;
}

static void to_doubles(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
}

static void to_strings(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
}

static void to_external_data(Onnx__ModelProto *model)
{
    model->graph->initializer[0]->has_data_location = 1;
    model->graph->initializer[0]->data_location =
        ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
}

static void to_integer_images(Onnx__ModelProto *model)
{
    model->graph->input[0]->type->tensor_type->elem_type =
        ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
}

static void to_format_of_nothing(Onnx__ModelProto *model)
{
    add_entry(model, EF_ONNX_WEIGHTS_KEY "second", "int8c");
}

static void to_no_format(Onnx__ModelProto *model)
{
    add_entry(model, EF_ONNX_ACTIVATIONS_KEY "first", "int99");
}

static void to_ceil_of_words(Onnx__ModelProto *model)
{
    add_entry(model, EF_ONNX_CEIL_KEY "p", "one two");
}

Test(onnx_foreign, refuses_what_does_not_fit)
{
    static const struct {
        change_function *function;
        ef_status status;
        const char *text;
    } rows[] = {
        {to_no_operator, EF_ERR_INPUT, "m.onnx: a node has no operator"},
        {to_foreign_domain, EF_ERR_UNSUPPORTED, "node first (Conv): this operator"},
        {to_no_opset, EF_ERR_INPUT, "not an ONNX model with a graph"},
        {to_constant_too_short, EF_ERR_INPUT, "first.weight: it holds 28 bytes"},
        {to_huge_dimensions, EF_ERR_UNSUPPORTED, "first.weight: it has more than"},
        {to_negative_dimensions, EF_ERR_INPUT, "constant first.weight: it "},
        {to_more_than_it_holds, EF_ERR_INPUT,
         "first.weight: it holds 32 bytes instead of 8388608"},
        {to_doubles, EF_ERR_INPUT, "first.weight: it holds 32 bytes instead of 64"},
        {to_strings, EF_ERR_UNSUPPORTED, "constant first.weight: it "},
        {to_external_data, EF_ERR_UNSUPPORTED, "lies in a file of its own"},
        {to_integer_images, EF_ERR_UNSUPPORTED, "its input is not a float tensor"},
        {to_format_of_nothing, EF_ERR_INPUT,
         "evoflip.weights.second gives a format to a node that is not there"},
        {to_no_format, EF_ERR_INPUT, "evoflip.activations.first: "},
        {to_ceil_of_words, EF_ERR_INPUT,
         "node p (MaxPool): evoflip.ceil.p holds 'one two', not two numbers"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error err;
        packed m = change(rows[i].function);
        cr_expect_eq(refuse(m.bytes, m.size, &err), rows[i].status, "%s", err.text);
        cr_expect(strstr(err.text, rows[i].text), "%s", err.text);
        ef_free(m.bytes);
    }
}

/* --- read ----------------------------------------------------------------------------
 */

static void to_typed_data(Onnx__ModelProto *model)
{
    for (size_t i = 0; i < model->graph->n_initializer; i++) {
        Onnx__TensorProto *tensor = model->graph->initializer[i];
        tensor->n_float_data = tensor->raw_data.len / 4;
        tensor->float_data = (float *)(void *)tensor->raw_data.data;
        tensor->raw_data.data = NULL;
        tensor->raw_data.len = 0;
        tensor->has_raw_data = 0;
    }
}

static void to_initialisers_that_are_inputs(Onnx__ModelProto *model)
{
    Onnx__GraphProto *graph = model->graph;
    Onnx__ValueInfoProto *info = calloc(1, sizeof *info);
    graph->input = realloc(graph->input, 2 * sizeof(Onnx__ValueInfoProto *));
    cr_assert(info && graph->input);
    onnx__value_info_proto__init(info);
    info->name = strdup("first.weight");
    graph->input[graph->n_input++] = info;
}

static void to_own_domain(Onnx__ModelProto *model)
{
    model->opset_import[0]->domain = strdup("ai.onnx");
    model->graph->node[0]->domain = strdup("ai.onnx");
}

Test(onnx_foreign, reads_the_same_from_other_forms)
{
    change_function *const rows[] = {to_typed_data, to_initialisers_that_are_inputs,
                                     to_own_domain};
    ef_net *plain = read_text(CONV);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        packed m = change(rows[i]);
        ef_net *net = read_net(m, NULL);
        expect_twins("form", net, plain);
        ef_free(m.bytes);
        ef_net_destroy(net);
    }
    ef_net_destroy(plain);
}

/* Two texts for one network: weights (out, in) or (in, out), names, order, what nobody
 * reads. */
static const struct {
    const char *name, *text, *twin;
} twins[] = {
    {"weights the other way round",
     "x = input N 3; w = float 2 3 : 1 2 3 4 5 6; y = Gemm x w transB=1; output y",
     "x = input N 3; w = float 3 2 : 1 4 2 5 3 6; y = Gemm x w; output y"},
    {"initialisers in another order under other names",
     "x = input N 3; a = float 2 : 5 6; w = float 3 2; y = Gemm x w a; output y",
     "in = input N 3; y.w = float 3 2; w = float 2 : 5 6; z = Gemm in y.w w; output z"},
    {"a node that nobody reads",
     "x = input N 3; u = LSTM x; v = Relu x; y = Tanh x; w = Tanh v; output y",
     "x = input N 3; y = Tanh x; output y"},
    {"a constant that nobody reads", "x = input N 3; c = int 7; y = Tanh x; output y",
     "x = input N 3; y = Tanh x; output y"},
};

Test(onnx_foreign, goes_by_use_and_not_by_name)
{
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++) {
        ef_net *net = read_text(twins[i].text), *twin = read_text(twins[i].twin);
        expect_twins(twins[i].name, net, twin);
        ef_net_destroy(net);
        ef_net_destroy(twin);
    }
}

/* Notes of the writer count for any model. */
static void to_formats(Onnx__ModelProto *model)
{
    add_entry(model, EF_ONNX_WEIGHTS_KEY "first", "int8c");
    add_entry(model, "author", "somebody");
    add_entry(model, "author", "somebody else"); /* keys should be distinct */
}

Test(onnx_foreign, reads_metadata)
{
    ef_onnx_metadata metadata;
    ef_error err = {0};
    ef_format format;
    packed m = change(to_formats);
    ef_onnx_metadata_init(&metadata);
    ef_net *net = read_net(m, &metadata);
    must(ef_format_parse("int8c", &format, &err), &err);
    size_t node = ef_topology_find(net->topology, "first");
    cr_expect(ef_format_equal(&ef_topology_node(net->topology, node)->weight_format,
                              &format));
    cr_expect_eq(metadata.n, 1);
    cr_expect_str_eq(ef_onnx_metadata_get(&metadata, "author"), "somebody");
    ef_onnx_metadata_clear(&metadata);
    ef_net_destroy(net);
    ef_free(m.bytes);
}

static void add_entries(Onnx__ModelProto *model, int n)
{
    char key[256];
    memset(key, 'k', sizeof key);
    for (int i = 0; i < n; i++) {
        snprintf(key + 200, sizeof key - 200, "%d", i);
        add_entry(model, key, "v");
    }
}

static void to_many_entries(Onnx__ModelProto *model)
{
    add_entries(model, 16000);
}

static void to_too_many_entries(Onnx__ModelProto *model)
{
    add_entries(model, 16385);
}

Test(onnx_foreign, refuses_more_metadata_than_nodes_need)
{
    ef_error err;
    packed m = change(to_too_many_entries);
    cr_expect_eq(refuse(m.bytes, m.size, &err), EF_ERR_UNSUPPORTED);
    cr_expect(strstr(err.text, "there are too many metadata"), "%s", err.text);
    ef_free(m.bytes);
}

/* In a time that grows with their number: 16 000 keys that begin alike would take
 * billions of comparisons of letters two by two. */
Test(onnx_foreign, reads_many_metadata)
{
    ef_onnx_metadata metadata;
    packed m = change(to_many_entries);
    ef_onnx_metadata_init(&metadata);
    ef_net *net = read_net(m, &metadata);
    cr_expect_eq(metadata.n, 16000);
    ef_onnx_metadata_clear(&metadata);
    ef_net_destroy(net);
    ef_free(m.bytes);
}

Test(onnx_foreign, says_so_when_memory_is_short_for_metadata)
{
    packed m = change(to_formats);
    ef_onnx_metadata metadata;
    ef_onnx_metadata_init(&metadata);
    long n = 0;
    for (ef_status status = EF_ERR_MEMORY; status != EF_OK; n++) {
        ef_error err = {0};
        ef_net *net = NULL;
        ef_mem_fail_after(n);
        status = ef_onnx_read(&net, &metadata, "m.onnx", m.bytes, m.size, &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || (status == EF_ERR_MEMORY && !net));
        cr_assert_eq(metadata.n, status == EF_OK);
        ef_net_destroy(net);
    }
    ef_onnx_metadata_clear(&metadata);
    ef_free(m.bytes);
}
