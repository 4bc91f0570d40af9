/* Damage of two kinds: to the bytes of a model, and to what they say. */
#include <string.h>

#include "fuzz_onnx.h"
#include "onnx/arena.h"
#include "onnx/onnx.pb-c.h"
#include "onnx/wire.h"

/* --- bytes ------------------------------------------------------------------ */

typedef struct bytes {
    unsigned char *at;
    size_t size, room;
} bytes;

static void flip(bytes *b, ef_rng *rng)
{
    b->at[ef_rng_below(rng, b->size)] ^= (unsigned char)(1U << ef_rng_below(rng, 8));
}

static void overwrite(bytes *b, ef_rng *rng)
{
    static const unsigned char values[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    size_t at = ef_rng_below(rng, b->size);
    b->at[at] = values[ef_rng_below(rng, sizeof values)];
}

static void cut(bytes *b, ef_rng *rng)
{
    b->size = 1 + ef_rng_below(rng, b->size);
}

static void drop(bytes *b, ef_rng *rng)
{
    size_t from = ef_rng_below(rng, b->size), n = 1 + ef_rng_below(rng, 40);
    n = n < b->size - from ? n : b->size - from;
    memmove(b->at + from, b->at + from + n, b->size - from - n);
    b->size -= n;
}

/* A part of the bytes, once more at another place. */
static void splice(bytes *b, ef_rng *rng)
{
    unsigned char piece[80];
    size_t n = 1 + ef_rng_below(rng, sizeof piece), to = ef_rng_below(rng, b->size);
    n = n < b->size ? n : b->size;
    memcpy(piece, b->at + ef_rng_below(rng, b->size - n + 1), n);
    if (b->size + n <= b->room) {
        memmove(b->at + to + n, b->at + to, b->size - to);
        memcpy(b->at + to, piece, n);
        b->size += n;
    }
}

/* A byte that may be a length, by a little: what lies behind it moves or not. */
static void lengthen(bytes *b, ef_rng *rng)
{
    size_t at = ef_rng_below(rng, b->size);
    while (at + 1 < b->size && (b->at[at] & 7) != 2) {
        at++;
    }
    if (at + 1 < b->size) {
        b->at[at + 1] =
            (unsigned char)(b->at[at + 1] + (ef_rng_below(rng, 2) ? 1 : 255));
    }
}

size_t mutate_bytes(unsigned char *at, size_t size, size_t room, ef_rng *rng)
{
    static void (*const ways[])(bytes *, ef_rng *) = {flip, overwrite, cut,
                                                      drop, splice,    lengthen};
    bytes b = {at, size, room};
    size_t n = 1 + ef_rng_below(rng, 3);
    for (size_t i = 0; i < n && b.size > 0; i++) {
        ways[ef_rng_below(rng, sizeof ways / sizeof ways[0])](&b, rng);
    }
    return b.size;
}

/* --- what they say ------------------------------------------------------------ */

#define MOST_MESSAGES 4096

static const char *const words[] = {
    "Conv",
    "Gemm",
    "MatMul",
    "BatchNormalization",
    "Relu",
    "Clip",
    "LeakyRelu",
    "PRelu",
    "HardSwish",
    "Sigmoid",
    "HardSigmoid",
    "Tanh",
    "Softmax",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "ReduceMean",
    "Add",
    "Mul",
    "Sub",
    "Div",
    "Concat",
    "Pad",
    "Slice",
    "Split",
    "Flatten",
    "Reshape",
    "Transpose",
    "Squeeze",
    "Unsqueeze",
    "Resize",
    "Upsample",
    "Dropout",
    "Identity",
    "Constant",
    "ConstantOfShape",
    "Cast",
    "Shape",
    "Gather",
    "Loop",
    "axis",
    "axes",
    "alpha",
    "beta",
    "auto_pad",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "NOTSET",
    "kernel_shape",
    "strides",
    "pads",
    "dilations",
    "group",
    "ceil_mode",
    "count_include_pad",
    "mode",
    "reflect",
    "nearest",
    "linear",
    "to",
    "perm",
    "split",
    "num_outputs",
    "keepdims",
    "transA",
    "transB",
    "starts",
    "ends",
    "steps",
    "value",
    "value_ints",
    "allowzero",
    "start",
    "end",
    "min",
    "max",
    "ai.onnx",
    "com.microsoft",
    "input",
    "logits",
    "",
    "a\nb",
    "\xff\xfe",
};

static const int64_t numbers[] = {0,
                                  1,
                                  2,
                                  3,
                                  4,
                                  5,
                                  6,
                                  7,
                                  8,
                                  9,
                                  10,
                                  11,
                                  12,
                                  13,
                                  16,
                                  17,
                                  20,
                                  21,
                                  22,
                                  64,
                                  1000,
                                  4097,
                                  65537,
                                  INT32_MAX,
                                  INT64_MAX,
                                  INT64_C(1) << 28,
                                  INT64_C(1) << 32,
                                  INT64_C(1) << 62};

static const float reals[] = {0.0f,  -0.0f,  1.0f,  -1.0f, 0.5f, 6.0f,
                              3e38f, 1e-45f, 1e-5f, 1e30f, -2.0f};

#define PICK(rng, list) (list)[ef_rng_below(rng, sizeof(list) / sizeof(list)[0])]

typedef struct editor {
    ef_arena arena;
    ef_rng *rng;
    ProtobufCMessage *messages[MOST_MESSAGES]; /* all there are, from the model down */
    size_t n_messages;
} editor;

static void *allocate(void *arena, size_t size)
{
    return ef_arena_calloc(arena, size, 1);
}

static void release(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

static void *member(const ProtobufCMessage *message, unsigned offset)
{
    return (char *)(uintptr_t)message + offset;
}

static size_t *count_of(const ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *field)
{
    return member(message, field->quantifier_offset);
}

static int is_of_a_kind(const ProtobufCFieldDescriptor *field)
{
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* Whether a field that may occur once is there. */
static int is_there(const ProtobufCMessage *message,
                    const ProtobufCFieldDescriptor *field)
{
    if (is_of_a_kind(field)) {
        return *(uint32_t *)member(message, field->quantifier_offset) == field->id;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return *(void **)member(message, field->offset) != NULL;
    }
    return 1;
}

static void collect(editor *e, ProtobufCMessage *message)
{
    if (e->n_messages == MOST_MESSAGES) {
        return;
    }
    e->messages[e->n_messages++] = message;
    for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE || !is_there(message, field)) {
            continue;
        }
        void *value = *(void **)member(message, field->offset);
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            collect(e, value);
            continue;
        }
        for (size_t i = 0; i < *count_of(message, field); i++) {
            collect(e, ((ProtobufCMessage **)value)[i]);
        }
    }
}

/* A text of the model itself, or one that models have. */
static char *pick_text(editor *e)
{
    for (size_t tries = 0; tries < 20 && ef_rng_below(e->rng, 3) > 0; tries++) {
        const ProtobufCMessage *message =
            e->messages[ef_rng_below(e->rng, e->n_messages)];
        const ProtobufCFieldDescriptor *field =
            &message->descriptor
                 ->fields[ef_rng_below(e->rng, message->descriptor->n_fields)];
        if (field->type == PROTOBUF_C_TYPE_STRING &&
            field->label != PROTOBUF_C_LABEL_REPEATED && is_there(message, field)) {
            char *text = *(char **)member(message, field->offset);
            if (text) {
                return text;
            }
        }
    }
    return ef_arena_strdup(&e->arena, PICK(e->rng, words));
}

static int64_t pick_number(ef_rng *rng, int64_t old)
{
    int64_t value = PICK(rng, numbers);
    switch (ef_rng_below(rng, 4)) {
    case 0:
        return (int64_t)((uint64_t)old + 1);
    case 1:
        return (int64_t)((uint64_t)old - 1);
    case 2:
        return -value;
    default:
        return value;
    }
}

static void change_data(editor *e, ProtobufCBinaryData *data)
{
    uint8_t *copy = ef_arena_calloc(&e->arena, data->len + 8, 1);
    if (data->len > 0) {
        memcpy(copy, data->data, data->len);
    }
    data->data = copy;
    if (ef_rng_below(e->rng, 3) == 0) {
        data->len = ef_rng_below(e->rng, data->len + 8);
    } else if (data->len >= 4) {
        float real = PICK(e->rng, reals);
        memcpy(copy + ef_rng_below(e->rng, data->len / 4) * 4, &real, sizeof real);
    }
}

/* The value at place, of the type of field; not for messages. */
static void change_value(editor *e, const ProtobufCFieldDescriptor *field, void *place)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        *(int64_t *)place = pick_number(e->rng, *(int64_t *)place);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        *(int32_t *)place = (int32_t)pick_number(e->rng, *(int32_t *)place);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        *(float *)place = PICK(e->rng, reals);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        *(double *)place = (double)PICK(e->rng, reals);
        break;
    case PROTOBUF_C_TYPE_STRING:
        *(char **)place = pick_text(e);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        change_data(e, place);
        break;
    default:
        break;
    }
}

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_FLOAT:
        return 4;
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 8;
    }
}

/* One element more, fewer, elsewhere, or other than it was. */
static void change_list(editor *e, ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *field)
{
    char **list = member(message, field->offset);
    size_t *n = count_of(message, field), size = size_of(field);
    char *copy = ef_arena_calloc(&e->arena, *n + 1, size), spare[16];
    if (*n > 0) {
        memcpy(copy, *list, *n * size);
    }
    *list = copy;
    size_t i = ef_rng_below(e->rng, *n + 1), k = ef_rng_below(e->rng, *n + 1);
    if (*n == 0) {
        *n = field->type != PROTOBUF_C_TYPE_MESSAGE;
        change_value(e, field, copy);
        return;
    }
    i = i < *n ? i : 0;
    k = k < *n ? k : 0;
    switch (ef_rng_below(e->rng, 4)) {
    case 0:
        memmove(copy + i * size, copy + (i + 1) * size, (--*n - i) * size);
        break;
    case 1:
        memcpy(copy + (*n)++ * size, copy + i * size, size);
        break;
    case 2:
        memcpy(spare, copy + i * size, size);
        memcpy(copy + i * size, copy + k * size, size);
        memcpy(copy + k * size, spare, size);
        break;
    default:
        change_value(e, field, copy + i * size);
    }
}

/* There, and other than it was, or gone. */
static void change_single(editor *e, ProtobufCMessage *message,
                          const ProtobufCFieldDescriptor *field)
{
    int was_there = is_there(message, field), is_gone = ef_rng_below(e->rng, 8) == 0;
    uint32_t *kind = member(message, field->quantifier_offset);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (was_there && is_gone) {
            *(void **)member(message, field->offset) = NULL;
            *(is_of_a_kind(field) ? kind : &(uint32_t){0}) = 0;
        }
        return;
    }
    if (is_of_a_kind(field)) {
        if (!was_there) { /* what was there is no value of this type */
            memset(member(message, field->offset), 0, size_of(field));
        }
        *kind = field->id;
    } else if (field->type != PROTOBUF_C_TYPE_STRING) {
        *(protobuf_c_boolean *)kind = !is_gone;
    }
    change_value(e, field, member(message, field->offset));
}

static void change_message(editor *e)
{
    ProtobufCMessage *message = e->messages[ef_rng_below(e->rng, e->n_messages)];
    for (size_t tries = 0; tries < 8; tries++) {
        unsigned f = (unsigned)ef_rng_below(e->rng, message->descriptor->n_fields);
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
        int is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
        int is_empty = is_list && *count_of(message, field) == 0;
        if (is_empty && ef_rng_below(e->rng, 8) > 0) {
            continue; /* most fields of most messages are empty lists */
        }
        if (is_list) {
            change_list(e, message, field);
        } else {
            change_single(e, message, field);
        }
        return;
    }
}

size_t mutate_model(unsigned char *at, size_t size, size_t room, ef_rng *rng)
{
    static editor e;
    const ProtobufCMessageDescriptor *type = &onnx__model_proto__descriptor;
    ProtobufCAllocator allocator = {allocate, release, &e.arena};
    if (ef_wire_check(type, "", at, size, NULL)) {
        return mutate_bytes(at, size, room, rng);
    }
    e.rng = rng;
    e.n_messages = 0;
    ef_arena_init(&e.arena);
    ProtobufCMessage *model = protobuf_c_message_unpack(type, &allocator, size, at);
    size_t n = 1 + ef_rng_below(rng, 3);
    if (model) {
        collect(&e, model);
        for (size_t i = 0; i < n; i++) {
            change_message(&e);
        }
        if (protobuf_c_message_get_packed_size(model) <= room) {
            size = protobuf_c_message_pack(model, at);
        }
    }
    ef_arena_clear(&e.arena);
    return size;
}
