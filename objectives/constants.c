#include "objectives/constants.h"

#include "base/mem.h"
#include "base/yaml.h"

/* Of topologies drawn over the whole search space and trained on the digits; see
 * evoflip-objectives(7). */
const ef_constant_row ef_constant_rows[] = {
    {"margin", 1e-4, 1e4, {0.1, 0.55}, "energy of noise that costs half the images"},
    {"size", 0.2, 2, {1.2, 1.2}, "power of the tensor's elements"},
    {"position", -0.5, 2, {0.65, 0.4}, "fall of the gain with each layer before"},
    {"fan_in", -1, 2, {0.5, 0.4}, "power of the mean fan-in over 30"},
    {"places", -1, 1.5, {0.4, 0}, "power of the height times width of the output"},
    {"averaging", -1, 1.5, {0.2, 0.05}, "power of the places averaged behind it"},
    {.name = NULL},
};

enum { TARGETS = 2 };
static const char *const targets[TARGETS] = {
    [EF_EXPOSED_WEIGHTS] = "weights",
    [EF_EXPOSED_ACTIVATIONS] = "activations",
};

size_t ef_constants_n(void)
{
    size_t n = 0;
    while (ef_constant_rows[n].name) {
        n++;
    }
    return n;
}

void ef_constants_init(ef_constants *constants)
{
    *constants = (ef_constants){0};
    for (size_t i = 0; i < ef_constants_n(); i++) {
        for (size_t t = 0; t < TARGETS; t++) {
            constants->values[t][i] = ef_constant_rows[i].fallback[t];
        }
    }
}

/* --- YAML ------------------------------------------------------------------------ */

/* All constants of a target that the file names, none left out: half a set of fitted
 * constants beside half a set of built-in ones predicts nothing. */
static ef_status read_target(const ef_yaml_node *map, const char *target,
                             double values[EF_CONSTANTS_MAX], ef_error *err)
{
    ef_yaml_key keys[EF_CONSTANTS_MAX];
    size_t n = ef_constants_n();
    for (size_t i = 0; i < n; i++) {
        const ef_constant_row *row = &ef_constant_rows[i];
        keys[i] = (ef_yaml_key){.name = row->name,
                                .type = EF_YAML_F64,
                                .offset = i * sizeof *values,
                                .required = 1,
                                .min = row->low,
                                .max = row->high};
    }
    return ef_yaml_read_map(map, target, keys, n, values, err);
}

static ef_status read_document(const ef_yaml_node *root, ef_constants *constants,
                               ef_error *err)
{
    const ef_yaml_node *maps[TARGETS] = {NULL};
    ef_yaml_key keys[TARGETS];
    for (size_t t = 0; t < TARGETS; t++) {
        keys[t] = (ef_yaml_key){
            .name = targets[t], .type = EF_YAML_NODE, .offset = t * sizeof *maps};
    }
    ef_status status =
        ef_yaml_read_map(root, "constants", keys, TARGETS, (void *)maps, err);
    for (size_t t = 0; t < TARGETS && !status; t++) {
        if (maps[t]) {
            status = read_target(maps[t], targets[t], constants->values[t], err);
        }
    }
    return status;
}

static ef_status take_document(ef_yaml *yaml, ef_constants *constants, ef_error *err)
{
    ef_constants read;
    ef_constants_init(&read);
    ef_status status = read_document(ef_yaml_root(yaml), &read, err);
    if (!status) {
        *constants = read;
    }
    ef_yaml_destroy(yaml);
    return status;
}

ef_status ef_constants_load(ef_constants *constants, const char *path, ef_error *err)
{
    ef_yaml *yaml = NULL;
    ef_status status = ef_yaml_load(&yaml, path, err);
    return status ? status : take_document(yaml, constants, err);
}

ef_status ef_constants_parse(ef_constants *constants, const char *name,
                             const char *text, size_t size, ef_error *err)
{
    ef_yaml *yaml = NULL;
    ef_status status = ef_yaml_parse(&yaml, name, text, size, err);
    return status ? status : take_document(yaml, constants, err);
}

/* Each line of note behind a sign of comment. */
static void write_note(const char *note, ef_text *text)
{
    while (*note) {
        const char *end = note;
        while (*end && *end != '\n') {
            end++;
        }
        ef_text_add(text, "# ");
        ef_text_add_bytes(text, note, (size_t)(end - note));
        ef_text_add(text, "\n");
        note = *end ? end + 1 : end;
    }
}

void ef_constants_write(const ef_constants *constants, const char *note, ef_text *text)
{
    write_note(note ? note : "", text);
    for (size_t t = 0; t < TARGETS; t++) {
        ef_text_add(text, "%s:\n", targets[t]);
        for (size_t i = 0; i < ef_constants_n(); i++) {
            ef_text_add(text, "  %s: ", ef_constant_rows[i].name);
            ef_text_add_double(text, constants->values[t][i]);
            ef_text_add(text, "\n");
        }
    }
}
