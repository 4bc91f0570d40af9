#include "study/seeds.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "net/adapt.h"
#include "onnx/onnx.h"
#include "train/train.h"

static uint64_t hash_of(const ef_net *net)
{
    return ef_hash_bytes(ef_topology_hash(net->topology), net->values,
                         net->n_values * sizeof *net->values);
}

ef_status ef_seeds_add(ef_seeds *seeds, const char *name, ef_net *net, int has_weights,
                       ef_error *err)
{
    ef_seed *items = ef_realloc(seeds->items, seeds->n + 1, sizeof *items);
    seeds->items = items ? items : seeds->items;
    char *copy = items ? ef_strdup(name) : NULL;
    if (!copy) {
        ef_net_destroy(net);
        return ef_error_memory(err);
    }
    for (char *c = copy; *c; c++) {
        *c = (unsigned char)*c < ' ' ? '_' : *c; /* it stands in one line */
    }
    items[seeds->n++] = (ef_seed){copy, net, hash_of(net), has_weights};
    return EF_OK;
}

void ef_seeds_clear(ef_seeds *seeds)
{
    for (size_t i = 0; i < seeds->n; i++) {
        ef_free(seeds->items[i].name);
        ef_net_destroy(seeds->items[i].net);
    }
    ef_free(seeds->items);
    ef_free(seeds->topologies);
    memset(seeds, 0, sizeof *seeds);
}

/* --- made ready --- */

static ef_status prepare_one(ef_seed *item, const ef_normalisation *norm, int is_said,
                             uint64_t seed, ef_error *err)
{
    ef_error why = {0};
    ef_status status = ef_train_check_topology(item->net->topology, &why);
    int keeps_own = item->has_weights && !is_said;
    if (!status && !(keeps_own && ef_adapt_is_normalised(item->net->topology))) {
        status = ef_adapt_normalise(&item->net, norm, &why);
    }
    if (status) {
        return ef_error_set(err, status, "%s: %s", item->name, why.text);
    }
    if (!item->has_weights) {
        ef_adapt_restart(item->net, seed);
    }
    return EF_OK;
}

/* The engine would take the second for a child that it knows. */
static ef_status check_different(const ef_seeds *seeds, size_t last, ef_error *err)
{
    uint64_t hash = ef_topology_hash(seeds->topologies[last]);
    for (size_t i = 0; i < last; i++) {
        if (ef_topology_hash(seeds->topologies[i]) == hash) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "--seed-model: %s and %s have one topology, and only "
                                "one of them can be in a population",
                                seeds->items[i].name, seeds->items[last].name);
        }
    }
    return EF_OK;
}

ef_status ef_seeds_prepare(ef_seeds *seeds, const ef_normalisation *norm, int is_said,
                           uint64_t seed, ef_error *err)
{
    seeds->topologies = ef_calloc(seeds->n, sizeof *seeds->topologies);
    ef_status status = seeds->topologies ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; i < seeds->n && !status; i++) {
        status = prepare_one(&seeds->items[i], norm, is_said, seed, err);
        seeds->topologies[i] = seeds->items[i].net->topology;
        status = status ? status : check_different(seeds, i, err);
    }
    return status;
}

/* --- limits --- */

/* A bound of two digits that value keeps: 280000 for 272474 at most. */
static double round_bound(double value, int at_least)
{
    double size = fabs(value), unit = 1;
    while (size / unit >= 100) {
        unit *= 10;
    }
    return (at_least ? floor(value / unit) : ceil(value / unit)) * unit;
}

/* Adds what is broken to `broken`, and to `hint` what would not be. */
static ef_status check_limit(const ef_topology *topology, const ef_limit *limit,
                             const ef_objective_context *context, ef_text *broken,
                             ef_text *hint, ef_error *err)
{
    ef_objective_list list = {.n = 1};
    double value[EF_OBJECTIVES_MAX];
    list.items[0] = limit->objective;
    ef_status status = ef_objective_score(topology, context, &list, value, err);
    if (status || limit->objective.row->cost != EF_COST_TOPOLOGY ||
        ef_limit_violation(limit, value[0]) == 0) {
        return status;
    }
    const char *name = limit->objective.name, *sign = limit->at_least ? ">=" : "<=";
    ef_text_add(broken, "%s%s is ", broken->size ? ", " : "", name);
    ef_text_add_double(broken, value[0]);
    ef_text_add(broken, ", the limit %s%s", name, sign);
    ef_text_add_double(broken, limit->bound);
    ef_text_add(hint, " --limit '%s%s", name, sign);
    ef_text_add_double(hint, round_bound(value[0], limit->at_least));
    ef_text_add(hint, "'");
    return EF_OK;
}

static ef_status check_limits(const ef_seed *seed, const ef_limit *limits, size_t n,
                              const ef_objective_context *context, ef_error *err)
{
    ef_text broken, hint;
    ef_status status = EF_OK;
    ef_text_init(&broken);
    ef_text_init(&hint);
    for (size_t i = 0; i < n && !status; i++) {
        status =
            check_limit(seed->net->topology, &limits[i], context, &broken, &hint, err);
    }
    if (!status && (broken.failed || hint.failed)) {
        status = ef_error_memory(err);
    } else if (!status && broken.size) {
        status = ef_error_set(err, EF_ERR_USAGE, "%s: %s;%s makes room for it",
                              seed->name, broken.bytes, hint.bytes);
    }
    ef_text_clear(&broken);
    ef_text_clear(&hint);
    return status;
}

ef_status ef_seeds_check_limits(const ef_seeds *seeds, const ef_limit *limits,
                                size_t n_limits, const ef_objective_context *context,
                                ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < seeds->n && !status; i++) {
        status = check_limits(&seeds->items[i], limits, n_limits, context, err);
    }
    return status;
}

/* --- written and read --- */

void ef_seeds_write(const ef_seeds *seeds, ef_text *text)
{
    for (size_t i = 0; i < seeds->n; i++) {
        ef_text_add(text, "%s%s %016" PRIx64, i ? "; " : "", seeds->items[i].name,
                    seeds->items[i].hash);
    }
}

ef_status ef_seeds_store(const ef_seeds *seeds, ef_store *store, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < seeds->n && !status; i++) {
        const ef_seed *item = &seeds->items[i];
        unsigned char *bytes = NULL;
        ef_store_seed row = {
            .name = item->name, .hash = item->hash, .has_weights = item->has_weights};
        status = ef_onnx_write(item->net, NULL, &bytes, &row.size, err);
        if (!status) {
            row.onnx = bytes;
            status = ef_store_add_seed(store, &row, err);
        }
        ef_free(bytes);
    }
    return status;
}

static ef_status take_seed(void *context, const ef_store_seed *row, ef_error *err)
{
    ef_seeds *seeds = context;
    ef_net *net = NULL;
    ef_status status = ef_onnx_read(&net, NULL, row->name, row->onnx, row->size, err);
    status =
        status ? status : ef_seeds_add(seeds, row->name, net, row->has_weights, err);
    if (!status) {
        seeds->items[seeds->n - 1].hash = row->hash;
    }
    return status;
}

ef_status ef_seeds_load(ef_seeds *seeds, ef_store *store, ef_error *err)
{
    return ef_store_each_seed(store, take_seed, seeds, err);
}
