#include "base/parallel.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* oneDNN brings an OpenMP runtime, libgomp, whatever this program was built with, and
 * one of its primitives that is created inside a parallel region must find its thread
 * count at 1: else it may wait for threads that never come.  The dynamic linker binds
 * oneDNN's calls to the first runtime in the program's scope: to libgomp in a build
 * with gcc or without OpenMP, to libomp (which carries libgomp's names) in one with
 * clang.  Asking the linker for the name in that scope finds the same one in every
 * build, and nothing in a program without any; there is then nothing to be told. */
typedef void set_threads_function(int);

static set_threads_function *find_set_threads(void)
{
    set_threads_function *found = NULL;
    void *program = dlopen(NULL, RTLD_LAZY);
    if (program) {
        void *symbol = dlsym(program, "omp_set_num_threads");
        memcpy(&found, &symbol, sizeof found);
        dlclose(program);
    }
    return found;
}

/* What all units share; the failure is the one of the lowest index so far. */
typedef struct work {
    ef_unit *unit;
    void *context;
    set_threads_function *set_threads;
    size_t failed_index;
    ef_error failure;
} work;

static void note_failure(work *all, size_t index, const ef_error *own)
{
    if (index < all->failed_index) {
        all->failed_index = index;
        all->failure = *own;
    }
}

static void run_unit(work *all, size_t index)
{
    ef_error own;
    ef_error_clear(&own);
    if (all->set_threads) {
        all->set_threads(1);
    }
    ef_status status = all->unit(all->context, index, &own);
    if (status) {
        ef_error_set(&own, status, "%s",
                     ef_status_text(status)); /* where it has none */
        own.status = status;
#ifdef _OPENMP
#pragma omp critical(ef_parallel_failure)
#endif
        note_failure(all, index, &own);
    }
}

#ifdef _OPENMP
/* No more threads than units, and no number that an int or a machine cannot hold. */
static int count_threads(size_t n, size_t n_threads)
{
    size_t wanted = n_threads > 0 ? n_threads : ef_parallel_cores();
    wanted = wanted < n ? wanted : n;
    wanted = wanted < 4096 ? wanted : 4096;
    return wanted > 0 ? (int)wanted : 1;
}
#endif

ef_status ef_parallel_for(size_t n, size_t n_threads, ef_unit *unit, void *context,
                          ef_error *err)
{
    work all;
    all.unit = unit;
    all.context = context;
    all.set_threads = find_set_threads();
    all.failed_index = SIZE_MAX;
    ef_error_clear(&all.failure);
#ifdef _OPENMP
    int threads = count_threads(n, n_threads);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) default(none)       \
    shared(all, n)
#else
    (void)n_threads;
#endif
    for (size_t i = 0; i < n; i++) {
        run_unit(&all, i);
    }
    if (all.failed_index == SIZE_MAX) {
        return EF_OK;
    }
    return ef_error_set(err, all.failure.status, "%s", all.failure.text);
}

size_t ef_parallel_cores(void)
{
#ifdef _OPENMP
    long n = omp_get_num_procs(); /* knows the process's affinity */
#else
    long n = sysconf(_SC_NPROCESSORS_ONLN);
#endif
    return n > 0 ? (size_t)n : 1;
}
