#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/wide_priv.h"

/* --- workers ---------------------------------------------------------------------- */

static ef_status make_tensors(ef_wide_worker *w)
{
    size_t n = w->wide->n_steps, widest = 1, largest = 1, n_spans = 2;
    ef_status status = EF_OK;
    w->now = ef_calloc(n, sizeof *w->now);
    for (size_t i = 0; w->now && i + 1 < n && !status; i++) {
        size_t size = ef_shape_elements(w->qnet.steps[i].shape);
        w->now[i] = ef_calloc(size, sizeof **w->now);
        status = w->now[i] ? EF_OK : EF_ERR_MEMORY;
        largest = size > largest ? size : largest;
    }
    for (size_t i = 0; i < n; i++) {
        const ef_qstep *step = &w->qnet.steps[i];
        size_t spans = (size_t)step->window.kernel[0] + step->window.kernel[1];
        widest = step->shape.width > widest ? step->shape.width : widest;
        n_spans = spans > n_spans ? spans : n_spans;
    }
    size_t n_sums = widest > EF_WIDE_SUMS ? widest : EF_WIDE_SUMS;
    w->sums = ef_calloc(n_sums, sizeof(int64_t));
    w->spans = ef_calloc(n_spans, sizeof *w->spans);
    w->differences = ef_calloc(largest, sizeof *w->differences);
    w->fitted = ef_calloc(widest, sizeof *w->fitted);
    w->row = ef_calloc(widest, sizeof *w->row);
    w->output =
        ef_calloc(ef_shape_elements(w->qnet.steps[n - 1].shape), sizeof *w->output);
    int has_all = w->now && w->sums && w->spans && w->differences && w->fitted &&
                  w->row && w->output;
    return has_all ? status : EF_ERR_MEMORY;
}

static ef_status make_marks(ef_wide_worker *w)
{
    size_t n = w->wide->n_steps;
    w->boxes = ef_calloc(n, sizeof *w->boxes);
    w->channels = ef_calloc(w->wide->n_channels, sizeof *w->channels);
    w->is_dirty = ef_calloc(n, sizeof *w->is_dirty);
    w->is_struck = ef_calloc(w->wide->n_channels, sizeof *w->is_struck);
    w->n_struck = ef_calloc(n, sizeof *w->n_struck);
    w->logits = ef_calloc(w->wide->base.classes, sizeof *w->logits);
    int has_all = w->boxes && w->channels && w->is_dirty && w->is_struck &&
                  w->n_struck && w->logits;
    return has_all ? EF_OK : EF_ERR_MEMORY;
}

ef_status ef_wide_worker_create(ef_rerun_worker **worker, const ef_rerun *rerun,
                                ef_error *err)
{
    const ef_wide *wide = (const ef_wide *)rerun;
    ef_wide_worker *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->base.rerun = rerun;
    made->wide = wide;
    ef_status status = ef_qcopy_init(&made->qnet, wide->qnet, err);
    if (!status && (make_tensors(made) || make_marks(made))) {
        status = ef_error_memory(err);
    }
    if (status) {
        ef_wide_worker_destroy(&made->base);
        return status;
    }
    *worker = &made->base;
    return EF_OK;
}

void ef_wide_worker_destroy(ef_rerun_worker *worker)
{
    ef_wide_worker *w = (ef_wide_worker *)worker;
    for (size_t i = 0; w->now && i + 1 < w->wide->n_steps; i++) {
        ef_free(w->now[i]);
    }
    ef_free(w->now);
    ef_free(w->sums);
    ef_free(w->spans);
    ef_free(w->differences);
    ef_free(w->fitted);
    ef_free(w->row);
    ef_free(w->output);
    ef_free(w->boxes);
    ef_free(w->channels);
    ef_free(w->is_dirty);
    ef_free(w->is_struck);
    ef_free(w->n_struck);
    ef_free(w->logits);
    ef_free(w->flips);
    ef_free(w->hitting);
    ef_qcopy_clear(&w->qnet);
    ef_free(w);
}

/* --- the fault-free run ----------------------------------------------------------- */

typedef struct first_run {
    ef_wide *wide;
    size_t n_blocks;
} first_run;

static ef_status run_image(ef_wide *wide, ef_wide_worker *w, size_t image,
                           ef_error *err)
{
    double *logits = wide->base.logits + image * wide->base.classes;
    w->image = image;
    w->is_first = w->is_whole = 1;
    w->is_dirty[0] = 1; /* the image becomes integers */
    ef_wide_run(w, NULL, 0, logits);
    for (size_t i = 0; i + 1 < wide->n_steps; i++) {
        ef_wbox *channels = w->channels + wide->channel_at[i];
        size_t size = ef_shape_elements(wide->qnet->steps[i].shape);
        memset(channels, 0, wide->qnet->steps[i].shape.channels * sizeof *channels);
        memcpy(wide->kept[i] + image * size, w->now[i], size * sizeof **w->now);
    }
    return ef_rerun_set_class(&wide->base, image, err);
}

static ef_status run_block(void *context, size_t block, ef_error *err)
{
    const first_run *job = context;
    ef_wide *wide = job->wide;
    ef_rerun_worker *worker;
    ef_status status = ef_wide_worker_create(&worker, &wide->base, err);
    if (status) {
        return status;
    }
    size_t begin = wide->base.n * block / job->n_blocks;
    size_t end = wide->base.n * (block + 1) / job->n_blocks;
    for (size_t i = begin; i < end && !status; i++) {
        status = run_image(wide, (ef_wide_worker *)worker, i, err);
    }
    ef_wide_worker_destroy(worker);
    return status;
}

/* --- creating --------------------------------------------------------------------- */

static void destroy(ef_rerun *base)
{
    ef_wide *wide = (ef_wide *)base;
    for (size_t i = 0; wide->kept && i + 1 < wide->n_steps; i++) {
        ef_free(wide->kept[i]);
    }
    for (size_t i = 0; wide->sums && i < wide->n_steps; i++) {
        ef_free(wide->sums[i]);
    }
    ef_free(wide->kept);
    ef_free(wide->sums);
    ef_free(wide->images);
    ef_free(wide->places);
    ef_free(wide->channel_at);
    ef_rerun_clear(base);
    ef_free(wide);
}

static const ef_rerun_engine engine = {
    .name = "wide",
    .destroy = destroy,
    .worker_create = ef_wide_worker_create,
    .worker_destroy = ef_wide_worker_destroy,
    .strike = ef_wide_strike,
};

static ef_status make_room(ef_wide *wide, const float *images)
{
    const ef_qstep *steps = wide->qnet->steps;
    size_t n = wide->base.n, size = ef_shape_elements(steps[0].shape);
    wide->places = ef_calloc(wide->base.classes, sizeof *wide->places);
    wide->channel_at = ef_calloc(wide->n_steps, sizeof *wide->channel_at);
    wide->images = ef_memdup(images, n * size * sizeof *images);
    wide->kept = ef_calloc(wide->n_steps, sizeof *wide->kept);
    wide->sums = ef_calloc(wide->n_steps, sizeof *wide->sums);
    wide->sum_size =
        wide->qnet->accumulator_bits <= 32 ? sizeof(uint32_t) : sizeof(uint64_t);
    if (!wide->places || !wide->channel_at || !wide->images || !wide->kept ||
        !wide->sums) {
        return EF_ERR_MEMORY;
    }
    for (size_t i = 0; i < wide->n_steps; i++) {
        size_t n_values = n * ef_shape_elements(steps[i].shape);
        int is_conv = steps[i].kind == EF_Q_CONV, is_last = i + 1 == wide->n_steps;
        wide->sums[i] = is_conv ? ef_calloc(n_values, wide->sum_size) : NULL;
        wide->kept[i] = is_last ? NULL : ef_calloc(n_values, sizeof(int32_t));
        if ((is_conv && !wide->sums[i]) || (!is_last && !wide->kept[i])) {
            return EF_ERR_MEMORY;
        }
    }
    return EF_OK;
}

static void describe(ef_wide *wide)
{
    const ef_qview view = {wide->qnet, NULL, NULL};
    for (size_t i = 0; i < wide->n_steps; i++) {
        const ef_qstep *step = &wide->qnet->steps[i];
        wide->channel_at[i] = wide->n_channels;
        wide->n_channels += step->shape.channels;
    }
    for (size_t i = 0; i < wide->base.classes; i++) {
        wide->places[i] = ef_qlogit_place(&view, i);
    }
}

ef_status ef_wide_create(ef_rerun **rerun, const ef_qnet *qnet,
                         const ef_rerun_images *images, ef_error *err)
{
    ef_wide *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->qnet = qnet;
    made->n_steps = qnet->output + 1;
    ef_status status =
        ef_rerun_init(&made->base, &engine, images, ef_qnet_classes(qnet), err);
    if (!status && make_room(made, images->images)) {
        status = ef_error_memory(err);
    }
    if (!status) {
        describe(made);
        status = ef_wide_add_sites(made, err);
    }
    if (!status) {
        first_run job = {made, made->base.n < 16 ? made->base.n : 16};
        status = ef_parallel_for(job.n_blocks, images->n_threads, run_block, &job, err);
    }
    if (status) {
        destroy(&made->base);
        return status;
    }
    *rerun = &made->base;
    return EF_OK;
}
