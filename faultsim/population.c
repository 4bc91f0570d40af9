#include "faultsim/population.h"

#include <fnmatch.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/permutation.h"

/* What is chosen of one site. */
typedef struct chosen {
    uint32_t site;
    unsigned n_places;
    uint64_t n_moments;    /* of an element */
    uint64_t channel_size; /* elements of one channel, times their moments */
    uint64_t n_channels;   /* of the site */
    uint64_t n_elements;   /* chosen, times their moments */
    uint64_t base;         /* number of its first fault */
    size_t stratum;        /* its first */
    uint64_t masks[64];    /* (n_places) */
} chosen;

struct ef_population {
    chosen *sites; /* (n_sites), ascending by site and by base */
    size_t n_sites, n_strata;
    uint64_t size;
    ef_numbers channels; /* owned */
    ef_fault_kind kind;
};

/* --- what is chosen ---------------------------------------------------------- */

typedef struct request {
    const ef_topology *topology;
    const ef_site *sites;
    size_t n_sites;
    const ef_selection *selection;
    const ef_strike *strike;
} request;

/* Whether one of the first `length` characters' pattern matches. */
static int matches(const char *pattern, size_t length, const char *name)
{
    char copy[EF_NAME_SIZE];
    if (length >= sizeof copy) {
        return 0;
    }
    memcpy(copy, pattern, length);
    copy[length] = '\0';
    return fnmatch(copy, name, 0) == 0;
}

static const char *node_name(const request *r, const ef_site *site)
{
    return ef_topology_node(r->topology, site->node)->name;
}

static int is_target(const request *r, const ef_site *site)
{
    return (r->selection->targets >> site->target & 1) != 0;
}

static int is_named(const request *r, const ef_site *site)
{
    const char *at = r->selection->nodes;
    for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if (matches(at, strcspn(at, ","), node_name(r, site))) {
            return 1;
        }
    }
    return !r->selection->nodes;
}

static int is_chosen(const request *r, const ef_site *site)
{
    return is_target(r, site) && is_named(r, site);
}

/* Each pattern has to match a site of a chosen target. */
static ef_status check_nodes(const request *r, ef_error *err)
{
    const char *at = r->selection->nodes;
    for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t length = strcspn(at, ","), i = 0;
        while (i < r->n_sites && !(is_target(r, &r->sites[i]) &&
                                   matches(at, length, node_name(r, &r->sites[i])))) {
            i++;
        }
        if (i == r->n_sites) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "--nodes: no node '%.*s' stores what faults are to "
                                "strike",
                                (int)(length < EF_NAME_SIZE ? length : EF_NAME_SIZE),
                                at);
        }
    }
    return EF_OK;
}

static uint64_t channels_of(const request *r, const ef_site *site)
{
    uint64_t channels = ef_topology_shape(r->topology, site->node).channels;
    return site->count % channels == 0 ? channels : 1;
}

/* No number of the option lies beyond what every chosen site has. */
static ef_status check_numbers(const ef_numbers *numbers, const char *option,
                               uint64_t limit, ef_error *err)
{
    uint64_t last = numbers->n > 0 ? numbers->spans[numbers->n - 1].last : 0;
    if (numbers->n > 0 && last >= limit) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "%s: expected numbers from 0 to %llu, found %llu", option,
                            (unsigned long long)limit - 1, (unsigned long long)last);
    }
    return EF_OK;
}

static const char *first_target(const request *r)
{
    size_t target = 0;
    while (target + 1 < EF_TARGET_COUNT && !(r->selection->targets >> target & 1)) {
        target++;
    }
    return ef_target_names[target];
}

static ef_status check_request(const request *r, ef_error *err)
{
    uint64_t channels = 0, bits = 0;
    for (size_t i = 0; i < r->n_sites; i++) {
        const ef_site *site = &r->sites[i];
        if (is_chosen(r, site) && site->count > 0) {
            uint64_t own = channels_of(r, site);
            channels = own > channels ? own : channels;
            bits = site->bits > bits ? site->bits : bits;
        }
    }
    ef_status status = check_nodes(r, err);
    if (!status && channels == 0) {
        status = ef_error_set(err, EF_ERR_USAGE,
                              "--target: the network in these formats stores no %s",
                              first_target(r));
    }
    if (!status) {
        status = check_numbers(&r->selection->channels, "--channels", channels, err);
    }
    return status ? status : check_numbers(&r->selection->bits, "--bits", bits, err);
}

/* --- making ------------------------------------------------------------------ */

static uint64_t adjacent_mask(unsigned k)
{
    return k < 64 ? (UINT64_C(1) << k) - 1 : UINT64_MAX;
}

static void choose_places(chosen *c, const request *r, const ef_site *site)
{
    uint64_t allowed = 0, run = adjacent_mask(r->strike->adjacent);
    for (unsigned bit = 0; bit < site->bits; bit++) {
        allowed |= (uint64_t)ef_numbers_have(&r->selection->bits, bit) << bit;
    }
    for (unsigned bit = 0; bit + r->strike->adjacent <= site->bits; bit++) {
        uint64_t mask = run << bit;
        if ((allowed & mask) == mask) {
            c->masks[c->n_places++] = mask;
        }
    }
}

static uint64_t count_channels(const ef_numbers *channels, uint64_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < channels->n && channels->spans[i].first < n; i++) {
        uint64_t last = channels->spans[i].last;
        sum += (last < n ? last : n - 1) - channels->spans[i].first + 1;
    }
    return channels->n > 0 ? sum : n;
}

static ef_status choose_sites(ef_population *p, const request *r, ef_error *err)
{
    for (size_t i = 0; i < r->n_sites; i++) {
        const ef_site *site = &r->sites[i];
        if (!is_chosen(r, site)) {
            continue;
        }
        chosen c = {.site = (uint32_t)i, .base = p->size, .stratum = p->n_strata};
        c.n_channels = channels_of(r, site);
        c.n_moments = site->n_moments;
        if (site->count > EF_PERMUTATION_MAX / c.n_moments) {
            return ef_error_set(err, EF_ERR_UNSUPPORTED, "more than 2^62 faults");
        }
        c.channel_size = site->count / c.n_channels * c.n_moments;
        c.n_elements = count_channels(&p->channels, c.n_channels) * c.channel_size;
        choose_places(&c, r, site);
        if (c.n_places == 0 || c.n_elements == 0) {
            continue;
        }
        if (c.n_elements > (EF_PERMUTATION_MAX - p->size) / c.n_places) {
            return ef_error_set(err, EF_ERR_UNSUPPORTED, "more than 2^62 faults");
        }
        p->size += c.n_elements * c.n_places;
        p->n_strata += c.n_places;
        p->sites[p->n_sites++] = c;
    }
    if (p->size == 0) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "no element has %u adjacent bit%s in the chosen bits and "
                            "channels",
                            r->strike->adjacent, r->strike->adjacent > 1 ? "s" : "");
    }
    return EF_OK;
}

static ef_status copy_numbers(ef_numbers *to, const ef_numbers *from, ef_error *err)
{
    if (from->n > 0) {
        to->spans = ef_memdup(from->spans, from->n * sizeof *from->spans);
        if (!to->spans) {
            return ef_error_memory(err);
        }
        to->n = from->n;
    }
    return EF_OK;
}

ef_status ef_population_create(ef_population **population, const ef_topology *topology,
                               const ef_site *sites, size_t n_sites,
                               const ef_selection *selection, const ef_strike *strike,
                               ef_error *err)
{
    request r = {topology, sites, n_sites, selection, strike};
    ef_status status = check_request(&r, err);
    if (status) {
        return status;
    }
    ef_population *p = ef_calloc(1, sizeof *p);
    chosen *room = ef_calloc(n_sites, sizeof *room);
    if (!p || !room) {
        ef_free(p);
        ef_free(room);
        return ef_error_memory(err);
    }
    p->sites = room;
    p->kind = strike->kind;
    status = copy_numbers(&p->channels, &selection->channels, err);
    if (!status) {
        status = choose_sites(p, &r, err);
    }
    if (status) {
        ef_population_destroy(p);
        return status;
    }
    *population = p;
    return EF_OK;
}

void ef_population_destroy(ef_population *population)
{
    if (population) {
        ef_numbers_clear(&population->channels);
        ef_free(population->sites);
        ef_free(population);
    }
}

/* --- numbers and flips ------------------------------------------------------- */

uint64_t ef_population_size(const ef_population *population)
{
    return population->size;
}

/* The chosen elements in order: the channel of the n-th chosen channel. */
static uint64_t nth_channel(const ef_numbers *channels, uint64_t n)
{
    for (size_t i = 0; i < channels->n; i++) {
        uint64_t size = channels->spans[i].last - channels->spans[i].first + 1;
        if (n < size) {
            return channels->spans[i].first + n;
        }
        n -= size;
    }
    return n;
}

/* The last site whose faults begin at k or before. */
static const chosen *site_of(const ef_population *p, uint64_t k)
{
    size_t low = 0, high = p->n_sites;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (p->sites[middle].base <= k) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &p->sites[low];
}

ef_flip ef_population_flip(const ef_population *population, uint64_t k)
{
    const chosen *c = site_of(population, k);
    uint64_t element = (k - c->base) / c->n_places;
    uint64_t channel = nth_channel(&population->channels, element / c->channel_size);
    uint64_t place = channel * c->channel_size + element % c->channel_size;
    return (ef_flip){
        .site = c->site,
        .index = place / c->n_moments,
        .mask = c->masks[(k - c->base) % c->n_places],
        .kind = population->kind,
        .image = -1,
        .moment = place % c->n_moments,
    };
}

/* NULL where the site is not among the chosen. */
static const chosen *find_site(const ef_population *p, uint32_t site)
{
    size_t low = 0, high = p->n_sites;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->sites[middle].site < site) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < p->n_sites && p->sites[low].site == site ? &p->sites[low] : NULL;
}

static int has_element(const ef_population *p, const chosen *c, uint64_t index)
{
    uint64_t channel = index / (c->channel_size / c->n_moments);
    return channel < c->n_channels && ef_numbers_have(&p->channels, channel);
}

int ef_population_find(const ef_population *population, const ef_flip *flip,
                       uint64_t *k)
{
    const chosen *c = find_site(population, flip->site);
    if (!c || flip->kind != population->kind || flip->moment >= c->n_moments ||
        !has_element(population, c, flip->index)) {
        return 0;
    }
    uint64_t spot = flip->index * c->n_moments + flip->moment;
    uint64_t channel = spot / c->channel_size;
    uint64_t ordinal = population->channels.n > 0
                           ? count_channels(&population->channels, channel)
                           : channel;
    uint64_t element = ordinal * c->channel_size + spot % c->channel_size;
    for (unsigned place = 0; place < c->n_places; place++) {
        if (c->masks[place] == flip->mask) {
            *k = c->base + element * c->n_places + place;
            return 1;
        }
    }
    return 0;
}

int ef_population_has_bit(const ef_population *population, uint32_t site,
                          uint64_t index, unsigned bit)
{
    const chosen *c = find_site(population, site);
    if (!c || !has_element(population, c, index)) {
        return 0;
    }
    for (unsigned place = 0; place < c->n_places; place++) {
        if (c->masks[place] >> bit & 1) {
            return 1;
        }
    }
    return 0;
}

/* --- strata ------------------------------------------------------------------ */

size_t ef_population_n_strata(const ef_population *population)
{
    return population->n_strata;
}

static const chosen *site_of_stratum(const ef_population *p, size_t stratum)
{
    size_t low = 0, high = p->n_sites;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (p->sites[middle].stratum <= stratum) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &p->sites[low];
}

ef_stratum_place ef_population_stratum(const ef_population *population, size_t stratum)
{
    const chosen *c = site_of_stratum(population, stratum);
    ef_stratum_place found = {
        .site = c->site,
        .mask = c->masks[stratum - c->stratum],
        .size = c->n_elements,
    };
    while (!(found.mask >> found.bit & 1)) {
        found.bit++;
    }
    return found;
}

uint64_t ef_population_in_stratum(const ef_population *population, size_t stratum,
                                  uint64_t j)
{
    const chosen *c = site_of_stratum(population, stratum);
    return c->base + j * c->n_places + (stratum - c->stratum);
}

size_t ef_population_stratum_of(const ef_population *population, uint64_t k)
{
    const chosen *c = site_of(population, k);
    return c->stratum + (size_t)((k - c->base) % c->n_places);
}
