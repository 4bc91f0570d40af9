/* What is unpacked of a model's bytes: the same as protobuf-c alone would, but for the
 * weights, which stay where they lie; and files beside the model. */
#include "onnx/source.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "onnx/external.h"
#include "onnx/skeleton.h"
#include "onnx/wire.h"
#include "scratch.h"

TestSuite(source_external, .init = scratch_make, .fini = scratch_remove);
TestSuite(source_open, .init = scratch_make, .fini = scratch_remove);

static void must(ef_status status, const ef_error *err)
{
    cr_assert_eq(status, EF_OK, "%s: %s", ef_status_name(status), err->text);
}

/* --- models ------------------------------------------------------------------ */

#define N_TENSORS 6

/* A graph with initialisers and one node with tensors as attributes, in the storage of
 * this object; payload i has sizes[i] bytes. */
typedef struct example {
    Onnx__ModelProto model;
    Onnx__GraphProto graph, inner;
    Onnx__NodeProto node;
    Onnx__TensorProto tensors[N_TENSORS];
    Onnx__AttributeProto attributes[2];
    int64_t dims[N_TENSORS][1];
    Onnx__StringStringEntryProto entries[3];
    Onnx__TensorProto *initializers[3], *inner_initializers[1];
    Onnx__NodeProto *nodes[1];
    Onnx__AttributeProto *node_attributes[2];
    Onnx__StringStringEntryProto *external[3];
    unsigned char payload[N_TENSORS][300];
} example;

static const size_t sizes[N_TENSORS] = {8, 0, 300, 7, 9, 200};

static void make_tensor(example *e, size_t i)
{
    Onnx__TensorProto *tensor = &e->tensors[i];
    onnx__tensor_proto__init(tensor);
    for (size_t b = 0; b < sizes[i]; b++) {
        e->payload[i][b] = (unsigned char)(17 * i + b);
    }
    e->dims[i][0] = (int64_t)sizes[i];
    tensor->n_dims = 1;
    tensor->dims = e->dims[i];
    tensor->has_data_type = 1;
    tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    tensor->has_raw_data = 1;
    tensor->raw_data = (ProtobufCBinaryData){sizes[i], e->payload[i]};
}

/* Tensors 0 to 2 are initialisers, 3 and 4 attributes of which the second lies in a
 * list, 5 an initialiser of a graph inside the node. */
static void make_example(example *e)
{
    static char names[N_TENSORS][2] = {"a", "b", "c", "d", "e", "f"};
    onnx__model_proto__init(&e->model);
    onnx__graph_proto__init(&e->graph);
    onnx__graph_proto__init(&e->inner);
    onnx__node_proto__init(&e->node);
    for (size_t i = 0; i < N_TENSORS; i++) {
        make_tensor(e, i);
        e->tensors[i].name = names[i];
    }
    for (size_t i = 0; i < 3; i++) {
        e->initializers[i] = &e->tensors[i];
    }
    for (size_t i = 0; i < 2; i++) {
        onnx__attribute_proto__init(&e->attributes[i]);
        e->attributes[i].t = &e->tensors[3 + i];
        e->node_attributes[i] = &e->attributes[i];
    }
    e->inner_initializers[0] = &e->tensors[5];
    e->inner.initializer = e->inner_initializers;
    e->inner.n_initializer = 1;
    e->attributes[1].g = &e->inner;
    e->node.attribute = e->node_attributes;
    e->node.n_attribute = 2;
    e->nodes[0] = &e->node;
    e->graph.node = e->nodes;
    e->graph.n_node = 1;
    e->graph.initializer = e->initializers;
    e->graph.n_initializer = 3;
    e->model.graph = &e->graph;
    e->model.has_ir_version = 1;
    e->model.ir_version = 7;
}

/* Tensor 2 of the example lies in a file; NULL: the entry is absent. */
static void make_external(example *e, const char *location, const char *offset,
                          const char *length)
{
    static char keys[3][9] = {"location", "offset", "length"};
    const char *values[3] = {location, offset, length};
    make_example(e);
    Onnx__TensorProto *tensor = &e->tensors[2];
    tensor->has_raw_data = 0;
    tensor->has_data_location = 1;
    tensor->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    tensor->external_data = e->external;
    for (size_t i = 0; i < 3; i++) {
        if (values[i]) {
            Onnx__StringStringEntryProto *entry = &e->entries[tensor->n_external_data];
            onnx__string_string_entry_proto__init(entry);
            entry->key = keys[i];
            entry->value = (char *)(uintptr_t)values[i];
            e->external[tensor->n_external_data++] = entry;
        }
    }
}

typedef struct packed {
    unsigned char *bytes;
    size_t size;
} packed;

static packed pack(const example *e)
{
    packed m = {NULL, onnx__model_proto__get_packed_size(&e->model)};
    m.bytes = ef_calloc(m.size, 1);
    cr_assert_not_null(m.bytes);
    onnx__model_proto__pack(&e->model, m.bytes);
    return m;
}

/* Whether the source's model packs to these very bytes. */
static void expect_packs_to(const ef_onnx_source *source, packed m)
{
    const Onnx__ModelProto *model = ef_onnx_source_model(source);
    size_t size = onnx__model_proto__get_packed_size(model);
    cr_assert_eq(size, m.size);
    unsigned char *bytes = ef_calloc(size, 1);
    cr_assert_not_null(bytes);
    onnx__model_proto__pack(model, bytes);
    cr_expect_eq(memcmp(bytes, m.bytes, size), 0);
    ef_free(bytes);
}

/* --- in memory ---------------------------------------------------------------- */

Test(source_memory, says_what_the_bytes_say)
{
    static example e;
    ef_error err = {0};
    ef_onnx_source *source;
    make_example(&e);
    packed m = pack(&e);
    must(ef_onnx_source_memory(&source, "m.onnx", m.bytes, m.size, &err), &err);
    expect_packs_to(source, m);
    ef_onnx_source_close(source);
    ef_free(m.bytes);
}

static int lies_in(packed m, const Onnx__TensorProto *tensor)
{
    return tensor->raw_data.data >= m.bytes && tensor->raw_data.data < m.bytes + m.size;
}

Test(source_memory, leaves_weights_where_they_lie)
{
    static example e;
    ef_error err = {0};
    ef_onnx_source *source;
    make_example(&e);
    packed m = pack(&e);
    must(ef_onnx_source_memory(&source, "m.onnx", m.bytes, m.size, &err), &err);
    const Onnx__GraphProto *graph = ef_onnx_source_model(source)->graph;
    cr_expect(lies_in(m, graph->initializer[0]));
    cr_expect_eq(graph->initializer[1]->raw_data.len, 0);
    cr_expect(lies_in(m, graph->initializer[2]));
    cr_expect_not(lies_in(m, graph->node[0]->attribute[0]->t));
    cr_expect(lies_in(m, graph->node[0]->attribute[1]->t));
    cr_expect_not(lies_in(m, graph->node[0]->attribute[1]->g->initializer[0]));
    ef_onnx_source_close(source);
    ef_free(m.bytes);
}

/* Every length as wide as it may be: the same message. */
static size_t widen(const unsigned char *from, size_t size, unsigned depth,
                    unsigned char *to)
{
    static const unsigned char way[] = {7 << 3 | 2, 5 << 3 | 2, 9 << 3 | 2};
    size_t n = 0;
    for (size_t at = 0; at < size;) {
        unsigned key = to[n++] = from[at++];
        size_t length = 0, start = at;
        for (unsigned shift = 0;; shift += 7) {
            length |= (size_t)(from[at] & 0x7f) << shift;
            if (from[at++] < 0x80) {
                break;
            }
        }
        if ((key & 7) != 2) {
            memcpy(to + n, from + start, at - start);
            n += at - start;
            continue;
        }
        unsigned char *inside = to + n + 5;
        size_t written = length;
        if (depth < 2 && key == way[depth]) {
            written = widen(from + at, length, depth + 1, inside);
        } else {
            memcpy(inside, from + at, length);
        }
        for (size_t i = 0; i < 5; i++) {
            to[n + i] = (unsigned char)((written >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
        }
        n += 5 + written;
        at += length;
    }
    return n;
}

Test(source_memory, takes_lengths_that_are_wider_than_they_need_to_be)
{
    static example e;
    static unsigned char wide[4096];
    ef_error err = {0};
    ef_onnx_source *source;
    make_example(&e);
    packed m = pack(&e);
    size_t size = widen(m.bytes, m.size, 0, wide);
    cr_assert(size > m.size && size < sizeof wide);
    must(ef_onnx_source_memory(&source, "m.onnx", wide, size, &err), &err);
    expect_packs_to(source, m);
    ef_onnx_source_close(source);
    ef_free(m.bytes);
}

Test(source_memory, of_raw_data_that_come_twice_the_last_count)
{
    /* graph { initializer { raw_data: "12345678" raw_data: "abcdefghi" } } */
    static const unsigned char bytes[] = "\x3a\x17\x2a\x15\x4a\x08"
                                         "12345678\x4a\x09"
                                         "abcdefghi";
    ef_error err = {0};
    ef_onnx_source *source;
    must(ef_onnx_source_memory(&source, "m.onnx", bytes, sizeof bytes - 1, &err), &err);
    const Onnx__GraphProto *graph = ef_onnx_source_model(source)->graph;
    cr_assert_eq(graph->initializer[0]->raw_data.len, 9);
    cr_expect_eq(memcmp(graph->initializer[0]->raw_data.data, "abcdefghi", 9), 0);
    ef_onnx_source_close(source);
}

static ef_status refuse(const void *bytes, size_t size, ef_error *err)
{
    ef_onnx_source *source = NULL;
    ef_error_clear(err);
    ef_status status = ef_onnx_source_memory(&source, "m.onnx", bytes, size, err);
    cr_assert_neq(status, EF_OK);
    cr_assert_null(source);
    cr_assert_eq(strncmp(err->text, "m.onnx: ", 8), 0, "%s", err->text);
    return status;
}

Test(source_memory, refuses_damage)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } rows[] = {
        {"", 0, "the file is empty"},
        {"\x1f\x8b", 2, "unknown kind at byte 1"},
        {"\x3a\x05\x0a", 3, "ends too early at byte 2"},
        {"\x38\x01", 2, "not a readable ONNX model"},         /* a graph is a number */
        {"\x3a\x02\x50\x01", 4, "not a readable ONNX model"}, /* its text as well */
        {"\x3a\x00\x3a\x00", 4, "comes again at byte 3"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error err = {0};
        cr_expect_eq(refuse(rows[i].bytes, rows[i].size, &err), EF_ERR_INPUT);
        cr_expect(strstr(err.text, rows[i].text), "%zu: %s", i, err.text);
    }
    ef_error err = {0};
    cr_expect_eq(refuse("", (size_t)1 << 31, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "less than 2 GiB"), "%s", err.text);
}

Test(source_memory, refuses_tensors_in_files)
{
    static example e;
    ef_error err = {0};
    make_external(&e, "c.data", NULL, NULL);
    packed m = pack(&e);
    cr_expect_eq(refuse(m.bytes, m.size, &err), EF_ERR_UNSUPPORTED);
    cr_expect(strstr(err.text, "constant c: it lies in a file of its own"), "%s",
              err.text);
    ef_free(m.bytes);
}

Test(source_memory, says_so_when_memory_is_short)
{
    static example e;
    long n = 0;
    make_example(&e);
    packed m = pack(&e);
    for (ef_status status = EF_ERR_MEMORY; status != EF_OK; n++) {
        ef_error err = {0};
        ef_onnx_source *source = NULL;
        ef_mem_fail_after(n);
        status = ef_onnx_source_memory(&source, "m.onnx", m.bytes, m.size, &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || (status == EF_ERR_MEMORY && source == NULL));
        ef_onnx_source_close(source);
    }
    cr_expect_gt(n, 20);
    ef_free(m.bytes);
}

/* The skeleton is never longer than what it is made of, whatever bytes there are. */
Test(source_memory, every_cut_is_refused_or_read)
{
    static example e;
    make_example(&e);
    packed m = pack(&e);
    for (size_t cut = 1; cut < m.size; cut++) {
        ef_error err = {0};
        ef_text skeleton;
        ef_onnx_source *source = NULL;
        unsigned char *part = ef_memdup(m.bytes, cut); /* so that its end is an end */
        ef_status status = ef_onnx_source_memory(&source, "m.onnx", part, cut, &err);
        cr_expect(status == EF_OK || status == EF_ERR_INPUT);
        ef_onnx_source_close(source);
        ef_text_init(&skeleton);
        status = ef_skeleton_make(&skeleton, part, cut);
        cr_expect(status == EF_OK || status == EF_ERR_INPUT);
        cr_expect_leq(skeleton.size, cut);
        ef_text_clear(&skeleton);
        ef_free(part);
    }
    ef_free(m.bytes);
}

/* --- what it takes ------------------------------------------------------------- */

/* n times field, of n_field bytes, inside the graph. */
static packed graph_of(const void *field, size_t n_field, size_t n)
{
    packed m = {ef_calloc(6 + n * n_field, 1), 6 + n * n_field};
    cr_assert_not_null(m.bytes);
    m.bytes[0] = 7 << 3 | 2;
    for (size_t i = 0; i < 5; i++) {
        m.bytes[1 + i] =
            (unsigned char)((n * n_field >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(m.bytes + 6 + i * n_field, field, n_field);
    }
    return m;
}

static size_t memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A length in three bytes. */
static void put_length(unsigned char *to, size_t length)
{
    for (size_t i = 0; i < 3; i++) {
        to[i] = (unsigned char)((length >> 7 * i & 0x7f) | (i < 2 ? 0x80 : 0));
    }
}

/* The bound in source.h, on the worst that each kind of field can do.  (Where malloc is
 * a sanitizer's, mallinfo2 sees nothing, and only the statuses are tested.) */
Test(source_memory, takes_no_more_than_the_bound)
{
    static unsigned char integers[8 + 65536] = {5 << 3 | 2, 0, 0, 0, 7 << 3 | 2};
    put_length(integers + 1, sizeof integers - 4);
    put_length(integers + 5, sizeof integers - 8);
    const struct {
        const void *field;
        size_t n_field, n;
        ef_status status;
    } rows[] = {
        {"\x0a\x00", 2, EF_WIRE_MAX_MESSAGES - 2, EF_OK}, /* nodes */
        {"\x5a\x00", 2, EF_WIRE_MAX_MESSAGES - 2, EF_OK}, /* inputs */
        {"\x2a\x00", 2, EF_WIRE_MAX_MESSAGES - 2, EF_OK}, /* initialisers */
        {"\xfa\x7f\x00", 3, 500000, EF_OK},               /* unknown fields */
        {"\x0a\x00", 2, 5000000, EF_ERR_INPUT},
        {integers, sizeof integers, 100, EF_OK}, /* int64_data, a byte each */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error err = {0};
        ef_onnx_source *source = NULL;
        packed m = graph_of(rows[i].field, rows[i].n_field, rows[i].n);
        size_t before = memory_in_use();
        ef_status status = ef_onnx_source_memory(&source, "m", m.bytes, m.size, &err);
        cr_expect_eq(status, rows[i].status, "row %zu: %s", i, err.text);
        cr_expect_leq(memory_in_use() - before, 12 * m.size + ((size_t)256 << 20));
        ef_onnx_source_close(source);
        ef_free(m.bytes);
    }
}

Test(source_memory, takes_next_to_nothing_for_weights)
{
    static unsigned char weights[1 << 24];
    static example e;
    ef_error err = {0};
    ef_onnx_source *source;
    make_example(&e);
    e.tensors[2].raw_data = (ProtobufCBinaryData){sizeof weights, weights};
    packed m = pack(&e);
    size_t before = memory_in_use();
    must(ef_onnx_source_memory(&source, "m.onnx", m.bytes, m.size, &err), &err);
    cr_expect_leq(memory_in_use() - before, 65536);
    ef_onnx_source_close(source);
    ef_free(m.bytes);
}

/* --- from a file ---------------------------------------------------------------- */

static packed write_model(const example *e, const char *name)
{
    packed m = pack(e);
    scratch_write(name, m.bytes, m.size);
    return m;
}

Test(source_open, a_file_reads_as_its_bytes_do)
{
    static example e;
    ef_error err = {0};
    ef_onnx_source *source;
    make_example(&e);
    packed m = write_model(&e, "m.onnx");
    must(ef_onnx_source_open(&source, scratch_path("m.onnx"), &err), &err);
    expect_packs_to(source, m);
    ef_onnx_source_close(source);
    ef_free(m.bytes);
}

Test(source_open, says_what_is_wrong_with_a_file)
{
    ef_error err = {0};
    ef_onnx_source *source = NULL;
    cr_expect_eq(ef_onnx_source_open(&source, scratch_path("none"), &err), EF_ERR_IO);
    cr_expect(strstr(err.text, "none: cannot be opened"), "%s", err.text);
    ef_error_clear(&err);
    const char *path = scratch_write_text("empty", "");
    cr_expect_eq(ef_onnx_source_open(&source, path, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "empty: the file is empty"), "%s", err.text);
    ef_error_clear(&err);
    path = scratch_path("huge"); /* a hole: 2 GiB that take no room */
    cr_assert_eq(truncate(scratch_write_text("huge", "x"), (off_t)1 << 31), 0);
    cr_expect_eq(ef_onnx_source_open(&source, path, &err), EF_ERR_INPUT);
    cr_expect(strstr(err.text, "huge: longer than 2147483647 bytes"), "%s", err.text);
    cr_expect_null(source);
}

/* --- data in files of their own --------------------------------------------------- */

static ef_status open_external(const example *e, ef_onnx_source **source, ef_error *err)
{
    packed m = write_model(e, "m.onnx");
    ef_free(m.bytes);
    *source = NULL;
    ef_error_clear(err);
    return ef_onnx_source_open(source, scratch_path("m.onnx"), err);
}

static void write_data(const char *name, size_t n_before, size_t n_behind)
{
    static example plain;
    unsigned char bytes[1000] = {0};
    make_example(&plain);
    memcpy(bytes + n_before, plain.payload[2], sizes[2]);
    scratch_write(name, bytes, n_before + sizes[2] + n_behind);
}

Test(source_external, looks_like_a_tensor_of_the_model)
{
    static const struct {
        const char *location, *offset, *length;
    } rows[] = {
        {"c.data", "17", "300"},     {"c.data", "17", NULL},
        {"tight.data", NULL, NULL},  {"below/c.data", "0", "300"},
        {"./tight.data", "0", NULL},
    };
    static example e, plain;
    make_example(&plain);
    packed expected = pack(&plain);
    write_data("c.data", 17, 5);
    write_data("tight.data", 0, 0);
    write_data("below/c.data", 0, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error err;
        ef_onnx_source *source;
        make_external(&e, rows[i].location, rows[i].offset, rows[i].length);
        must(open_external(&e, &source, &err), &err);
        const Onnx__TensorProto *tensor =
            ef_onnx_source_model(source)->graph->initializer[2];
        cr_expect_not(ef_external_has(tensor));
        cr_assert(tensor->has_raw_data && tensor->raw_data.len == sizes[2]);
        cr_expect_eq(memcmp(tensor->raw_data.data, plain.payload[2], sizes[2]), 0);
        ef_onnx_source_close(source);
    }
    ef_free(expected.bytes);
}

/* Two or three bytes, which the tensor owns, and none. */
Test(source_external, takes_small_and_empty_tensors)
{
    static example e;
    write_data("c.data", 0, 0);
    for (int64_t n = 0; n < 10; n++) {
        ef_error err;
        ef_onnx_source *source;
        make_external(&e, "c.data", "1", NULL);
        e.dims[2][0] = n;
        must(open_external(&e, &source, &err), &err);
        const Onnx__TensorProto *tensor =
            ef_onnx_source_model(source)->graph->initializer[2];
        cr_assert(tensor->has_raw_data && tensor->raw_data.len == (size_t)n);
        cr_expect_eq(memcmp(tensor->raw_data.data, e.payload[2] + 1, (size_t)n), 0);
        ef_onnx_source_close(source);
    }
}

/* What the model itself holds for such a tensor does not count. */
Test(source_external, the_file_counts_and_not_raw_data_beside_it)
{
    static example e;
    write_data("c.data", 0, 0);
    for (size_t length = 0; length < 20; length++) {
        ef_error err;
        ef_onnx_source *source;
        make_external(&e, "c.data", NULL, NULL);
        e.tensors[2].has_raw_data = 1;
        e.tensors[2].raw_data.len = length;
        must(open_external(&e, &source, &err), &err);
        const Onnx__TensorProto *tensor =
            ef_onnx_source_model(source)->graph->initializer[2];
        cr_expect_eq(tensor->raw_data.len, sizes[2]);
        ef_onnx_source_close(source);
    }
}

Test(source_external, maps_each_file_once)
{
    static example e;
    ef_error err;
    ef_onnx_source *source;
    write_data("c.data", 0, 0);
    make_external(&e, "c.data", NULL, NULL);
    e.tensors[0].has_raw_data = 0;
    e.tensors[0].has_data_location = 1;
    e.tensors[0].data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    e.tensors[0].external_data = e.external;
    e.tensors[0].n_external_data = 1;
    must(open_external(&e, &source, &err), &err);
    const Onnx__GraphProto *graph = ef_onnx_source_model(source)->graph;
    cr_expect_eq(graph->initializer[0]->raw_data.data,
                 graph->initializer[2]->raw_data.data);
    ef_onnx_source_close(source);
}

Test(source_external, goes_by_the_folder_of_the_model)
{
    static example e;
    char before[1024];
    ef_error err = {0};
    ef_onnx_source *source;
    write_data("c.data", 0, 0);
    make_external(&e, "c.data", NULL, NULL);
    packed m = write_model(&e, "m.onnx");
    cr_assert(getcwd(before, sizeof before) && chdir(scratch_path(".")) == 0);
    ef_status status = ef_onnx_source_open(&source, "m.onnx", &err);
    cr_assert_eq(chdir(before), 0);
    must(status, &err);
    ef_onnx_source_close(source);
    ef_free(m.bytes);
}

Test(source_external, refuses_what_is_not_there_or_not_allowed)
{
    static const struct {
        const char *location, *offset, *length;
        ef_status status;
        const char *text;
    } rows[] = {
        {"none", NULL, NULL, EF_ERR_IO, "none: cannot be opened: No such file"},
        {"/etc/passwd", NULL, NULL, EF_ERR_INPUT, "no path below the folder"},
        {"../m.onnx", NULL, NULL, EF_ERR_INPUT, "no path below the folder"},
        {"link", NULL, NULL, EF_ERR_INPUT, "link: leads over a symbolic link"},
        {"pipe", NULL, NULL, EF_ERR_INPUT, "pipe: no regular file"},
        {".", NULL, NULL, EF_ERR_INPUT, ".: no regular file"},
        {"", NULL, NULL, EF_ERR_INPUT, "no location"},
        {NULL, "0", NULL, EF_ERR_INPUT, "no location"},
        {"c.data", "1", NULL, EF_ERR_INPUT,
         "c.data: ends at byte 300, it needs 300 bytes from byte 1 on"},
        {"c.data", "9223372036854775807", NULL, EF_ERR_INPUT, "ends at byte 300"},
        {"c.data", "-1", NULL, EF_ERR_INPUT, "-1"},
        {"c.data", "0x0", NULL, EF_ERR_INPUT, "0x0"},
        {"c.data", "0", "299", EF_ERR_INPUT, "have 299 bytes, it has 300"},
        {"c.data", "0", "a", EF_ERR_INPUT, "'a'"},
    };
    static example e;
    write_data("c.data", 0, 0);
    cr_assert_eq(symlink("c.data", scratch_path("link")), 0);
    cr_assert_eq(mkfifo(scratch_path("pipe"), 0600), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error err;
        ef_onnx_source *source;
        make_external(&e, rows[i].location, rows[i].offset, rows[i].length);
        cr_expect_eq(open_external(&e, &source, &err), rows[i].status, "row %zu", i);
        cr_expect_null(source);
        cr_expect(strstr(err.text, "m.onnx: constant c: "), "%s", err.text);
        cr_expect(strstr(err.text, rows[i].text), "%s", err.text);
    }
}

static void expect_refusal(example *e, ef_status status, const char *text)
{
    ef_error err;
    ef_onnx_source *source;
    cr_expect_eq(open_external(e, &source, &err), status);
    cr_expect(strstr(err.text, text), "%s", err.text);
}

Test(source_external, refuses_dimensions_and_types_without_sense)
{
    static const int32_t types[] = {-1, 0, 1000, INT32_MAX,
                                    ONNX__TENSOR_PROTO__DATA_TYPE__STRING};
    static int64_t wide[2] = {INT64_C(1) << 40, INT64_C(1) << 40};
    static example e;
    write_data("c.data", 0, 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        make_external(&e, "c.data", NULL, NULL);
        e.tensors[2].data_type = types[i];
        expect_refusal(&e, EF_ERR_UNSUPPORTED, "its data type is unknown here");
    }
    make_external(&e, "c.data", NULL, NULL);
    e.dims[2][0] = -1;
    expect_refusal(&e, EF_ERR_INPUT, "its dimensions make no sense");
    e.tensors[2].dims = wide;
    e.tensors[2].n_dims = 2;
    expect_refusal(&e, EF_ERR_INPUT, "its dimensions make no sense");
}

/* One file under another name for each index. */
static void print_location(char location[64], size_t index)
{
    size_t used = 0;
    for (size_t bit = 0; bit < 16; bit++) {
        const char *way = index >> bit & 1 ? ".//" : "./";
        used += (size_t)snprintf(location + used, 64 - used, "%s", way);
    }
    snprintf(location + used, 64 - used, "c.data");
}

Test(source_external, refuses_more_files_than_it_maps)
{
    enum { N = EF_EXTERNAL_MAX_FILES + 1 };
    static Onnx__TensorProto tensors[N], *list[N];
    static Onnx__StringStringEntryProto entries[N], *externals[N];
    static char locations[N][64];
    static example e;
    ef_error err;
    ef_onnx_source *source;
    make_external(&e, "c.data", NULL, NULL);
    write_data("c.data", 0, 0);
    for (size_t i = 0; i < N; i++) {
        print_location(locations[i], i);
        entries[i] = e.entries[0];
        entries[i].value = locations[i];
        externals[i] = &entries[i];
        tensors[i] = e.tensors[2];
        tensors[i].external_data = &externals[i];
        list[i] = &tensors[i];
    }
    e.graph.initializer = list;
    e.graph.n_initializer = N - 1;
    must(open_external(&e, &source, &err), &err);
    ef_onnx_source_close(source);
    e.graph.n_initializer = N;
    cr_expect_eq(open_external(&e, &source, &err), EF_ERR_UNSUPPORTED);
    cr_expect(strstr(err.text, "more than 4096 files"), "%s", err.text);
}

Test(source_external, says_so_when_memory_is_short)
{
    static example e;
    long n = 0;
    write_data("c.data", 0, 0);
    make_external(&e, "c.data", NULL, NULL);
    packed m = write_model(&e, "m.onnx");
    for (ef_status status = EF_ERR_MEMORY; status != EF_OK; n++) {
        ef_error err = {0};
        ef_onnx_source *source = NULL;
        ef_mem_fail_after(n);
        status = ef_onnx_source_open(&source, scratch_path("m.onnx"), &err);
        ef_mem_fail_after(-1);
        cr_assert(status == EF_OK || (status == EF_ERR_MEMORY && source == NULL));
        ef_onnx_source_close(source);
    }
    cr_expect_gt(n, 25);
    ef_free(m.bytes);
}
