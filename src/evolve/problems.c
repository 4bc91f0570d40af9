/* Benchmark problems.
 *
 * [1] E. Zitzler, K. Deb, L. Thiele, Comparison of Multiobjective Evolutionary
 *     Algorithms: Empirical Results, Evol. Comput. 8(2), 2000,
 *     doi:10.1162/106365600568202 (ZDT).
 * [2] K. Deb, L. Thiele, M. Laumanns, E. Zitzler, Scalable Test Problems for
 *     Evolutionary Multiobjective Optimization, 2005, doi:10.1007/1-84628-137-7_6
 *     (DTLZ; k = 10).
 * [3] T. T. Binh, U. Korn, MOBES: A Multiobjective Evolution Strategy for Constrained
 *     Optimization Problems, Mendel 1997, 176-182 (BNH).
 * [4] J. D. Schaffer, Multiple Objective Optimization with Vector Evaluated Genetic
 *     Algorithms, ICGA 1985, 93-100 (x^2 and (x - 2)^2).
 * [5] M. Laumanns, L. Thiele, E. Zitzler, Running Time Analysis of Multiobjective
 *     Evolutionary Algorithms on Pseudo-Boolean Functions, IEEE Trans. Evol. Comput.
 *     8(2), 2004, doi:10.1109/TEVC.2004.823470 (LOTZ).
 *
 * We differ in: `steps` is [4] summed over ten integers; LOTZ is minimised; sines are
 * our own polynomials, since the C library's differ between machines. */
#include "evolve/problems.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "base/mathfn.h"
#include "base/mem.h"
#include "evolve/variation.h"

/* --- sines ---------------------------------------------------------------------- */

static const double pi = 0x1.921fb54442d18p+1;

/* Taylor's series to x^17 and x^18; on |x| <= pi/4 what is left out is below 1e-19. */
static double short_sine(double x)
{
    double z = x * x, sum = 0;
    for (int k = 17; k >= 3; k -= 2) {
        sum = (1 - sum) * (z / (double)(k * (k - 1)));
    }
    return x * (1 - sum);
}

static double short_cosine(double x)
{
    double z = x * x, sum = 0;
    for (int k = 18; k >= 2; k -= 2) {
        sum = (1 - sum) * (z / (double)(k * (k - 1)));
    }
    return 1 - sum;
}

/* cos(pi x) and sin(pi x), |x| < 2^51: quarter turns taken off exactly. */
static double cosine_pi(double x)
{
    double quarters = floor(2 * x + 0.5), rest = pi * (x - 0.5 * quarters);
    int turn = (int)(quarters - 4 * floor(quarters / 4));
    double value = turn & 1 ? short_sine(rest) : short_cosine(rest);
    return turn == 1 || turn == 2 ? -value : value;
}

static double sine_pi(double x)
{
    return cosine_pi(x - 0.5);
}

/* --- the table ------------------------------------------------------------------ */

typedef enum gene_kind { REAL, INTEGER, BITS } gene_kind;

/* Writes the objectives of one genome and returns its violation. */
typedef double rating(const void *genome, size_t n, double *objectives);

typedef struct spec {
    const char *name;
    gene_kind kind;
    size_t n_genes;
    size_t n_objectives;
    double bounds[2][2]; /* of the first gene, of the others */
    rating *rate;
} spec;

static double sum_from_second(const double *x, size_t n)
{
    double part[4] = {0, 0, 0, 0};
    size_t i = 1;
    for (; i + 4 <= n; i += 4) {
        for (size_t k = 0; k < 4; k++) {
            part[k] += x[i + k];
        }
    }
    for (size_t k = 0; i < n; i++, k++) {
        part[k] += x[i];
    }
    return (part[0] + part[1]) + (part[2] + part[3]);
}

static double linear_g(const double *x, size_t n)
{
    return 1 + 9 * (sum_from_second(x, n) / (double)(n - 1));
}

static double rate_zdt1(const void *genome, size_t n, double *f)
{
    const double *x = genome;
    double g = linear_g(x, n);
    f[0] = x[0];
    f[1] = g * (1 - sqrt(x[0] / g));
    return 0;
}

static double rate_zdt2(const void *genome, size_t n, double *f)
{
    const double *x = genome;
    double g = linear_g(x, n), h = x[0] / g;
    f[0] = x[0];
    f[1] = g * (1 - h * h);
    return 0;
}

static double rate_zdt3(const void *genome, size_t n, double *f)
{
    const double *x = genome;
    double g = linear_g(x, n), h = x[0] / g;
    f[0] = x[0];
    f[1] = g * (1 - sqrt(h) - h * sine_pi(10 * x[0]));
    return 0;
}

static double rate_zdt4(const void *genome, size_t n, double *f)
{
    const double *x = genome;
    double g = 1 + 10 * (double)(n - 1);
    for (size_t i = 1; i < n; i++) {
        g += x[i] * x[i] - 10 * cosine_pi(4 * x[i]);
    }
    f[0] = x[0];
    f[1] = g * (1 - sqrt(x[0] / g));
    return 0;
}

static double rate_zdt6(const void *genome, size_t n, double *f)
{
    const double *x = genome;
    double sine = sine_pi(6 * x[0]), cube = sine * sine * sine;
    double g = 1 + 9 * sqrt(sqrt(sum_from_second(x, n) / (double)(n - 1)));
    f[0] = 1 - ef_exp(-4 * x[0]) * cube * cube;
    f[1] = g * (1 - (f[0] / g) * (f[0] / g));
    return 0;
}

static double rate_dtlz2(const void *genome, size_t n, double *f)
{
    const double *x = genome;
    double radius = 1;
    for (size_t i = 2; i < n; i++) {
        radius += (x[i] - 0.5) * (x[i] - 0.5);
    }
    double across = radius * cosine_pi(x[0] / 2);
    f[0] = across * cosine_pi(x[1] / 2);
    f[1] = across * sine_pi(x[1] / 2);
    f[2] = radius * sine_pi(x[0] / 2);
    return 0;
}

static double positive(double x)
{
    return x > 0 ? x : 0;
}

static double rate_bnh(const void *genome, size_t n, double *f)
{
    const double *x = genome;
    double a = x[0], b = x[1];
    (void)n;
    f[0] = 4 * a * a + 4 * b * b;
    f[1] = (a - 5) * (a - 5) + (b - 5) * (b - 5);
    return positive((a - 5) * (a - 5) + b * b - 25) +
           positive(7.7 - (a - 8) * (a - 8) - (b + 3) * (b + 3));
}

static double rate_steps(const void *genome, size_t n, double *f)
{
    const int64_t *x = genome;
    f[0] = f[1] = 0;
    for (size_t i = 0; i < n; i++) {
        f[0] += (double)(x[i] * x[i]);
        f[1] += (double)((20 - x[i]) * (20 - x[i]));
    }
    return 0;
}

static double rate_lotz(const void *genome, size_t n, double *f)
{
    uint64_t bits = *(const uint64_t *)genome;
    size_t ones = 0, zeros = 0;
    while (ones < n && (bits >> ones & 1) != 0) {
        ones++;
    }
    while (zeros < n && (bits >> (n - 1 - zeros) & 1) == 0) {
        zeros++;
    }
    f[0] = (double)(n - ones);
    f[1] = (double)(n - zeros);
    return 0;
}

static const spec specs[] = {
    {"zdt1", REAL, 30, 2, {{0, 1}, {0, 1}}, rate_zdt1},
    {"zdt2", REAL, 30, 2, {{0, 1}, {0, 1}}, rate_zdt2},
    {"zdt3", REAL, 30, 2, {{0, 1}, {0, 1}}, rate_zdt3},
    {"zdt4", REAL, 10, 2, {{0, 1}, {-5, 5}}, rate_zdt4},
    {"zdt6", REAL, 10, 2, {{0, 1}, {0, 1}}, rate_zdt6},
    {"dtlz2", REAL, 12, 3, {{0, 1}, {0, 1}}, rate_dtlz2},
    {"bnh", REAL, 2, 2, {{0, 5}, {0, 3}}, rate_bnh},
    {"steps", INTEGER, 10, 2, {{0, 20}, {0, 20}}, rate_steps},
    {"lotz", BITS, 30, 2, {{0, 1}, {0, 1}}, rate_lotz},
};
#define N_SPECS (sizeof specs / sizeof specs[0])

const char *ef_problems_name(size_t index)
{
    return index < N_SPECS ? specs[index].name : NULL;
}

/* --- the problem interface ------------------------------------------------------ */

#define MOST_GENES 64

typedef struct benchmark {
    ef_problem problem;
    const spec *spec;
    ef_variation variation;
    union {
        double real[2][MOST_GENES]; /* lower, upper */
        int64_t integer[2][MOST_GENES];
    } bounds;
} benchmark;

static ef_status sample(void *context, ef_rng *rng, uint64_t number, void *genome,
                        ef_error *err)
{
    (void)number;
    const benchmark *on = context;
    (void)err;
    switch (on->spec->kind) {
    case REAL:
        ef_variation_sample_real(rng, on->spec->n_genes, on->bounds.real[0],
                                 on->bounds.real[1], genome);
        break;
    case INTEGER:
        ef_variation_sample_integer(rng, on->spec->n_genes, on->bounds.integer[0],
                                    on->bounds.integer[1], genome);
        break;
    case BITS:
        ef_variation_sample_bits(rng, on->spec->n_genes, genome);
        break;
    }
    return EF_OK;
}

static ef_status vary(void *context, ef_rng *rng, const void *parent_a,
                      const void *parent_b, void *first, void *second, ef_error *err)
{
    const benchmark *on = context;
    (void)err;
    switch (on->spec->kind) {
    case REAL:
        ef_variation_vary_real(rng, &on->variation, on->spec->n_genes,
                               on->bounds.real[0], on->bounds.real[1], parent_a,
                               parent_b, first, second);
        break;
    case INTEGER:
        ef_variation_vary_integer(rng, &on->variation, on->spec->n_genes,
                                  on->bounds.integer[0], on->bounds.integer[1],
                                  parent_a, parent_b, first, second);
        break;
    case BITS:
        ef_variation_vary_bits(rng, &on->variation, on->spec->n_genes, parent_a,
                               parent_b, first, second);
        break;
    }
    return EF_OK;
}

static ef_status evaluate(void *context, void *genomes, size_t n, double *objectives,
                          double *violations, ef_error *err)
{
    const benchmark *on = context;
    const spec *of = on->spec;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        const char *genome = (const char *)genomes + i * on->problem.genome_size;
        violations[i] =
            of->rate(genome, of->n_genes, objectives + i * of->n_objectives);
    }
    return EF_OK;
}

/* Four chains of multiplications, each step of which is one to one, so that genomes
 * that differ in one place never share a key. */
static uint64_t key(void *context, const void *genome)
{
    const benchmark *on = context;
    const char *at = genome;
    uint64_t chain[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < on->problem.genome_size / 8; i++) {
        uint64_t word, *link = &chain[i % 4];
        memcpy(&word, at + 8 * i, sizeof word);
        *link = (*link ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
        *link = *link >> 35 | *link << 29;
    }
    return ef_hash_word(ef_hash_word(chain[0], chain[1]),
                        ef_hash_word(chain[2], chain[3]));
}

static void set_bounds(benchmark *on)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < on->spec->n_genes; i++) {
            double bound = on->spec->bounds[i > 0][side];
            if (on->spec->kind == INTEGER) {
                on->bounds.integer[side][i] = (int64_t)bound;
            } else {
                on->bounds.real[side][i] = bound;
            }
        }
    }
}

static const spec *find(const char *name, ef_error *err)
{
    char names[256] = "";
    for (size_t i = 0; i < N_SPECS; i++) {
        if (strcmp(specs[i].name, name) == 0) {
            return &specs[i];
        }
        strcat(strcat(names, i == 0 ? "" : ", "), specs[i].name);
    }
    ef_error_set(err, EF_ERR_USAGE, "there is no benchmark problem '%s'; there are %s",
                 name, names);
    return NULL;
}

ef_status ef_problems_create(ef_problem **problem, const char *name, ef_error *err)
{
    const spec *of = find(name, err);
    if (of == NULL) {
        return EF_ERR_USAGE;
    }
    benchmark *on = ef_calloc(1, sizeof *on);
    if (on == NULL) {
        return ef_error_memory(err);
    }
    size_t n_units = of->kind == BITS ? (of->n_genes + 63) / 64 : of->n_genes;
    on->spec = of;
    on->variation = ef_variation_default(of->n_genes);
    set_bounds(on);
    on->problem = (ef_problem){.name = of->name,
                               .context = on,
                               .genome_size = 8 * n_units,
                               .n_objectives = of->n_objectives,
                               .sample = sample,
                               .vary = vary,
                               .evaluate = evaluate,
                               .key = key};
    *problem = &on->problem;
    return EF_OK;
}

void ef_problems_destroy(ef_problem *problem)
{
    ef_free(problem == NULL ? NULL : problem->context);
}
