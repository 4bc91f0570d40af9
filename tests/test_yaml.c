#include "base/yaml.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "scratch.h"

static ef_error err;

typedef struct thing {
    uint64_t n, size;
    int64_t shift;
    double rate, energy_pj;
    int on;
    size_t ranges;
    const char *name;
    const ef_yaml_node *rest;
} thing;

static const char *const ranges[] = {"max", "mse", NULL};

#define FIELD(field) offsetof(thing, field)
static const ef_yaml_key keys[] = {
    {.name = "n",
     .type = EF_YAML_U64,
     .offset = FIELD(n),
     .required = 1,
     .min = 1,
     .max = 9},
    {.name = "size", .type = EF_YAML_COUNT, .offset = FIELD(size)},
    {.name = "shift", .type = EF_YAML_I64, .offset = FIELD(shift), .min = -3, .max = 3},
    {.name = "rate", .type = EF_YAML_F64, .offset = FIELD(rate), .min = 0, .max = 1},
    {.name = "energy",
     .type = EF_YAML_QUANTITY,
     .offset = FIELD(energy_pj),
     .unit = "pJ"},
    {.name = "on", .type = EF_YAML_BOOL, .offset = FIELD(on)},
    {.name = "ranges",
     .type = EF_YAML_CHOICE,
     .offset = FIELD(ranges),
     .names = ranges},
    {.name = "name", .type = EF_YAML_TEXT, .offset = FIELD(name)},
    {.name = "rest", .type = EF_YAML_NODE, .offset = FIELD(rest)},
};
#define N_KEYS (sizeof keys / sizeof keys[0])

static ef_yaml *yaml;

static ef_status parse(const char *text)
{
    ef_error_clear(&err);
    return ef_yaml_parse(&yaml, "t.yaml", text, strlen(text), &err);
}

/* The status of parsing and reading text as a thing. */
static ef_status read_thing(const char *text, thing *into)
{
    ef_status status = parse(text);
    if (!status) {
        status =
            ef_yaml_read_map(ef_yaml_root(yaml), "thing", keys, N_KEYS, into, &err);
    }
    return status;
}

static void close_yaml(void)
{
    ef_yaml_destroy(yaml);
    yaml = NULL;
}

Test(yaml_read_map, every_type_arrives_and_what_is_not_named_stays)
{
    thing t = {.on = 0, .shift = 2};
    ef_status status = read_thing("# a comment\n"
                                  "n: 3\n"
                                  "size: 1.5k\n"
                                  "rate: 1e-1\n"
                                  "energy: 2 nJ\n"
                                  "on: yes\n"
                                  "ranges: mse\n"
                                  "name: \"a name\"\n"
                                  "rest: {deep: [1, 2]}\n",
                                  &t);
    cr_assert_eq(status, EF_OK, "%s", err.text);
    cr_assert_eq(t.n, 3);
    cr_assert_eq(t.size, 1500);
    cr_assert_eq(t.shift, 2);
    cr_assert_eq(t.rate, 0.1);
    cr_assert_eq(t.energy_pj, 2000);
    cr_assert_eq(t.on, 1);
    cr_assert_eq(t.ranges, 1);
    cr_assert_str_eq(t.name, "a name");
    cr_assert_eq(ef_yaml_length(ef_yaml_find(t.rest, "deep")), 2);
    close_yaml();
}

static const struct bad {
    const char *text, *error;
} bad_things[] = {
    {"n: 3\nnn: 4\n",
     "t.yaml:2:1: unknown key 'nn' in thing; known are n, size, shift, rate, energy, "
     "on, ranges, name, rest"},
    {"n: 3x\n", "t.yaml:1:4: n: expected a whole number from 1 to 9, found '3x'"},
    {"n:   10\n", "t.yaml:1:6: n: expected a whole number from 1 to 9, found '10'"},
    {"n: -1\n", "t.yaml:1:4: n: expected a whole number from 1 to 9, found '-1'"},
    {"n: 3\nshift: 4\n",
     "t.yaml:2:8: shift: expected a whole number from -3 to 3, found '4'"},
    {"n: 3\nrate: 2\n", "t.yaml:2:7: rate: expected a number from 0 to 1, found '2'"},
    {"n: 3\nenergy: 2\n", "t.yaml:2:9: energy: expected a quantity in pJ, found '2'"},
    {"n: 3\non: maybe\n", "t.yaml:2:5: on: expected yes or no, found 'maybe'"},
    {"n: 3\nranges: foo\n",
     "t.yaml:2:9: ranges: expected one of max, mse, found 'foo'"},
    {"n: 3\nsize: [1]\n", "t.yaml:2:7: size: expected a value, found a list"},
    {"n: 3\nname:\n  a: b\n", "t.yaml:3:3: name: expected a value, found a map"},
    {"n: 3\nname:\non: no\n", "t.yaml:2:6: name: expected a value, found nothing"},
    {"\n\nrate: 1\n", "t.yaml:3:1: thing lacks the key 'n'"},
    {"- 3\n", "t.yaml:1:1: expected the keys of thing, found a list"},
    {"three\n", "t.yaml:1:1: expected the keys of thing, found a single value"},
};

Test(yaml_read_map, each_mistake_is_named_with_line_and_column)
{
    for (size_t i = 0; i < sizeof bad_things / sizeof bad_things[0]; i++) {
        thing t = {.n = 77, .rate = 77}, before = t;
        cr_assert_eq(read_thing(bad_things[i].text, &t), EF_ERR_INPUT, "%s",
                     bad_things[i].text);
        cr_assert_str_eq(err.text, bad_things[i].error);
        cr_assert_eq(memcmp(&t, &before, sizeof t), 0,
                     "a failure leaves all as it was");
        close_yaml();
    }
}

static const struct bad bad_documents[] = {
    {"", "t.yaml:1: the document is empty"},
    {"# only a comment\n", "t.yaml:1: the document is empty"},
    {"---\n...\n", "t.yaml:1: the document is empty"},
    {"a: 1\nb: 2\na: 3\n", "t.yaml:3:1: the key 'a' stands here for the second time"},
    {"x:\n  - {b: 1, c: 2, b: 3}\n",
     "t.yaml:2:18: the key 'b' stands here for the second time"},
    {"c: 1\nb: 1\nb: 1\na: 1\na: 1\n",
     "t.yaml:3:1: the key 'b' stands here for the second time"},
    {"a: &x 1\nb: *x\n", "t.yaml:1:4: anchors (&name) are not supported"},
    {"a: *x\n", "t.yaml:1:4: aliases (*name) are not supported"},
    {"a: !!int 1\n", "t.yaml:1:4: tags (!name) are not supported"},
    {"a: !x [1]\n", "t.yaml:1:4: tags (!name) are not supported"},
    {"a: 1\n---\nb: 1\n", "t.yaml:2:1: more than one document in one file"},
    {"[a, b]: 1\n", "t.yaml:1:1: a key must be a text, found a list or a map"},
    {"a: \"x\\0y\"\n", "t.yaml:1:4: a text must not hold a NUL"},
    {"a: b: c\n", "t.yaml:1:5: mapping values are not allowed in this context"},
    {"a: 'open\n", "t.yaml:2:1: found unexpected end of stream"},
    {"a: \x01\n", "t.yaml: control characters are not allowed at byte 3"},
    {"a: \xff\n", "t.yaml: invalid leading UTF-8 octet at byte 3"},
};

Test(yaml_parse, each_bad_document_is_refused_at_its_place)
{
    for (size_t i = 0; i < sizeof bad_documents / sizeof bad_documents[0]; i++) {
        cr_assert_eq(parse(bad_documents[i].text), EF_ERR_INPUT, "%s",
                     bad_documents[i].text);
        cr_assert_str_eq(err.text, bad_documents[i].error);
        cr_assert_null(yaml);
    }
}

/* Each level of this bomb would multiply the nodes by nine. */
Test(yaml_parse, a_billion_laughs_end_at_the_first_anchor)
{
    ef_text text;
    ef_text_init(&text);
    ef_text_add(&text, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 10; i++) {
        ef_text_add(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++) {
            ef_text_add(&text, "%s*a%d", k ? ", " : "", i - 1);
        }
        ef_text_add(&text, "]\n");
    }
    cr_assert_eq(parse(text.bytes), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "t.yaml:1:5: anchors (&name) are not supported");
    ef_text_clear(&text);
}

static ef_status parse_nested(int depth)
{
    ef_text text;
    ef_text_init(&text);
    for (int i = 0; i < depth; i++) {
        ef_text_add(&text, "[");
    }
    for (int i = 0; i < depth; i++) {
        ef_text_add(&text, "]");
    }
    ef_status status = parse(text.bytes);
    ef_text_clear(&text);
    return status;
}

Test(yaml_parse, nesting_ends_at_64)
{
    cr_assert_eq(parse_nested(64), EF_OK, "%s", err.text);
    close_yaml();
    cr_assert_eq(parse_nested(65), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "t.yaml:1:65: nested more than 64 deep");
    cr_assert_eq(parse_nested(1000), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "t.yaml:1:65: nested more than 64 deep");
}

Test(yaml_parse, a_flood_of_values_is_refused_before_memory_is_short)
{
    size_t size = 2000002;
    char *text = ef_calloc(size + 1, 1);
    cr_assert_not_null(text);
    for (size_t i = 0; i < size; i++) {
        text[i] = i % 2 ? ',' : '1';
    }
    text[0] = '[';
    text[1] = '1';
    cr_assert_eq(ef_yaml_parse(&yaml, "t.yaml", text, size, &err), EF_ERR_INPUT);
    cr_assert(strstr(err.text, "more than 1000000 values"), "%s", err.text);
    ef_free(text);
}

Test(yaml_parse, more_than_16_mib_are_refused)
{
    size_t size = ((size_t)16 << 20) + 1;
    char *text = ef_calloc(size, 1);
    cr_assert_not_null(text);
    memset(text, ' ', size);
    cr_assert_eq(ef_yaml_parse(&yaml, "t.yaml", text, size, &err), EF_ERR_INPUT);
    cr_assert_str_eq(err.text, "t.yaml: longer than 16 MiB");
    ef_free(text);
}

Test(yaml_parse, each_failing_allocation_is_reported)
{
    int ended = 0;
    for (long n = 0; !ended; n++) {
        thing t = {0};
        ef_mem_fail_after(n);
        ef_status status = read_thing("n: 3\nname: x\nrest: [1, 2, 3, 4, 5, 6]\n", &t);
        ef_mem_fail_after(-1);
        ended = status == EF_OK;
        cr_assert(ended || status == EF_ERR_MEMORY, "allocation %ld", n);
        cr_assert(ended || !yaml);
        cr_assert_lt(n, 100);
    }
    close_yaml();
}

Test(yaml_item, lists_and_maps_are_read_by_position)
{
    cr_assert_eq(parse("a: [x, {b: c}]\nd: ''\n"), EF_OK, "%s", err.text);
    const ef_yaml_node *root = ef_yaml_root(yaml);
    cr_assert_eq(ef_yaml_node_kind(root), EF_YAML_MAP);
    cr_assert_eq(ef_yaml_length(root), 2);
    cr_assert_str_eq(ef_yaml_map_key(root, 1), "d");
    cr_assert_str_eq(ef_yaml_text(ef_yaml_map_value(root, 1)), "");
    const ef_yaml_node *list = ef_yaml_find(root, "a");
    cr_assert_eq(ef_yaml_node_kind(list), EF_YAML_LIST);
    cr_assert_null(ef_yaml_text(list));
    cr_assert_null(ef_yaml_find(list, "x"));
    cr_assert_null(ef_yaml_find(root, "x"));
    const ef_yaml_node *text = ef_yaml_item(list, 0);
    cr_assert_eq(ef_yaml_node_kind(text), EF_YAML_SCALAR);
    cr_assert_eq(ef_yaml_length(text), 0);
    ef_place place = ef_yaml_place(ef_yaml_item(list, 1));
    cr_assert_str_eq(place.file, "t.yaml");
    cr_assert_eq(place.line, 1);
    cr_assert_eq(place.column, 8);
    close_yaml();
}

Test(yaml_read_u64s, a_number_or_a_list_of_them)
{
    uint64_t values[3] = {0};
    size_t n = 0;
    cr_assert_eq(parse("one: 3\nmore: [1, 2, 3]\nmany: [1, 2, 3, 4]\nbad: [1, 3x]\n"
                       "far: [0]\ndeep: [[1]]\n"),
                 EF_OK);
    static const struct {
        const char *key;
        size_t n;
        const char *error;
    } rows[] = {
        {"one", 1, ""},
        {"more", 3, ""},
        {"many", 0, "t.yaml:3:7: kernel: at most 3 numbers, found 4"},
        {"bad", 0,
         "t.yaml:4:10: kernel: expected a whole number of at least 1, found '3x'"},
        {"far", 0,
         "t.yaml:5:7: kernel: expected a whole number of at least 1, found '0'"},
        {"deep", 0, "t.yaml:6:8: kernel: expected a value, found a list"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error_clear(&err);
        n = 0;
        ef_status status =
            ef_yaml_read_u64s(ef_yaml_find(ef_yaml_root(yaml), rows[i].key), "kernel",
                              1, UINT64_MAX, values, 3, &n, &err);
        cr_assert_eq(status, rows[i].n ? EF_OK : EF_ERR_INPUT, "%s", rows[i].key);
        cr_assert_eq(n, rows[i].n);
        cr_assert_str_eq(err.text, rows[i].error);
    }
    close_yaml();
}

TestSuite(yaml_load, .init = scratch_make, .fini = scratch_remove);

Test(yaml_load, files_are_named_in_errors)
{
    const char *path = scratch_write_text("bad.yaml", "a: [\n");
    char expected[1200];
    snprintf(expected, sizeof expected, "%s:2:1: did not find expected node content",
             path);
    cr_assert_eq(ef_yaml_load(&yaml, path, &err), EF_ERR_INPUT);
    cr_assert_eq(strncmp(err.text, expected, EF_ERROR_TEXT - 1), 0, "%s", err.text);
    ef_error_clear(&err);
    cr_assert_eq(ef_yaml_load(&yaml, scratch_path("none.yaml"), &err), EF_ERR_IO);
}
