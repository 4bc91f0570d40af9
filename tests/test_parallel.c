#include "base/parallel.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <dnnl.h>
#include <string.h>

#include "base/rng.h"

enum { N = 1000 };
static const size_t thread_counts[] = {0, 1, 2, 7, 40};
#define N_COUNTS (sizeof thread_counts / sizeof thread_counts[0])

static ef_status draw(void *context, size_t index, ef_error *err)
{
    (void)err;
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, index, 0, 0);
    ((uint64_t *)context)[index] += ef_rng_u64(&rng);
    return EF_OK;
}

Test(parallel_for, every_unit_runs_once_whatever_the_threads)
{
    static uint64_t alone[N], together[N];
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(draw(alone, i, NULL), EF_OK);
    }
    for (size_t k = 0; k < N_COUNTS; k++) {
        memset(together, 0, sizeof together);
        cr_assert_eq(ef_parallel_for(N, thread_counts[k], draw, together, NULL), EF_OK);
        cr_assert_eq(memcmp(alone, together, sizeof alone), 0);
    }
}

Test(parallel_for, nothing_to_do_is_done)
{
    cr_assert_eq(ef_parallel_for(0, 0, draw, NULL, NULL), EF_OK);
}

typedef struct failing {
    size_t first; /* this unit and every third one behind it fail */
    unsigned char ran[N];
} failing;

static ef_status fail_some(void *context, size_t index, ef_error *err)
{
    failing *f = context;
    f->ran[index]++;
    if (index < f->first || (index - f->first) % 3 != 0) {
        return EF_OK;
    }
    return ef_error_set(err, index % 2 ? EF_ERR_INPUT : EF_ERR_DIVERGED, "unit %zu",
                        index);
}

Test(parallel_for, the_lowest_failing_unit_is_reported_and_all_run)
{
    for (size_t k = 0; k < N_COUNTS; k++) {
        failing f = {.first = 101};
        ef_error err = {0};
        cr_assert_eq(ef_parallel_for(N, thread_counts[k], fail_some, &f, &err),
                     EF_ERR_INPUT);
        cr_assert_eq(err.status, EF_ERR_INPUT);
        cr_assert_str_eq(err.text, "unit 101");
        for (size_t i = 0; i < N; i++) {
            cr_assert_eq(f.ran[i], 1);
        }
    }
}

static ef_status fail_silently(void *context, size_t index, ef_error *err)
{
    (void)context;
    (void)err;
    return index == 3 ? EF_ERR_IO : EF_OK;
}

Test(parallel_for, a_bare_status_gets_its_text)
{
    ef_error err = {0};
    cr_assert_eq(ef_parallel_for(9, 2, fail_silently, NULL, &err), EF_ERR_IO);
    cr_assert_str_eq(err.text, ef_status_text(EF_ERR_IO));
    cr_assert_eq(ef_parallel_for(9, 2, fail_silently, NULL, NULL), EF_ERR_IO);
}

/* What oneDNN asks its runtime, found as the dynamic linker finds it for oneDNN. */
static ef_status ask_threads(void *context, size_t index, ef_error *err)
{
    (void)err;
    int (*max_threads)(void) = NULL;
    void *program = dlopen(NULL, RTLD_LAZY);
    void *symbol = dlsym(program, "omp_get_max_threads");
    memcpy(&max_threads, &symbol, sizeof max_threads);
    ((int *)context)[index] = max_threads ? max_threads() : -1;
    dlclose(program);
    return EF_OK;
}

Test(parallel_for, onednn_finds_one_thread_in_every_unit)
{
    int threads[20];
    cr_assert_not_null(dnnl_version(), "oneDNN, and with it its runtime, is loaded");
    for (size_t k = 0; k < N_COUNTS; k++) {
        cr_assert_eq(ef_parallel_for(20, thread_counts[k], ask_threads, threads, NULL),
                     EF_OK);
        for (size_t i = 0; i < 20; i++) {
            cr_assert_eq(threads[i], 1, "unit %zu of %zu threads", i, thread_counts[k]);
        }
    }
}

static ef_status nest(void *context, size_t index, ef_error *err)
{
    return ef_parallel_for(10, 0, draw, (uint64_t *)context + 10 * index, err);
}

Test(parallel_for, loops_nest)
{
    static uint64_t sums[100];
    cr_assert_eq(ef_parallel_for(10, 2, nest, sums, NULL), EF_OK);
    for (size_t i = 10; i < 100; i++) {
        cr_assert_eq(sums[i], sums[i % 10]);
    }
}

Test(parallel_cores, there_is_at_least_one)
{
    cr_assert_geq(ef_parallel_cores(), 1);
}
