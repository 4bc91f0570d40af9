/* A network out of an ONNX model. */
#include "onnx/onnx.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/graph.h"
#include "onnx/source.h"

#define LEAST_OPSET 7
#define MOST_OPSET 22
#define MOST_ENTRIES 16384 /* of the metadata: a few for each node */
/* Values that reading may make beside four times those of the file. */
#define LEAST_BUDGET ((size_t)1 << 24)

static ef_status refuse(ef_reader *reader, ef_status status, const char *text)
{
    return ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0}, "%s", text);
}

/* --- the model around the graph --------------------------------------------------- */

static ef_status check_model(ef_reader *reader)
{
    const Onnx__ModelProto *model = reader->model;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *opset = model->opset_import[i];
        if (!ef_onnx_is_own_domain(opset->domain)) {
            continue;
        }
        if (opset->version < LEAST_OPSET || opset->version > MOST_OPSET) {
            return ef_error_at(reader->err, EF_ERR_UNSUPPORTED,
                               (ef_place){reader->file, 0, 0},
                               "operator set %lld, supported are %d to %d",
                               (long long)opset->version, LEAST_OPSET, MOST_OPSET);
        }
        reader->opset = opset->version;
    }
    if (model->n_metadata_props > MOST_ENTRIES) {
        return refuse(reader, EF_ERR_UNSUPPORTED, "there are too many metadata");
    }
    if (reader->opset == 0 || !model->graph || model->graph->n_node == 0) {
        return refuse(reader, EF_ERR_INPUT, "not an ONNX model with a graph");
    }
    return EF_OK;
}

/* Keys are distinct; what comes again is left aside. */
static void define_keys(ef_reader *reader)
{
    for (size_t i = 0; i < reader->model->n_metadata_props; i++) {
        const char *key = reader->model->metadata_props[i]->key;
        if (key) {
            ef_names_put(&reader->keys, key, (uint32_t)i);
        }
    }
    reader->is_own = ef_reader_metadata(reader, EF_ONNX_VERSION_KEY, "") != NULL;
}

/* --- formats ---------------------------------------------------------------------- */

/* The format under key + node, if the entry is one. */
static ef_status take_format(ef_reader *reader, const char *key, size_t offset,
                             const Onnx__StringStringEntryProto *entry)
{
    uint32_t index;
    size_t length = strlen(key);
    ef_error why = {0};
    if (strncmp(entry->key, key, length) != 0) {
        return EF_OK;
    }
    if (!ef_names_find(&reader->node_names, entry->key + length, &index)) {
        return ef_error_at(reader->err, EF_ERR_INPUT, (ef_place){reader->file, 0, 0},
                           "%.300s gives a format to a node that is not there",
                           entry->key);
    }
    ef_format *format = (ef_format *)((char *)&reader->made.nodes[index] + offset);
    ef_status status = ef_format_parse(entry->value ? entry->value : "", format, &why);
    return status ? ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0},
                                "%.300s: %s", entry->key, why.text)
                  : EF_OK;
}

static ef_status take_formats(ef_reader *reader)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < reader->model->n_metadata_props && !status; i++) {
        const Onnx__StringStringEntryProto *entry = reader->model->metadata_props[i];
        if (entry->key) {
            status = take_format(reader, EF_ONNX_WEIGHTS_KEY,
                                 offsetof(ef_node, weight_format), entry);
            status = status ? status
                            : take_format(reader, EF_ONNX_ACTIVATIONS_KEY,
                                          offsetof(ef_node, activation_format), entry);
        }
    }
    return status;
}

/* --- the whole -------------------------------------------------------------------- */

static ef_status build(ef_reader *reader, size_t output, ef_net **net)
{
    ef_topology *topology = NULL;
    ef_error why = {0};
    ef_graph_prune(&reader->made, &output);
    ef_status status = ef_topology_create(&topology, &reader->made, &why);
    if (!status) {
        status = ef_net_create(net, topology, &why);
    }
    ef_topology_destroy(topology);
    return status ? ef_error_at(reader->err, status, (ef_place){reader->file, 0, 0},
                                "%s", why.text)
                  : EF_OK;
}

static ef_status make_room(ef_reader *reader)
{
    reader->shapes = ef_calloc(EF_MAX_NODES, sizeof *reader->shapes);
    reader->labels = ef_calloc(EF_MAX_NODES, sizeof *reader->labels);
    reader->readers = ef_calloc(EF_MAX_NODES, sizeof *reader->readers);
    reader->open = ef_calloc(EF_MAX_NODES, sizeof *reader->open);
    int is_short = !reader->shapes || !reader->labels || !reader->readers ||
                   !reader->open || ef_names_init(&reader->node_names, EF_MAX_NODES) ||
                   ef_names_init(&reader->keys, reader->model->n_metadata_props);
    return is_short ? ef_error_memory(reader->err) : EF_OK;
}

static ef_status read_net(ef_reader *reader, ef_net **net)
{
    ef_net *made = NULL;
    uint32_t output = 0;
    ef_status status = check_model(reader);
    status = status ? status : make_room(reader);
    if (status) {
        return status;
    }
    reader->graph = reader->model->graph;
    define_keys(reader);
    ef_onnx_read_graph(reader, &output);
    if (!reader->status) {
        ef_reader_name_nodes(reader, output);
    }
    status = reader->status ? reader->status : take_formats(reader);
    status = status ? status : build(reader, output, &made);
    if (!status) {
        ef_reader_fill_net(reader, made);
        status = reader->status;
    }
    if (status) {
        ef_net_destroy(made);
        return status;
    }
    *net = made;
    return EF_OK;
}

static void clear(ef_reader *reader)
{
    ef_graph_clear(&reader->made);
    ef_arena_clear(&reader->arena);
    ef_names_clear(&reader->keys);
    ef_names_clear(&reader->names);
    ef_names_clear(&reader->node_names);
    ef_free(reader->table);
    ef_free(reader->fills);
    ef_free(reader->shapes);
    ef_free(reader->labels);
    ef_free(reader->readers);
    ef_free(reader->open);
}

/* Reads with `lead` axes before those of an image.  Returns whether another try, the
 * whole batch as one image, makes sense. */
static int try_net(ef_net **net, ef_reader *reader, const ef_reader *begin, size_t lead)
{
    *reader = *begin;
    reader->lead = lead;
    reader->budget = LEAST_BUDGET;
    ef_arena_init(&reader->arena);
    ef_graph_init(&reader->made);
    reader->status = read_net(reader, net);
    return reader->status && reader->mixes_images && reader->batch > 0;
}

/* Whether entry i is one that the caller gets: no note of ours, and the first of its
 * key. */
static int is_theirs(const ef_reader *reader, size_t i)
{
    const Onnx__StringStringEntryProto *entry = reader->model->metadata_props[i];
    uint32_t first;
    return entry->key && entry->value &&
           strncmp(entry->key, EF_ONNX_KEY, strlen(EF_ONNX_KEY)) != 0 &&
           ef_names_find(&reader->keys, entry->key, &first) && first == i;
}

static ef_status read_metadata(const ef_reader *reader, ef_onnx_metadata *metadata)
{
    const Onnx__ModelProto *model = reader->model;
    metadata->entries = ef_calloc(model->n_metadata_props, sizeof *metadata->entries);
    if (!metadata->entries) {
        return ef_error_memory(reader->err);
    }
    for (size_t i = 0; i < model->n_metadata_props; i++) {
        if (is_theirs(reader, i)) {
            ef_onnx_entry *to = &metadata->entries[metadata->n++];
            to->key = ef_strdup(model->metadata_props[i]->key);
            to->value = ef_strdup(model->metadata_props[i]->value);
            if (!to->key || !to->value) {
                return ef_error_memory(reader->err);
            }
        }
    }
    return EF_OK;
}

static void describe(const ef_reader *reader, ef_onnx_info *info)
{
    const Onnx__ModelProto *model = reader->model;
    *info = reader->info;
    info->ir_version = model->has_ir_version ? model->ir_version : 0;
    info->opset = reader->opset;
    snprintf(info->producer, sizeof info->producer, "%s%s%s",
             model->producer_name ? model->producer_name : "",
             model->producer_version && model->producer_version[0] ? " " : "",
             model->producer_version ? model->producer_version : "");
}

/* The network, its metadata and its description from an open source. */
static ef_status read_model(ef_net **net, ef_onnx_metadata *metadata,
                            ef_onnx_info *info, const char *name,
                            const Onnx__ModelProto *model, ef_error *err)
{
    ef_reader reader;
    ef_error first = {0}, second = {0};
    ef_reader begin = {.file = name, .err = &first, .model = model};
    ef_net *made = NULL;
    ef_onnx_metadata found;
    ef_onnx_metadata_init(&found);
    if (try_net(&made, &reader, &begin, 1)) {
        clear(&reader);
        begin.err = &second;
        try_net(&made, &reader, &begin, 0);
    }
    ef_status status = reader.status;
    if (!status && metadata) {
        status = read_metadata(&reader, &found);
    }
    if (!status && info) {
        describe(&reader, info);
    }
    clear(&reader);
    if (status) {
        ef_net_destroy(made);
        ef_onnx_metadata_clear(&found);
        /* Why it cannot be read image by image says more. */
        const ef_error *why = second.status == EF_ERR_MEMORY ? &second : &first;
        return ef_error_set(err, why->status, "%s", why->text);
    }
    *net = made;
    if (metadata) {
        ef_onnx_metadata_clear(metadata);
        *metadata = found;
    }
    return EF_OK;
}

/* Closes the source. */
static ef_status read_source(ef_net **net, ef_onnx_metadata *metadata,
                             ef_onnx_info *info, const char *name,
                             ef_onnx_source *source, ef_error *err)
{
    ef_status status =
        read_model(net, metadata, info, name, ef_onnx_source_model(source), err);
    ef_onnx_source_close(source);
    return status;
}

ef_status ef_onnx_read(ef_net **net, ef_onnx_metadata *metadata, const char *name,
                       const void *bytes, size_t size, ef_error *err)
{
    ef_onnx_source *source;
    ef_status status = ef_onnx_source_memory(&source, name, bytes, size, err);
    return status ? status : read_source(net, metadata, NULL, name, source, err);
}

ef_status ef_onnx_load_info(ef_net **net, ef_onnx_metadata *metadata,
                            ef_onnx_info *info, const char *path, ef_error *err)
{
    ef_onnx_source *source;
    ef_status status = ef_onnx_source_open(&source, path, err);
    return status ? status : read_source(net, metadata, info, path, source, err);
}

ef_status ef_onnx_load(ef_net **net, ef_onnx_metadata *metadata, const char *path,
                       ef_error *err)
{
    return ef_onnx_load_info(net, metadata, NULL, path, err);
}
