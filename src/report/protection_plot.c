#include "report/protection_plot.h"

#include <math.h>

#include "base/mathfn.h"
#include "report/gnuplot.h"

#define POINTS 161       /* of a curve, evenly on a logarithmic axis */
#define LEAST_SHARE 1e-3 /* of bits, that is shown */
#define WIDTH 460        /* of a panel, in pixels */

/* Shares of bits and failures in percent: cost, removed, low, high; where every fault
 * was struck removed stands for all three, and what the worst single bits remove
 * follows, else "nan".  A block for each curve. */
static void write_data(const ef_protection_plot *plot, ef_text *data)
{
    ef_text_add(data, "# bits protected (%%), failures removed (%%), low, high, by the "
                      "worst single bits\n");
    for (size_t i = 0; i < plot->n; i++) {
        const ef_protection_curve *c = &plot->curves[i];
        double bits = (double)ef_protection_bits(c->protection);
        ef_text_add(data, "# %s\n", c->name);
        for (int k = 0; k < POINTS; k++) {
            double share = ef_pow(LEAST_SHARE, 1 - k / (POINTS - 1.0));
            ef_protection_point p = ef_protection_at(c->protection, share * bits);
            double single = c->histogram ? ef_protection_single(c->histogram, c->images,
                                                                share * bits)
                                         : NAN;
            ef_text_add(data, "%.6g %.6g %.6g %.6g %.6g\n", 100 * share,
                        100 * p.removed, 100 * p.interval.low, 100 * p.interval.high,
                        100 * single);
        }
        ef_text_add(data, "\n\n");
    }
}

static void add_panel(const ef_protection_plot *plot, size_t i, ef_text *script)
{
    const ef_protection_curve *c = &plot->curves[i];
    int is_exact = ef_protection_is_exact(c->protection);
    ef_text_add(script, "set title ");
    ef_gnuplot_quote(script, c->name);
    ef_text_add(script, " noenhanced\nplot ");
    if (!is_exact) {
        ef_text_add(script,
                    "data index %zu using 1:3:4 with filledcurves ls 1 "
                    "title '95 %%', \\\n     ",
                    i);
    }
    ef_text_add(script,
                "data index %zu using 1:2 with lines ls 2 "
                "title 'most critical positions first', \\\n     ",
                i);
    if (c->histogram) {
        ef_text_add(script,
                    "data index %zu using 1:5 with lines ls 3 "
                    "title 'worst single bits first', \\\n     ",
                    i);
    }
    ef_text_add(script, "x with lines ls 4 title 'bits at random'\n");
}

static void write_script(const ef_protection_plot *plot, const char *name,
                         ef_text *script)
{
    ef_text_add(script,
                "set terminal svg size %zu,460 dynamic background 'white' "
                "font 'sans-serif,12'\n",
                WIDTH * plot->n);
    ef_text_add(script, "name = ");
    ef_gnuplot_quote(script, name);
    ef_text_add(script,
                "\nset output name.'.svg'\n"
                "data = name.'.dat'\n"
                "set style line 1 lc rgb '#cfe3ea'\n"
                "set style line 2 lc rgb '#1f6f8b' lw 2\n"
                "set style line 3 lc rgb '#d1495b' lw 2 dt 2\n"
                "set style line 4 lc rgb '#8a8a8a' lw 1 dt 3\n"
                "set grid lc rgb '#e6e6e6'\n"
                "set key top left Left reverse samplen 2\n"
                "set samples 500\n"
                "set logscale x\n"
                "set xrange [%g:100]\n"
                "set yrange [0:100]\n"
                "set format x '%%g'\n"
                "set xlabel 'bits protected [%%]'\n"
                "set ylabel 'failures removed [%%]'\n",
                100 * LEAST_SHARE);
    ef_text_add(script, "set multiplot layout 1,%zu title ", plot->n);
    ef_gnuplot_quote(script, plot->title);
    ef_text_add(script, " noenhanced\n");
    for (size_t i = 0; i < plot->n; i++) {
        add_panel(plot, i, script);
    }
    ef_text_add(script, "unset multiplot\n");
}

ef_status ef_protection_plot_draw(const ef_protection_plot *plot, const char *stem,
                                  ef_error *err)
{
    ef_text data, script;
    ef_text_init(&data);
    ef_text_init(&script);
    write_data(plot, &data);
    write_script(plot, ef_gnuplot_name(stem), &script);
    ef_status status = ef_gnuplot_draw(stem, &data, &script, err);
    ef_text_clear(&data);
    ef_text_clear(&script);
    return status;
}
