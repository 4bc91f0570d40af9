#include "objectives/accelerator.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/parse.h"
#include "base/yaml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const loop_names[] = {
#define X(loop, name) name,
    EF_LOOP_LIST(X)
#undef X
};

static const char *const class_names[] = {
#define X(layer_class, name) name,
    EF_LAYER_CLASS_LIST(X)
#undef X
};

static const char *const kind_names[] = {"int", "float", NULL};

const char *ef_loop_name(ef_loop loop)
{
    return loop_names[loop];
}

const char *ef_layer_class_name(ef_layer_class layer_class)
{
    return class_names[layer_class];
}

void ef_array_spread(const ef_array_axis *axis, const uint32_t *extents,
                     uint32_t *spread)
{
    for (size_t i = 0; i < EF_LOOP_COUNT; i++) {
        spread[i] = 1;
    }
    uint32_t room = axis->size;
    for (size_t i = 0; i < axis->n_loops; i++) {
        ef_loop loop = axis->loops[i];
        spread[loop] = extents[loop] < room ? extents[loop] : room;
        room /= spread[loop];
    }
}

/* --- keys --- */

/* What a file says: the accelerator as far as its numbers go straight into it, and the
 * parts that are checked further. */
typedef struct document {
    ef_accelerator made;
    const char *name;
    const ef_yaml_node *array, *buffer, *registers, *dram, *bus, *dma, *mac;
    const ef_yaml_node *latency_model, *energy_model;
    const ef_yaml_node *rows, *columns;
    const ef_yaml_node *inner;
    double lanes;
} document;

typedef struct axis {
    double size;
    const ef_yaml_node *loops;
} axis;

#define PART(key, field)                                                               \
    {                                                                                  \
        key, EF_YAML_NODE, offsetof(document, field), 1, 0, 0, NULL, NULL              \
    }
#define OPTIONAL(key, field)                                                           \
    {                                                                                  \
        key, EF_YAML_NODE, offsetof(document, field), 0, 0, 0, NULL, NULL              \
    }
#define QUANTITY(key, type, field, unit, min)                                          \
    {                                                                                  \
        key, EF_YAML_QUANTITY, offsetof(type, field), 1, min, DBL_MAX, unit, NULL      \
    }
#define NUMBER(key, field, unit, min) QUANTITY(key, document, made.field, unit, min)
#define MOST_PES 65536

static const ef_yaml_key top_keys[] = {
    {"name", EF_YAML_TEXT, offsetof(document, name), 1, 0, 0, NULL, NULL},
    NUMBER("clock", clock_hz, "Hz", 1),
    PART("array", array),
    PART("buffer", buffer),
    PART("register", registers),
    PART("dram", dram),
    PART("bus", bus),
    PART("dma", dma),
    NUMBER("sync", sync_s, "s", 0),
    PART("mac", mac),
    OPTIONAL("latency_model", latency_model),
    OPTIONAL("energy_model", energy_model),
};
static const ef_yaml_key array_keys[] = {
    PART("rows", rows),
    PART("columns", columns),
    PART("inner", inner),
    {"vector", EF_YAML_QUANTITY, offsetof(document, lanes), 1, 1, MOST_PES, "op/cycle",
     NULL},
};
static const ef_yaml_key axis_keys[] = {
    {"size", EF_YAML_QUANTITY, offsetof(axis, size), 1, 1, MOST_PES, "PE", NULL},
    {"loops", EF_YAML_NODE, offsetof(axis, loops), 1, 0, 0, NULL, NULL},
};
static const ef_yaml_key buffer_keys[] = {
    NUMBER("capacity", buffer_bytes, "B", 1),
    NUMBER("bandwidth", buffer_bytes_per_cycle, "B/cycle", 0.001),
    NUMBER("energy", buffer_pj_per_byte, "pJ/B", 0),
};
static const ef_yaml_key register_keys[] = {
    NUMBER("energy", register_pj_per_byte, "pJ/B", 0),
};
static const ef_yaml_key dram_keys[] = {
    NUMBER("bandwidth", dram_bytes_per_s, "B/s", 1),
    NUMBER("latency", dram_latency_s, "s", 0),
    NUMBER("energy", dram_pj_per_byte, "pJ/B", 0),
};
static const ef_yaml_key bus_keys[] = {
    NUMBER("bandwidth", bus_bytes_per_s, "B/s", 1),
};
static const ef_yaml_key dma_keys[] = {
    NUMBER("setup", dma_setup_s, "s", 0),
};

/* The sections whose numbers go straight into the accelerator. */
static const struct section {
    const char *name;
    size_t offset; /* of the node in document */
    const ef_yaml_key *keys;
    size_t n_keys;
} sections[] = {
    {"buffer", offsetof(document, buffer), buffer_keys, COUNT(buffer_keys)},
    {"register", offsetof(document, registers), register_keys, COUNT(register_keys)},
    {"dram", offsetof(document, dram), dram_keys, COUNT(dram_keys)},
    {"bus", offsetof(document, bus), bus_keys, COUNT(bus_keys)},
    {"dma", offsetof(document, dma), dma_keys, COUNT(dma_keys)},
};

typedef struct mac_row {
    double bits, energy_pj;
    size_t kind;
} mac_row;

static const ef_yaml_key mac_keys[] = {
    {"width", EF_YAML_QUANTITY, offsetof(mac_row, bits), 1, 1, 64, "bit", NULL},
    {"kind", EF_YAML_CHOICE, offsetof(mac_row, kind), 1, 0, 0, NULL, kind_names},
    QUANTITY("energy", mac_row, energy_pj, "pJ/MAC", 0),
};

static const ef_yaml_key latency_keys[] = {
    QUANTITY("mac", ef_layer_cost, per_mac, "s/MAC", 0),
    QUANTITY("byte", ef_layer_cost, per_byte, "s/B", 0),
    QUANTITY("launch", ef_layer_cost, per_launch, "s", 0),
};
static const ef_yaml_key energy_keys[] = {
    QUANTITY("mac", ef_layer_cost, per_mac, "J/MAC", 0),
    QUANTITY("byte", ef_layer_cost, per_byte, "J/B", 0),
    QUANTITY("launch", ef_layer_cost, per_launch, "J", 0),
};

/* --- reading --- */

static ef_status read_whole(const ef_yaml_node *map, const char *key, double value,
                            uint32_t *whole, ef_error *err)
{
    if (value != floor(value)) {
        const ef_yaml_node *node = ef_yaml_find(map, key);
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                           "%s: expected a whole number, found '%s'", key,
                           ef_yaml_text(node));
    }
    *whole = (uint32_t)value;
    return EF_OK;
}

static ef_status read_name(const ef_yaml_node *root, const char *text, char *name,
                           size_t room, ef_error *err)
{
    ef_place place = ef_yaml_place(ef_yaml_find(root, "name"));
    size_t size = strlen(text);
    if (size == 0 || size >= room) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "name: expected 1 to %zu bytes, found %zu", room - 1, size);
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            return ef_error_at(err, EF_ERR_INPUT, place,
                               "name: a control character stands in it");
        }
    }
    memcpy(name, text, size + 1);
    return EF_OK;
}

/* taken: a bit for each loop that stands somewhere already. */
static ef_status read_loop(const ef_yaml_node *item, ef_loop *into, unsigned *taken,
                           ef_error *err)
{
    size_t loop = 0;
    ef_error inner = {0};
    const char *text = ef_yaml_text(item);
    if (ef_parse_choice(text ? text : "", loop_names, EF_LOOP_COUNT, &loop, &inner)) {
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(item), "loops: %s",
                           inner.text);
    }
    if (*taken & 1U << loop) {
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(item),
                           "loops: %s stands there twice", text);
    }
    *taken |= 1U << loop;
    *into = (ef_loop)loop;
    return EF_OK;
}

static ef_status read_loops(const ef_yaml_node *node, ef_loop *loops, size_t *n,
                            unsigned *taken, ef_error *err)
{
    if (ef_yaml_node_kind(node) != EF_YAML_LIST) {
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                           "expected a list of loops");
    }
    ef_status status = EF_OK;
    for (*n = 0; !status && *n < ef_yaml_length(node); (*n)++) {
        status = read_loop(ef_yaml_item(node, *n), &loops[*n], taken, err);
    }
    return status;
}

static ef_status read_axis(const ef_yaml_node *node, const char *what,
                           ef_array_axis *into, unsigned *taken, ef_error *err)
{
    axis read = {0};
    ef_status status =
        ef_yaml_read_map(node, what, axis_keys, COUNT(axis_keys), &read, err);
    if (!status) {
        status = read_whole(node, "size", read.size, &into->size, err);
    }
    return status ? status
                  : read_loops(read.loops, into->loops, &into->n_loops, taken, err);
}

static ef_status read_array(document *d, ef_error *err)
{
    unsigned taken = 0;
    ef_status status =
        ef_yaml_read_map(d->array, "array", array_keys, COUNT(array_keys), d, err);
    if (!status) {
        status = read_axis(d->rows, "rows", &d->made.rows, &taken, err);
    }
    if (!status) {
        status = read_axis(d->columns, "columns", &d->made.columns, &taken, err);
    }
    if (!status) {
        taken = 0;
        status = read_loops(d->inner, d->made.inner, &d->made.n_inner, &taken, err);
    }
    if (!status) {
        status = read_whole(d->array, "vector", d->lanes, &d->made.lanes, err);
    }
    return status;
}

static ef_status read_mac(const ef_yaml_node *item, ef_accelerator *made, ef_error *err)
{
    mac_row row = {0};
    ef_mac_energy mac = {0};
    ef_status status =
        ef_yaml_read_map(item, "mac", mac_keys, COUNT(mac_keys), &row, err);
    if (!status) {
        status = read_whole(item, "width", row.bits, &mac.bits, err);
    }
    mac.is_float = (int)row.kind;
    mac.energy_pj = row.energy_pj;
    for (size_t i = 0; !status && i < made->n_macs; i++) {
        if (made->macs[i].bits == mac.bits && made->macs[i].is_float == mac.is_float) {
            status = ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(item),
                                 "mac: %s of %u bit stands there twice",
                                 kind_names[row.kind], mac.bits);
        }
    }
    if (!status) {
        made->macs[made->n_macs++] = mac;
    }
    return status;
}

static ef_status read_macs(document *d, ef_error *err)
{
    size_t n = ef_yaml_length(d->mac);
    if (ef_yaml_node_kind(d->mac) != EF_YAML_LIST || n < 1 || n > EF_MAC_ENERGIES) {
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(d->mac),
                           "mac: expected a list of 1 to %d maps of width, kind and "
                           "energy",
                           EF_MAC_ENERGIES);
    }
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < n; i++) {
        status = read_mac(ef_yaml_item(d->mac, i), &d->made, err);
    }
    return status;
}

static ef_status read_model(const ef_yaml_node *node, const char *what,
                            const ef_yaml_key *cost_keys, ef_layer_cost *costs,
                            int *has, ef_error *err)
{
    const ef_yaml_node *nodes[EF_CLASS_COUNT] = {NULL};
    ef_yaml_key keys[EF_CLASS_COUNT];
    for (size_t i = 0; i < EF_CLASS_COUNT; i++) {
        keys[i] = (ef_yaml_key){.name = class_names[i],
                                .type = EF_YAML_NODE,
                                .offset = i * sizeof nodes[0],
                                .required = 1};
    }
    if (!node) {
        return EF_OK;
    }
    *has = 1;
    ef_status status = ef_yaml_read_map(node, what, keys, EF_CLASS_COUNT, nodes, err);
    for (size_t i = 0; !status && i < EF_CLASS_COUNT; i++) {
        status =
            ef_yaml_read_map(nodes[i], class_names[i], cost_keys, 3, &costs[i], err);
    }
    return status;
}

static ef_status read_sections(document *d, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; !status && i < COUNT(sections); i++) {
        const ef_yaml_node *node;
        memcpy(&node, (const char *)d + sections[i].offset, sizeof node);
        status = ef_yaml_read_map(node, sections[i].name, sections[i].keys,
                                  sections[i].n_keys, d, err);
    }
    return status;
}

static ef_status read_document(const ef_yaml *yaml, ef_accelerator *accelerator,
                               ef_error *err)
{
    document d = {.name = NULL};
    ef_accelerator *made = &d.made;
    const ef_yaml_node *root = ef_yaml_root(yaml);
    ef_status status =
        ef_yaml_read_map(root, "an accelerator", top_keys, COUNT(top_keys), &d, err);
    status =
        status ? status : read_name(root, d.name, made->name, sizeof made->name, err);
    status = status ? status : read_array(&d, err);
    status = status ? status : read_sections(&d, err);
    status = status ? status : read_macs(&d, err);
    status = status ? status
                    : read_model(d.latency_model, "latency_model", latency_keys,
                                 made->latency_model, &made->has_latency_model, err);
    status = status ? status
                    : read_model(d.energy_model, "energy_model", energy_keys,
                                 made->energy_model, &made->has_energy_model, err);
    if (!status) {
        *accelerator = *made;
    }
    return status;
}

ef_status ef_accelerator_load(ef_accelerator *accelerator, const char *path,
                              ef_error *err)
{
    ef_yaml *yaml = NULL;
    ef_status status = ef_yaml_load(&yaml, path, err);
    if (!status) {
        status = read_document(yaml, accelerator, err);
    }
    ef_yaml_destroy(yaml);
    return status;
}

ef_status ef_accelerator_parse(ef_accelerator *accelerator, const char *name,
                               const char *text, size_t size, ef_error *err)
{
    ef_yaml *yaml = NULL;
    ef_status status = ef_yaml_parse(&yaml, name, text, size, err);
    if (!status) {
        status = read_document(yaml, accelerator, err);
    }
    ef_yaml_destroy(yaml);
    return status;
}

/* --- writing --- */

/* "KEY: NUMBER UNIT"; nothing is rounded. */
static void write_quantity(ef_text *text, const ef_yaml_key *key, const void *from)
{
    double value;
    memcpy(&value, (const char *)from + key->offset, sizeof value);
    ef_text_add(text, "%s: ", key->name);
    ef_text_add_quantity(text, value, key->unit);
}

/* "{KEY: NUMBER UNIT, ...}" and the end of the line. */
static void write_map(ef_text *text, const ef_yaml_key *keys, size_t n,
                      const void *from)
{
    for (size_t i = 0; i < n; i++) {
        ef_text_add(text, "%s", i ? ", " : "{");
        write_quantity(text, &keys[i], from);
    }
    ef_text_add(text, "}\n");
}

static void write_loops(ef_text *text, const ef_loop *loops, size_t n)
{
    ef_text_add(text, "[");
    for (size_t i = 0; i < n; i++) {
        ef_text_add(text, "%s%s", i ? ", " : "", loop_names[loops[i]]);
    }
    ef_text_add(text, "]");
}

static void write_axis(ef_text *text, const char *name, const ef_array_axis *from)
{
    ef_text_add(text, "  %s: {size: %u PE, loops: ", name, from->size);
    write_loops(text, from->loops, from->n_loops);
    ef_text_add(text, "}\n");
}

static void write_macs(ef_text *text, const ef_accelerator *a)
{
    ef_text_add(text, "mac:\n");
    for (size_t i = 0; i < a->n_macs; i++) {
        ef_text_add(text, "  - {width: %u bit, kind: %s, energy: ", a->macs[i].bits,
                    kind_names[a->macs[i].is_float != 0]);
        ef_text_add_quantity(text, a->macs[i].energy_pj, "pJ/MAC");
        ef_text_add(text, "}\n");
    }
}

static void write_model(ef_text *text, const char *name, const ef_yaml_key *keys,
                        const ef_layer_cost *costs)
{
    ef_text_add(text, "%s:\n", name);
    for (size_t i = 0; i < EF_CLASS_COUNT; i++) {
        ef_text_add(text, "  %s: ", class_names[i]);
        write_map(text, keys, 3, &costs[i]);
    }
}

/* Between single quotes, where one of its own stands doubled. */
static void write_name(ef_text *text, const char *name)
{
    ef_text_add(text, "name: '");
    for (; *name; name++) {
        ef_text_add(text, "%s%c", *name == '\'' ? "'" : "", *name);
    }
    ef_text_add(text, "'\n");
}

void ef_accelerator_write(const ef_accelerator *accelerator, ef_text *text)
{
    const document d = {.made = *accelerator};
    write_name(text, accelerator->name);
    ef_text_add(text, "clock: ");
    ef_text_add_quantity(text, accelerator->clock_hz, "Hz");
    ef_text_add(text, "\narray:\n");
    write_axis(text, "rows", &accelerator->rows);
    write_axis(text, "columns", &accelerator->columns);
    ef_text_add(text, "  inner: ");
    write_loops(text, accelerator->inner, accelerator->n_inner);
    ef_text_add(text, "\n  vector: %u op/cycle\n", accelerator->lanes);
    for (size_t i = 0; i < COUNT(sections); i++) {
        ef_text_add(text, "%s: ", sections[i].name);
        write_map(text, sections[i].keys, sections[i].n_keys, &d);
    }
    ef_text_add(text, "sync: ");
    ef_text_add_quantity(text, accelerator->sync_s, "s");
    ef_text_add(text, "\n");
    write_macs(text, accelerator);
    if (accelerator->has_latency_model) {
        write_model(text, "latency_model", latency_keys, accelerator->latency_model);
    }
    if (accelerator->has_energy_model) {
        write_model(text, "energy_model", energy_keys, accelerator->energy_model);
    }
}
