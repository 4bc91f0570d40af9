/* Variation operators that draw little: one word decides for 64 genes which of them
 * cross and which change sides, and mutation jumps from one mutated gene to the next.
 *
 * [1] K. Deb, R. B. Agrawal, Simulated Binary Crossover for Continuous Search Space,
 *     Complex Systems 9(2), 1995, 115-148.
 * [2] K. Deb, NSGA-II in C, revision 1.1.6, 2011, crossover.c and mutation.c: the forms
 *     of both operators within bounds that other programs are compared with.
 * [3] K. Deb, M. Goyal, A Combined Genetic Adaptive Search (GeneAS) for Engineering
 *     Design, Computer Science and Informatics 26(4), 1996, 30-45.
 * [4] G. Rudolph, An Evolutionary Algorithm for Integer Programming, PPSN III, 1994,
 *     doi:10.1007/3-540-58484-6_258.
 *
 * We differ in: the distributions are those of [2], the order of draws is not; powers
 * with a whole exponent are products, and roots whose order is a power of two are
 * square roots (eta 15 makes both 16), so that they are quick and the same on every
 * machine; [4] changes all genes by steps of a self-adapted mean, we some by a fixed
 * one. */
#include "evolve/variation.h"

#include <math.h>
#include <string.h>

#include "base/mathfn.h"
#include "evolve/bits_priv.h"

/* Genes of two parents that are nearer than this do not cross [2]. */
#define EQUAL_WITHIN 1e-14

/* Genes that one word decides for. */
#define BLOCK 64

ef_variation ef_variation_default(size_t n_genes)
{
    return (ef_variation){.crossover_rate = 0.9,
                          .mutation_rate = n_genes == 0 ? 0 : 1 / (double)n_genes,
                          .crossover_eta = 15,
                          .mutation_eta = 20,
                          .crossover = EF_CROSSOVER_UNIFORM};
}

/* --- samples -------------------------------------------------------------------- */

static inline double clamp(double x, double low, double high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

void ef_variation_sample_real(ef_rng *rng, size_t n, const double *lower,
                              const double *upper, double *genes)
{
    for (size_t i = 0; i < n; i++) {
        double x = lower[i] + ef_rng_unit(rng) * (upper[i] - lower[i]);
        genes[i] = clamp(x, lower[i], upper[i]);
    }
}

/* Uniform in [low, high], the whole range of int64_t included. */
static int64_t draw_integer(ef_rng *rng, int64_t low, int64_t high)
{
    uint64_t n = (uint64_t)high - (uint64_t)low + 1;
    uint64_t step = n == 0 ? ef_rng_u64(rng) : ef_rng_below(rng, n);
    return (int64_t)((uint64_t)low + step);
}

void ef_variation_sample_integer(ef_rng *rng, size_t n, const int64_t *lower,
                                 const int64_t *upper, int64_t *genes)
{
    for (size_t i = 0; i < n; i++) {
        genes[i] = draw_integer(rng, lower[i], upper[i]);
    }
}

void ef_variation_sample_bits(ef_rng *rng, size_t n, uint64_t *genes)
{
    for (size_t i = 0; i < n; i += 64) {
        uint64_t word = ef_rng_u64(rng);
        genes[i / 64] = n - i < 64 ? word & ((UINT64_C(1) << (n - i)) - 1) : word;
    }
}

/* The bits below `end` of the word that holds bits from `start` on. */
static inline uint64_t bits_below(size_t start, size_t end)
{
    if (end <= start) {
        return 0;
    }
    return end - start >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (end - start)) - 1;
}

/* --- which genes mutate --------------------------------------------------------- */

/* Jumps from one mutated gene to the next: as many draws as there are mutations, and
 * one more. */
typedef struct skipper {
    double scale; /* 1 / log(1 - rate) */
    size_t n;
    size_t at; /* n: no more */
} skipper;

static inline void skip(ef_rng *rng, skipper *to)
{
    double gap = to->scale * ef_log(1 - ef_rng_unit(rng));
    to->at = gap < (double)(to->n - to->at) ? to->at + (size_t)gap : to->n;
}

static inline skipper first_mutation(ef_rng *rng, double rate, size_t n)
{
    skipper to = {0, n, 0};
    if (rate <= 0 || n == 0) {
        to.at = n;
        return to;
    }
    to.scale = 1 / ef_log(1 - rate); /* -0 where rate is 1: no gaps */
    skip(rng, &to);
    return to;
}

static inline void next_mutation(ef_rng *rng, skipper *to)
{
    to->at++;
    if (to->at < to->n) {
        skip(rng, to);
    }
}

/* --- reals ---------------------------------------------------------------------- */

/* x -> x^order and x -> x^(1 / order) for x >= 0. */
typedef struct powers {
    double order;
    unsigned whole;  /* order where it is a whole number, else 0 */
    unsigned halves; /* log2 of order where it is a power of two, else 0 */
} powers;

static powers make_powers(double order)
{
    powers of = {order, 0, 0};
    if (order >= 1 && order <= 1024 && order == floor(order)) {
        of.whole = (unsigned)order;
        if ((of.whole & (of.whole - 1)) == 0) {
            for (unsigned k = of.whole; k > 1; k >>= 1) {
                of.halves++;
            }
        }
    }
    return of;
}

/* x[i]^order for n values. */
static void raise(const powers *of, double *restrict x, size_t n)
{
    double power[2 * BLOCK];
    if (of->whole == 0) {
        for (size_t i = 0; i < n; i++) {
            x[i] = ef_pow(x[i], of->order);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        power[i] = 1;
    }
    for (unsigned k = of->whole; k > 0; k >>= 1) {
        for (size_t i = 0; (k & 1) != 0 && i < n; i++) {
            power[i] *= x[i];
        }
        for (size_t i = 0; i < n; i++) {
            x[i] *= x[i];
        }
    }
    memcpy(x, power, n * sizeof *x);
}

static void take_root(const powers *of, double *restrict x, size_t n)
{
    if (of->halves == 0) {
        for (size_t i = 0; i < n; i++) {
            x[i] = ef_pow(x[i], 1 / of->order);
        }
        return;
    }
    for (unsigned k = 0; k < of->halves; k++) {
        for (size_t i = 0; i < n; i++) {
            x[i] = sqrt(x[i]);
        }
    }
}

/* The genes that cross among 64: side 0 is that of the lower bound. */
typedef struct crossing {
    size_t n;
    size_t gene[BLOCK];
    double u[2 * BLOCK]; /* one draw for both sides [2] */
    double distance[BLOCK];
    double spread[2 * BLOCK];
} crossing;

/* Takes in the genes of the block from start on that are marked and differ. */
static void gather(ef_rng *rng, crossing *all, uint64_t marked, size_t start,
                   const double *lower, const double *upper, const double *parent_a,
                   const double *parent_b)
{
    size_t n = 0;
    for (; marked != 0; marked &= marked - 1) {
        size_t i = start + ef_lowest_bit(marked);
        double a = parent_a[i], b = parent_b[i];
        double low = a < b ? a : b, high = a > b ? a : b;
        all->gene[n] = i;
        all->distance[n] = high - low;
        all->spread[2 * n] = low - lower[i];
        all->spread[2 * n + 1] = upper[i] - high;
        n += high - low > EQUAL_WITHIN;
    }
    for (size_t k = 0; k < n; k++) {
        all->u[2 * k] = all->u[2 * k + 1] = ef_rng_unit(rng);
    }
    all->n = n;
}

/* From the room between the parent and the bound on each side, how far the child lies
 * from the middle of its parents, in half their distance [2]. */
static void find_spread(const powers *of, crossing *all)
{
    double *restrict x = all->spread;
    const double *restrict u = all->u;
    for (size_t k = 0; k < all->n; k++) {
        x[2 * k] = all->distance[k] / (all->distance[k] + 2 * x[2 * k]);
        x[2 * k + 1] = all->distance[k] / (all->distance[k] + 2 * x[2 * k + 1]);
    }
    raise(of, x, 2 * all->n);
    for (size_t i = 0; i < 2 * all->n; i++) {
        double t = u[i] * (2 - x[i]);
        double beyond = t > 1; /* a factor, since a branch would be a coin's */
        x[i] = t + beyond * (1 / (2 - t) - t);
    }
    take_root(of, x, 2 * all->n);
}

/* Writes the genes that cross; the others stand there already. */
static void cross_real(ef_rng *rng, const powers *of, size_t n, const double *lower,
                       const double *upper, const double *parent_a,
                       const double *parent_b, double *first, double *second)
{
    crossing all;
    for (size_t start = 0; start < n; start += BLOCK) {
        uint64_t marked = ef_rng_u64(rng) & bits_below(start, n);
        uint64_t swapped = ef_rng_u64(rng);
        gather(rng, &all, marked, start, lower, upper, parent_a, parent_b);
        find_spread(of, &all);
        for (size_t k = 0; k < all.n; k++) {
            size_t i = all.gene[k];
            double middle = parent_a[i] + parent_b[i], distance = all.distance[k];
            double low = 0.5 * (middle - all.spread[2 * k] * distance);
            double high = 0.5 * (middle + all.spread[2 * k + 1] * distance);
            const double children[2] = {clamp(low, lower[i], upper[i]),
                                        clamp(high, lower[i], upper[i])};
            size_t swap = swapped >> (i - start) & 1;
            first[i] = children[swap];
            if (second != NULL) {
                second[i] = children[!swap];
            }
        }
    }
}

static double mutate_gene(ef_rng *rng, const powers *of, double x, double lower,
                          double upper)
{
    double range = upper - lower, u = ef_rng_unit(rng);
    if (!(range > 0)) {
        return x;
    }
    int falls = u < 0.5;
    double share = falls ? 2 * u : 2 * (1 - u);
    double room = (falls ? x - lower : upper - x) / range;
    double kept = 1 - room;
    raise(of, &kept, 1);
    kept = share + (1 - share) * kept;
    take_root(of, &kept, 1);
    return clamp(x + (falls ? kept - 1 : 1 - kept) * range, lower, upper);
}

static void mutate_real(ef_rng *rng, const ef_variation *variation, size_t n,
                        const double *lower, const double *upper, double *genes)
{
    const powers of = make_powers(variation->mutation_eta + 1);
    skipper to = first_mutation(rng, variation->mutation_rate, n);
    for (; to.at < n; next_mutation(rng, &to)) {
        size_t i = to.at;
        genes[i] = mutate_gene(rng, &of, genes[i], lower[i], upper[i]);
    }
}

void ef_variation_vary_real(ef_rng *rng, const ef_variation *variation, size_t n,
                            const double *lower, const double *upper,
                            const double *parent_a, const double *parent_b,
                            double *first, double *second)
{
    memcpy(first, parent_a, n * sizeof *first);
    if (second != NULL) {
        memcpy(second, parent_b, n * sizeof *second);
    }
    if (ef_rng_unit(rng) < variation->crossover_rate) {
        const powers of = make_powers(variation->crossover_eta + 1);
        cross_real(rng, &of, n, lower, upper, parent_a, parent_b, first, second);
    }
    mutate_real(rng, variation, n, lower, upper, first);
    if (second != NULL) {
        mutate_real(rng, variation, n, lower, upper, second);
    }
}

/* --- integers ------------------------------------------------------------------- */

static void cross_integer(ef_rng *rng, size_t n, const int64_t *parent_a,
                          const int64_t *parent_b, int64_t *first, int64_t *second)
{
    for (size_t start = 0; start < n; start += 64) {
        uint64_t swapped = ef_rng_u64(rng);
        size_t end = n - start < 64 ? n : start + 64;
        for (size_t i = start; i < end; i++, swapped >>= 1) {
            first[i] = swapped & 1 ? parent_b[i] : parent_a[i];
            if (second != NULL) {
                second[i] = swapped & 1 ? parent_a[i] : parent_b[i];
            }
        }
    }
}

/* x moved by 1 or more within bounds that differ.  Unsigned differences hold every
 * range of int64_t. */
static int64_t step_from(int64_t x, uint64_t step, int falls, int64_t lower,
                         int64_t upper)
{
    falls = x == lower ? 0 : x == upper ? 1 : falls;
    uint64_t room =
        falls ? (uint64_t)x - (uint64_t)lower : (uint64_t)upper - (uint64_t)x;
    step = step < room ? step : room;
    return (int64_t)(falls ? (uint64_t)x - step : (uint64_t)x + step);
}

static int64_t mutate_integer(ef_rng *rng, int64_t x, int64_t lower, int64_t upper)
{
    uint64_t word = ef_rng_u64(rng);
    if (lower == upper) {
        return x;
    }
    if ((word & 3) == 0) { /* one time in four: any of the other places */
        int64_t other = draw_integer(rng, lower, upper - 1);
        return other < x ? other : other + 1;
    }
    int falls = (word >> 2 & 1) != 0;
    uint64_t step = 1; /* 1 with chance 1/2, 2 with 1/4, ... */
    for (word >>= 3; (word & 1) == 0 && step < 61; word >>= 1) {
        step++;
    }
    return step_from(x, step, falls, lower, upper);
}

static void mutate_integers(ef_rng *rng, double rate, size_t n, const int64_t *lower,
                            const int64_t *upper, int64_t *genes)
{
    skipper to = first_mutation(rng, rate, n);
    for (; to.at < n; next_mutation(rng, &to)) {
        size_t i = to.at;
        genes[i] = mutate_integer(rng, genes[i], lower[i], upper[i]);
    }
}

void ef_variation_vary_integer(ef_rng *rng, const ef_variation *variation, size_t n,
                               const int64_t *lower, const int64_t *upper,
                               const int64_t *parent_a, const int64_t *parent_b,
                               int64_t *first, int64_t *second)
{
    memcpy(first, parent_a, n * sizeof *first);
    if (second != NULL) {
        memcpy(second, parent_b, n * sizeof *second);
    }
    if (ef_rng_unit(rng) < variation->crossover_rate) {
        cross_integer(rng, n, parent_a, parent_b, first, second);
    }
    mutate_integers(rng, variation->mutation_rate, n, lower, upper, first);
    if (second != NULL) {
        mutate_integers(rng, variation->mutation_rate, n, lower, upper, second);
    }
}

/* --- bits ----------------------------------------------------------------------- */

static void cross_bits(ef_rng *rng, ef_crossover crossover, size_t n,
                       const uint64_t *parent_a, const uint64_t *parent_b,
                       uint64_t *first, uint64_t *second)
{
    size_t from = 0, to = 0;
    if (crossover == EF_CROSSOVER_TWO_POINT && n > 0) {
        size_t place = (size_t)ef_rng_below(rng, n),
               other = (size_t)ef_rng_below(rng, n);
        from = place < other ? place : other;
        to = place < other ? other : place;
    }
    for (size_t start = 0; start < n; start += 64) {
        size_t k = start / 64;
        uint64_t swapped = crossover == EF_CROSSOVER_UNIFORM
                               ? ef_rng_u64(rng)
                               : bits_below(start, to) & ~bits_below(start, from);
        uint64_t change = (parent_a[k] ^ parent_b[k]) & swapped;
        first[k] = parent_a[k] ^ change;
        if (second != NULL) {
            second[k] = parent_b[k] ^ change;
        }
    }
}

static void flip_bits(ef_rng *rng, double rate, size_t n, uint64_t *genes)
{
    skipper to = first_mutation(rng, rate, n);
    for (; to.at < n; next_mutation(rng, &to)) {
        genes[to.at / 64] ^= UINT64_C(1) << to.at % 64;
    }
}

void ef_variation_vary_bits(ef_rng *rng, const ef_variation *variation, size_t n,
                            const uint64_t *parent_a, const uint64_t *parent_b,
                            uint64_t *first, uint64_t *second)
{
    size_t n_words = n / 64 + (n % 64 != 0);
    memcpy(first, parent_a, n_words * sizeof *first);
    if (second != NULL) {
        memcpy(second, parent_b, n_words * sizeof *second);
    }
    if (ef_rng_unit(rng) < variation->crossover_rate) {
        cross_bits(rng, variation->crossover, n, parent_a, parent_b, first, second);
    }
    flip_bits(rng, variation->mutation_rate, n, first);
    if (second != NULL) {
        flip_bits(rng, variation->mutation_rate, n, second);
    }
}
