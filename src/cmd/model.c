#include "cmd/model.h"

#include <inttypes.h>
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

void ef_model_data_hash(const ef_dataset *set, char text[EF_MODEL_HASH_SIZE])
{
    snprintf(text, EF_MODEL_HASH_SIZE, "%016" PRIx64, ef_dataset_hash(set));
}

ef_status ef_model_check_images(const ef_topology *topology, const ef_dataset *set,
                                const char *path, ef_error *err)
{
    ef_shape in = ef_topology_shape(topology, ef_topology_input(topology));
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
    return EF_OK;
}

ef_status ef_model_check_data(const ef_topology *topology, const ef_dataset *set,
                              const char *path, ef_error *err)
{
    size_t last = ef_topology_output(topology);
    size_t n_outputs = ef_shape_elements(ef_topology_shape(topology, last));
    ef_status status = ef_model_check_images(topology, set, path, err);
    if (!status && n_outputs != set->n_classes) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s: the output '%s' has %zu units, %s has %zu classes",
                              path, ef_topology_node(topology, last)->name, n_outputs,
                              set->name, set->n_classes);
    }
    return status;
}
