#include "study/sweep_priv.h"

#include <string.h>

#include "base/mem.h"

/* --- making ------------------------------------------------------------------ */

static ef_status choose(const ef_sweep *s, const ef_sweep_options *o, unsigned targets,
                        const ef_strike *strike, ef_population **population,
                        ef_error *err)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(s->injector, &n);
    ef_selection own = *o->selection;
    own.targets = targets;
    return ef_population_create(population, ef_injector_topology(s->injector), sites, n,
                                &own, strike, err);
}

static ef_status add_single(ef_sweep *s, const ef_sweep_options *o, ef_target target,
                            ef_error *err)
{
    sweep_single *to = &s->singles[s->n_singles];
    const ef_strike *strike = &o->strikes->strikes[target];
    ef_status status = choose(s, o, 1U << target, strike, &to->population, err);
    if (status) {
        return status;
    }
    to->target = target;
    to->bits = strike->adjacent;
    to->order = ef_permutation_keyed(o->seed, EF_PURPOSE_FAULT, (uint64_t)target, 0, 0,
                                     ef_population_size(to->population));
    s->n_singles++;
    return EF_OK;
}

static void count_bits(ef_sweep *s)
{
    for (size_t i = 0; i < ef_population_n_strata(s->patterns); i++) {
        ef_stratum_place place = ef_population_stratum(s->patterns, i);
        if (s->only_site == SIZE_MAX || s->only_site == place.site) {
            s->site_bits[place.site] += place.size;
        }
    }
}

/* Each of several targets has to have something that is chosen. */
static ef_status check_targets(const ef_sweep *s, unsigned targets, ef_error *err)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(s->injector, &n);
    unsigned met = 0;
    for (size_t i = 0; i < n; i++) {
        met |= s->site_bits[i] > 0 ? 1U << sites[i].target : 0;
    }
    for (unsigned t = 0; t < EF_TARGET_COUNT; t++) {
        if ((targets & ~met) >> t & 1) {
            return ef_error_set(err, EF_ERR_USAGE, "--fault: nothing of %s is chosen",
                                ef_target_names[t]);
        }
    }
    return EF_OK;
}

static ef_status add_patterns(ef_sweep *s, const ef_sweep_options *o, unsigned targets,
                              ef_error *err)
{
    static const ef_strike flip = {.kind = EF_FAULT_FLIP, .adjacent = 1};
    if (targets >> EF_TARGET_ACCUMULATORS & 1) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--fault: accumulators are not stored, and have no bit "
                            "error rate");
    }
    ef_status status = choose(s, o, targets, &flip, &s->patterns, err);
    if (status) {
        return status;
    }
    count_bits(s);
    return s->only_site == SIZE_MAX ? check_targets(s, targets, err) : EF_OK;
}

static ef_status add_targets(ef_sweep *s, const ef_sweep_options *o, ef_error *err)
{
    unsigned with_rates = 0;
    ef_status status = EF_OK;
    for (unsigned t = 0; t < EF_TARGET_COUNT && !status; t++) {
        if (!(o->targets >> t & 1)) {
            continue;
        }
        if (o->strikes->strikes[t].is_ber) {
            with_rates |= 1U << t;
        } else {
            status = add_single(s, o, (ef_target)t, err);
        }
    }
    return status || !with_rates ? status : add_patterns(s, o, with_rates, err);
}

static ef_status make_room(ef_sweep *s, ef_error *err)
{
    ef_injector_sites(s->injector, &s->n_sites);
    s->site_bits = ef_calloc(s->n_sites, sizeof *s->site_bits);
    if (s->trials <= SIZE_MAX / s->n_rates) {
        s->found = ef_calloc((size_t)s->trials * s->n_rates, sizeof *s->found);
    }
    return s->site_bits && s->found ? EF_OK : ef_error_memory(err);
}

ef_status ef_sweep_create(ef_sweep **sweep, ef_injector *injector,
                          const ef_sweep_options *options, ef_error *err)
{
    ef_sweep *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->injector = injector;
    made->targets = options->targets;
    made->only_site = options->only_site;
    made->per_image = options->per_image;
    made->trials = options->trials;
    made->seed = options->seed;
    made->n_threads = options->n_threads;
    made->n_rates = options->strikes->n_rates > 0 ? options->strikes->n_rates : 1;
    memcpy(made->rates, options->strikes->rates, sizeof made->rates);
    ef_status status = make_room(made, err);
    status = status ? status : add_targets(made, options, err);
    if (status) {
        ef_sweep_destroy(made);
        return status;
    }
    *sweep = made;
    return EF_OK;
}

void ef_sweep_destroy(ef_sweep *sweep)
{
    if (sweep) {
        for (size_t i = 0; i < sweep->n_singles; i++) {
            ef_population_destroy(sweep->singles[i].population);
        }
        ef_population_destroy(sweep->patterns);
        ef_free(sweep->site_bits);
        ef_free(sweep->found);
        ef_free(sweep);
    }
}

/* --- drawing ----------------------------------------------------------------- */

static int is_of_images(ef_target target)
{
    return target == EF_TARGET_ACTIVATIONS || target == EF_TARGET_INPUTS ||
           target == EF_TARGET_ACCUMULATORS;
}

/* Images with a pattern of their own of a target; 1: all have the same. */
static size_t n_patterns(const ef_sweep *s, ef_target target)
{
    return s->per_image && is_of_images(target) ? ef_injector_n_images(s->injector) : 1;
}

static ef_status draw_site(const ef_sweep *s, uint64_t trial, size_t site,
                           ef_ber_flips *flips, ef_error *err)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(s->injector, &n);
    ef_target target = sites[site].target;
    int own = s->per_image && is_of_images(target);
    double rates[EF_RATES_MAX];
    ef_status status = EF_OK;
    for (size_t r = 0; r < s->n_rates; r++) {
        rates[r] = s->rates[r][target];
    }
    for (size_t i = 0; i < n_patterns(s, target) && !status; i++) {
        const ef_ber_key key = {.seed = s->seed,
                                .trial = trial,
                                .site = (uint32_t)site,
                                .image = own ? (int64_t)i : -1};
        status = ef_ber_strike_rates(&key, &sites[site], s->patterns, rates, s->n_rates,
                                     flips, err);
    }
    return status;
}

static ef_status draw_single(const ef_sweep *s, uint64_t trial,
                             const sweep_single *from, ef_ber_flips *flips,
                             ef_error *err)
{
    size_t n = n_patterns(s, from->target);
    int own = s->per_image && is_of_images(from->target);
    uint64_t size = ef_population_size(from->population);
    ef_status status = EF_OK;
    for (size_t i = 0; i < n; i++) {
        uint64_t k = (trial * n + i) % size;
        ef_flip flip =
            ef_population_flip(from->population, ef_permutation_at(&from->order, k));
        flip.image = own ? (int64_t)i : -1;
        for (size_t r = 0; r < s->n_rates && !status; r++) {
            status = ef_ber_flips_add(&flips[r], &flip, err);
        }
    }
    return status;
}

ef_status ef_sweep_draw(const ef_sweep *sweep, uint64_t trial, ef_ber_flips *flips,
                        ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < sweep->n_sites && !status; i++) {
        if (sweep->site_bits[i] > 0) {
            status = draw_site(sweep, trial, i, flips, err);
        }
    }
    for (size_t i = 0; i < sweep->n_singles && !status; i++) {
        status = draw_single(sweep, trial, &sweep->singles[i], flips, err);
    }
    return status;
}

double sweep_expected_bits(const ef_sweep *s, size_t rate)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(s->injector, &n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        ef_target target = sites[i].target;
        sum += (double)s->site_bits[i] * (double)n_patterns(s, target) *
               s->rates[rate][target];
    }
    for (size_t i = 0; i < s->n_singles; i++) {
        sum += (double)s->singles[i].bits * (double)n_patterns(s, s->singles[i].target);
    }
    return sum;
}

/* --- what came out ----------------------------------------------------------- */

size_t ef_sweep_n_rates(const ef_sweep *sweep)
{
    return sweep->n_rates;
}

uint64_t ef_sweep_n_trials(const ef_sweep *sweep)
{
    return sweep->trials;
}

unsigned ef_sweep_targets(const ef_sweep *sweep)
{
    return sweep->targets;
}

uint64_t ef_sweep_bits(const ef_sweep *sweep)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sweep->n_sites; i++) {
        sum += sweep->site_bits[i];
    }
    return sum;
}

uint64_t ef_sweep_site_bits(const ef_sweep *sweep, size_t site)
{
    return sweep->site_bits[site];
}

const ef_trial *ef_sweep_trial(const ef_sweep *sweep, uint64_t trial, size_t rate)
{
    return &sweep->found[(size_t)trial * sweep->n_rates + rate];
}

typedef uint64_t count_of(const ef_trial *trial);

static uint64_t changed(const ef_trial *trial)
{
    return trial->outcomes.sdc;
}

static uint64_t nonfinite(const ef_trial *trial)
{
    return trial->outcomes.nonfinite;
}

static uint64_t right(const ef_trial *trial)
{
    return trial->right;
}

/* scratch: (trials) */
static ef_status find_spread(const ef_sweep *s, size_t rate, count_of *count,
                             uint64_t *scratch, ef_spread *spread, ef_error *err)
{
    for (uint64_t t = 0; t < s->trials; t++) {
        scratch[t] = count(ef_sweep_trial(s, t, rate));
    }
    return ef_spread_find(spread, scratch, (size_t)s->trials,
                          ef_injector_n_images(s->injector), err);
}

ef_status ef_sweep_summarize(const ef_sweep *sweep, size_t rate, ef_sweep_rate *summary,
                             ef_error *err)
{
    ef_sweep_rate sum = {.rates = sweep->rates[rate],
                         .expected_bits = sweep_expected_bits(sweep, rate)};
    uint64_t *scratch = ef_calloc((size_t)sweep->trials, sizeof *scratch);
    if (!scratch) {
        return ef_error_memory(err);
    }
    uint64_t corrected = 0, bits = 0;
    double n = (double)sweep->trials;
    for (uint64_t t = 0; t < sweep->trials; t++) {
        bits += ef_sweep_trial(sweep, t, rate)->bits;
        corrected += ef_sweep_trial(sweep, t, rate)->outcomes.corrected;
    }
    sum.bits = (double)bits / n;
    sum.corrected =
        (double)corrected / n / (double)ef_injector_n_images(sweep->injector);
    ef_status status = find_spread(sweep, rate, changed, scratch, &sum.ccr, err);
    if (!status) {
        status = find_spread(sweep, rate, nonfinite, scratch, &sum.nonfinite, err);
    }
    if (!status) {
        status = find_spread(sweep, rate, right, scratch, &sum.accuracy, err);
    }
    ef_free(scratch);
    if (!status) {
        *summary = sum;
    }
    return status;
}
