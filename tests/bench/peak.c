#include "peak.h"

#include <math.h>

#include "base/parallel.h"
#include "bench.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define N_STEPS 100000
#define N_RUNS 20

/* Chains that do not wait for one another: more than the steps that a core begins
 * while one of them is on its way. */
#define N_CHAINS 12
#define CHAINS(X) X(a) X(b) X(c) X(d) X(e) X(f) X(g) X(h) X(i) X(j) X(k) X(l)

/* Read anew for each chain, and unknown while they are compiled: chains that are known
 * to be alike would be computed once. */
static const volatile float half = 0.5f;

#define BEGIN(v) v = SPLAT(half),
#define STEP(v) v = FMA(v, factor, term);
#define SUM(v) all = ADD(all, v);
/* All go towards 1. */
#define RUN(VEC)                                                                       \
    VEC CHAINS(BEGIN) factor = SPLAT(half), term = SPLAT(half), all = term;            \
    for (size_t n = 0; n < N_STEPS; n++) {                                             \
        CHAINS(STEP)                                                                   \
    }                                                                                  \
    CHAINS(SUM)

typedef struct unit {
    const char *name;
    size_t lanes;
    float (*run)(void); /* a lane of what came out, so that it is computed */
} unit;

#define SPLAT(x) (x)
#define FMA(x, y, z) fmaf(x, y, z)
#define ADD(x, y) ((x) + (y))
static float run_portable(void)
{
    RUN(float)
    return all;
}
#undef SPLAT
#undef FMA
#undef ADD

#if defined(__x86_64__)
#define SPLAT(x) _mm256_set1_ps(x)
#define FMA(x, y, z) _mm256_fmadd_ps(x, y, z)
#define ADD(x, y) _mm256_add_ps(x, y)
__attribute__((target("avx2,fma"))) static float run_avx2(void)
{
    RUN(__m256)
    return _mm256_cvtss_f32(all);
}
#undef SPLAT
#undef FMA
#undef ADD

#define SPLAT(x) _mm512_set1_ps(x)
#define FMA(x, y, z) _mm512_fmadd_ps(x, y, z)
#define ADD(x, y) _mm512_add_ps(x, y)
__attribute__((target("avx512f"))) static float run_avx512(void)
{
    RUN(__m512)
    return _mm512_cvtss_f32(all);
}

static unit find(void)
{
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return (unit){"portable", 1, run_portable};
    }
    return __builtin_cpu_supports("avx512f") ? (unit){"avx512", 16, run_avx512}
                                             : (unit){"avx2", 8, run_avx2};
}
#else
static unit find(void)
{
    return (unit){"portable", 1, run_portable};
}
#endif

#define MAX_THREADS 256

typedef struct job {
    unit unit;
    double times_s[MAX_THREADS]; /* the shortest of each thread */
} job;

static double thread_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* In processor time, since others may want the machine too. */
static ef_status run_one(void *context, size_t index, ef_error *err)
{
    job *j = context;
    (void)err;
    for (size_t i = 0; i < N_RUNS; i++) {
        double start_s = thread_now();
        bench_need(j->unit.run() > 0, "the peak came to nothing");
        double time_s = thread_now() - start_s;
        j->times_s[index] =
            i == 0 || time_s < j->times_s[index] ? time_s : j->times_s[index];
    }
    return EF_OK;
}

double peak_flops(size_t n_threads)
{
    job j = {.unit = find()};
    ef_error err = {0};
    double rate = 0;
    bench_need(n_threads <= MAX_THREADS, "too many threads");
    bench_need(ef_parallel_for(n_threads, n_threads, run_one, &j, &err) == EF_OK,
               err.text);
    for (size_t i = 0; i < n_threads; i++) {
        rate += 2.0 * N_STEPS * N_CHAINS * (double)j.unit.lanes / j.times_s[i];
    }
    return rate;
}

const char *peak_name(void)
{
    return find().name;
}
