#include "report/scatter.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/gnuplot.h"

#define SUFFIX ".svg"

static int is_shown(const ef_scatter_panel *panel, size_t i)
{
    return panel->x[i] > 0 && panel->y[i] > 0;
}

/* One block a panel. */
static void write_data(const ef_scatter *s, ef_text *data)
{
    ef_text_add(data, "# predicted measured low high\n");
    for (size_t k = 0; k < s->n_panels; k++) {
        const ef_scatter_panel *panel = &s->panels[k];
        ef_text_add(data, "# %s\n", panel->title);
        for (size_t i = 0; i < panel->n; i++) {
            ef_text_add(data, "%.17g %.17g %.17g %.17g\n", panel->x[i], panel->y[i],
                        panel->low[i], panel->high[i]);
        }
        ef_text_add(data, "\n\n");
    }
}

static int has_points(const ef_scatter_panel *panel)
{
    for (size_t i = 0; i < panel->n; i++) {
        if (is_shown(panel, i)) {
            return 1;
        }
    }
    return 0;
}

static void add_panel(const ef_scatter *s, size_t k, const char *name, ef_text *script)
{
    ef_text_add(script, "set title ");
    ef_gnuplot_quote(script, s->panels[k].title);
    ef_text_add(script, " noenhanced font ',10'\n");
    if (!has_points(&s->panels[k])) {
        ef_text_add(script, "plot [0.1:1] [0.1:1] NaN notitle\n");
        return;
    }
    ef_text_add(script, "plot ");
    ef_gnuplot_quote(script, name);
    ef_text_add(script,
                " index %zu using ($1>0&&$2>0?$1:NaN):(100*$2):"
                "(100*($3>0?$3:$2)):(100*$4) with yerrorbars ls 1 notitle\n",
                k);
}

static void write_script(const ef_scatter *s, const char *stem, ef_text *script)
{
    size_t rows = (s->n_panels + s->n_columns - 1) / s->n_columns;
    ef_text name = {0}, title = {0};
    ef_text_add(&name, "%s.dat", stem);
    ef_gnuplot_quote(&title, s->title);
    ef_text_add(script,
                "# gnuplot %s.gp draws %s.svg again\n"
                "set terminal svg size %zu,%zu dynamic background 'white' "
                "font 'sans-serif,12'\n"
                "set output '%s.svg'\n"
                "set style line 1 lc rgb '#1f6f8b' pt 7 ps 0.4\n"
                "set grid lc rgb '#e6e6e6'\nset logscale xy\nset format xy '%%g'\n"
                "set xtics rotate by -40\n",
                stem, stem, 380 * s->n_columns, 40 + 320 * rows, stem);
    ef_text_add(script, "set xlabel ");
    ef_gnuplot_quote(script, s->x_label);
    ef_text_add(script, " noenhanced\nset ylabel ");
    ef_gnuplot_quote(script, s->y_label);
    ef_text_add(script,
                " noenhanced\nset multiplot layout %zu,%zu title %s noenhanced\n", rows,
                s->n_columns, title.bytes ? title.bytes : "''");
    for (size_t k = 0; k < s->n_panels; k++) {
        add_panel(s, k, name.bytes ? name.bytes : "", script);
    }
    ef_text_add(script, "unset multiplot\n");
    script->failed |= name.failed || title.failed;
    ef_text_clear(&name);
    ef_text_clear(&title);
}

ef_status ef_scatter_draw(const ef_scatter *scatter, const char *path, ef_error *err)
{
    size_t size = strlen(path), suffix = strlen(SUFFIX);
    if (size <= suffix || strcmp(path + size - suffix, SUFFIX) != 0) {
        return ef_error_set(err, EF_ERR_USAGE, "%s: a picture's name ends in %s", path,
                            SUFFIX);
    }
    char *stem = ef_strdup(path);
    if (!stem) {
        return ef_error_memory(err);
    }
    stem[size - suffix] = '\0';
    ef_text data = {0}, script = {0};
    write_data(scatter, &data);
    write_script(scatter, ef_gnuplot_name(stem), &script);
    ef_status status = ef_gnuplot_draw(stem, &data, &script, err);
    ef_text_clear(&data);
    ef_text_clear(&script);
    ef_free(stem);
    return status;
}
