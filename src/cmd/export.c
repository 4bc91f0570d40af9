/* evoflip export: a model or a topology out of a run or a model. */
#include "base/file.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/model.h"
#include "net/topology_yaml.h"
#include "store/store.h"

typedef struct settings {
    ef_common common;
    uint64_t model;
    const char *topology;
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
    EF_COMMON_OUTPUT("FILE", NULL, "write the individual's model as ONNX"),
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

static ef_status read_model(const char *path, content *to, ef_error *err)
{
    ef_topology *topology = NULL;
    ef_status status = ef_model_load_topology(&topology, path, err);
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
    if (status == EF_OK && set->topology) {
        status = ef_call_check_output(call, set->topology, err);
    }
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
    if (!set->topology && !(is_run && set->common.output)) {
        return ef_error_set(err, EF_ERR_USAGE, "say what to write: %s--topology FILE",
                            is_run ? "-o FILE, " : "");
    }
    if (!is_run && set->common.output) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "-o writes a model out of a run, which takes --model ID; "
                            "%s is taken for a model",
                            path);
    }
    return EF_OK;
}

static ef_status run(const ef_call *call, ef_error *err)
{
    const settings *set = call->settings;
    int is_run = ef_call_given(call, "model");
    content found = {.model = NULL};
    ef_status status = check_words(call, is_run, err);
    if (status == EF_OK) {
        status = is_run ? read_run(set, call->operands[0], &found, err)
                        : read_model(call->operands[0], &found, err);
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
