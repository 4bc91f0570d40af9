/* A sweep in a run file. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/campaigns.h"
#include "study/sweep_priv.h"

/* --- saving ------------------------------------------------------------------ */

static ef_status put_campaign(const ef_sweep *s, ef_store *store, uint64_t id,
                              ef_error *err)
{
    ef_text targets = {0};
    ef_targets_write(s->targets, &targets);
    const ef_store_campaign row = {.id = id,
                                   .target = targets.bytes,
                                   .design = "trials",
                                   .population = ef_sweep_bits(s),
                                   .images = ef_injector_n_images(s->injector)};
    ef_status status =
        targets.failed ? ef_error_memory(err) : ef_store_put_campaign(store, &row, err);
    ef_text_clear(&targets);
    return status;
}

static void fill_row(const ef_sweep *s, uint64_t trial, size_t rate, uint64_t *row)
{
    const ef_trial *t = ef_sweep_trial(s, trial, rate);
    const uint64_t values[EF_STORE_TRIAL_COLUMNS] = {trial,
                                                     rate,
                                                     t->bits,
                                                     t->outcomes.benign,
                                                     t->outcomes.sdc,
                                                     t->outcomes.nonfinite,
                                                     t->outcomes.corrected,
                                                     t->right};
    memcpy(row, values, sizeof values);
}

ef_status ef_sweep_save(ef_sweep *sweep, ef_store *store, uint64_t id, ef_error *err)
{
    uint64_t *rows = ef_calloc(sweep->n_rates, EF_STORE_TRIAL_COLUMNS * sizeof *rows);
    ef_status status =
        rows ? put_campaign(sweep, store, id, err) : ef_error_memory(err);
    for (uint64_t t = sweep->saved; t < sweep->done && !status; t++) {
        for (size_t r = 0; r < sweep->n_rates; r++) {
            fill_row(sweep, t, r, &rows[r * EF_STORE_TRIAL_COLUMNS]);
        }
        status =
            ef_store_put_rows(store, EF_STORE_TRIAL, id, rows, sweep->n_rates, err);
    }
    ef_free(rows);
    if (!status) {
        sweep->saved = sweep->done;
    }
    return status;
}

/* --- restoring --------------------------------------------------------------- */

typedef struct reader {
    ef_sweep *sweep;
    ef_store *store;
    uint64_t n; /* rows so far */
} reader;

static ef_status take_row(void *context, const uint64_t *row, ef_error *err)
{
    reader *r = context;
    ef_sweep *s = r->sweep;
    uint64_t images = ef_injector_n_images(s->injector), sum = row[3] + row[4] + row[5];
    if (row[0] != r->n / s->n_rates || row[1] != r->n % s->n_rates ||
        row[0] >= s->trials || sum > images || row[6] > row[4] || row[7] > images) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s: its trials are not those of this sweep",
                            ef_store_path(r->store));
    }
    s->found[r->n++] = (ef_trial){.bits = row[2],
                                  .outcomes = {.images = images,
                                               .masked = images - sum,
                                               .benign = row[3],
                                               .sdc = row[4],
                                               .nonfinite = row[5],
                                               .corrected = row[6]},
                                  .right = row[7]};
    return EF_OK;
}

ef_status ef_sweep_restore(ef_sweep *sweep, ef_store *store, uint64_t id, ef_error *err)
{
    reader r = {sweep, store, 0};
    ef_status status = ef_store_each_row(store, EF_STORE_TRIAL, id, take_row, &r, err);
    sweep->done = sweep->saved = status ? 0 : r.n / sweep->n_rates;
    return status;
}
