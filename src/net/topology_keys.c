/* Words and keys of the text form, and the values of keys. */
#include "net/topology_keys_priv.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

/* --- how values are laid out ------------------------------------------------ */

static const ef_layout number = {.meaning = "a number", 1, {0}, {1}, .repeats = 1};
static const ef_layout pair = {
    .meaning = "a number or [height, width]", 2, {0, 1}, {1, 2}, .repeats = 1};
static const ef_layout sides = {
    .meaning = "a number, [height, width], [top, left, bottom, right] or same",
    4,
    {0, 1, 2, 3},
    {1, 2, 4},
    .repeats = 1};
/* Of ef_pad: height and width of before[3] and after[3]. */
static const ef_layout plane = {
    .meaning = "a number, [height, width] or [top, left, bottom, right]",
    4,
    {1, 2, 4, 5},
    {1, 2, 4},
    .repeats = 1};
/* Of ef_pad: one axis of before[3] and after[3]. */
static const ef_layout ends = {
    .meaning = "a number or [before, after]", 2, {0, 3}, {1, 2}, .repeats = 1};
/* Of ef_slice: one axis of begin[3], end[3] and step[3]. */
static const ef_layout range = {
    .meaning = "[begin, end] or [begin, end, step]", 3, {0, 3, 6}, {2, 3}};
static const ef_layout order = {.meaning = "three axes", 3, {0, 1, 2}, {3}};
static const ef_layout real = {
    .meaning = "a number", 1, {0}, {1}, .repeats = 1, .is_real = 1};
static const ef_layout reals = {.meaning = "two numbers", 2, {0, 1}, {2}, .is_real = 1};
static const ef_layout bounds = {
    .meaning = "two numbers", 2, {0, 1}, {2}, .is_real = 1, .is_bound = 1};
static const ef_layout shape = {.meaning = "[channels, height, width] or [values]",
                                4,
                                {0, 1, 2, 3},
                                {1, 3},
                                .is_shape = 1};
static const ef_layout flag = {
    .meaning = "yes or no", 1, {0}, {1}, .repeats = 1, .is_flag = 1};

/* --- words ------------------------------------------------------------------ */

#define AT(field) offsetof(ef_node, u.field)
#define SLICE_AXIS(axis) (AT(slice) + offsetof(ef_slice, begin) + (axis)*4)

#define KEY(name, layout, offset, least)                                               \
    {                                                                                  \
        name, &layout, offset, least, 0                                                \
    }
#define REQUIRED(name, layout, offset, least)                                          \
    {                                                                                  \
        name, &layout, offset, least, 1                                                \
    }
#define VALUE(layout, offset, least)                                                   \
    {                                                                                  \
        NULL, &layout, offset, least, 1                                                \
    }

static void follow_pool(ef_node *node, ef_shape in)
{
    (void)in;
    memcpy(node->u.pool.stride, node->u.pool.kernel, sizeof node->u.pool.stride);
}

static void follow_slice(ef_node *node, ef_shape in)
{
    const uint32_t axes[3] = {in.channels, in.height, in.width};
    memcpy(node->u.slice.end, axes, sizeof axes);
}

#define ACTIVATION(word, its_kind)                                                     \
    .name = word, EF_OP_ACTIVATION, EF_ACTIVATION_##its_kind

/* Keys are read in the order of their rows: `pad: same` needs those before it. */
static const ef_word words[] = {
    {.name = "conv",
     EF_OP_CONV,
     .value = VALUE(number, AT(conv.channels), 1),
     .keys = {REQUIRED("kernel", pair, AT(conv.kernel), 1),
              KEY("stride", pair, AT(conv.stride), 1),
              KEY("dilation", pair, AT(conv.dilation), 1),
              KEY("pad", sides, AT(conv.pad), 0),
              KEY("groups", number, AT(conv.groups), 1),
              KEY("bias", flag, AT(conv.bias), 0)}},
    {.name = "dense",
     EF_OP_DENSE,
     .value = VALUE(number, AT(dense.channels), 1),
     .keys = {KEY("bias", flag, AT(dense.bias), 0)}},
    {.name = "maxpool",
     EF_OP_MAXPOOL,
     .value = VALUE(pair, AT(pool.kernel), 1),
     .follow = follow_pool,
     .keys = {KEY("stride", pair, AT(pool.stride), 1),
              KEY("dilation", pair, AT(pool.dilation), 1),
              KEY("pad", sides, AT(pool.pad), 0),
              KEY("ceil", flag, AT(pool.ceil_mode), 0)}},
    {.name = "avgpool",
     EF_OP_AVGPOOL,
     .value = VALUE(pair, AT(pool.kernel), 1),
     .follow = follow_pool,
     .keys = {KEY("stride", pair, AT(pool.stride), 1),
              KEY("pad", sides, AT(pool.pad), 0),
              KEY("ceil", flag, AT(pool.ceil_mode), 0),
              KEY("count-pad", flag, AT(pool.count_include_pad), 0)}},
    {.name = "globalavg", EF_OP_GLOBALAVG},
    {.name = "globalmax", EF_OP_GLOBALMAX},
    {.name = "batchnorm",
     EF_OP_BATCHNORM,
     .keys = {KEY("epsilon", real, AT(batchnorm.epsilon), 0)}},
    {ACTIVATION("relu", RELU)},
    {ACTIVATION("relu6", CLIP), .has_preset = 1, .low = 0, .high = 6},
    {ACTIVATION("clip", CLIP), .value = VALUE(bounds, AT(activation.low), 0)},
    {ACTIVATION("leaky", LEAKY), .value = VALUE(real, AT(activation.low), 0)},
    {ACTIVATION("prelu", PRELU)},
    {ACTIVATION("sigmoid", SIGMOID)},
    {ACTIVATION("hardsigmoid", HARDSIGMOID),
     .value = VALUE(reals, AT(activation.low), 0)},
    {ACTIVATION("hardswish", HARDSWISH)},
    {ACTIVATION("tanh", TANH)},
    {.name = "add", EF_OP_ADD, .lists_inputs = 1},
    {.name = "mul", EF_OP_MUL, .lists_inputs = 1},
    {.name = "div", EF_OP_DIV, .lists_inputs = 1},
    {.name = "concat", EF_OP_CONCAT, .lists_inputs = 1},
    {.name = "scale", EF_OP_SCALE},
    {.name = "pad",
     EF_OP_PAD,
     .value = VALUE(plane, AT(pad.before), 0),
     .keys = {KEY("channels", ends, AT(pad.before), 0),
              KEY("value", real, AT(pad.value), 0)}},
    {.name = "slice",
     EF_OP_SLICE,
     .follow = follow_slice,
     .keys = {KEY("channels", range, SLICE_AXIS(0), 0),
              KEY("height", range, SLICE_AXIS(1), 0),
              KEY("width", range, SLICE_AXIS(2), 0)}},
    {.name = "transpose", EF_OP_TRANSPOSE, .value = VALUE(order, AT(transpose), 0)},
    {.name = "flatten", EF_OP_FLATTEN},
    {.name = "reshape", EF_OP_RESHAPE, .value = VALUE(shape, AT(reshape), 1)},
    {.name = "upsample", EF_OP_UPSAMPLE, .value = VALUE(pair, AT(upsample), 1)},
    {.name = "softmax",
     EF_OP_SOFTMAX,
     .keys = {KEY("axis", number, AT(softmax.axis), 0)}},
};
#define N_WORDS (sizeof words / sizeof words[0])

const ef_word *ef_word_find(const char *name)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (strcmp(words[i].name, name) == 0) {
            return &words[i];
        }
    }
    return NULL;
}

static int stands_for(const ef_word *word, const ef_node *node)
{
    if (word->op != node->op) {
        return 0;
    }
    const ef_activation *activation = &node->u.activation;
    return node->op != EF_OP_ACTIVATION ||
           (word->kind == activation->kind &&
            (!word->has_preset ||
             (word->low == activation->low && word->high == activation->high)));
}

const ef_word *ef_word_of(const ef_node *node)
{
    size_t i = 0;
    while (i < N_WORDS && !stands_for(&words[i], node)) {
        i++;
    }
    return i < N_WORDS ? &words[i] : NULL;
}

void ef_word_list(char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < N_WORDS && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                                 words[i].name);
    }
}

ef_node ef_word_default(const ef_word *word)
{
    ef_node node = ef_node_default(word->op);
    if (word->op == EF_OP_ACTIVATION) {
        node.u.activation = (ef_activation){word->kind, word->low, word->high};
    }
    return node;
}

/* --- values ----------------------------------------------------------------- */

static uint32_t *word_of(const ef_key *key, ef_node *node, size_t i)
{
    return (uint32_t *)(void *)((char *)node + key->offset) + key->layout->words[i];
}

static uint32_t read_word(const ef_key *key, const ef_node *node, size_t i)
{
    uint32_t word;
    memcpy(&word,
           (const char *)node + key->offset + key->layout->words[i] * sizeof word,
           sizeof word);
    return word;
}

/* Whether the numbers of the node follow from the first n of them. */
static int suffices(const ef_key *key, const ef_node *node, size_t n)
{
    if (key->layout->is_shape) {
        return n == 3 || read_word(key, node, 3) == 2;
    }
    for (size_t i = n; i < key->layout->n; i++) {
        uint32_t rest = key->layout->repeats ? read_word(key, node, i % n) : 1;
        if (read_word(key, node, i) != rest) {
            return 0;
        }
    }
    return 1;
}

static int allows(const ef_layout *layout, size_t length)
{
    for (size_t i = 0; i < EF_MAX_NUMBERS; i++) {
        if (layout->lengths[i] == length) {
            return length > 0;
        }
    }
    return 0;
}

/* As YAML spells it. */
static int parse_infinite(const char *text, double *value)
{
    *value = *text == '-' ? -INFINITY : INFINITY;
    text += *text == '-' || *text == '+';
    return strcmp(text, ".inf") == 0;
}

static ef_status parse_number(const ef_key *key, const char *text, uint32_t *word,
                              ef_error *why)
{
    uint64_t whole = 0;
    double value = 0;
    int yes = 0;
    ef_status status = EF_OK;
    if (key->layout->is_real) {
        if (!key->layout->is_bound || !parse_infinite(text, &value)) {
            status = ef_parse_f64(text, -FLT_MAX, FLT_MAX, &value, why);
        }
        float as_float = (float)value;
        memcpy(word, &as_float, sizeof *word);
    } else if (key->layout->is_flag) {
        status = ef_parse_bool(text, &yes, why);
        *word = (uint32_t)yes;
    } else {
        status = ef_parse_u64(text, key->least, EF_MAX_ELEMENTS, &whole, why);
        *word = (uint32_t)whole;
    }
    return status;
}

ef_status ef_key_read(const ef_key *key, const ef_yaml_node *value, ef_node *node,
                      ef_error *err)
{
    const ef_layout *layout = key->layout;
    int is_list = ef_yaml_node_kind(value) == EF_YAML_LIST;
    size_t length = is_list ? ef_yaml_length(value) : 1;
    const char *text = ef_yaml_text(value);
    if ((!is_list && (!text || !*text)) || !allows(layout, length)) {
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(value), "%s: expected %s",
                           key->name, layout->meaning);
    }
    for (size_t i = 0; i < length; i++) {
        const ef_yaml_node *item = is_list ? ef_yaml_item(value, i) : value;
        ef_error why;
        ef_error_clear(&why);
        text = ef_yaml_text(item);
        if (!text) {
            return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(item),
                               "%s: expected %s", key->name, layout->meaning);
        }
        ef_status status = parse_number(key, text, word_of(key, node, i), &why);
        if (status) {
            return ef_error_at(err, status, ef_yaml_place(item), "%s: %s", key->name,
                               why.text);
        }
    }
    for (size_t i = length; layout->repeats && i < layout->n; i++) {
        *word_of(key, node, i) = read_word(key, node, i % length);
    }
    if (layout->is_shape) {
        *word_of(key, node, 3) = length == 1 ? 2 : 4;
    }
    return EF_OK;
}

/* The fewest digits that give the same float back. */
static void write_real(uint32_t word, ef_text *text)
{
    char digits[32];
    float value, back;
    int precision = 6;
    memcpy(&value, &word, sizeof value);
    if (isinf(value)) {
        ef_text_add(text, "%s", value < 0 ? "-.inf" : ".inf");
        return;
    }
    do {
        snprintf(digits, sizeof digits, "%.*g", precision, (double)value);
        back = strtof(digits, NULL);
    } while (back != value && ++precision <= 9);
    for (char *p = digits; *p; p++) {
        *p = *p == ',' ? '.' : *p; /* some locales' decimal point */
    }
    ef_text_add(text, "%s", digits);
}

static void write_number(const ef_layout *layout, uint32_t word, ef_text *text)
{
    if (layout->is_real) {
        write_real(word, text);
    } else if (layout->is_flag) {
        ef_text_add(text, "%s", word ? "yes" : "no");
    } else {
        ef_text_add(text, "%u", word);
    }
}

void ef_key_write(const ef_key *key, const ef_node *node, ef_text *text)
{
    size_t n = 1;
    while (!allows(key->layout, n) || !suffices(key, node, n)) {
        n++;
    }
    ef_text_add(text, "%s", n > 1 ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        ef_text_add(text, "%s", i ? ", " : "");
        write_number(key->layout, read_word(key, node, i), text);
    }
    ef_text_add(text, "%s", n > 1 ? "]" : "");
}

int ef_key_equal(const ef_key *key, const ef_node *a, const ef_node *b)
{
    for (size_t i = 0; i < key->layout->n; i++) {
        if (read_word(key, a, i) != read_word(key, b, i)) {
            return 0;
        }
    }
    return 1;
}

void ef_key_copy(const ef_key *key, const ef_node *from, ef_node *to)
{
    for (size_t i = 0; i < key->layout->n; i++) {
        *word_of(key, to, i) = read_word(key, from, i);
    }
}
