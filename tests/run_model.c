/* run_model [MODEL INPUT OUTPUT WRITTEN]: runs models on images, by the kernels, by the
 * definition, and by the kernels after the model was written and read again; the bits
 * have to be the same.
 *
 * INPUT holds the images and OUTPUT gets what the network makes of them, both float32
 * of this machine without a header; how many images there are follows from the sizes.
 * WRITTEN gets the model.  Without arguments the jobs stand on stdin, a line each, the
 * paths separated by tabs.  For each job there is one line on stdout: the exit status
 * that evoflip has for its outcome, the name of the outcome (EF_OK), the number of
 * images, and what is wrong, separated by tabs.  A single job also ends with that exit
 * status. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "faultsim/forward.h"
#include "onnx/onnx.h"

#define MAX_INPUT ((size_t)1 << 30) /* bytes */

typedef struct job {
    const char *model;
    const char *input;
    const char *output;
    const char *written;
} job;

/* A network and what it makes of the images. */
typedef struct answer {
    ef_net *net;
    float *values; /* (n images, n_outputs) */
    size_t n_outputs;
} answer;

typedef struct work {
    unsigned char *images;
    size_t size;  /* in bytes */
    size_t n;     /* images */
    answer read;  /* from the model */
    answer again; /* from what was written */
    float *naive; /* by the definition */
} work;

static void clear(work *w)
{
    ef_net_destroy(w->read.net);
    ef_net_destroy(w->again.net);
    ef_free(w->read.values);
    ef_free(w->again.values);
    ef_free(w->naive);
    ef_free(w->images);
}

/* Reads a network and runs it on the images. */
static ef_status compute(work *w, answer *a, const char *path, ef_error *err)
{
    ef_forward *forward = NULL;
    ef_status status = ef_onnx_load(&a->net, NULL, path, err);
    if (status == EF_OK) {
        status = ef_forward_create(&forward, a->net, 0, err);
    }
    if (status) {
        return status;
    }
    size_t image_size = ef_forward_image_size(forward) * sizeof(float);
    a->n_outputs = ef_forward_classes(forward);
    w->n = w->size / image_size;
    if (w->n == 0 || w->size % image_size) {
        status = ef_error_set(err, EF_ERR_FAILED,
                              "%zu bytes of input are no whole images of %zu bytes",
                              w->size, image_size);
    } else if ((a->values = ef_calloc(w->n, a->n_outputs * sizeof *a->values))) {
        ef_forward_run(forward, (const float *)(const void *)w->images, w->n,
                       a->values);
    } else {
        status = ef_error_memory(err);
    }
    ef_forward_destroy(forward);
    return status;
}

static ef_status compare(const work *w, const float *values, const char *what,
                         ef_error *err)
{
    for (size_t i = 0; i < w->n * w->read.n_outputs; i++) {
        if (memcmp(&w->read.values[i], &values[i], sizeof values[i])) {
            return ef_error_set(err, EF_ERR_FAILED, "element %zu is %.9g, but %.9g %s",
                                i, (double)w->read.values[i], (double)values[i], what);
        }
    }
    return EF_OK;
}

static ef_status compare_naive(work *w, ef_error *err)
{
    w->naive = ef_calloc(w->n, w->read.n_outputs * sizeof *w->naive);
    if (!w->naive) {
        return ef_error_memory(err);
    }
    ef_status status = ef_forward_naive(
        w->read.net, (const float *)(const void *)w->images, w->n, w->naive, err);
    return status ? status : compare(w, w->naive, "by the definition", err);
}

static ef_status compare_written(work *w, const char *path, ef_error *err)
{
    ef_status status = ef_onnx_save(w->read.net, NULL, path, 1, err);
    if (status == EF_OK) {
        status = compute(w, &w->again, path, err);
    }
    if (status == EF_OK && w->again.n_outputs != w->read.n_outputs) {
        status = ef_error_set(err, EF_ERR_FAILED, "%zu outputs, but %zu when written",
                              w->read.n_outputs, w->again.n_outputs);
    }
    return status ? status : compare(w, w->again.values, "when written", err);
}

/* No need to sync it: the driver reads it at once. */
static ef_status write_output(const char *path, const float *values, size_t n,
                              ef_error *err)
{
    FILE *file = fopen(path, "wb");
    if (!file) {
        return ef_error_io(err, path, "cannot be written");
    }
    int is_written = fwrite(values, sizeof *values, n, file) == n;
    if (fclose(file) != 0 || !is_written) {
        return ef_error_io(err, path, "cannot be written");
    }
    return EF_OK;
}

static ef_status run(work *w, const job *j, ef_error *err)
{
    ef_status status = ef_file_read(j->input, MAX_INPUT, &w->images, &w->size, err);
    if (status == EF_OK) {
        status = compute(w, &w->read, j->model, err);
    }
    if (status == EF_OK) {
        status = compare_naive(w, err);
    }
    if (status == EF_OK) {
        status = write_output(j->output, w->read.values, w->n * w->read.n_outputs, err);
    }
    return status ? status : compare_written(w, j->written, err);
}

static int run_and_tell(const job *j)
{
    work w = {0};
    ef_error err = {0};
    ef_status status = run(&w, j, &err);
    err.text[strcspn(err.text, "\n")] = '\0';
    printf("%d\t%s\t%zu\t%s\n", ef_status_exit(status), ef_status_name(status), w.n,
           err.text);
    fflush(stdout);
    clear(&w);
    return ef_status_exit(status);
}

/* Puts NUL behind each of the fields; 0 where their number is not that of a job. */
static int split(char *line, job *j)
{
    const char **fields[] = {&j->model, &j->input, &j->output, &j->written};
    size_t n = sizeof fields / sizeof fields[0], i = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *field = line; field && i < n; i++) {
        *fields[i] = field;
        field = strchr(field, '\t');
        if (field) {
            *field++ = '\0';
        }
    }
    return i == n;
}

int main(int argc, char **argv)
{
    char line[4 * 4096];
    job next;
    if (argc == 5) {
        return run_and_tell(&(job){argv[1], argv[2], argv[3], argv[4]});
    }
    if (argc != 1) {
        fprintf(stderr, "usage: run_model [MODEL INPUT OUTPUT WRITTEN]\n");
        return 2;
    }
    while (fgets(line, sizeof line, stdin)) {
        if (!split(line, &next)) {
            fprintf(stderr,
                    "run_model: a line needs MODEL, INPUT, OUTPUT and WRITTEN\n");
            return 2;
        }
        run_and_tell(&next);
    }
    return 0;
}
