/* Search spaces as YAML, evoflip-space(5). */
#include <string.h>

#include "base/mem.h"
#include "base/yaml.h"
#include "net/space_priv.h"

#define WIDEST 65536
#define DEEPEST 1000
#define MOST_KERNEL 31 /* also the largest stride */
#define MOST_LIMITS 64

const char *const ef_space_pools[] = {"max", "avg", NULL};
const char *const ef_space_skips[] = {"add", "concat", NULL};
const char *const ef_space_heads[] = {"average", "flatten", NULL};
const char *const ef_space_activations[] = {"relu", "relu6", NULL};
const char *const ef_operator_names[] = {
#define X(id, function, name, keeps, weight, meaning) name,
    EF_OPERATOR_LIST(X)
#undef X
        NULL};

static const ef_activation activations[] = {{EF_ACTIVATION_RELU, 0, 0},
                                            {EF_ACTIVATION_CLIP, 0, 6}};

/* A document's keys; nodes are NULL where it has none. */
typedef struct document {
    const ef_yaml_node *depth, *width, *kernels, *strides;
    const ef_yaml_node *pools, *skips, *heads, *operators, *limits;
    uint64_t nodes;
    int separable, hidden;
    size_t activation;
    double crossover, noise;
} document;

#define FIELD(name) offsetof(document, name)

static const ef_yaml_key keys[] = {
    {"depth", EF_YAML_NODE, FIELD(depth), 0, 0, 0, NULL, NULL},
    {"width", EF_YAML_NODE, FIELD(width), 0, 0, 0, NULL, NULL},
    {"kernels", EF_YAML_NODE, FIELD(kernels), 0, 0, 0, NULL, NULL},
    {"strides", EF_YAML_NODE, FIELD(strides), 0, 0, 0, NULL, NULL},
    {"nodes", EF_YAML_U64, FIELD(nodes), 0, 4, EF_MAX_NODES, NULL, NULL},
    {"pools", EF_YAML_NODE, FIELD(pools), 0, 0, 0, NULL, NULL},
    {"skips", EF_YAML_NODE, FIELD(skips), 0, 0, 0, NULL, NULL},
    {"heads", EF_YAML_NODE, FIELD(heads), 0, 0, 0, NULL, NULL},
    {"separable", EF_YAML_BOOL, FIELD(separable), 0, 0, 0, NULL, NULL},
    {"hidden-dense", EF_YAML_BOOL, FIELD(hidden), 0, 0, 0, NULL, NULL},
    {"activation", EF_YAML_CHOICE, FIELD(activation), 0, 0, 0, NULL,
     ef_space_activations},
    {"crossover", EF_YAML_F64, FIELD(crossover), 0, 0, 1, NULL, NULL},
    {"noise", EF_YAML_F64, FIELD(noise), 0, 0, 1, NULL, NULL},
    {"operators", EF_YAML_NODE, FIELD(operators), 0, 0, 0, NULL, NULL},
    {"limits", EF_YAML_NODE, FIELD(limits), 0, 0, 0, NULL, NULL},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct range {
    uint64_t min, max, step;
} range;

static ef_status check_range(const ef_yaml_node *node, const char *what, const range *r,
                             ef_error *err)
{
    ef_place place = ef_yaml_place(node);
    if (r->min > r->max) {
        return ef_error_at(err, EF_ERR_INPUT, place, "%s: min %llu is above max %llu",
                           what, (unsigned long long)r->min,
                           (unsigned long long)r->max);
    }
    if (r->min % r->step || r->max % r->step) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "%s: min %llu and max %llu must be multiples of step %llu",
                           what, (unsigned long long)r->min, (unsigned long long)r->max,
                           (unsigned long long)r->step);
    }
    return EF_OK;
}

static ef_status read_depth(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    static const ef_yaml_key rows[] = {
        {"min", EF_YAML_U64, offsetof(range, min), 0, 1, DEEPEST, NULL, NULL},
        {"max", EF_YAML_U64, offsetof(range, max), 0, 1, DEEPEST, NULL, NULL},
    };
    range r = {space->depth_min, space->depth_max, 1};
    ef_status status = ef_yaml_read_map(node, "depth", rows, COUNT(rows), &r, err);
    if (!status) {
        status = check_range(node, "depth", &r, err);
    }
    space->depth_min = (uint32_t)r.min;
    space->depth_max = (uint32_t)r.max;
    return status;
}

static ef_status read_width(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    static const ef_yaml_key rows[] = {
        {"min", EF_YAML_U64, offsetof(range, min), 0, 1, WIDEST, NULL, NULL},
        {"max", EF_YAML_U64, offsetof(range, max), 0, 1, WIDEST, NULL, NULL},
        {"step", EF_YAML_U64, offsetof(range, step), 0, 1, WIDEST, NULL, NULL},
    };
    range r = {space->width_min, space->width_max, space->width_step};
    ef_status status = ef_yaml_read_map(node, "width", rows, COUNT(rows), &r, err);
    if (!status) {
        status = check_range(node, "width", &r, err);
    }
    space->width_min = (uint32_t)r.min;
    space->width_max = (uint32_t)r.max;
    space->width_step = (uint32_t)r.step;
    return status;
}

/* Ascending, each once, at least one. */
static ef_status read_sizes(const ef_yaml_node *node, const char *what,
                            uint64_t values[EF_SPACE_KERNELS], size_t *n, ef_error *err)
{
    ef_status status =
        ef_yaml_read_u64s(node, what, 1, MOST_KERNEL, values, EF_SPACE_KERNELS, n, err);
    if (status) {
        return status;
    }
    int ascend = *n > 0;
    for (size_t i = 1; i < *n; i++) {
        ascend &= values[i - 1] < values[i];
    }
    return ascend ? EF_OK
                  : ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                                "%s: expected at least one number, each greater than "
                                "the one before",
                                what);
}

static ef_status read_kernels(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    ef_status status =
        read_sizes(node, "kernels", space->kernels, &space->n_kernels, err);
    for (size_t i = 0; i < space->n_kernels && !status; i++) {
        if (space->kernels[i] % 2 == 0) {
            status = ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                                 "kernels: %llu is even; an odd kernel has a middle",
                                 (unsigned long long)space->kernels[i]);
        }
    }
    return status;
}

static ef_status read_strides(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    ef_status status =
        read_sizes(node, "strides", space->strides, &space->n_strides, err);
    if (!status && space->strides[0] != 1) {
        status = ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                             "strides: 1 is not among them");
    }
    return status;
}

static size_t find_name(const char *const *names, const char *text)
{
    size_t i = 0;
    while (names[i] && (!text || strcmp(names[i], text) != 0)) {
        i++;
    }
    return i;
}

/* A list of at least `least` of two names into two flags. */
static ef_status read_set(const ef_yaml_node *node, const char *what,
                          const char *const *names, size_t least, int *first,
                          int *second, ef_error *err)
{
    int flags[2] = {0, 0};
    int is_list = ef_yaml_node_kind(node) == EF_YAML_LIST;
    size_t n = is_list ? ef_yaml_length(node) : 0;
    if (!is_list || n < least) {
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                           "%s: expected a list of %s and %s", what, names[0],
                           names[1]);
    }
    for (size_t i = 0; i < n; i++) {
        const ef_yaml_node *item = ef_yaml_item(node, i);
        size_t which = find_name(names, ef_yaml_text(item));
        if (!names[which]) {
            const char *found = ef_yaml_text(item);
            return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(item),
                               "%s: expected %s or %s, found %s", what, names[0],
                               names[1], found ? found : "a list or map");
        }
        flags[which] = 1;
    }
    *first = flags[0];
    *second = flags[1];
    return EF_OK;
}

static ef_status read_pools(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    return read_set(node, "pools", ef_space_pools, 0, &space->max_pool,
                    &space->avg_pool, err);
}

static ef_status read_skips(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    return read_set(node, "skips", ef_space_skips, 0, &space->add_skip,
                    &space->concat_skip, err);
}

static ef_status read_heads(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    return read_set(node, "heads", ef_space_heads, 1, &space->average, &space->flatten,
                    err);
}

static ef_status read_operators(const ef_yaml_node *node, ef_space *space,
                                ef_error *err)
{
    ef_yaml_key rows[EF_OPERATOR_COUNT];
    double sum = 0;
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        rows[i] = (ef_yaml_key){.name = ef_operator_names[i],
                                .type = EF_YAML_F64,
                                .offset = i * sizeof(double),
                                .max = 1e6};
    }
    ef_status status = ef_yaml_read_map(node, "operators", rows, EF_OPERATOR_COUNT,
                                        space->weights, err);
    for (size_t i = 0; i < EF_OPERATOR_COUNT; i++) {
        sum += space->weights[i];
    }
    if (!status && !(sum > 0)) {
        status = ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                             "operators: all have the weight 0");
    }
    return status;
}

static int is_one_line(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ') {
            return 0;
        }
    }
    return 1;
}

static ef_status read_limit(const ef_yaml_node *node, ef_space_limit *limit,
                            ef_error *err)
{
    const char *text = ef_yaml_text(node);
    ef_place place = ef_yaml_place(node);
    if (!text || !*text || !is_one_line(text)) {
        return ef_error_at(err, EF_ERR_INPUT, place,
                           "limits: expected a limit such as params <= 50k");
    }
    *limit = (ef_space_limit){ef_strdup(text), place.line, place.column};
    return limit->text ? EF_OK : ef_error_memory(err);
}

static ef_status read_limits(const ef_yaml_node *node, ef_space *space, ef_error *err)
{
    int is_list = ef_yaml_node_kind(node) == EF_YAML_LIST;
    size_t n = is_list ? ef_yaml_length(node) : 0;
    if (!is_list || n > MOST_LIMITS) {
        return ef_error_at(err, EF_ERR_INPUT, ef_yaml_place(node),
                           "limits: expected a list of at most %d limits, such as "
                           "[params <= 50k]",
                           MOST_LIMITS);
    }
    ef_space_clear_limits(space);
    space->limits = ef_calloc(n, sizeof *space->limits);
    ef_status status = space->limits ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; i < n && !status; i++) {
        status = read_limit(ef_yaml_item(node, i), &space->limits[i], err);
        space->n_limits += !status;
    }
    return status;
}

typedef ef_status read_node(const ef_yaml_node *node, ef_space *space, ef_error *err);

static const struct {
    size_t node; /* offset in document */
    read_node *read;
} nodes[] = {
    {FIELD(depth), read_depth},     {FIELD(width), read_width},
    {FIELD(kernels), read_kernels}, {FIELD(strides), read_strides},
    {FIELD(pools), read_pools},     {FIELD(skips), read_skips},
    {FIELD(heads), read_heads},     {FIELD(operators), read_operators},
    {FIELD(limits), read_limits},
};

static ef_status read_space(const ef_yaml *yaml, ef_space *space, ef_error *err)
{
    document d = {.nodes = space->max_nodes,
                  .separable = space->separable,
                  .hidden = space->hidden,
                  .activation = space->activation.kind == EF_ACTIVATION_RELU ? 0 : 1,
                  .crossover = space->crossover,
                  .noise = space->noise};
    ef_status status = ef_yaml_read_map(ef_yaml_root(yaml), "the search space", keys,
                                        COUNT(keys), &d, err);
    for (size_t i = 0; i < COUNT(nodes) && !status; i++) {
        const ef_yaml_node *node;
        memcpy(&node, (const char *)&d + nodes[i].node, sizeof node);
        if (node) {
            status = nodes[i].read(node, space, err);
        }
    }
    space->max_nodes = (uint32_t)d.nodes;
    space->separable = d.separable;
    space->hidden = d.hidden;
    space->activation = activations[d.activation];
    space->crossover = d.crossover;
    space->noise = d.noise;
    return status;
}

/* Takes the document, whatever comes of it. */
static ef_status finish(ef_space **space, ef_yaml *yaml, const char *name,
                        ef_error *err)
{
    ef_space *made = NULL;
    ef_status status = ef_space_default(&made, err);
    if (!status) {
        ef_free(made->name);
        made->name = ef_strdup(name);
        status = made->name ? read_space(yaml, made, err) : ef_error_memory(err);
    }
    ef_yaml_destroy(yaml);
    if (status) {
        ef_space_destroy(made);
        return status;
    }
    *space = made;
    return EF_OK;
}

ef_status ef_space_load(ef_space **space, const char *path, ef_error *err)
{
    ef_yaml *yaml;
    ef_status status = ef_yaml_load(&yaml, path, err);
    return status ? status : finish(space, yaml, path, err);
}

ef_status ef_space_parse(ef_space **space, const char *name, const char *text,
                         size_t size, ef_error *err)
{
    ef_yaml *yaml;
    ef_status status = ef_yaml_parse(&yaml, name, text, size, err);
    return status ? status : finish(space, yaml, name, err);
}
