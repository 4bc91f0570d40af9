#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/bytes_run.h"

/* --- the fault-free run ----------------------------------------------------------- */

static ef_status make_room(ef_bytes *rerun, ef_error *err)
{
    for (size_t i = 0; i + 1 < rerun->n_steps; i++) {
        ef_rstep *step = &rerun->steps[i];
        size_t n = rerun->base.n * ef_shape_elements(step->q->shape);
        step->bytes = ef_calloc_aligned(rerun->base.n, step->layout.size);
        step->planes = ef_calloc(n, 1);
        step->acc = step->q->kind == EF_Q_CONV ? ef_calloc(n, sizeof *step->acc) : NULL;
        if (!step->bytes || !step->planes ||
            (step->q->kind == EF_Q_CONV && !step->acc)) {
            return ef_error_memory(err);
        }
        memset(step->bytes, step->zero, rerun->base.n * step->layout.size);
    }
    return EF_OK;
}

/* The integers of an image into its bytes. */
static void put_input(ef_bytes *rerun, size_t image, const int32_t *values)
{
    ef_rstep *step = &rerun->steps[0];
    ef_shape shape = step->q->shape;
    uint8_t *bytes = step->bytes + image * step->layout.size;
    for (size_t c = 0; c < shape.channels; c++) {
        for (size_t y = 0; y < shape.height; y++) {
            for (size_t x = 0; x < shape.width; x++) {
                bytes[ef_rpixel(&step->layout, y, x) + c] =
                    (uint8_t)(*values++ + step->offset);
            }
        }
    }
}

static void copy_planes(ef_bytes *rerun, size_t image)
{
    for (size_t i = 0; i + 1 < rerun->n_steps; i++) {
        ef_rstep *step = &rerun->steps[i];
        ef_shape shape = step->q->shape;
        const uint8_t *bytes = step->bytes + image * step->layout.size;
        uint8_t *to = step->planes + image * ef_shape_elements(shape);
        for (size_t c = 0; c < shape.channels; c++) {
            for (size_t y = 0; y < shape.height; y++) {
                for (size_t x = 0; x < shape.width; x++) {
                    *to++ = bytes[ef_rpixel(&step->layout, y, x) + c];
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

static ef_status run_block(void *context, size_t block, ef_error *err)
{
    const first_run *job = context;
    ef_bytes *rerun = job->rerun;
    const ef_fault none = {NULL, 0};
    size_t size = ef_shape_elements(rerun->steps[0].q->shape);
    ef_bytes_worker *worker = NULL;
    int32_t *values = ef_calloc(size, sizeof *values);
    ef_rerun_worker *made = NULL;
    ef_status status = values ? ef_bytes_worker_create(&made, &rerun->base, err)
                              : ef_error_memory(err);
    worker = (ef_bytes_worker *)made;
    size_t begin = rerun->base.n * block / job->n_blocks;
    size_t end = rerun->base.n * (block + 1) / job->n_blocks;
    for (size_t i = begin; i < end && !status; i++) {
        worker->fault = &none;
        worker->is_whole = worker->is_first = 1;
        ef_qinput(rerun->qnet, job->images + i * size, values);
        put_input(rerun, i, values);
        ef_bytes_image(worker, i, rerun->base.logits + i * rerun->base.classes);
        copy_planes(rerun, i);
        status = ef_rerun_set_class(&rerun->base, i, err);
    }
    if (worker) {
        worker->is_first = 0; /* its images are not its own */
    }
    if (made) {
        ef_bytes_worker_destroy(made);
    }
    ef_free(values);
    return status;
}

static ef_status run_first(ef_bytes *rerun, const float *images, size_t n_threads,
                           ef_error *err)
{
    first_run job = {rerun, images, rerun->base.n < 16 ? rerun->base.n : 16};
    ef_status status = make_room(rerun, err);
    return status ? status
                  : ef_parallel_for(job.n_blocks, n_threads, run_block, &job, err);
}

/* --- creating --------------------------------------------------------------------- */

static void destroy(ef_rerun *base)
{
    ef_bytes *rerun = (ef_bytes *)base;
    for (size_t i = 0; rerun->steps && i < rerun->n_steps; i++) {
        ef_rstep *step = &rerun->steps[i];
        ef_free(step->parts);
        ef_free(step->taps);
        ef_free(step->factors);
        ef_free(step->readers);
        ef_free(step->bytes);
        ef_free(step->planes);
        ef_free(step->acc);
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
    status = status ? status : run_first(made, images->images, images->n_threads, err);
    if (status) {
        destroy(&made->base);
        return status;
    }
    *rerun = &made->base;
    return EF_OK;
}
