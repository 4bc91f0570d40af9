#include "base/rng.h"

#include <math.h>

#include "base/hash.h"
#include "base/mathfn.h"

#define U128(high, low) ((ef_u128)(high) << 64 | (low))

/* The multiplier of the 128-bit congruential generator [1], PCG_128BIT_CONSTANT. */
#define MULTIPLIER U128(UINT64_C(0x2360ed051fc65da4), UINT64_C(0x4385df649fccf645))

static void step(ef_rng *rng)
{
    rng->state = rng->state * MULTIPLIER + rng->increment;
}

ef_rng ef_rng_pcg64(ef_u128 state, ef_u128 sequence)
{
    ef_rng rng = {.increment = sequence << 1 | 1};
    rng.state = state + rng.increment;
    step(&rng);
    return rng;
}

/* One 64-bit hash of the whole key; salt tells the hashes of one key apart. */
static uint64_t hash_key(uint64_t salt, const uint64_t key[5])
{
    for (size_t i = 0; i < 5; i++) {
        salt = ef_hash_word(salt, key[i]);
    }
    return salt;
}

/* Two hashes make 128 bits, so that 2^32 streams of a study stay apart: with 64 a
 * pair of them would be equal with a chance of about a third. */
ef_rng ef_rng_stream(uint64_t seed, ef_purpose purpose, uint64_t a, uint64_t b,
                     uint64_t c)
{
    const uint64_t key[5] = {seed, (uint64_t)purpose, a, b, c};
    uint64_t high = hash_key(1, key), low = hash_key(2, key);
    return ef_rng_pcg64(U128(high, low),
                        U128(ef_hash_word(high, 3), ef_hash_word(low, 4)));
}

uint64_t ef_rng_u64(ef_rng *rng)
{
    step(rng);
    uint64_t folded = (uint64_t)(rng->state >> 64) ^ (uint64_t)rng->state;
    unsigned turn = (unsigned)(rng->state >> 122);
    return folded >> turn | folded << (-turn & 63);
}

/* Steps compose: x -> m x + p twice is x -> m^2 x + (m + 1) p [2]. */
void ef_rng_advance(ef_rng *rng, ef_u128 delta)
{
    ef_u128 multiplier = MULTIPLIER, plus = rng->increment;
    ef_u128 all_multiplier = 1, all_plus = 0;
    for (; delta > 0; delta >>= 1) {
        if (delta & 1) {
            all_multiplier *= multiplier;
            all_plus = all_plus * multiplier + plus;
        }
        plus *= multiplier + 1;
        multiplier *= multiplier;
    }
    rng->state = all_multiplier * rng->state + all_plus;
}

/* D. Lemire, Fast Random Integer Generation in an Interval, ACM TOMACS 29(1), 2019,
 * doi:10.1145/3230636: the division happens only where a draw may be rejected. */
uint64_t ef_rng_below(ef_rng *rng, uint64_t n)
{
    ef_u128 product = (ef_u128)ef_rng_u64(rng) * n;
    if ((uint64_t)product < n) {
        uint64_t surplus = -n % n; /* 2^64 mod n */
        while ((uint64_t)product < surplus) {
            product = (ef_u128)ef_rng_u64(rng) * n;
        }
    }
    return (uint64_t)(product >> 64);
}

double ef_rng_unit(ef_rng *rng)
{
    return (double)(ef_rng_u64(rng) >> 11) * 0x1p-53;
}

/* A point in the unit disc but its centre: its abscissa, and in *square its distance
 * from the centre squared. */
static double draw_point(ef_rng *rng, double *square)
{
    double u;
    do {
        u = 2 * ef_rng_unit(rng) - 1;
        double v = 2 * ef_rng_unit(rng) - 1;
        *square = u * u + v * v;
    } while (*square >= 1 || *square == 0);
    return u;
}

/* G. Marsaglia, T. A. Bray, A Convenient Method for Generating Normal Variables, SIAM
 * Review 6(3), 1964, doi:10.1137/1006063.  The second value of a pair is dropped:
 * a stream then has no state but PCG's, and can be copied and moved ahead. */
double ef_rng_normal(ef_rng *rng)
{
    double square, u = draw_point(rng, &square);
    return u * sqrt(-2 * ef_log(square) / square);
}

void ef_rng_skip_normals(ef_rng *rng, size_t n)
{
    for (double square; n > 0; n--) {
        draw_point(rng, &square);
    }
}

void ef_rng_shuffle(ef_rng *rng, size_t *indices, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)ef_rng_below(rng, i);
        size_t kept = indices[i - 1];
        indices[i - 1] = indices[j];
        indices[j] = kept;
    }
}
