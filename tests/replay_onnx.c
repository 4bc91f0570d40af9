/* replay_onnx [FILE or FOLDER ...]: the fuzz target on these files, or, without any, on
 * the corpus and on mutants of it that are the same each time.  TAP. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "fuzz_onnx.h"
#include "onnx/onnx.h"

#define MOST_FILES 1024
#define MOST_BYTES (1 << 20)
#define N_MUTANTS 6000
#define ROOM 65536                  /* of a mutant */
#define MUTANT "replay_onnx.mutant" /* the last one, when the program dies of it */

typedef struct file {
    char *path;
    ef_file_map map;
} file;

static file files[MOST_FILES];
static size_t n_files;

static void stop(const char *path, const char *why)
{
    printf("Bail out! %s: %s\n", path, why);
    exit(1);
}

static void take_file(const char *path)
{
    ef_error err = {0};
    file *f = &files[n_files++];
    if (n_files == MOST_FILES) {
        stop(path, "too many files");
    }
    f->path = ef_strdup(path);
    if (ef_file_map_open(&f->map, path, MOST_BYTES, &err)) {
        stop(path, err.text);
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void take(const char *path)
{
    struct dirent **entries;
    if (!ef_file_is_directory(path)) {
        take_file(path);
        return;
    }
    int n = scandir(path, &entries, NULL, by_name);
    if (n < 0) {
        stop(path, "cannot be read");
    }
    for (int i = 0; i < n; i++) {
        char *below = ef_file_join(path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && !ef_file_is_directory(below)) {
            take_file(below);
        }
        ef_free(below);
        free(entries[i]);
    }
    free(entries);
}

/* A block of just the size, so that a sanitizer sees every byte too far. */
static void try_bytes(const unsigned char *bytes, size_t size)
{
    unsigned char *exact = ef_memdup(bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    ef_free(exact);
}

static void keep_mutant(const unsigned char *bytes, size_t size)
{
    static int fd = -1;
    if (fd < 0) {
        fd = open(MUTANT, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    }
    if (fd < 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size ||
        ftruncate(fd, (off_t)size)) {
        stop(MUTANT, "cannot be written");
    }
}

static void try_mutant(size_t index)
{
    static unsigned char bytes[ROOM];
    const file *f = &files[index % n_files];
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, index, 0, 0);
    size_t size = f->map.size < ROOM ? f->map.size : ROOM;
    memcpy(bytes, f->map.bytes, size);
    size = ef_rng_below(&rng, 3) ? mutate_model(bytes, size, ROOM, &rng)
                                 : mutate_bytes(bytes, size, ROOM, &rng);
    keep_mutant(bytes, size);
    try_bytes(bytes, size);
}

/* Reads a file again and again with fewer allocations that fail: each time it is told
 * that memory is short, until the answer is what it is without.  Returns whether so. */
static int tells_short_memory(const file *f)
{
    ef_net *net = NULL;
    ef_status expected = ef_onnx_read(&net, NULL, "", f->map.bytes, f->map.size, NULL);
    ef_status status = EF_ERR_MEMORY;
    for (long n = 0; status == EF_ERR_MEMORY && n < 1 << 30; n += 1 + n / 16) {
        ef_net_destroy(net);
        net = NULL;
        ef_mem_fail_after(n);
        status = ef_onnx_read(&net, NULL, "", f->map.bytes, f->map.size, NULL);
        ef_mem_fail_after(-1);
    }
    ef_net_destroy(net);
    return status == expected;
}

static void try_short_memory(void)
{
    size_t n_wrong = 0;
    for (size_t i = 0; i < n_files; i++) {
        if (!tells_short_memory(&files[i])) {
            printf("# %s hides that memory is short\n", files[i].path);
            n_wrong++;
        }
    }
    printf("%sok 3 - failing allocations are told\n", n_wrong ? "not " : "");
}

int main(int argc, char **argv)
{
    char corpus[4096];
    const char *top = getenv("EF_SRCDIR");
    snprintf(corpus, sizeof corpus, "%s/tests/corpus/onnx", top ? top : ".");
    if (argc < 2) {
        take(corpus);
    }
    for (int i = 1; i < argc; i++) {
        take(argv[i]);
    }
    puts("1..3");
    for (size_t i = 0; i < n_files; i++) {
        printf("# %s\n", files[i].path);
        fflush(stdout);
        try_bytes(files[i].map.bytes, files[i].map.size);
    }
    printf("ok 1 - %zu of %zu files make networks\n", n_read_models, n_files);
    n_read_models = 0;
    size_t n = argc < 2 ? N_MUTANTS : 0;
    for (size_t i = 0; i < n; i++) {
        try_mutant(i);
    }
    printf("ok 2 - %zu of %zu mutants make networks\n", n_read_models, n);
    try_short_memory();
    for (size_t i = 0; i < n_files; i++) {
        ef_free(files[i].path);
        ef_file_map_close(&files[i].map);
    }
    return remove(MUTANT) && n > 0;
}
