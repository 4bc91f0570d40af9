#include "cmd/picture.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "objectives/objective.h"
#include "report/front_plot.h"

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
    unsigned char maximised[EF_OBJECTIVES_MAX];
    for (size_t k = 0; k < m; k++) {
        names[k] = ef_store_objective_name(store, k);
        units[k] = ef_store_objective_unit(store, k);
        maximised[k] = (unsigned char)ef_store_objective_maximised(store, k);
    }
    double *values = ef_calloc(front->n, m * sizeof *values);
    unsigned char *in_front = ef_calloc(front->n, 1);
    ef_status status = EF_OK;
    if (values && in_front) {
        ef_front_plot plot = {.title = title,
                              .n_objectives = m,
                              .names = names,
                              .units = units,
                              .maximised = maximised,
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

ef_status ef_picture_draw_front(const ef_front *front, ef_store *store, const char *dir,
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
