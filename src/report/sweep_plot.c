#include "report/sweep_plot.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/gnuplot.h"

/* Told apart also by those who see fewer colours; P. Tol's bright scheme. */
static const char *const colours[] = {"#4477aa", "#ee6677", "#228833", "#aa3377",
                                      "#66ccee", "#ccbb44", "#777777"};
#define N_COLOURS (sizeof colours / sizeof *colours)

/* Means that differ by more are shown on a logarithmic axis. */
#define WIDE 30

static const char *colour_of(size_t line)
{
    return colours[line % N_COLOURS];
}

/* --- what the axes hold ------------------------------------------------------- */

typedef struct extent {
    double least_rate, most_rate;
    double least_ccr, most_ccr; /* means above 0, in percent; nonfinite too */
} extent;

static void widen(double *least, double *most, double value)
{
    if (value > 0) {
        *least = fmin(*least, value);
        *most = fmax(*most, value);
    }
}

static extent find_extent(const ef_sweep_plot *plot)
{
    extent e = {INFINITY, 0, INFINITY, 0};
    for (size_t i = 0; i < plot->n_lines; i++) {
        const ef_sweep_line *line = &plot->lines[i];
        for (size_t k = 0; k < line->n; k++) {
            widen(&e.least_rate, &e.most_rate, line->rates[k]);
            widen(&e.least_ccr, &e.most_ccr, 100 * line->ccr[k].mean);
            widen(&e.least_ccr, &e.most_ccr, 100 * line->nonfinite[k].mean);
        }
    }
    return e;
}

/* --- data --------------------------------------------------------------------- */

static void write_data(const ef_sweep_plot *plot, ef_text *data)
{
    ef_text_add(data, "# a block for each line: rate; CCR, then accuracy: mean, "
                      "low and high of nine trials in ten; nonfinite: mean; in %%\n");
    for (size_t i = 0; i < plot->n_lines; i++) {
        const ef_sweep_line *line = &plot->lines[i];
        ef_text_add(data, "# %s\n", line->name);
        for (size_t k = 0; k < line->n; k++) {
            const ef_spread *c = &line->ccr[k], *a = &line->accuracy[k];
            const double row[] = {c->mean,
                                  c->low,
                                  c->high,
                                  a->mean,
                                  a->low,
                                  a->high,
                                  line->nonfinite[k].mean};
            if (!(line->rates[k] > 0)) {
                continue;
            }
            ef_text_add(data, "%.17g", line->rates[k]);
            for (size_t j = 0; j < sizeof row / sizeof *row; j++) {
                ef_text_add(data, " %.17g", 100 * row[j]);
            }
            ef_text_add(data, "\n");
        }
        ef_text_add(data, "\n\n");
    }
}

/* --- script ------------------------------------------------------------------- */

static void add_quoted(ef_text *script, const char *before, const char *text,
                       const char *after)
{
    ef_text_add(script, "%s", before);
    ef_gnuplot_quote(script, text);
    ef_text_add(script, "%s", after);
}

static void add_head(const ef_sweep_plot *plot, const extent *e, ef_text *script)
{
    ef_text_add(script, "# gnuplot makes the picture again from this\n"
                        "set terminal svg size 900,440 dynamic background 'white' "
                        "font 'sans-serif,12'\n");
    ef_text_add(script, "set output name.'.svg'\n");
    ef_text_add(script, "data = name.'.dat'\n");
    ef_text_add(script, "set grid lt 1 lw 0.5 lc rgb '#dddddd'\n"
                        "set border 3 lc rgb '#444444'\n"
                        "set tics nomirror\n"
                        "set logscale x\n"
                        "set format x '10^{%%L}'\n");
    ef_text_add(script, "set xrange [%.17g:%.17g]\n", e->least_rate / 1.3,
                e->most_rate * 1.3);
    add_quoted(script, "set xlabel ", plot->rate_label, " noenhanced\n");
    add_quoted(script, "set multiplot layout 1,2 title ", plot->title, " noenhanced\n");
}

/* Columns of mean, low and high; bands first, so that no line lies behind one.  `band`
 * and `line` are functions of the script. */
static void add_lines(const ef_sweep_plot *plot, int mean, const char *band,
                      const char *line, ef_text *script)
{
    for (size_t i = 0; i < plot->n_lines; i++) {
        ef_text_add(script,
                    "%s data index %zu using 1:(%s($%d)):(%s($%d)) with filledcurves "
                    "fc rgb '%s' fs transparent solid 0.15 noborder notitle",
                    i ? ", \\\n    " : "plot", i, band, mean + 1, band, mean + 2,
                    colour_of(i));
    }
    for (size_t i = 0; i < plot->n_lines; i++) {
        ef_text_add(script,
                    ", \\\n     data index %zu using 1:(%s($%d)) with linespoints lc "
                    "rgb '%s' lw 2 pt 7 ps 0.5",
                    i, line, mean, colour_of(i));
        add_quoted(script, " title ", plot->lines[i].name, " noenhanced");
    }
}

static int has_nonfinite(const ef_sweep_line *line)
{
    int found = 0;
    for (size_t i = 0; i < line->n; i++) {
        found |= line->nonfinite[i].mean > 0;
    }
    return found;
}

static void add_nonfinite(const ef_sweep_plot *plot, const char *filter,
                          ef_text *script)
{
    for (size_t i = 0; i < plot->n_lines; i++) {
        if (has_nonfinite(&plot->lines[i])) {
            ef_text_add(script,
                        ", \\\n     data index %zu using 1:(%s($8)) with lines lc rgb "
                        "'%s' lw 1.5 dt 2",
                        i, filter, colour_of(i));
            add_quoted(script, " title ", plot->lines[i].name,
                       ".', not finite' noenhanced");
        }
    }
}

static void add_ccr(const ef_sweep_plot *plot, const extent *e, ef_text *script)
{
    int is_wide = e->most_ccr > WIDE * e->least_ccr;
    double floor_at = is_wide ? pow(10, floor(log10(e->least_ccr) - 0.3)) : 0;
    ef_text_add(script, "set ylabel 'images whose class changes (CCR) [%%]'\n");
    ef_text_add(script,
                "above(y) = y > %.17g ? y : %.17g\n"
                "positive(y) = y > 0 ? y : 1/0\n",
                floor_at, floor_at);
    ef_text_add(script, "%s logscale y\n", is_wide ? "set" : "unset");
    ef_text_add(script, is_wide ? "set yrange [%.17g:100]\n" : "set yrange [%.17g:]\n",
                floor_at);
    ef_text_add(script, "set key bottom right opaque Left samplen 2\n");
    const char *filter = is_wide ? "positive" : "";
    add_lines(plot, 2, "above", filter, script);
    add_nonfinite(plot, filter, script);
    ef_text_add(script, "\n");
}

static void add_accuracy(const ef_sweep_plot *plot, ef_text *script)
{
    ef_text_add(script, "set ylabel 'accuracy [%%]'\n"
                        "unset logscale y\n"
                        "set yrange [0:100]\n"
                        "set key bottom left reverse Left samplen 2\n");
    add_lines(plot, 5, "", "", script);
    ef_text_add(script,
                ", \\\n     %.17g with lines lc rgb '#777777' dt 2 title 'no fault'\n",
                100 * plot->accuracy);
    ef_text_add(script, "unset multiplot\n");
}

static void write_script(const ef_sweep_plot *plot, const extent *e, const char *name,
                         ef_text *script)
{
    add_quoted(script, "name = ", name, "\n");
    add_head(plot, e, script);
    add_ccr(plot, e, script);
    add_accuracy(plot, script);
}

/* --- files -------------------------------------------------------------------- */

/* path without its .svg, the caller owns it. */
static ef_status find_stem(char **stem, const char *path, ef_error *err)
{
    size_t n = strlen(path);
    if (strlen(ef_gnuplot_name(path)) < 5 || strcmp(path + n - 4, ".svg") != 0) {
        return ef_error_set(err, EF_ERR_USAGE, "%s: a picture's name ends in .svg",
                            path);
    }
    *stem = ef_strdup(path);
    if (!*stem) {
        return ef_error_memory(err);
    }
    (*stem)[n - 4] = '\0';
    return EF_OK;
}

ef_status ef_sweep_plot_draw(const ef_sweep_plot *plot, const char *path, ef_error *err)
{
    extent e = find_extent(plot);
    char *stem = NULL;
    ef_text data = {0}, script = {0};
    ef_status status = find_stem(&stem, path, err);
    if (!status && e.most_rate <= 0) {
        status = ef_error_set(err, EF_ERR_USAGE,
                              "%s: a picture needs a bit error rate above 0", path);
    }
    if (!status) {
        write_data(plot, &data);
        write_script(plot, &e, ef_gnuplot_name(stem), &script);
        status = ef_gnuplot_draw(stem, &data, &script, err);
    }
    ef_text_clear(&data);
    ef_text_clear(&script);
    ef_free(stem);
    return status;
}
