#include "cmd/model.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "net/topology_yaml.h"

int ef_path_is_onnx(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".onnx") == 0;
}

ef_status ef_model_load_topology(ef_topology **topology, const char *path,
                                 ef_error *err)
{
    if (!ef_path_is_onnx(path)) {
        return ef_topology_load(topology, path, err);
    }
    ef_net *net = NULL;
    ef_status status = ef_onnx_load(&net, NULL, path, err);
    if (status == EF_OK && ef_topology_dup(topology, net->topology) != EF_OK) {
        status = ef_error_memory(err);
    }
    ef_net_destroy(net);
    return status;
}

/* The scale node that alone reads the input; SIZE_MAX where there is none. */
static size_t find_scale(const ef_topology *topology)
{
    size_t n;
    const uint32_t *readers =
        ef_topology_readers(topology, ef_topology_input(topology), &n);
    return n == 1 && ef_topology_node(topology, readers[0])->op == EF_OP_SCALE
               ? readers[0]
               : SIZE_MAX;
}

int ef_model_is_normalised(const ef_topology *topology)
{
    return find_scale(topology) != SIZE_MAX;
}

void ef_model_data_hash(const ef_dataset *set, char text[EF_MODEL_HASH_SIZE])
{
    snprintf(text, EF_MODEL_HASH_SIZE, "%016" PRIx64, ef_dataset_hash(set));
}

ef_status ef_model_check_data(const ef_topology *topology, const ef_dataset *set,
                              const char *path, ef_error *err)
{
    size_t last = ef_topology_output(topology);
    ef_shape in = ef_topology_shape(topology, ef_topology_input(topology));
    size_t n_outputs = ef_shape_elements(ef_topology_shape(topology, last));
    int is_same = in.channels == set->channels && in.height == set->height &&
                  in.width == set->width;
    int is_row = in.rank == 2 && in.channels == ef_dataset_image_size(set);
    if (!is_same && !is_row) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s: the input is %ux%ux%u, the images of %s are "
                            "%zux%zux%zu",
                            path, in.channels, in.height, in.width, set->name,
                            set->channels, set->height, set->width);
    }
    if (n_outputs != set->n_classes) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s: the output '%s' has %zu units, %s has %zu classes",
                            path, ef_topology_node(topology, last)->name, n_outputs,
                            set->name, set->n_classes);
    }
    return EF_OK;
}

/* The same graph with a scale node between the input and all that read it. */
static ef_status insert_scale(ef_topology **to, const ef_topology *from, ef_error *err)
{
    ef_graph graph = {0};
    ef_node scale = ef_node_default(EF_OP_SCALE);
    size_t index = 0;
    uint32_t input = (uint32_t)ef_topology_input(from);
    scale.n_inputs = 1;
    scale.inputs[0] = input;
    ef_status status = ef_graph_copy(&graph, ef_topology_graph(from));
    if (status == EF_OK) {
        status = ef_graph_add(&graph, &scale, &index);
    }
    if (status != EF_OK) {
        ef_graph_clear(&graph);
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < index; i++) {
        for (uint32_t k = 0; k < graph.nodes[i].n_inputs; k++) {
            if (graph.nodes[i].inputs[k] == input) {
                graph.nodes[i].inputs[k] = (uint32_t)index;
            }
        }
    }
    status = ef_topology_create(to, &graph, err);
    ef_graph_clear(&graph);
    return status;
}

/* Where the input is a row, the values of a channel stand one after the other. */
static void fill_scale(ef_net *net, const ef_normalisation *norm)
{
    size_t node = find_scale(net->topology);
    float *scale = ef_net_values(net, node, EF_ROLE_SCALE);
    float *shift = ef_net_values(net, node, EF_ROLE_SHIFT);
    size_t count = ef_net_param(net, node, EF_ROLE_SCALE)->count;
    for (size_t i = 0; i < count; i++) {
        size_t channel = i * norm->channels / count;
        scale[i] = norm->scale[channel];
        shift[i] = norm->shift[channel];
    }
}

static ef_status create_scaled(ef_net **net, const ef_topology *topology,
                               const ef_normalisation *norm, ef_error *err)
{
    ef_topology *scaled = NULL;
    ef_status status = EF_OK;
    if (find_scale(topology) == SIZE_MAX) {
        status = insert_scale(&scaled, topology, err);
    }
    if (status == EF_OK) {
        status = ef_net_create(net, scaled ? scaled : topology, err);
    }
    if (status == EF_OK) {
        fill_scale(*net, norm);
    }
    ef_topology_destroy(scaled);
    return status;
}

ef_status ef_model_create(ef_net **net, const ef_topology *topology,
                          const ef_normalisation *norm, uint64_t seed, ef_error *err)
{
    ef_status status = create_scaled(net, topology, norm, err);
    if (status == EF_OK) {
        ef_net_initialise(*net, seed, 0, 0); /* resets constants too */
        fill_scale(*net, norm);
    }
    return status;
}

/* What the nets have in common, but for the values of the scale node. */
static ef_status copy_params(ef_net *scaled, const ef_net *net)
{
    size_t kept = find_scale(scaled->topology);
    for (size_t i = 0; i < scaled->n_params; i++) {
        const ef_param *to = &scaled->params[i];
        const char *name = ef_topology_node(scaled->topology, to->node)->name;
        size_t from = ef_topology_find(net->topology, name);
        if (from == SIZE_MAX) {
            continue;
        }
        if (to->node != kept) {
            memcpy(scaled->values + to->offset,
                   ef_net_values(net, from, (ef_role)to->role),
                   to->count * sizeof(float));
        }
        if (ef_net_copy_names(scaled, to->node, net, from) != EF_OK) {
            return EF_ERR_MEMORY;
        }
    }
    return EF_OK;
}

ef_status ef_model_normalise(ef_net **net, const ef_normalisation *norm, ef_error *err)
{
    ef_net *scaled = NULL;
    ef_status status = create_scaled(&scaled, (*net)->topology, norm, err);
    if (status != EF_OK) {
        return status;
    }
    status = copy_params(scaled, *net);
    if (status != EF_OK) {
        ef_net_destroy(scaled);
        return ef_error_memory(err);
    }
    ef_net_destroy(*net);
    *net = scaled;
    return EF_OK;
}
