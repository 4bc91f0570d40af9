#include "faultsim/strikes.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

static const char ber[] = "ber:";

/* Of one target, as they are written. */
typedef struct sweep {
    double rates[EF_RATES_MAX];
    size_t n;
} sweep;

/* "1e-6:1e-5"; word is cut at the colons. */
static ef_status parse_rates(sweep *found, char *word, ef_error *err)
{
    for (char *at = word; at;) {
        ef_error why = {EF_OK, ""};
        char *colon = strchr(at, ':');
        if (colon) {
            *colon = '\0';
        }
        if (found->n == EF_RATES_MAX) {
            return ef_error_set(err, EF_ERR_USAGE, "fault: more than %d rates",
                                EF_RATES_MAX);
        }
        if (ef_parse_f64(at, 0, 1, &found->rates[found->n++], &why)) {
            return ef_error_set(err, EF_ERR_USAGE, "fault: bit error rate: %s",
                                why.text);
        }
        at = colon ? colon + 1 : NULL;
    }
    return EF_OK;
}

static ef_status parse_strike(ef_strike *strike, sweep *rates, char *word,
                              ef_error *err)
{
    if (strncmp(word, ber, sizeof ber - 1) != 0) {
        return ef_strike_parse(strike, word, err);
    }
    *strike = (ef_strike){.kind = EF_FAULT_FLIP, .adjacent = 1, .is_ber = 1};
    return parse_rates(rates, word + sizeof ber - 1, err);
}

/* --- several rates ------------------------------------------------------------ */

static int compare_rows(const double *a, const double *b)
{
    for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
        if (a[t] != b[t]) {
            return a[t] > b[t] ? 1 : -1;
        }
    }
    return 0;
}

static void sort_rows(ef_strikes *s)
{
    for (size_t i = 1; i < s->n_rates; i++) {
        double row[EF_TARGET_COUNT];
        size_t k = i;
        memcpy(row, s->rates[i], sizeof row);
        for (; k > 0 && compare_rows(s->rates[k - 1], row) > 0; k--) {
            memcpy(s->rates[k], s->rates[k - 1], sizeof row);
        }
        memcpy(s->rates[k], row, sizeof row);
    }
}

/* The sweeps of targets, shape (EF_TARGET_COUNT), as rows. */
static ef_status join(ef_strikes *s, const sweep *sweeps, ef_error *err)
{
    for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
        s->n_rates = sweeps[t].n > s->n_rates ? sweeps[t].n : s->n_rates;
    }
    for (size_t t = 0; t < EF_TARGET_COUNT; t++) {
        size_t n = sweeps[t].n;
        if (n > 1 && n != s->n_rates) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "fault: %s has %zu rates, another target %zu",
                                ef_target_names[t], n, s->n_rates);
        }
        for (size_t i = 0; i < s->n_rates && n > 0; i++) {
            s->rates[i][t] = sweeps[t].rates[n > 1 ? i : 0];
        }
    }
    sort_rows(s);
    for (size_t i = 1; i < s->n_rates; i++) {
        if (compare_rows(s->rates[i - 1], s->rates[i]) == 0) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "fault: a bit error rate stands there twice");
        }
    }
    for (size_t t = 0; t < EF_TARGET_COUNT && s->n_rates > 0; t++) {
        s->strikes[t].rate = s->strikes[t].is_ber ? s->rates[0][t] : 0;
    }
    return EF_OK;
}

/* --- one target or several ------------------------------------------------------ */

/* "TARGET=FAULT"; word is cut. */
static ef_status parse_named(ef_strikes *s, sweep *sweeps, char *word, ef_error *err)
{
    char *equals = strchr(word, '=');
    ef_error why = {EF_OK, ""};
    size_t target = 0;
    if (!equals) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "fault: expected TARGET=FAULT, found '%s'", word);
    }
    *equals = '\0';
    if (ef_parse_choice(word, ef_target_names, EF_TARGET_COUNT, &target, &why)) {
        return ef_error_set(err, EF_ERR_USAGE, "fault: target: %s", why.text);
    }
    if (s->together >> target & 1) {
        return ef_error_set(err, EF_ERR_USAGE, "fault: %s stands there twice", word);
    }
    s->together |= 1U << target;
    return parse_strike(&s->strikes[target], &sweeps[target], equals + 1, err);
}

static ef_status parse_words(ef_strikes *s, sweep *sweeps, char *text, ef_error *err)
{
    ef_status status = EF_OK;
    if (!strchr(text, '=')) {
        status = parse_strike(&s->strikes[0], &sweeps[0], text, err);
        for (size_t t = 1; t < EF_TARGET_COUNT; t++) {
            s->strikes[t] = s->strikes[0];
            sweeps[t] = sweeps[0];
        }
        return status;
    }
    for (char *at = text; at && !status;) {
        char *comma = strchr(at, ',');
        if (comma) {
            *comma = '\0';
        }
        status = parse_named(s, sweeps, at, err);
        at = comma ? comma + 1 : NULL;
    }
    return status;
}

ef_status ef_strikes_parse(ef_strikes *strikes, const char *text, ef_error *err)
{
    ef_strikes found = {0};
    char *copy = ef_strdup(text);
    sweep *sweeps = ef_calloc(EF_TARGET_COUNT, sizeof *sweeps);
    ef_status status =
        copy && sweeps ? parse_words(&found, sweeps, copy, err) : ef_error_memory(err);
    status = status ? status : join(&found, sweeps, err);
    ef_free(copy);
    ef_free(sweeps);
    if (!status) {
        *strikes = found;
    }
    return status;
}
