#include "report/front_plot.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "report/gnuplot.h"

/* Blocks of the data file, in gnuplot's `index`: every point, the front, the knee,
 * then for each panel the steps of the front that these two objectives alone have. */
enum { BLOCK_ALL, BLOCK_FRONT, BLOCK_KNEE, BLOCK_STEPS };

static double value_of(const ef_front_plot *plot, size_t point, size_t objective)
{
    return plot->values[point * plot->n_objectives + objective];
}

static void add_point(const ef_front_plot *plot, size_t point, ef_text *data)
{
    for (size_t k = 0; k < plot->n_objectives; k++) {
        ef_text_add(data, "%s%.17g", k ? " " : "", value_of(plot, point, k));
    }
    ef_text_add(data, "\n");
}

static void end_block(ef_text *data)
{
    ef_text_add(data, "\n\n");
}

typedef struct place {
    double x, y;
} place;

static int by_x_then_y(const void *a, const void *b)
{
    const place *p = a;
    const place *q = b;
    if (p->x != q->x) {
        return p->x < q->x ? -1 : 1;
    }
    return (p->y > q->y) - (p->y < q->y);
}

static double sign_of(const ef_front_plot *plot, size_t objective)
{
    return plot->maximised[objective] ? -1 : 1;
}

/* From the best value on, each step further is a better ordinate. */
static void add_steps(const ef_front_plot *plot, size_t objective, place *places,
                      ef_text *data)
{
    double x = sign_of(plot, objective), y = sign_of(plot, 0);
    size_t n = 0;
    for (size_t i = 0; i < plot->n_points; i++) {
        if (plot->in_front[i]) {
            places[n++] =
                (place){x * value_of(plot, i, objective), y * value_of(plot, i, 0)};
        }
    }
    qsort(places, n, sizeof *places, by_x_then_y);
    for (size_t i = 0, last = 0; i < n; i++) {
        if (i == 0 || places[i].y < places[last].y) {
            ef_text_add(data, "%.17g %.17g\n", x * places[i].x, y * places[i].y);
            last = i;
        }
    }
    end_block(data);
}

static ef_status write_data(const ef_front_plot *plot, ef_text *data, ef_error *err)
{
    place *places = ef_calloc(plot->n_points, sizeof *places);
    if (!places) {
        return ef_error_memory(err);
    }
    ef_text_add(data, "# all trained, the front, the knee, the steps of each panel\n");
    for (size_t i = 0; i < plot->n_points; i++) {
        add_point(plot, i, data);
    }
    end_block(data);
    for (size_t i = 0; i < plot->n_points; i++) {
        if (plot->in_front[i]) {
            add_point(plot, i, data);
        }
    }
    end_block(data);
    if (plot->knee < plot->n_points) {
        add_point(plot, plot->knee, data);
    } else {
        ef_text_add(data, "# no knee\n");
    }
    end_block(data);
    for (size_t k = 1; k < plot->n_objectives; k++) {
        add_steps(plot, k, places, data);
    }
    ef_free(places);
    return EF_OK;
}

static int is_positive(const ef_front_plot *plot, size_t objective)
{
    for (size_t i = 0; i < plot->n_points; i++) {
        if (value_of(plot, i, objective) <= 0) {
            return 0;
        }
    }
    return 1;
}

/* Shares are shown in per cent. */
static void add_label(const ef_front_plot *plot, size_t objective, char axis,
                      ef_text *script)
{
    const char *unit = plot->units[objective];
    int is_share = unit[0] == 's' && unit[1] == 'h';
    ef_text_add(script, "set %clabel '%s%s%s%s' noenhanced\n", axis,
                plot->names[objective], unit[0] ? " [" : "", is_share ? "%" : unit,
                unit[0] ? "]" : "");
}

static const char *in_percent(const ef_front_plot *plot, size_t objective)
{
    return plot->units[objective][0] == 's' && plot->units[objective][1] == 'h' ? "100*"
                                                                                : "";
}

static void add_panel(const ef_front_plot *plot, size_t k, const char *name,
                      ef_text *script)
{
    const char *x = in_percent(plot, k);
    const char *y = in_percent(plot, 0);
    add_label(plot, k, 'x', script);
    ef_text_add(script, "%s logscale x\n", is_positive(plot, k) ? "set" : "unset");
    ef_text_add(script, "data = '%s.dat'\n", name);
    ef_text_add(script,
                "plot data index %d using (%s$%zu):(%s$1) with points ls 1 "
                "title 'trained', \\\n",
                BLOCK_ALL, x, k + 1, y);
    ef_text_add(script,
                "     data index %zu using (%s$1):(%s$2) with steps ls 2 notitle, \\\n",
                (size_t)BLOCK_STEPS + k - 1, x, y);
    ef_text_add(script,
                "     data index %d using (%s$%zu):(%s$1) with points ls 3 "
                "title 'front'",
                BLOCK_FRONT, x, k + 1, y);
    if (plot->knee < plot->n_points) {
        ef_text_add(script,
                    ", \\\n     data index %d using (%s$%zu):(%s$1) with points ls 4 "
                    "title 'knee'",
                    BLOCK_KNEE, x, k + 1, y);
    }
    ef_text_add(script, "\n");
}

static void write_script(const ef_front_plot *plot, const char *name, ef_text *script)
{
    size_t n_panels = plot->n_objectives - 1;
    ef_text_add(script,
                "# gnuplot %s.gp draws %s.svg again\n"
                "set terminal svg size %zu,420 dynamic background 'white' "
                "font 'sans-serif,12'\n"
                "set output '%s.svg'\n"
                "set style line 1 lc rgb '#b8b8b8' pt 7 ps 0.35\n"
                "set style line 2 lc rgb '#1f6f8b' lw 1\n"
                "set style line 3 lc rgb '#1f6f8b' pt 7 ps 0.6\n"
                "set style line 4 lc rgb '#d1495b' pt 3 ps 1.4 lw 2\n"
                "set grid lc rgb '#e6e6e6'\n"
                "set key bottom left opaque\n"
                "set format x '%%.0s%%c'\n"
                "set xtics rotate by -40\n",
                name, name, 60 + 420 * n_panels, name);
    ef_text_add(script, "set multiplot layout 1,%zu title '%s' noenhanced\n", n_panels,
                plot->title);
    add_label(plot, 0, 'y', script);
    ef_text_add(script, "%s logscale y\n", is_positive(plot, 0) ? "set" : "unset");
    for (size_t k = 1; k < plot->n_objectives; k++) {
        add_panel(plot, k, name, script);
    }
    ef_text_add(script, "unset multiplot\n");
}

ef_status ef_front_plot_draw(const ef_front_plot *plot, const char *dir,
                             const char *name, ef_error *err)
{
    ef_text data, script;
    ef_text_init(&data);
    ef_text_init(&script);
    ef_status status = write_data(plot, &data, err);
    if (!status) {
        char *stem = ef_file_join(dir, name);
        write_script(plot, name, &script);
        status =
            stem ? ef_gnuplot_draw(stem, &data, &script, err) : ef_error_memory(err);
        ef_free(stem);
    }
    ef_text_clear(&data);
    ef_text_clear(&script);
    return status;
}
