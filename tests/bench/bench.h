/* What the programs of `make bench` share: a clock, medians, and the lines that
 * scripts/bench.sh reads. */
#ifndef EF_BENCH_H
#define EF_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Ends the program when a bench cannot go on. */
static inline void bench_need(int is_right, const char *text)
{
    if (!is_right) {
        fprintf(stderr, "bench: %s\n", text);
        exit(1);
    }
}

/* Seconds of a clock that never goes back. */
static inline double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds of processor time of this process: what one thread computes costs the same
 * where others want the machine too. */
static inline double bench_cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The shortest of n_runs times of run(context), in seconds of this clock;
 * scripts/bench.sh takes medians of rounds. */
static inline double bench_shortest_by(double (*clock_s)(void), size_t n_runs,
                                       void (*run)(void *context), void *context)
{
    double shortest = 0;
    for (size_t i = 0; i < n_runs; i++) {
        double start = clock_s();
        run(context);
        double time = clock_s() - start;
        shortest = i == 0 || time < shortest ? time : shortest;
    }
    return shortest;
}

/* The shortest in processor time: for work on one thread. */
static inline double bench_shortest(size_t n_runs, void (*run)(void *context),
                                    void *context)
{
    return bench_shortest_by(bench_cpu, n_runs, run, context);
}

/* One line: who is `ours`, a peer, or one of the bounds `least`, `most`, `goal`. */
static inline void bench_print(const char *figure, const char *who, const char *unit,
                               double value)
{
    printf("%s\t%s\t%s\t%.6g\n", figure, who, unit, value);
    fflush(stdout);
}

#endif
