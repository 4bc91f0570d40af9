#include "study/validation_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "objectives/objective.h"

#define ATTEMPTS 100 /* at one topology that was not drawn before */
#define LIMITS_MAX 32

ef_status ef_validation_create(ef_validation **validation,
                               const ef_validation_config *config, ef_error *err)
{
    ef_validation *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->config = *config;
    *validation = made;
    return EF_OK;
}

void ef_validation_destroy(ef_validation *validation)
{
    if (!validation) {
        return;
    }
    for (size_t i = 0; i < validation->n; i++) {
        ef_free(validation->items[i].name);
        ef_topology_destroy(validation->items[i].topology);
    }
    ef_free(validation->items);
    ef_free(validation->trials);
    ef_free(validation->results);
    ef_free(validation);
}

/* --- topologies -------------------------------------------------------------- */

static int has_hash(const ef_validation *v, uint64_t hash, size_t *where)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->items[i].hash == hash) {
            *where = i;
            return 1;
        }
    }
    return 0;
}

static ef_status reserve(ef_validation *v, ef_error *err)
{
    if (v->n == v->capacity) {
        size_t capacity = v->capacity ? 2 * v->capacity : 64;
        validation_item *grown = ef_realloc(v->items, capacity, sizeof *grown);
        if (!grown) {
            return ef_error_memory(err);
        }
        v->items = grown;
        v->capacity = capacity;
    }
    return EF_OK;
}

ef_status ef_validation_add(ef_validation *validation, const char *name,
                            ef_topology *topology, ef_error *err)
{
    ef_validation *v = validation;
    uint64_t hash = ef_topology_hash(topology);
    size_t other;
    ef_status status = reserve(v, err);
    if (!status && has_hash(v, hash, &other)) {
        status = ef_error_set(err, EF_ERR_USAGE, "%s is the same topology as %s", name,
                              v->items[other].name);
    }
    char *copy = status ? NULL : ef_strdup(name);
    if (!status && !copy) {
        status = ef_error_memory(err);
    }
    if (status) {
        ef_topology_destroy(topology);
        return status;
    }
    v->items[v->n++] = (validation_item){copy, topology, hash};
    return EF_OK;
}

/* --- drawing them ------------------------------------------------------------ */

typedef struct drawing {
    const ef_space *space;
    ef_task task;
    ef_limit limits[LIMITS_MAX];
    size_t n_limits;
} drawing;

static ef_status parse_limits(drawing *d, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < d->space->n_limits && i < LIMITS_MAX && !status; i++) {
        const ef_space_limit *limit = &d->space->limits[i];
        ef_error why = {0};
        status = ef_limit_parse(&d->limits[d->n_limits++], limit->text, &why);
        if (status) {
            const ef_place place = {d->space->name, limit->line, limit->column};
            return ef_error_at(err, status, place, "%s", why.text);
        }
    }
    return status;
}

/* Draw `attempt` at topology `index`. */
static ef_status draw_one(const ef_validation *v, const drawing *d, size_t index,
                          size_t attempt, ef_topology **topology, double *violation,
                          ef_error *err)
{
    const ef_objective_context context = {.format = v->config.formats[0]};
    /* 1: not those that a search begins with. */
    ef_rng rng = ef_rng_stream(v->config.seed, EF_PURPOSE_SAMPLE, index, attempt, 1);
    ef_net *net = NULL;
    ef_status status = ef_space_random(&rng, d->space, &d->task, &net, err);
    if (!status) {
        status = ef_limit_score(net->topology, &context, d->limits, d->n_limits,
                                violation, err);
    }
    if (!status) {
        *topology = net->topology;
        net->topology = NULL;
    }
    ef_net_destroy(net);
    return status;
}

static ef_status add_random(ef_validation *v, const drawing *d, size_t index,
                            ef_error *err)
{
    char name[32];
    size_t other;
    snprintf(name, sizeof name, "%zu", index + 1);
    for (size_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        ef_topology *topology = NULL;
        double violation = 0;
        ef_status status = draw_one(v, d, index, attempt, &topology, &violation, err);
        if (status) {
            return status;
        }
        if (!(violation > 0) && !has_hash(v, ef_topology_hash(topology), &other)) {
            return ef_validation_add(v, name, topology, err);
        }
        ef_topology_destroy(topology);
    }
    return ef_error_set(err, EF_ERR_USAGE,
                        "the search space %s holds no %zu different topologies that "
                        "keep its limits, or they are rare: %zu were found",
                        d->space->name, index + 1, index);
}

ef_status ef_validation_draw(ef_validation *validation, const ef_space *space, size_t n,
                             ef_error *err)
{
    const ef_dataset *set = validation->config.measure.set;
    const ef_normalisation *norm = validation->config.norm;
    drawing d = {.space = space,
                 .task = {.input = {(uint32_t)set->channels, (uint32_t)set->height,
                                    (uint32_t)set->width, 4},
                          .n_classes = (uint32_t)set->n_classes,
                          .scale = norm->scale,
                          .shift = norm->shift}};
    ef_status status = parse_limits(&d, err);
    for (size_t i = 0; i < n && !status; i++) {
        status = add_random(validation, &d, i, err);
    }
    return status;
}

/* --- room -------------------------------------------------------------------- */

ef_status validation_make_trials(ef_validation *v, ef_error *err)
{
    ef_free(v->trials);
    v->trials = ef_calloc(v->n, v->config.n_seeds * sizeof *v->trials);
    return v->trials ? EF_OK : ef_error_memory(err);
}

ef_status validation_make_results(ef_validation *v, ef_error *err)
{
    size_t n = v->n * v->config.n_seeds;
    ef_free(v->results);
    v->results = ef_calloc(n, v->n_measures * sizeof *v->results);
    if (!v->results) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        v->trials[i].results = v->results + i * v->n_measures;
    }
    return EF_OK;
}

/* --- what came out ----------------------------------------------------------- */

const ef_validation_config *ef_validation_settings(const ef_validation *validation)
{
    return &validation->config;
}

size_t ef_validation_n_topologies(const ef_validation *validation)
{
    return validation->n;
}

const ef_topology *ef_validation_topology(const ef_validation *validation, size_t i)
{
    return validation->items[i].topology;
}

const char *ef_validation_name(const ef_validation *validation, size_t i)
{
    return validation->items[i].name;
}

uint64_t ef_validation_hash(const ef_validation *validation, size_t i)
{
    return validation->items[i].hash;
}

size_t ef_validation_n_measures(const ef_validation *validation)
{
    return validation->n_measures;
}

const ef_validation_measure *ef_validation_measure_at(const ef_validation *validation,
                                                      size_t measure)
{
    return &validation->measures[measure];
}

const ef_validation_trial *ef_validation_trial_at(const ef_validation *validation,
                                                  size_t topology, size_t seed)
{
    return &validation->trials[validation_at(validation, topology, seed)];
}
