/* run_model [MODEL INPUT OUTPUT]: runs models on images, by the kernels and by the
 * definition, which have to give the same bits.
 *
 * INPUT holds the images and OUTPUT gets what the network makes of them, both float32
 * of this machine without a header; how many images there are follows from the sizes.
 * Without arguments the jobs stand on stdin, a line each, the three paths separated by
 * tabs.  For each job there is one line on stdout: the exit status that evoflip has for
 * its outcome, the name of the outcome (EF_OK), the number of images, and what is
 * wrong, separated by tabs.  A single job also ends with that exit status. */
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
} job;

/* The images, the network's answer, and the answer by the definition. */
typedef struct work {
    ef_net *net;
    ef_forward *forward;
    unsigned char *bytes; /* of the input */
    float *fast;
    float *naive;
    size_t n; /* images */
} work;

static void clear(work *w)
{
    ef_forward_destroy(w->forward);
    ef_net_destroy(w->net);
    ef_free(w->bytes);
    ef_free(w->fast);
    ef_free(w->naive);
}

static ef_status compare(const work *w, size_t n_values, ef_error *err)
{
    for (size_t i = 0; i < n_values; i++) {
        if (memcmp(&w->fast[i], &w->naive[i], sizeof w->fast[i])) {
            return ef_error_set(err, EF_ERR_FAILED,
                                "element %zu of the output: %.9g by the kernels, %.9g "
                                "by the definition",
                                i, (double)w->fast[i], (double)w->naive[i]);
        }
    }
    return EF_OK;
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

static ef_status compute(work *w, const job *j, size_t size, ef_error *err)
{
    size_t image_size = ef_forward_image_size(w->forward) * sizeof(float);
    size_t n_outputs = ef_forward_classes(w->forward);
    if (size == 0 || size % image_size) {
        return ef_error_set(err, EF_ERR_FAILED,
                            "%zu bytes of input are no whole images of %zu bytes", size,
                            image_size);
    }
    w->n = size / image_size;
    w->fast = ef_calloc(w->n, n_outputs * sizeof *w->fast);
    w->naive = ef_calloc(w->n, n_outputs * sizeof *w->naive);
    if (!w->fast || !w->naive) {
        return ef_error_memory(err);
    }
    const float *images = (const float *)(const void *)w->bytes;
    ef_forward_run(w->forward, images, w->n, w->fast);
    ef_status status = ef_forward_naive(w->net, images, w->n, w->naive, err);
    if (status == EF_OK) {
        status = compare(w, w->n * n_outputs, err);
    }
    return status ? status : write_output(j->output, w->fast, w->n * n_outputs, err);
}

static ef_status run(work *w, const job *j, ef_error *err)
{
    size_t size = 0;
    ef_status status = ef_onnx_load(&w->net, NULL, j->model, err);
    if (status == EF_OK) {
        status = ef_forward_create(&w->forward, w->net, 0, err);
    }
    if (status == EF_OK) {
        status = ef_file_read(j->input, MAX_INPUT, &w->bytes, &size, err);
    }
    return status ? status : compute(w, j, size, err);
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

/* Puts NUL behind each of the three fields; 0 where there are fewer. */
static int split(char *line, job *j)
{
    line[strcspn(line, "\n")] = '\0';
    char *input = strchr(line, '\t');
    char *output = input ? strchr(input + 1, '\t') : NULL;
    if (!output) {
        return 0;
    }
    *input++ = *output++ = '\0';
    j->model = line;
    j->input = input;
    j->output = output;
    return 1;
}

int main(int argc, char **argv)
{
    char line[3 * 4096];
    job next;
    if (argc == 4) {
        return run_and_tell(&(job){argv[1], argv[2], argv[3]});
    }
    if (argc != 1) {
        fprintf(stderr, "usage: run_model [MODEL INPUT OUTPUT]\n");
        return 2;
    }
    while (fgets(line, sizeof line, stdin)) {
        if (!split(line, &next)) {
            fprintf(stderr, "run_model: a line needs MODEL, INPUT and OUTPUT\n");
            return 2;
        }
        run_and_tell(&next);
    }
    return 0;
}
