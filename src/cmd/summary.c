#include "cmd/summary.h"

#include <inttypes.h>
#include <string.h>

#include "cmd/model.h"
#include "net/split.h"
#include "net/topology_yaml.h"

#define LONGEST 200 /* bytes of a text out of a file that are shown */

static ef_status add_data(const ef_common *common, ef_text *text, ef_error *err)
{
    ef_dataset data;
    ef_parts *parts = NULL;
    ef_status status = ef_common_load_data(common, &data, err);
    if (status != EF_OK) {
        return status;
    }
    ef_split_options split = EF_SPLIT_DEFAULT;
    split.seed = common->seed;
    status = ef_parts_create(&parts, &data, &split, err);
    if (status == EF_OK) {
        ef_dataset_summary(&data, parts, text);
    }
    ef_parts_destroy(parts);
    ef_dataset_clear(&data);
    return status;
}

/* A text that others wrote: in one line, and nothing that steers a terminal. */
static void add_foreign(ef_text *text, const char *words)
{
    size_t length = strlen(words);
    size_t shown = length < LONGEST ? length : LONGEST;
    for (size_t i = 0; i < shown; i++) {
        unsigned char byte = (unsigned char)words[i];
        char printable = byte < 0x20 || byte == 0x7f ? '?' : words[i];
        ef_text_add_bytes(text, &printable, 1);
    }
    ef_text_add(text, "%s\n", shown < length ? "..." : "");
}

static void add_end(ef_text *text, const ef_topology *topology, const char *what,
                    size_t node)
{
    ef_shape shape = ef_topology_shape(topology, node);
    ef_text_add(text, "%s: %s, %u", what, ef_topology_node(topology, node)->name,
                shape.channels);
    if (shape.rank == 4) {
        ef_text_add(text, "x%ux%u", shape.height, shape.width);
    }
    ef_text_add(text, "\n");
}

/* The file, and what reading made of it. */
static void add_info(ef_text *text, const ef_onnx_info *info,
                     const ef_topology *topology)
{
    ef_text_add(text,
                "ONNX IR version %" PRId64 ", operator set %" PRId64 ", written by ",
                info->ir_version, info->opset);
    add_foreign(text, info->producer[0] ? info->producer : "a program without a name");
    ef_text_add(text,
                "nodes: %zu in the file, %zu of them evaluated while reading; %zu "
                "below\n",
                info->n_nodes, info->n_folded, ef_topology_n_nodes(topology));
    if (info->is_nhwc) {
        ef_text_add(text, "images: channels last in the file, first here\n");
    }
    if (info->softmax[0]) {
        ef_text_add(text, "left out: softmax %s at the end\n", info->softmax);
    }
}

static ef_status add_model(const char *path, ef_text *text, ef_error *err)
{
    ef_net *net = NULL;
    ef_onnx_metadata metadata;
    ef_onnx_info info;
    ef_onnx_metadata_init(&metadata);
    ef_status status = ef_onnx_load_info(&net, &metadata, &info, path, err);
    if (status != EF_OK) {
        return status;
    }
    const ef_topology *topology = net->topology;
    add_info(text, &info, topology);
    ef_text_add(text, "parameters: %" PRIu64 "\n", ef_topology_params(topology));
    add_end(text, topology, "input", ef_topology_input(topology));
    add_end(text, topology, "output", ef_topology_output(topology));
    for (size_t i = 0; i < metadata.n; i++) {
        ef_text_add(text, "note: %s: ", metadata.entries[i].key);
        add_foreign(text, metadata.entries[i].value);
    }
    ef_text_add(text, "\n");
    ef_topology_print(topology, text);
    ef_onnx_metadata_clear(&metadata);
    ef_net_destroy(net);
    return EF_OK;
}

static ef_status add_topology(const char *path, ef_text *text, ef_error *err)
{
    ef_topology *topology = NULL;
    ef_status status = ef_topology_load(&topology, path, err);
    if (status == EF_OK) {
        ef_topology_print(topology, text);
    }
    ef_topology_destroy(topology);
    return status;
}

ef_status ef_summary_print(const ef_call *call, ef_error *err)
{
    const ef_common *common = ef_call_common(call);
    ef_text text = {0};
    ef_status status = common->data ? add_data(common, &text, err) : EF_OK;
    for (size_t i = 0; i < call->n_operands && status == EF_OK; i++) {
        const char *path = call->operands[i];
        ef_text_add(&text, "%s%s\n", text.size ? "\n" : "", path);
        status = ef_path_is_onnx(path) ? add_model(path, &text, err)
                                       : add_topology(path, &text, err);
    }
    if (status != EF_OK) {
        ef_text_clear(&text);
        return status;
    }
    return ef_print_text(&text, err);
}
