#include "study/fault_plan.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "faultsim/formats.h"

/* One measurement. */
typedef struct item {
    char format[EF_FORMAT_NAME];
    ef_qnet_options formats; /* weights and activations that the name means */
    ef_exposed target;
    double ber;
} item;

struct ef_fault_plan {
    ef_fault_plan_options options;
    size_t *images, *calibration; /* indices into the data set */
    item *items;                  /* (n) */
    size_t n;
};

/* --- what is asked for ----------------------------------------------------------- */

/* The images that are used, of those of part: room for n. */
static size_t *spread(ef_part *part, size_t most)
{
    size_t n = part->n < most ? part->n : most;
    size_t *indices = ef_calloc(n, sizeof *indices);
    for (size_t i = 0; indices && i < n; i++) {
        indices[i] = part->indices[(size_t)((double)i * (double)part->n / (double)n)];
    }
    *part = (ef_part){indices, n};
    return indices;
}

ef_status ef_fault_plan_create(ef_fault_plan **plan,
                               const ef_fault_plan_options *options, ef_error *err)
{
    ef_fault_plan *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->options = *options;
    made->images = spread(&made->options.images, options->n_images);
    made->calibration = spread(&made->options.calibration, EF_FAULT_CALIBRATION);
    if (!made->images || !made->calibration) {
        ef_fault_plan_destroy(made);
        return ef_error_memory(err);
    }
    *plan = made;
    return EF_OK;
}

void ef_fault_plan_destroy(ef_fault_plan *plan)
{
    if (plan) {
        ef_free(plan->images);
        ef_free(plan->calibration);
        ef_free(plan->items);
        ef_free(plan);
    }
}

static void make_item(const ef_objective *objective, const ef_format *format,
                      item *made)
{
    format = ef_format_is_stated(&objective->format) ? &objective->format : format;
    *made = (item){.target = objective->target, .ber = objective->ber};
    ef_format_name(format, made->format);
    ef_formats_set_weights(&made->formats, format);
    ef_formats_set_activations(&made->formats, format);
}

/* Where it stands; n: nowhere. */
static size_t find_item(const ef_fault_plan *plan, const item *wanted)
{
    size_t i = 0;
    while (i < plan->n && (strcmp(plan->items[i].format, wanted->format) != 0 ||
                           plan->items[i].target != wanted->target ||
                           plan->items[i].ber != wanted->ber)) {
        i++;
    }
    return i;
}

ef_status ef_fault_plan_check(const ef_objective *objective, const ef_format *format,
                              ef_error *err)
{
    if (objective->row->cost != EF_COST_INJECTED) {
        return EF_OK;
    }
    item made;
    ef_error why = {0};
    make_item(objective, format, &made);
    ef_status status = ef_formats_check(&made.formats, "format", "format", &why);
    return status ? ef_error_set(err, status, "%s: %s", objective->name, why.text)
                  : EF_OK;
}

ef_status ef_fault_plan_add(ef_fault_plan *plan, const ef_objective *objective,
                            ef_error *err)
{
    item made;
    make_item(objective, &plan->options.format, &made);
    if (find_item(plan, &made) < plan->n) {
        return EF_OK;
    }
    item *grown = ef_realloc(plan->items, plan->n + 1, sizeof *grown);
    if (!grown) {
        return ef_error_memory(err);
    }
    plan->items = grown;
    plan->items[plan->n++] = made;
    return EF_OK;
}

size_t ef_fault_plan_n(const ef_fault_plan *plan)
{
    return plan->n;
}

/* --- measuring ------------------------------------------------------------------- */

static unsigned targets_of(ef_exposed exposed)
{
    static const unsigned sets[EF_EXPOSED_COUNT] = {
        [EF_EXPOSED_WEIGHTS] = 1U << EF_TARGET_WEIGHTS,
        [EF_EXPOSED_ACTIVATIONS] = 1U << EF_TARGET_ACTIVATIONS,
        [EF_EXPOSED_BOTH] = 1U << EF_TARGET_WEIGHTS | 1U << EF_TARGET_ACTIVATIONS,
    };
    return sets[exposed];
}

/* Those of the first item's format from there on, in one go: they share the quantized
 * network. */
static ef_status run_format(const ef_fault_plan *plan, const ef_net *net, uint64_t id,
                            size_t first, ef_fault_measure *measures,
                            ef_faults_measured *found, ef_faults_measured *measured,
                            ef_error *err)
{
    const item *of = &plan->items[first];
    const ef_fault_plan_options *o = &plan->options;
    const ef_fault_bench bench = {.set = o->set,
                                  .images = o->images,
                                  .calibration = o->calibration,
                                  .weights = of->formats.weights,
                                  .activations = of->formats.activations,
                                  .fits_activations = of->formats.fits_activations,
                                  .n_threads = 1};
    size_t n = 0;
    for (size_t i = first; i < plan->n; i++) {
        const item *it = &plan->items[i];
        if (strcmp(it->format, of->format) == 0) {
            measures[n++] = (ef_fault_measure){
                .targets = targets_of(it->target),
                .ber = it->ber,
                .trials = o->count,
                .seed = ef_hash_word(ef_hash_word(EF_PURPOSE_FAULT, o->seed), id)};
        }
    }
    ef_status status =
        ef_measure_faults(net, &bench, measures, n, NULL, NULL, found, err);
    for (size_t i = plan->n; !status && i-- > first;) {
        if (strcmp(plan->items[i].format, of->format) == 0) {
            measured[i] = found[--n];
        }
    }
    return status;
}

static int is_first_of_format(const ef_fault_plan *plan, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(plan->items[i].format, plan->items[index].format) == 0) {
            return 0;
        }
    }
    return 1;
}

ef_status ef_fault_plan_run(const ef_fault_plan *plan, const ef_net *net, uint64_t id,
                            ef_faults_measured *measured, ef_error *err)
{
    ef_fault_measure *measures = ef_calloc(plan->n, sizeof *measures);
    ef_faults_measured *found = ef_calloc(plan->n, sizeof *found);
    ef_status status = measures && found ? EF_OK : ef_error_memory(err);
    for (size_t i = 0; !status && i < plan->n; i++) {
        if (is_first_of_format(plan, i)) {
            status = run_format(plan, net, id, i, measures, found, measured, err);
        }
    }
    ef_free(measures);
    ef_free(found);
    return status;
}

/* --- values ---------------------------------------------------------------------- */

static double ccr(const ef_faults_measured *measured)
{
    return measured->ccr.share;
}

static double fault_accuracy(const ef_faults_measured *measured)
{
    return measured->accuracy.share;
}

/* The rows of the table of objectives that are measured under faults. */
static const struct {
    const char *name;
    double (*value)(const ef_faults_measured *measured);
} rows[] = {{"ccr", ccr}, {"fault_accuracy", fault_accuracy}};

double ef_fault_plan_value(const ef_fault_plan *plan,
                           const ef_faults_measured *measured,
                           const ef_objective *objective)
{
    item wanted;
    make_item(objective, &plan->options.format, &wanted);
    size_t index = find_item(plan, &wanted);
    for (size_t i = 0; index < plan->n && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(objective->row->name, rows[i].name) == 0) {
            return rows[i].value(&measured[index]);
        }
    }
    return NAN;
}
