/* evoflip export: a model or a topology out of a run or a model. */
#include "base/file.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/model.h"
#include "net/fold_norm.h"
#include "net/topology_yaml.h"
#include "store/store.h"

typedef struct settings {
    ef_common common;
    uint64_t model;
    const char *topology;
    int fold;
} settings;

static const ef_option options[] = {
    {.name = "model",
     .argument = "ID",
     .type = EF_OPTION_U64,
     .offset = offsetof(settings, model),
     .group = "What to write",
     .help = "individual of a run, by the id that evoflip front shows"},
    {.name = "topology",
     .argument = "FILE",
     .type = EF_OPTION_PATH,
     .offset = offsetof(settings, topology),
     .help = "write the topology as YAML; - is standard output"},
    {.name = "fold-batchnorm",
     .type = EF_OPTION_FLAG,
     .offset = offsetof(settings, fold),
     .help = "fold batch norms into the conv or dense before them"},
    EF_COMMON_OUTPUT("FILE", NULL, "write the model as ONNX"),
    EF_COMMON_FORCE,
    {.name = NULL},
};

/* What is to be written; either may be empty. */
typedef struct content {
    ef_text topology;
    unsigned char *model;
    size_t model_size;
} content;

static ef_status take_topology(void *context, const ef_record *record, ef_error *err)
{
    (void)err;
    ef_text_add(context, "%s", record->topology);
    return EF_OK;
}

static ef_status read_run(const settings *set, const char *path, content *to,
                          ef_error *err)
{
    ef_store *store = NULL;
    ef_status status = ef_store_open(&store, path, 0, err);
    if (status == EF_OK && set->topology) {
        status =
            ef_store_get_record(store, set->model, take_topology, &to->topology, err);
    }
    if (status == EF_OK && set->common.output) {
        status =
            ef_store_get_model(store, set->model, &to->model, &to->model_size, err);
    }
    ef_store_close(store);
    return status;
}

/* A network on its way into content. */
typedef struct network {
    ef_net *net;
    ef_onnx_metadata metadata;
} network;

static ef_status load_from_run(const settings *set, const char *path, network *of,
                               ef_error *err)
{
    ef_store *store = NULL;
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_status status = ef_store_open(&store, path, 0, err);
    if (status == EF_OK) {
        status = ef_store_get_model(store, set->model, &bytes, &size, err);
    }
    if (status == EF_OK) {
        status = ef_onnx_read(&of->net, &of->metadata, path, bytes, size, err);
    }
    ef_free(bytes);
    ef_store_close(store);
    return status;
}

static ef_status fold(const ef_call *call, network *of, ef_error *err)
{
    ef_net *folded = NULL;
    size_t n_folded = 0, n_left = 0;
    ef_status status = ef_net_fold_norms(&folded, of->net, &n_folded, err);
    if (status != EF_OK) {
        return status;
    }
    for (size_t i = 0; i < ef_topology_n_nodes(folded->topology); i++) {
        n_left += ef_topology_node(folded->topology, i)->op == EF_OP_BATCHNORM;
    }
    if (n_left > 0) {
        ef_call_note(call,
                     "%s: %zu of %zu batch norms stay: no conv or dense stands before "
                     "them that they alone read",
                     call->operands[0], n_left, n_left + n_folded);
    } else if (n_folded == 0) {
        ef_call_note(call, "%s has no batch norms", call->operands[0]);
    }
    ef_net_destroy(of->net);
    of->net = folded;
    return n_folded ? ef_onnx_metadata_set(&of->metadata, "batchnorm", "folded", err)
                    : EF_OK;
}

/* What a user would miss in the model that is written. */
static void tell_differences(const ef_call *call, const ef_onnx_info *info)
{
    if (info->softmax[0]) {
        ef_call_note(call,
                     "softmax %s at the end is left out: the output is its logits",
                     info->softmax);
    }
    if (info->is_nhwc) {
        ef_call_note(call, "images are taken with channels first, not last");
    }
}

static ef_status load_model(const ef_call *call, network *of, ef_error *err)
{
    const settings *set = call->settings;
    ef_onnx_info info;
    ef_status status =
        ef_onnx_load_info(&of->net, &of->metadata, &info, call->operands[0], err);
    if (status == EF_OK && set->common.output) {
        tell_differences(call, &info);
    }
    return status;
}

static ef_status read_network(const ef_call *call, int is_run, content *to,
                              ef_error *err)
{
    const settings *set = call->settings;
    network of = {.net = NULL};
    ef_status status = is_run ? load_from_run(set, call->operands[0], &of, err)
                              : load_model(call, &of, err);
    if (status == EF_OK && set->fold) {
        status = fold(call, &of, err);
    }
    if (status == EF_OK && set->topology) {
        ef_topology_write(of.net->topology, &to->topology);
    }
    if (status == EF_OK && set->common.output) {
        status = ef_onnx_write(of.net, &of.metadata, &to->model, &to->model_size, err);
    }
    ef_onnx_metadata_clear(&of.metadata);
    ef_net_destroy(of.net);
    return status;
}

/* A topology is read and written in its one form. */
static ef_status read_topology(const char *path, content *to, ef_error *err)
{
    ef_topology *topology = NULL;
    ef_status status = ef_topology_load(&topology, path, err);
    if (status == EF_OK) {
        ef_topology_write(topology, &to->topology);
    }
    ef_topology_destroy(topology);
    return status;
}

static ef_status write_content(const ef_call *call, content *from, ef_error *err)
{
    const settings *set = call->settings;
    ef_status status = from->topology.failed ? ef_error_memory(err) : EF_OK;
    if (status == EF_OK && set->common.output) {
        status = ef_file_write(set->common.output, set->common.force, from->model,
                               from->model_size, err);
    }
    if (status == EF_OK && set->topology) {
        status = ef_file_write(set->topology, set->common.force, from->topology.bytes,
                               from->topology.size, err);
    }
    return status;
}

static ef_status check_words(const ef_call *call, int is_run, ef_error *err)
{
    const settings *set = call->settings;
    const char *path = call->operands[0];
    if (!set->topology && !set->common.output) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "say what to write: -o FILE, --topology FILE");
    }
    if (!is_run && !ef_path_is_onnx(path) && (set->common.output || set->fold)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "%s is taken for a topology, which has no weights; a run "
                            "takes --model ID",
                            path);
    }
    return EF_OK;
}

static ef_status check_outputs(const ef_call *call, ef_error *err)
{
    const settings *set = call->settings;
    const char *paths[] = {set->common.output, set->topology};
    ef_status status = EF_OK;
    for (size_t i = 0; i < 2 && status == EF_OK; i++) {
        status = paths[i] ? ef_call_check_output(call, paths[i], err) : EF_OK;
    }
    return status;
}

static ef_status read_content(const ef_call *call, content *to, ef_error *err)
{
    const settings *set = call->settings;
    const char *path = call->operands[0];
    int is_run = ef_call_given(call, "model");
    if (set->fold || (!is_run && ef_path_is_onnx(path))) {
        return read_network(call, is_run, to, err);
    }
    return is_run ? read_run(set, path, to, err) : read_topology(path, to, err);
}

static ef_status run(const ef_call *call, ef_error *err)
{
    content found = {.model = NULL};
    ef_status status = check_words(call, ef_call_given(call, "model"), err);
    if (status == EF_OK) {
        status = check_outputs(call, err);
    }
    if (status == EF_OK) {
        status = read_content(call, &found, err);
    }
    if (status == EF_OK) {
        status = write_content(call, &found, err);
    }
    ef_text_clear(&found.topology);
    ef_free(found.model);
    return status;
}

const ef_command ef_command_export = {
    .name = "export",
    .help = "write a model or a topology out of a run or a model",
    .operands = "FILE",
    .least = 1,
    .most = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
