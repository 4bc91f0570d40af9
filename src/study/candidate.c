#include "study/candidate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/topology_yaml.h"
#include "onnx/onnx.h"

ef_candidate *ef_candidate_create(ef_net *net)
{
    ef_candidate *candidate = ef_calloc(1, sizeof *candidate);
    if (!candidate) {
        return NULL;
    }
    candidate->references = 1;
    candidate->net = net;
    candidate->hash = ef_topology_hash(net->topology);
    candidate->status = EF_RECORD_SCORED;
    for (size_t k = 0; k < EF_OBJECTIVES_MAX; k++) {
        candidate->objectives[k] = NAN;
    }
    candidate->error = candidate->test_error = candidate->loss = NAN;
    return candidate;
}

ef_candidate *ef_candidate_ref(ef_candidate *candidate)
{
    candidate->references++;
    return candidate;
}

void ef_candidate_unref(ef_candidate *candidate)
{
    if (candidate && --candidate->references == 0) {
        if (candidate->id) {
            ef_candidate_drop_parents(candidate);
        }
        ef_net_destroy(candidate->net);
        ef_free(candidate);
    }
}

void ef_candidate_hold_parents(ef_candidate *candidate)
{
    for (size_t i = 0; i < 2; i++) {
        if (candidate->parents[i]) {
            ef_candidate_ref(candidate->parents[i]);
        }
    }
}

void ef_candidate_drop_parents(ef_candidate *candidate)
{
    for (size_t i = 0; i < 2; i++) {
        ef_candidate_unref(candidate->parents[i]);
        candidate->parents[i] = NULL;
    }
}

/* What the run says of every model in it. */
static ef_status describe(ef_store *store, ef_onnx_metadata *metadata, ef_error *err)
{
    static const char *const keys[] = {EF_ONNX_SEED_KEY, EF_ONNX_DATA_HASH_KEY};
    ef_status status = ef_onnx_metadata_set(metadata, "command", "search", err);
    for (size_t i = 0; !status && i < sizeof keys / sizeof *keys; i++) {
        ef_text value = {0};
        status = ef_store_get(store, keys[i], &value, err);
        if (!status && value.size > 0) {
            status = ef_onnx_metadata_set(metadata, keys[i], value.bytes, err);
        }
        ef_text_clear(&value);
    }
    return status;
}

static ef_status store_model(const ef_candidate *candidate, ef_store *store,
                             ef_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_onnx_metadata metadata;
    ef_onnx_metadata_init(&metadata);
    ef_status status = describe(store, &metadata, err);
    if (!status) {
        status = ef_onnx_write(candidate->net, &metadata, &bytes, &size, err);
    }
    if (!status) {
        status = ef_store_put_model(store, candidate->id, bytes, size, err);
    }
    ef_onnx_metadata_clear(&metadata);
    ef_free(bytes);
    return status;
}

ef_status ef_candidate_store(const ef_candidate *candidate, int with_model,
                             ef_store *store, ef_error *err)
{
    ef_text yaml;
    ef_text_init(&yaml);
    ef_topology_write(candidate->net->topology, &yaml);
    ef_status status = yaml.failed ? ef_error_memory(err) : EF_OK;
    if (!status) {
        ef_record record = {.id = candidate->id,
                            .generation = candidate->generation,
                            .parent_a = candidate->parent_a,
                            .parent_b = candidate->parent_b,
                            .operator_name = candidate->operator_name,
                            .hash = candidate->hash,
                            .status = candidate->status,
                            .violation = candidate->violation,
                            .objectives = candidate->objectives,
                            .error = candidate->error,
                            .test_error = candidate->test_error,
                            .loss = candidate->loss,
                            .topology = yaml.bytes,
                            .message = candidate->message};
        status = ef_store_put_record(store, &record, err);
    }
    ef_text_clear(&yaml);
    return status || !with_model ? status : store_model(candidate, store, err);
}

/* --- loading -----------------------------------------------------------------------
 */

typedef struct taker {
    ef_candidate *candidate;
    size_t n_objectives;
} taker;

static ef_status take_record(void *context, const ef_record *record, ef_error *err)
{
    (void)err;
    const taker *t = context;
    ef_candidate *candidate = t->candidate;
    candidate->id = record->id;
    candidate->generation = record->generation;
    candidate->parent_a = record->parent_a;
    candidate->parent_b = record->parent_b;
    snprintf(candidate->operator_name, sizeof candidate->operator_name, "%s",
             record->operator_name);
    candidate->status = record->status;
    candidate->violation = record->violation;
    memcpy(candidate->objectives, record->objectives,
           t->n_objectives * sizeof *record->objectives);
    candidate->error = record->error;
    candidate->test_error = record->test_error;
    candidate->loss = record->loss;
    snprintf(candidate->message, sizeof candidate->message, "%s", record->message);
    return EF_OK;
}

static ef_status load_net(ef_net **net, ef_store *store, uint64_t id, ef_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_status status = ef_store_get_model(store, id, &bytes, &size, err);
    if (!status) {
        ef_text name;
        ef_text_init(&name);
        ef_text_add(&name, "%s: model %" PRIu64, ef_store_path(store), id);
        status = name.failed ? ef_error_memory(err)
                             : ef_onnx_read(net, NULL, name.bytes, bytes, size, err);
        ef_text_clear(&name);
    }
    ef_free(bytes);
    return status;
}

ef_status ef_candidate_load(ef_candidate **candidate, ef_store *store, uint64_t id,
                            ef_error *err)
{
    ef_net *net = NULL;
    ef_status status = load_net(&net, store, id, err);
    if (status) {
        return status;
    }
    ef_candidate *loaded = ef_candidate_create(net);
    if (!loaded) {
        ef_net_destroy(net);
        return ef_error_memory(err);
    }
    taker t = {loaded, ef_store_n_objectives(store)};
    status = ef_store_get_record(store, id, take_record, &t, err);
    if (status) {
        ef_candidate_unref(loaded);
        return status;
    }
    *candidate = loaded;
    return EF_OK;
}
