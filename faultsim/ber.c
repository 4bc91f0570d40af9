#include "faultsim/ber.h"

#include <math.h>
#include <stdlib.h>

#include "base/mathfn.h"
#include "base/mem.h"
#include "base/rng.h"

/* Bands with streams of their own, but for the last, which has all u <= 2^-LAST. */
#define LAST 40
/* Bits that share streams: any range is drawn in whole blocks. */
#define BLOCK (UINT64_C(1) << 20)

/* --- what grows -------------------------------------------------------------- */

static void *reserve(void *items, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity) {
        return items;
    }
    size_t wanted = *capacity > 0 ? 2 * *capacity : 64;
    void *grown = ef_realloc(items, wanted, size);
    *capacity = grown ? wanted : *capacity;
    return grown;
}

static ef_status append_bit(ef_ber_bits *bits, ef_ber_bit bit, ef_error *err)
{
    ef_ber_bit *items =
        reserve(bits->items, bits->n, &bits->capacity, sizeof *bits->items);
    if (!items) {
        return ef_error_memory(err);
    }
    bits->items = items;
    bits->items[bits->n++] = bit;
    return EF_OK;
}

void ef_ber_bits_clear(ef_ber_bits *bits)
{
    ef_free(bits->items);
    *bits = (ef_ber_bits){NULL, 0, 0};
}

void ef_ber_flips_clear(ef_ber_flips *flips)
{
    ef_free(flips->items);
    *flips = (ef_ber_flips){NULL, 0, 0};
}

/* --- bands ------------------------------------------------------------------- */

/* The logarithm of the share of bits that a band passes over: 1 less its probability
 * is (1 - 2^-k) / (1 - 2^-(k+1)). */
static double log_passed(unsigned band)
{
    if (band == LAST) {
        return ef_log(1 - ldexp(1, -LAST));
    }
    return ef_log(1 - ldexp(1, -(int)band)) - ef_log(1 - ldexp(1, -(int)band - 1));
}

/* In (0, 1]. */
static double open_unit(ef_rng *rng)
{
    return 1 - ef_rng_unit(rng);
}

static double u_in_band(ef_rng *rng, unsigned band)
{
    double top = ldexp(1, -(int)band);
    return band == LAST ? top * open_unit(rng) : top / 2 * (1 + open_unit(rng));
}

/* The bits of a block before `end`. */
static ef_status draw_band(const ef_ber_key *key, uint64_t block, uint64_t end,
                           unsigned band, double rate, ef_ber_bits *bits, ef_error *err)
{
    uint64_t left = end - block * BLOCK;
    double most = (double)(left < BLOCK ? left : BLOCK);
    uint64_t image = (uint64_t)(key->image + 1);
    ef_rng rng =
        ef_rng_stream(key->seed, EF_PURPOSE_BER, key->trial,
                      (uint64_t)key->site << 32 | block, image << 6 | (uint64_t)band);
    double passed = log_passed(band), at = -1;
    ef_status status = EF_OK;
    while (!status) {
        at += 1 + floor(ef_log(open_unit(&rng)) / passed);
        if (at >= most) {
            break;
        }
        ef_ber_bit bit = {block * BLOCK + (uint64_t)at, u_in_band(&rng, band)};
        if (bit.u <= rate) {
            status = append_bit(bits, bit, err);
        }
    }
    return status;
}

static int compare_bits(const void *a, const void *b)
{
    const ef_ber_bit *x = a, *y = b;
    if (x->bit != y->bit) {
        return x->bit > y->bit ? 1 : -1;
    }
    return (x->u > y->u) - (x->u < y->u);
}

/* Sorts what was appended from `from` on, keeps of each bit the smallest u, and drops
 * what lies outside of [begin, end). */
static void tidy(ef_ber_bits *bits, size_t from, uint64_t begin, uint64_t end)
{
    if (bits->n > from) {
        qsort(bits->items + from, bits->n - from, sizeof *bits->items, compare_bits);
    }
    size_t n = from;
    for (size_t i = from; i < bits->n; i++) {
        ef_ber_bit bit = bits->items[i];
        int is_repeated = n > from && bits->items[n - 1].bit == bit.bit;
        if (!is_repeated && bit.bit >= begin && bit.bit < end) {
            bits->items[n++] = bit;
        }
    }
    bits->n = n;
}

ef_status ef_ber_draw(const ef_ber_key *key, uint64_t begin, uint64_t end, double rate,
                      ef_ber_bits *bits, ef_error *err)
{
    size_t before = bits->n;
    unsigned first = 0;
    while (first < LAST && ldexp(1, -(int)first - 1) >= rate) {
        first++;
    }
    ef_status status = EF_OK;
    for (uint64_t block = begin / BLOCK; block * BLOCK < end && !status; block++) {
        size_t from = bits->n;
        for (unsigned band = first; band <= LAST && !status; band++) {
            status = draw_band(key, block, end, band, rate, bits, err);
        }
        tidy(bits, from, begin, end);
    }
    if (status) {
        bits->n = before;
    }
    return status;
}

/* --- flips ------------------------------------------------------------------- */

ef_status ef_ber_flips_add(ef_ber_flips *flips, const ef_flip *flip, ef_error *err)
{
    ef_flip *items =
        reserve(flips->items, flips->n, &flips->capacity, sizeof *flips->items);
    if (!items) {
        return ef_error_memory(err);
    }
    flips->items = items;
    flips->items[flips->n++] = *flip;
    return EF_OK;
}

static ef_status append_flip(ef_ber_flips *flips, const ef_ber_key *key, uint64_t index,
                             unsigned bit, ef_error *err)
{
    ef_flip *last = flips->n > 0 ? &flips->items[flips->n - 1] : NULL;
    if (last && last->site == key->site && last->index == index &&
        last->image == key->image) {
        last->mask |= UINT64_C(1) << bit;
        return EF_OK;
    }
    return ef_ber_flips_add(flips,
                            &(ef_flip){.site = key->site,
                                       .index = index,
                                       .mask = UINT64_C(1) << bit,
                                       .kind = EF_FAULT_FLIP,
                                       .image = key->image},
                            err);
}

static ef_status append_flips(ef_ber_flips *flips, const ef_ber_key *key,
                              const ef_site *site, const ef_population *population,
                              const ef_ber_bits *bits, double rate, ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < bits->n && !status; i++) {
        if (bits->items[i].u > rate) {
            continue;
        }
        uint64_t index = bits->items[i].bit / site->bits;
        unsigned bit = (unsigned)(bits->items[i].bit % site->bits);
        if (ef_population_has_bit(population, key->site, index, bit)) {
            status = append_flip(flips, key, index, bit, err);
        }
    }
    return status;
}

static double highest(const double *rates, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        most = rates[i] > most ? rates[i] : most;
    }
    return most;
}

/* Takes back what was appended; `before` (n). */
static void shorten(ef_ber_flips *flips, const size_t *before, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        flips[i].n = before[i];
    }
}

/* Block by block: at a high rate what is struck takes many times the room of the bits.
 */
ef_status ef_ber_strike_rates(const ef_ber_key *key, const ef_site *site,
                              const ef_population *population, const double *rates,
                              size_t n_rates, ef_ber_flips *flips, ef_error *err)
{
    size_t *before = ef_calloc(n_rates, sizeof *before);
    if (!before) {
        return ef_error_memory(err);
    }
    for (size_t i = 0; i < n_rates; i++) {
        before[i] = flips[i].n;
    }
    uint64_t end = site->count * site->bits;
    double most = highest(rates, n_rates);
    ef_ber_bits bits = {NULL, 0, 0};
    ef_status status = EF_OK;
    for (uint64_t at = 0; at < end && !status; at += BLOCK) {
        bits.n = 0;
        status =
            ef_ber_draw(key, at, end - at < BLOCK ? end : at + BLOCK, most, &bits, err);
        for (size_t i = 0; i < n_rates && !status; i++) {
            status =
                append_flips(&flips[i], key, site, population, &bits, rates[i], err);
        }
    }
    ef_ber_bits_clear(&bits);
    if (status) {
        shorten(flips, before, n_rates);
    }
    ef_free(before);
    return status;
}

ef_status ef_ber_strike(const ef_ber_key *key, const ef_site *site,
                        const ef_population *population, double rate,
                        ef_ber_flips *flips, ef_error *err)
{
    return ef_ber_strike_rates(key, site, population, &rate, 1, flips, err);
}
