#include "faultsim/rerun.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "faultsim/rerun_run.h"

/* --- the fault-free run ----------------------------------------------------------- */

static ef_status make_room(ef_rerun *rerun, ef_error *err)
{
    for (size_t i = 0; i + 1 < rerun->n_steps; i++) {
        ef_rstep *step = &rerun->steps[i];
        size_t n = rerun->n * ef_shape_elements(step->q->shape);
        step->bytes = ef_calloc_aligned(rerun->n, step->layout.size);
        step->planes = ef_calloc(n, 1);
        step->acc = step->q->kind == EF_Q_CONV ? ef_calloc(n, sizeof *step->acc) : NULL;
        if (!step->bytes || !step->planes ||
            (step->q->kind == EF_Q_CONV && !step->acc)) {
            return ef_error_memory(err);
        }
        memset(step->bytes, step->zero, rerun->n * step->layout.size);
    }
    rerun->logits = ef_calloc(rerun->n * rerun->classes, sizeof *rerun->logits);
    rerun->class_of = ef_calloc(rerun->n, sizeof *rerun->class_of);
    return rerun->logits && rerun->class_of ? EF_OK : ef_error_memory(err);
}

/* The integers of an image into its bytes. */
static void put_input(ef_rerun *rerun, size_t image, const int32_t *values)
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

static void copy_planes(ef_rerun *rerun, size_t image)
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
    ef_rerun *rerun;
    const float *images;
    size_t n_blocks;
} first_run;

static ef_status run_block(void *context, size_t block, ef_error *err)
{
    const first_run *job = context;
    ef_rerun *rerun = job->rerun;
    const ef_fault none = {NULL, 0};
    size_t size = ef_shape_elements(rerun->steps[0].q->shape);
    ef_rerun_worker *worker = NULL;
    int32_t *values = ef_calloc(size, sizeof *values);
    ef_status status =
        values ? ef_rerun_worker_create(&worker, rerun, err) : ef_error_memory(err);
    size_t begin = rerun->n * block / job->n_blocks;
    size_t end = rerun->n * (block + 1) / job->n_blocks;
    for (size_t i = begin; i < end && !status; i++) {
        worker->fault = &none;
        worker->is_whole = worker->is_first = 1;
        ef_qinput(rerun->qnet, job->images + i * size, values);
        put_input(rerun, i, values);
        ef_rerun_image(worker, i, rerun->logits + i * rerun->classes);
        rerun->class_of[i] =
            ef_rclass(rerun->logits + i * rerun->classes, rerun->classes);
        copy_planes(rerun, i);
    }
    if (worker) {
        worker->is_first = 0; /* its images are not its own */
    }
    ef_rerun_worker_destroy(worker);
    ef_free(values);
    return status;
}

static ef_status run_first(ef_rerun *rerun, const float *images, size_t n_threads,
                           ef_error *err)
{
    first_run job = {rerun, images, rerun->n < 16 ? rerun->n : 16};
    ef_status status = make_room(rerun, err);
    return status ? status
                  : ef_parallel_for(job.n_blocks, n_threads, run_block, &job, err);
}

/* --- creating --------------------------------------------------------------------- */

static ef_status copy_labels(ef_rerun *rerun, const uint16_t *labels, ef_error *err)
{
    if (!labels) {
        return EF_OK;
    }
    rerun->labels = ef_calloc(rerun->n, sizeof *rerun->labels);
    if (!rerun->labels) {
        return ef_error_memory(err);
    }
    memcpy(rerun->labels, labels, rerun->n * sizeof *labels);
    return EF_OK;
}

ef_status ef_rerun_create(ef_rerun **rerun, const ef_qnet *qnet, const float *images,
                          const uint16_t *labels, size_t n, size_t n_threads,
                          ef_error *err)
{
    size_t n_kernels;
    const ef_int_kernels *kernels = ef_int_kernels_available(&n_kernels)[0];
    return ef_rerun_create_with(rerun, qnet, images, labels, n, n_threads, kernels,
                                err);
}

ef_status ef_rerun_create_with(ef_rerun **rerun, const ef_qnet *qnet,
                               const float *images, const uint16_t *labels, size_t n,
                               size_t n_threads, const ef_int_kernels *kernels,
                               ef_error *err)
{
    ef_rerun *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->qnet = qnet;
    made->kernels = kernels;
    made->n = n;
    made->n_steps = qnet->output + 1;
    made->classes = ef_qnet_classes(qnet);
    made->steps = ef_calloc(made->n_steps, sizeof *made->steps);
    made->sites = ef_calloc(made->n_steps, 3 * sizeof *made->sites);
    made->names = ef_calloc(made->n_steps, 3 * sizeof *made->names);
    ef_status status =
        made->steps && made->sites && made->names ? EF_OK : ef_error_memory(err);
    status = status ? status : ef_rerun_build(made, err);
    status = status ? status : copy_labels(made, labels, err);
    status = status ? status : run_first(made, images, n_threads, err);
    if (status) {
        ef_rerun_destroy(made);
        return status;
    }
    *rerun = made;
    return EF_OK;
}

void ef_rerun_destroy(ef_rerun *rerun)
{
    if (!rerun) {
        return;
    }
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
    for (size_t i = 0; i < rerun->n_sites; i++) {
        ef_free(rerun->names[i]);
    }
    ef_free(rerun->names);
    ef_free(rerun->steps);
    ef_free(rerun->sites);
    ef_free(rerun->weights);
    ef_free(rerun->starts);
    ef_free(rerun->logits);
    ef_free(rerun->class_of);
    ef_free(rerun->labels);
    ef_free(rerun);
}

const ef_site *ef_rerun_sites(const ef_rerun *rerun, size_t *n)
{
    *n = rerun->n_sites;
    return rerun->sites;
}

const double *ef_rerun_logits(const ef_rerun *rerun)
{
    return rerun->logits;
}

const uint16_t *ef_rerun_classes(const ef_rerun *rerun)
{
    return rerun->class_of;
}
