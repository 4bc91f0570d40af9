#include "study/output.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "objectives/objective.h"
#include "report/front_plot.h"
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

ef_status ef_output_csv(const ef_front *front, ef_store *store, int all, ef_text *text,
                        ef_error *err)
{
    ef_text_add(text, "# evoflip ");
    ef_status status = ef_store_get(store, "version", text, err);
    ef_text_add(text, " search\n# ");
    if (!status) {
        status = describe(store, text, err);
    }
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

/* --- the picture ---------------------------------------------------------------------
 */

static ef_status make_title(ef_store *store, ef_text *title, ef_error *err)
{
    ef_text_add(title, "evoflip ");
    ef_status status = ef_store_get(store, "version", title, err);
    ef_text_add(title, ", seed ");
    if (!status) {
        status = ef_store_get(store, "seed", title, err);
    }
    return status ? status : title->failed ? ef_error_memory(err) : EF_OK;
}

/* The trained, feasible networks as points, front and knee marked. */
static void gather(const ef_front *front, double *values, unsigned char *in_front,
                   size_t *n, size_t *knee)
{
    size_t m = front->n_objectives;
    size_t knee_point = SIZE_MAX;
    *n = 0;
    for (size_t i = 0; i < front->n; i++) {
        if (front->rows[i].status != EF_RECORD_TRAINED ||
            front->rows[i].violation > 0) {
            continue;
        }
        memcpy(values + *n * m, front->objectives + i * m, m * sizeof *values);
        in_front[*n] = (unsigned char)front->rows[i].in_front;
        if (i == front->knee) {
            knee_point = *n;
        }
        ++*n;
    }
    *knee = knee_point < *n ? knee_point : *n;
}

static ef_status draw(const ef_front *front, const ef_store *store, const char *title,
                      const char *dir, ef_error *err)
{
    size_t m = front->n_objectives;
    const char *names[EF_OBJECTIVES_MAX];
    const char *units[EF_OBJECTIVES_MAX];
    for (size_t k = 0; k < m; k++) {
        names[k] = ef_store_objective_name(store, k);
        units[k] = ef_store_objective_unit(store, k);
    }
    double *values = ef_calloc(front->n, m * sizeof *values);
    unsigned char *in_front = ef_calloc(front->n, 1);
    ef_status status = EF_OK;
    if (values && in_front) {
        ef_front_plot plot = {.title = title,
                              .n_objectives = m,
                              .names = names,
                              .units = units,
                              .values = values,
                              .in_front = in_front};
        gather(front, values, in_front, &plot.n_points, &plot.knee);
        status = ef_front_plot_draw(&plot, dir, "front", err);
    } else {
        status = ef_error_memory(err);
    }
    ef_free(in_front);
    ef_free(values);
    return status;
}

ef_status ef_output_picture(const ef_front *front, ef_store *store, const char *dir,
                            ef_error *err)
{
    ef_text title;
    ef_text_init(&title);
    ef_status status = make_title(store, &title, err);
    if (!status) {
        status = draw(front, store, title.bytes, dir, err);
    }
    ef_text_clear(&title);
    return status;
}
