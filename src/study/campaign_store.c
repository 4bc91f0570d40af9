/* A campaign in a run file. */
#include <string.h>

#include "base/mem.h"
#include "store/campaigns.h"
#include "study/campaign_priv.h"

#define ROWS 4096 /* that are put at once */

static const char *const design_names[EF_DESIGN_COUNT] = {
#define X(design, name) name,
    EF_DESIGN_LIST(X)
#undef X
};

/* --- saving ------------------------------------------------------------------ */

static ef_status put_campaign(const ef_campaign *c, ef_store *store, uint64_t id,
                              ef_error *err)
{
    const ef_store_campaign row = {.id = id,
                                   .target = ef_campaign_name(c),
                                   .design = design_names[c->design],
                                   .population = ef_campaign_population(c),
                                   .images = c->n_images};
    return ef_store_put_campaign(store, &row, err);
}

/* Rows from numbers [first, first + n) of something. */
typedef void fill_row(const ef_campaign *c, size_t at, uint64_t *row);

static ef_status put_all(const ef_campaign *c, ef_store *store, uint64_t id,
                         ef_store_table table, fill_row *fill, size_t first, size_t n,
                         ef_error *err)
{
    size_t n_columns = ef_store_n_columns(table);
    uint64_t *rows = ef_calloc(ROWS * n_columns, sizeof *rows);
    ef_status status = rows ? EF_OK : ef_error_memory(err);
    while (n > 0 && !status) {
        size_t some = n < ROWS ? n : ROWS;
        for (size_t i = 0; i < some; i++) {
            fill(c, first + i, &rows[i * n_columns]);
        }
        status = ef_store_put_rows(store, table, id, rows, some, err);
        first += some;
        n -= some;
    }
    ef_free(rows);
    return status;
}

static void fill_outcome(const ef_campaign *c, size_t at, uint64_t *row)
{
    const outcome *o = &c->outcomes[at];
    const uint64_t values[EF_STORE_OUTCOME_COLUMNS] = {
        at, o->number, o->benign, o->sdc, o->nonfinite, o->corrected};
    memcpy(row, values, sizeof values);
}

/* Two rows of each stratum: pilot or uniform sample, rest. */
static void fill_stratum(const ef_campaign *c, size_t at, uint64_t *row)
{
    const stratum *s = &c->strata[at / 2];
    const ef_campaign_count *count = &s->counts[at % 2];
    const uint64_t values[EF_STORE_STRATUM_COLUMNS] = {at / 2,
                                                       at % 2,
                                                       s->place.site,
                                                       s->place.bit,
                                                       s->place.size,
                                                       count->tally.n,
                                                       count->tally.failures,
                                                       count->tally.squares,
                                                       count->tally.hit,
                                                       count->nonfinite.failures,
                                                       count->nonfinite.squares,
                                                       count->nonfinite.hit,
                                                       count->critical,
                                                       count->corrected};
    memcpy(row, values, sizeof values);
}

static void fill_image(const ef_campaign *c, size_t at, uint64_t *row)
{
    const ef_image_failures *f = &c->image_failures[at];
    const uint64_t values[EF_STORE_IMAGE_COLUMNS] = {
        at, ef_injector_indices(c->injector)[at], f->sdc, f->nonfinite};
    memcpy(row, values, sizeof values);
}

static void fill_change(const ef_campaign *c, size_t at, uint64_t *row)
{
    const uint64_t values[EF_STORE_CHANGE_COLUMNS] = {
        at / c->n_classes, at % c->n_classes, c->changes[at]};
    memcpy(row, values, sizeof values);
}

/* Those that are not zero. */
static ef_status put_changes(const ef_campaign *c, ef_store *store, uint64_t id,
                             ef_error *err)
{
    ef_status status = EF_OK;
    for (size_t i = 0; i < c->n_classes * c->n_classes && !status; i++) {
        if (c->changes[i] > 0) {
            status = put_all(c, store, id, EF_STORE_CHANGE, fill_change, i, 1, err);
        }
    }
    return status;
}

ef_status ef_campaign_save(ef_campaign *campaign, ef_store *store, uint64_t id,
                           ef_error *err)
{
    ef_campaign *c = campaign;
    size_t n = c->n_outcomes - c->n_saved;
    size_t n_strata = c->design == EF_DESIGN_STRATIFIED ? 2 * c->n_strata : 0;
    ef_status status = put_campaign(c, store, id, err);
    if (!status) {
        status =
            put_all(c, store, id, EF_STORE_OUTCOME, fill_outcome, c->n_saved, n, err);
    }
    if (!status && n_strata > 0) {
        status =
            put_all(c, store, id, EF_STORE_STRATUM, fill_stratum, 0, n_strata, err);
    }
    for (size_t i = 0; i < c->n_strata && !status && n_strata == 0; i++) {
        status = put_all(c, store, id, EF_STORE_STRATUM, fill_stratum, 2 * i, 1, err);
    }
    if (!status) {
        status = put_all(c, store, id, EF_STORE_IMAGE, fill_image, 0, c->n_images, err);
    }
    status = status ? status : put_changes(c, store, id, err);
    if (!status) {
        c->n_saved = c->n_outcomes;
    }
    return status;
}

/* --- restoring --------------------------------------------------------------- */

typedef struct reader {
    ef_campaign *campaign;
    ef_store *store;
} reader;

static ef_status mismatch(const reader *r, ef_error *err)
{
    return ef_error_set(err, EF_ERR_INPUT,
                        "%s: its numbers of %s are not those of this campaign",
                        ef_store_path(r->store), ef_campaign_name(r->campaign));
}

static ef_status take_stratum(void *context, const uint64_t *row, ef_error *err)
{
    const reader *r = context;
    ef_campaign *c = r->campaign;
    if (row[0] >= c->n_strata || row[1] > 1 || row[4] != c->strata[row[0]].place.size) {
        return mismatch(r, err);
    }
    c->strata[row[0]].counts[row[1]] =
        (ef_campaign_count){.tally = {row[5], row[6], row[7], row[8]},
                            .nonfinite = {row[5], row[9], row[10], row[11]},
                            .critical = row[12],
                            .corrected = row[13]};
    return EF_OK;
}

static ef_status take_outcome(void *context, const uint64_t *row, ef_error *err)
{
    const reader *r = context;
    ef_campaign *c = r->campaign;
    uint64_t sum = row[2] + row[3] + row[4];
    if (row[0] != c->n_outcomes || row[0] >= ef_campaign_most(c) || sum > c->n_images ||
        row[5] > row[3]) {
        return mismatch(r, err);
    }
    ef_status status = campaign_reserve(c, 1, err);
    if (!status) {
        c->outcomes[c->n_outcomes++] =
            (outcome){row[1], (uint32_t)row[2], (uint32_t)row[3], (uint32_t)row[4],
                      (uint32_t)row[5]};
    }
    return status;
}

static ef_status take_image(void *context, const uint64_t *row, ef_error *err)
{
    const reader *r = context;
    if (row[0] >= r->campaign->n_images) {
        return mismatch(r, err);
    }
    r->campaign->image_failures[row[0]] = (ef_image_failures){row[2], row[3]};
    return EF_OK;
}

static ef_status take_change(void *context, const uint64_t *row, ef_error *err)
{
    const reader *r = context;
    size_t n = r->campaign->n_classes;
    if (row[0] >= n || row[1] >= n) {
        return mismatch(r, err);
    }
    r->campaign->changes[row[0] * n + row[1]] = row[2];
    return EF_OK;
}

/* The plan as far as it was carried out: it depends on the pilot alone. */
static ef_status plan_again(ef_campaign *c, ef_error *err)
{
    ef_status status = EF_OK;
    while (c->design == EF_DESIGN_STRATIFIED && !status && c->planned < c->n_outcomes) {
        status = campaign_plan(c, err);
    }
    return status;
}

/* The faults are those that this campaign draws. */
static ef_status check_draws(const reader *r, ef_error *err)
{
    const ef_campaign *c = r->campaign;
    ef_flip *flips = ef_calloc(c->n_flips, sizeof *flips);
    int is_same = flips != NULL;
    for (size_t k = 0; k < c->n_outcomes && is_same; k++) {
        ef_fault fault;
        uint64_t number;
        campaign_draw(c, k, 1, flips, &fault, &number);
        is_same = number == c->outcomes[k].number;
    }
    ef_free(flips);
    return is_same ? EF_OK : flips ? mismatch(r, err) : ef_error_memory(err);
}

ef_status ef_campaign_restore(ef_campaign *campaign, ef_store *store, uint64_t id,
                              ef_error *err)
{
    static const struct {
        ef_store_table table;
        ef_row_visitor *take;
    } rows[] = {{EF_STORE_OUTCOME, take_outcome},
                {EF_STORE_STRATUM, take_stratum},
                {EF_STORE_IMAGE, take_image},
                {EF_STORE_CHANGE, take_change}};
    reader r = {campaign, store};
    ef_status status = EF_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !status; i++) {
        status = ef_store_each_row(store, rows[i].table, id, rows[i].take, &r, err);
    }
    campaign->n_saved = campaign->n_outcomes;
    status = status ? status : plan_again(campaign, err);
    return status ? status : check_draws(&r, err);
}
