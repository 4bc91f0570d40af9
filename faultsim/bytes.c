/* The engine for integers of at most 8 bits: the fault-free run, and what is kept. */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/bytes_priv.h"

/* --- the fault-free run ----------------------------------------------------------- */

static ef_status make_room(ef_bytes *rerun, ef_error *err)
{
    for (size_t i = 0; i + 1 < rerun->n_steps; i++) {
        ef_bstep *step = &rerun->steps[i];
        size_t n = rerun->base.n, channels = step->q->shape.channels;
        int is_conv = step->q->kind == EF_Q_CONV;
        step->bytes = ef_calloc_aligned(n, step->layout.size);
        step->planes = ef_calloc_aligned(n * channels * step->layout.plane + 64, 1);
        if (is_conv) {
            size_t sums = n * ef_bplane(step);
            step->acc = ef_calloc_aligned(sums * step->acc_pixel, sizeof *step->acc);
            step->plane_acc =
                ef_calloc_aligned(sums * channels + 16, sizeof *step->plane_acc);
        }
        if (!step->bytes || !step->planes ||
            (is_conv && (!step->acc || !step->plane_acc))) {
            return ef_error_memory(err);
        }
        memset(step->planes, step->zero, n * channels * step->layout.plane);
    }
    return EF_OK;
}

/* The integers of an image into the worker's bytes. */
static void put_input(ef_bytes_worker *w, const int32_t *values)
{
    const ef_bstep *step = ef_bstep_of(w, 0);
    ef_shape shape = step->q->shape;
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t y = 0; y < shape.height; y++) {
            for (size_t x = 0; x < shape.width; x++) {
                w->states[0].now[ef_bpixel(&step->layout, y, x) + c] =
                    (uint8_t)(*values++ + step->offset);
            }
        }
    }
}

/* Keeps what the worker found for an image. */
static void keep_image(ef_bytes *rerun, const ef_bytes_worker *w, size_t image)
{
    for (size_t i = 0; i + 1 < rerun->n_steps; i++) {
        ef_bstep *step = &rerun->steps[i];
        ef_shape shape = step->q->shape;
        const uint8_t *bytes = w->states[i].now;
        uint8_t *to = step->planes + image * shape.channels * step->layout.plane;
        memcpy(step->bytes + image * step->layout.size, bytes, step->layout.size);
        for (size_t c = 0; c < shape.channels; c++, to += step->layout.plane) {
            for (size_t y = 0; y < shape.height; y++) {
                for (size_t x = 0; x < shape.width; x++) {
                    size_t place = ef_bplace(&step->layout, y, x);
                    to[place] = bytes[place * step->layout.pixel + c];
                }
            }
        }
    }
}

typedef struct first_run {
    ef_bytes *rerun;
    const float *images;
    size_t n_blocks;
} first_run;

static ef_status run_some(const first_run *job, ef_bytes_worker *w, size_t begin,
                          size_t end, int32_t *values, ef_error *err)
{
    ef_bytes *rerun = job->rerun;
    static const ef_fault none = {NULL, 0};
    size_t size = ef_shape_elements(rerun->steps[0].q->shape);
    ef_status status = EF_OK;
    w->fault = &none;
    w->only_site = SIZE_MAX;
    w->is_whole = w->is_first = 1;
    for (size_t i = begin; i < end && !status; i++) {
        w->image = i;
        ef_qinput(rerun->qnet, job->images + i * size, values);
        put_input(w, values);
        ef_bytes_run_image(w, 0, rerun->base.logits + i * rerun->base.classes);
        keep_image(rerun, w, i);
        status = ef_rerun_set_class(&rerun->base, i, err);
    }
    return status;
}

static ef_status run_block(void *context, size_t block, ef_error *err)
{
    const first_run *job = context;
    ef_bytes *rerun = job->rerun;
    ef_rerun_worker *worker = NULL;
    int32_t *values =
        ef_calloc(ef_shape_elements(rerun->steps[0].q->shape), sizeof *values);
    ef_status status = values ? ef_bytes_worker_create(&worker, &rerun->base, err)
                              : ef_error_memory(err);
    if (!status) {
        size_t begin = rerun->base.n * block / job->n_blocks;
        size_t end = rerun->base.n * (block + 1) / job->n_blocks;
        status = run_some(job, (ef_bytes_worker *)worker, begin, end, values, err);
        ef_bytes_worker_destroy(worker);
    }
    ef_free(values);
    return status;
}

static ef_status run_first(ef_bytes *rerun, const ef_rerun_images *images,
                           ef_error *err)
{
    first_run job = {rerun, images->images, rerun->base.n < 16 ? rerun->base.n : 16};
    ef_status status = make_room(rerun, err);
    return status
               ? status
               : ef_parallel_for(job.n_blocks, images->n_threads, run_block, &job, err);
}

/* --- creating --------------------------------------------------------------------- */

static void destroy(ef_rerun *base)
{
    ef_bytes *rerun = (ef_bytes *)base;
    for (size_t i = 0; rerun->steps && i < rerun->n_steps; i++) {
        ef_bstep *step = &rerun->steps[i];
        ef_free(step->parts);
        ef_free(step->spots);
        ef_free(step->places);
        ef_free(step->corners);
        ef_free(step->taps);
        ef_free(step->tap_pixels);
        ef_free(step->runs);
        ef_free(step->factors);
        ef_free(step->quick);
        ef_free(step->bytes);
        ef_free(step->planes);
        ef_free(step->acc);
        ef_free(step->plane_acc);
    }
    ef_free(rerun->steps);
    ef_free(rerun->weights);
    ef_free(rerun->starts);
    ef_rerun_clear(base);
    ef_free(rerun);
}

static const ef_rerun_engine engine = {
    .name = "bytes",
    .destroy = destroy,
    .worker_create = ef_bytes_worker_create,
    .worker_destroy = ef_bytes_worker_destroy,
    .strike = ef_bytes_strike,
};

ef_status ef_bytes_create(ef_rerun **rerun, const ef_qnet *qnet,
                          const ef_rerun_images *images, const ef_int_kernels *kernels,
                          ef_error *err)
{
    ef_bytes *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->qnet = qnet;
    made->kernels = kernels;
    made->n_steps = qnet->output + 1;
    made->steps = ef_calloc(made->n_steps, sizeof *made->steps);
    ef_status status =
        ef_rerun_init(&made->base, &engine, images, ef_qnet_classes(qnet), err);
    status = status || made->steps ? status : ef_error_memory(err);
    status = status ? status : ef_bytes_build(made, err);
    status = status ? status : run_first(made, images, err);
    if (status) {
        destroy(&made->base);
        return status;
    }
    *rerun = &made->base;
    return EF_OK;
}
