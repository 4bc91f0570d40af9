#include "cmd/seeds.h"

#include <string.h>

#include "cmd/model.h"
#include "net/topology_yaml.h"
#include "study/search_config.h"

static ef_status load_net(ef_net **net, const char *path, ef_error *err)
{
    if (ef_path_is_onnx(path)) {
        return ef_onnx_load(net, NULL, path, err);
    }
    ef_topology *topology = NULL;
    ef_status status = ef_topology_load(&topology, path, err);
    status = status ? status : ef_net_create(net, topology, err);
    ef_topology_destroy(topology);
    return status;
}

static ef_status check_fit(const ef_net *net, const ef_dataset *set, const char *path,
                           ef_error *err)
{
    ef_error why = {0};
    ef_status status = ef_model_check_images(net->topology, set, path, err);
    if (!status && ef_model_check_data(net->topology, set, path, &why)) {
        status = ef_error_set(err, EF_ERR_INPUT,
                              "%s; evoflip train --new-head makes it fit", why.text);
    }
    return status;
}

static ef_status add_file(ef_seeds *seeds, const char *path, const ef_dataset *set,
                          ef_error *err)
{
    const char *slash = strrchr(path, '/');
    ef_net *net = NULL;
    ef_status status = load_net(&net, path, err);
    status = status ? status : check_fit(net, set, path, err);
    if (status) {
        ef_net_destroy(net);
        return status;
    }
    return ef_seeds_add(seeds, slash ? slash + 1 : path, net, ef_path_is_onnx(path),
                        err);
}

ef_status ef_seed_files_load(ef_seeds *seeds, const ef_words *paths,
                             const ef_dataset *set, char **list, ef_error *err)
{
    ef_status status = EF_OK;
    ef_text text;
    ef_text_init(&text);
    for (size_t i = 0; i < paths->n && !status; i++) {
        status = add_file(seeds, paths->items[i], set, err);
    }
    ef_seeds_write(seeds, &text);
    if (!status) {
        status = text.failed ? ef_error_memory(err)
                             : ef_search_config_set_text(list, text.bytes, err);
    }
    ef_text_clear(&text);
    return status;
}
