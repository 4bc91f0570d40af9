#include "study/output.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "study/search_config.h"

/* --- the head of tables and pictures --------------------------------------------- */

static ef_status describe(ef_store *store, ef_text *text, ef_error *err)
{
    ef_search_config config;
    ef_status status = ef_search_config_load(&config, store, err);
    if (!status) {
        ef_search_config_describe(&config, text);
        ef_search_config_clear(&config);
    }
    return status;
}

/* "error share, activations, ccr:ber=0.001 share, energy J" */
static void add_units(const ef_store *store, ef_text *text)
{
    ef_text_add(text, "\n# units ");
    for (size_t k = 0; k < ef_store_n_objectives(store); k++) {
        const char *unit = ef_store_objective_unit(store, k);
        ef_text_add(text, "%s%s%s%s%s", k ? ", " : "",
                    ef_store_objective_name(store, k), unit[0] ? " " : "", unit,
                    ef_store_objective_maximised(store, k) ? " (maximised)" : "");
    }
}

ef_status ef_output_csv(const ef_front *front, ef_store *store, int all, ef_text *text,
                        ef_error *err)
{
    ef_text_add(text, "# evoflip ");
    ef_status status = ef_store_get(store, "version", text, err);
    ef_text_add(text, " search\n# ");
    if (!status) {
        status = describe(store, text, err);
    }
    add_units(store, text);
    ef_text_add(text, "\n# data hash ");
    if (!status) {
        status = ef_store_get(store, "data_hash", text, err);
    }
    ef_text_add(text, "\n");
    if (status) {
        return status;
    }
    ef_front_write_csv(front, store, all, text);
    return text->failed ? ef_error_memory(err) : EF_OK;
}

/* --- models ------------------------------------------------------------------------
 */

static int is_member(const ef_front *front, uint64_t id)
{
    for (size_t i = 0; i < front->n_front; i++) {
        if (front->rows[front->order[i]].id == id) {
            return 1;
        }
    }
    return 0;
}

/* True for "17.onnx", the only names that a search gives to models. */
static int is_model_name(const char *name, uint64_t *id)
{
    char *end = NULL;
    *id = strtoull(name, &end, 10);
    return name[0] >= '1' && name[0] <= '9' && strcmp(end, ".onnx") == 0;
}

static ef_status remove_strangers(const ef_front *front, const char *dir, ef_error *err)
{
    DIR *folder = opendir(dir);
    if (!folder) {
        return ef_error_io(err, dir, "cannot read");
    }
    ef_status status = EF_OK;
    for (struct dirent *entry = readdir(folder); !status && entry;
         entry = readdir(folder)) {
        uint64_t id = 0;
        if (is_model_name(entry->d_name, &id) && !is_member(front, id)) {
            char *path = ef_file_join(dir, entry->d_name);
            status = path ? EF_OK : ef_error_memory(err);
            if (path && remove(path) != 0) {
                status = ef_error_io(err, path, "cannot remove");
            }
            ef_free(path);
        }
    }
    closedir(folder);
    return status;
}

static ef_status write_model(ef_store *store, uint64_t id, const char *dir,
                             ef_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64 ".onnx", id);
    char *path = ef_file_join(dir, name);
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_status status =
        path ? ef_store_get_model(store, id, &bytes, &size, err) : ef_error_memory(err);
    if (!status) {
        status = ef_file_write(path, 1, bytes, size, err);
    }
    ef_free(bytes);
    ef_free(path);
    return status;
}

static ef_status write_models(const ef_front *front, ef_store *store, const char *dir,
                              ef_error *err)
{
    ef_status status = ef_file_make_directories(dir, err);
    if (!status) {
        status = remove_strangers(front, dir, err);
    }
    for (size_t i = 0; !status && i < front->n_front; i++) {
        status = write_model(store, front->rows[front->order[i]].id, dir, err);
    }
    return status;
}

ef_status ef_output_front(const ef_front *front, ef_store *store, const char *dir,
                          ef_error *err)
{
    ef_text csv;
    ef_text_init(&csv);
    char *path = ef_file_join(dir, "front.csv");
    char *models = ef_file_join(dir, "models");
    ef_status status = path && models ? ef_output_csv(front, store, 0, &csv, err)
                                      : ef_error_memory(err);
    if (!status) {
        status = ef_file_write(path, 1, csv.bytes, csv.size, err);
    }
    if (!status) {
        status = write_models(front, store, models, err);
    }
    ef_free(models);
    ef_free(path);
    ef_text_clear(&csv);
    return status;
}
