#include "fold_help.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* protobuf-c's texts are not const, but nothing writes to these. */
static char *text_of(fold_case *c, const char *text)
{
    char *copy = ef_arena_strdup(&c->arena, text);
    cr_assert_not_null(copy);
    return copy;
}

void fold_begin(fold_case *c, const char *op_type, int64_t opset, size_t n_outputs)
{
    memset(c, 0, sizeof *c);
    ef_arena_init(&c->arena);
    onnx__node_proto__init(&c->node);
    c->node.op_type = text_of(c, op_type);
    c->node.attribute = c->pointers;
    c->node.output = c->outputs;
    c->node.n_output = n_outputs;
    for (size_t i = 0; i < n_outputs; i++) {
        c->outputs[i] = text_of(c, "y");
    }
    c->fold.arena = &c->arena;
    c->fold.node = &c->node;
    c->fold.opset = opset;
    c->fold.budget = 100000;
}

void fold_end(fold_case *c)
{
    ef_arena_clear(&c->arena);
}

static void add_input(fold_case *c, ef_constant *constant)
{
    c->fold.inputs[c->fold.n_inputs++] = constant;
}

void fold_absent(fold_case *c)
{
    add_input(c, NULL);
}

void fold_floats(fold_case *c, size_t rank, const int64_t *dims, const float *values)
{
    ef_constant *constant = ef_constant_new_floats(&c->arena, rank, dims, values);
    cr_assert_not_null(constant);
    add_input(c, constant);
}

void fold_integers(fold_case *c, size_t rank, const int64_t *dims,
                   const int64_t *values)
{
    ef_constant *constant = ef_constant_new_integers(&c->arena, rank, dims, values);
    cr_assert_not_null(constant);
    add_input(c, constant);
}

void fold_retype(fold_case *c, int32_t data_type)
{
    c->fold.inputs[c->fold.n_inputs - 1]->data_type = data_type;
}

static Onnx__AttributeProto *add_attribute(fold_case *c, const char *name)
{
    size_t i = c->node.n_attribute++;
    onnx__attribute_proto__init(&c->attributes[i]);
    c->attributes[i].name = text_of(c, name);
    c->pointers[i] = &c->attributes[i];
    return c->pointers[i];
}

void fold_int(fold_case *c, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute = add_attribute(c, name);
    attribute->has_i = 1;
    attribute->i = value;
}

void fold_float(fold_case *c, const char *name, float value)
{
    Onnx__AttributeProto *attribute = add_attribute(c, name);
    attribute->has_f = 1;
    attribute->f = value;
}

void fold_ints(fold_case *c, const char *name, size_t n, const int64_t *values)
{
    Onnx__AttributeProto *attribute = add_attribute(c, name);
    attribute->n_ints = n;
    attribute->ints = ef_arena_calloc(&c->arena, n, sizeof *values);
    cr_assert(attribute->ints);
    memcpy(attribute->ints, values, n * sizeof *values);
}

void fold_text(fold_case *c, const char *name, const char *text)
{
    Onnx__AttributeProto *attribute = add_attribute(c, name);
    attribute->has_s = 1;
    attribute->s.len = strlen(text);
    attribute->s.data = (uint8_t *)text_of(c, text);
}

void fold_tensor(fold_case *c, const char *name, Onnx__TensorProto *tensor)
{
    add_attribute(c, name)->t = tensor;
}

void fold_run(fold_case *c)
{
    ef_status status = ef_fold_run(&c->fold);
    cr_assert_eq(status, EF_OK, "%s: %s: %s", c->node.op_type, ef_status_name(status),
                 c->fold.why);
}

static ef_constant *output(fold_case *c, size_t k, size_t rank, const int64_t *dims)
{
    ef_constant *made = &c->fold.outputs[k];
    cr_assert_lt(k, c->fold.n_outputs);
    cr_assert_eq(made->rank, rank, "%s: rank %zu", c->node.op_type, made->rank);
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        cr_assert_eq(made->dims[i], dims[i], "%s: dimension %zu is %lld",
                     c->node.op_type, i, (long long)made->dims[i]);
        count *= (size_t)dims[i];
    }
    cr_assert_eq(made->count, count);
    return made;
}

void fold_expect_floats(fold_case *c, size_t k, size_t rank, const int64_t *dims,
                        const float *values)
{
    ef_constant *made = output(c, k, rank, dims);
    cr_assert(ef_constant_is_float(made));
    const float *found = ef_constant_floats(made, &c->arena);
    for (size_t i = 0; i < made->count; i++) {
        cr_assert(found[i] == values[i] || (isnan(found[i]) && isnan(values[i])),
                  "%s: element %zu is %.9g, not %.9g", c->node.op_type, i, found[i],
                  values[i]);
    }
}

void fold_expect_integers(fold_case *c, size_t k, size_t rank, const int64_t *dims,
                          const int64_t *values)
{
    ef_constant *made = output(c, k, rank, dims);
    cr_assert(ef_constant_is_integer(made));
    const int64_t *found = ef_constant_integers(made, &c->arena);
    for (size_t i = 0; i < made->count; i++) {
        cr_assert_eq(found[i], values[i], "%s: element %zu is %lld", c->node.op_type, i,
                     (long long)found[i]);
    }
}

void fold_expect_refused(fold_case *c, ef_status status, const char *why)
{
    c->fold.n_outputs = 7;
    c->fold.outputs[0].name = "untouched";
    ef_status found = ef_fold_run(&c->fold);
    cr_assert_eq(found, status, "%s: %s: %s", c->node.op_type, ef_status_name(found),
                 c->fold.why);
    cr_assert_str_eq(c->fold.why, why);
    cr_assert_eq(c->fold.n_outputs, 7);
    cr_assert_str_eq(c->fold.outputs[0].name, "untouched");
}
