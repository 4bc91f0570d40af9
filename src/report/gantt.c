#include "report/gantt.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "report/gnuplot.h"

/* Neighbours differ; P. Tol's bright scheme. */
static const char *const colours[] = {"0x4477aa", "0xee6677", "0x228833",
                                      "0xccbb44", "0x66ccee", "0xaa3377"};
#define N_COLOURS (sizeof colours / sizeof *colours)

/* Gaps shorter than this share of the axis are not seen. */
#define LEAST_GAP (1.0 / 4000)
/* Names above spans shorter than this would lie on each other. */
#define LEAST_NAMED (1.0 / 70)

/* --- data --------------------------------------------------------------------- */

static void write_bar(const ef_gantt *gantt, const ef_gantt_bar *bar, ef_text *data)
{
    double y = (double)(gantt->n_rows - bar->row);
    ef_text_add(data, "%.17g %.17g %.17g %.17g %.17g %.17g %s %zu\n",
                (bar->start_s + bar->end_s) / 2, y, bar->start_s, bar->end_s, y - 0.38,
                y + 0.38, colours[bar->group % N_COLOURS], bar->group);
}

/* One row of the picture. */
static void write_row(const ef_gantt *gantt, size_t row, ef_text *data)
{
    ef_gantt_bar open = {row, 0, -1, -1};
    for (size_t i = 0; i < gantt->n_bars; i++) {
        const ef_gantt_bar *bar = &gantt->bars[i];
        if (bar->row != row || bar->end_s <= bar->start_s) {
            continue;
        }
        int is_near = bar->start_s - open.end_s < gantt->end_s * LEAST_GAP;
        if (open.start_s >= 0 && bar->group == open.group && is_near) {
            open.end_s = bar->end_s;
            continue;
        }
        if (open.start_s >= 0) {
            write_bar(gantt, &open, data);
        }
        open = *bar;
    }
    if (open.start_s >= 0) {
        write_bar(gantt, &open, data);
    }
}

static void write_data(const ef_gantt *gantt, ef_text *data)
{
    ef_text_add(data, "# middle in s, place of the row, start, end, low, high, colour, "
                      "number of the group\n");
    for (size_t i = 0; i < gantt->n_rows; i++) {
        write_row(gantt, i, data);
    }
}

/* --- script ------------------------------------------------------------------- */

static void add_rows(const ef_gantt *gantt, ef_text *script)
{
    ef_text_add(script, "set ytics (");
    for (size_t i = 0; i < gantt->n_rows; i++) {
        ef_text_add(script, i > 0 ? ", " : "");
        ef_gnuplot_quote(script, gantt->rows[i]);
        ef_text_add(script, " %zu", gantt->n_rows - i);
    }
    ef_text_add(script, ")\nset yrange [0.5:%zu.5]\n", gantt->n_rows);
}

static void add_spans(const ef_gantt *gantt, ef_text *script)
{
    for (size_t i = 0; i < gantt->n_spans; i++) {
        const ef_gantt_span *span = &gantt->spans[i];
        double length = span->end_s - span->start_s;
        if (length >= gantt->end_s * LEAST_NAMED) {
            ef_text_add(script, "set label ");
            ef_gnuplot_quote(script, span->name);
            ef_text_add(script,
                        " at first %.17g, graph 1.02 left rotate by 60 noenhanced "
                        "font ',9' tc rgb %s\n",
                        (span->start_s + span->end_s) / 2, colours[i % N_COLOURS]);
        }
    }
}

static void write_script(const ef_gantt *gantt, const char *name, ef_text *script)
{
    ef_text_add(script, "# gnuplot makes the picture again from this\nname = ");
    ef_gnuplot_quote(script, name);
    ef_text_add(script,
                "\nset terminal svg size 1100,%zu dynamic background 'white' font "
                "'sans-serif,12'\n"
                "set output name.'.svg'\n",
                190 + 46 * gantt->n_rows);
    ef_text_add(script, "set title ");
    ef_gnuplot_quote(script, gantt->title);
    ef_text_add(script, " noenhanced offset 0,4\n"
                        "set tmargin 8\n"
                        "set border 3 lc rgb '#444444'\n"
                        "set tics nomirror\n"
                        "set grid x lt 1 lw 0.5 lc rgb '#dddddd'\n"
                        "set format x '%%.1s%%cs'\n"
                        "unset key\n");
    ef_text_add(script, "set xrange [0:%.17g]\n", gantt->end_s);
    add_rows(gantt, script);
    add_spans(gantt, script);
    ef_text_add(script, "plot name.'.dat' using 1:2:3:4:5:6:7 with boxxyerror fs solid "
                        "0.9 noborder lc rgb variable\n");
}

/* --- files -------------------------------------------------------------------- */

ef_status ef_gantt_draw(const ef_gantt *gantt, const char *path, ef_error *err)
{
    size_t n = strlen(path);
    if (strlen(ef_gnuplot_name(path)) < 5 || strcmp(path + n - 4, ".svg") != 0) {
        return ef_error_set(err, EF_ERR_USAGE, "%s: a picture's name ends in .svg",
                            path);
    }
    char *stem = ef_strdup(path);
    if (!stem) {
        return ef_error_memory(err);
    }
    stem[n - 4] = '\0';
    ef_text data = {0}, script = {0};
    write_data(gantt, &data);
    write_script(gantt, ef_gnuplot_name(stem), &script);
    ef_status status = ef_gnuplot_draw(stem, &data, &script, err);
    ef_text_clear(&data);
    ef_text_clear(&script);
    ef_free(stem);
    return status;
}
