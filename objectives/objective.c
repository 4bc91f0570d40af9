#include "objectives/objective.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/text.h"

const char *ef_direction_name(ef_direction direction)
{
    return direction == EF_MAXIMISE ? "maximised" : "minimised";
}

const char *ef_cost_name(ef_cost cost)
{
    static const char *const names[EF_COST_COUNT] = {"topology", "trained", "injected"};
    return names[cost];
}

/* --- names and keys --- */

/* A piece of the text: from start, of this length. */
typedef struct piece {
    const char *start;
    size_t length;
} piece;

static piece piece_until(const char *text, const char *end, char stop)
{
    const char *at = memchr(text, stop, (size_t)(end - text));
    return (piece){text, (size_t)((at ? at : end) - text)};
}

static int piece_is(piece p, const char *word)
{
    return strlen(word) == p.length && memcmp(p.start, word, p.length) == 0;
}

static ef_status unknown_objective(piece name, ef_error *err)
{
    char known[512] = "";
    size_t used = 0;
    for (const ef_objective_row *row = ef_objective_rows; row->name; row++) {
        int size = snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                            row->name);
        used += (size_t)size < sizeof known - used ? (size_t)size : 0;
    }
    return ef_error_set(err, EF_ERR_INPUT, "no objective '%.*s'; there are %s",
                        (int)(name.length < 64 ? name.length : 64), name.start, known);
}

static const ef_objective_row *find_row(piece name)
{
    for (const ef_objective_row *row = ef_objective_rows; row->name; row++) {
        if (piece_is(name, row->name)) {
            return row;
        }
    }
    return NULL;
}

static const char *const targets[] = {
#define X(exposed, name) name,
    EF_EXPOSED_LIST(X)
#undef X
};

static ef_status read_format(ef_objective *objective, const char *value, ef_error *err)
{
    return ef_format_parse(value, &objective->format, err);
}

static ef_status read_target(ef_objective *objective, const char *value, ef_error *err)
{
    size_t index = 0;
    ef_status status = ef_parse_choice(value, targets, EF_EXPOSED_COUNT, &index, err);
    objective->target = status ? objective->target : (ef_exposed)index;
    return status;
}

static ef_status read_ber(ef_objective *objective, const char *value, ef_error *err)
{
    return ef_parse_f64(value, 1e-15, 1, &objective->ber, err);
}

static ef_status read_exposure(ef_objective *objective, const char *value,
                               ef_error *err)
{
    return ef_parse_f64(value, 0, 1, &objective->exposure, err);
}

static ef_status read_form(ef_objective *objective, const char *value, ef_error *err)
{
    size_t n = 0, index = 0;
    while (objective->row->forms[n]) {
        n++;
    }
    ef_status status = ef_parse_choice(value, objective->row->forms, n, &index, err);
    objective->form = status ? objective->form : (unsigned)index;
    return status;
}

/* Each writes the key with its value where it is not the default. */
static void write_format(const ef_objective *objective, ef_text *text)
{
    char format[EF_FORMAT_NAME];
    ef_format_name(&objective->format, format);
    ef_text_add(text, "%s%s", format[0] ? ":format=" : "", format);
}

static void write_target(const ef_objective *objective, ef_text *text)
{
    if (objective->target != EF_EXPOSED_BOTH) {
        ef_text_add(text, ":target=%s", targets[objective->target]);
    }
}

static void write_ber(const ef_objective *objective, ef_text *text)
{
    if (objective->ber > 0) {
        ef_text_add(text, ":ber=");
        ef_text_add_double(text, objective->ber);
    }
}

static void write_exposure(const ef_objective *objective, ef_text *text)
{
    if (objective->exposure >= 0) {
        ef_text_add(text, ":exposure=");
        ef_text_add_double(text, objective->exposure);
    }
}

static void write_form(const ef_objective *objective, ef_text *text)
{
    if (objective->form > 0) {
        ef_text_add(text, ":form=%s", objective->row->forms[objective->form]);
    }
}

/* What keys there are; a row names those that it takes. */
static const struct {
    const char *name;
    ef_status (*read)(ef_objective *objective, const char *value, ef_error *err);
    void (*write)(const ef_objective *objective, ef_text *text);
} keys[] = {
    {"format", read_format, write_format}, {"target", read_target, write_target},
    {"ber", read_ber, write_ber},          {"exposure", read_exposure, write_exposure},
    {"form", read_form, write_form},
};

static int row_takes(const ef_objective_row *row, piece key)
{
    const char *end = row->keys + strlen(row->keys);
    for (const char *at = row->keys; at < end;) {
        piece word = piece_until(at, end, ' ');
        if (word.length == key.length && !memcmp(word.start, key.start, key.length)) {
            return 1;
        }
        at += word.length + 1;
    }
    return 0;
}

static ef_status read_key(ef_objective *objective, piece text, ef_error *err)
{
    piece key = piece_until(text.start, text.start + text.length, '=');
    const char *row_name = objective->row->name;
    char value[64];
    if (!row_takes(objective->row, key)) {
        return ef_error_set(err, EF_ERR_INPUT, "%s takes no key '%.*s'%s%s", row_name,
                            (int)(key.length < 64 ? key.length : 64), key.start,
                            objective->row->keys[0] ? "; it takes " : "",
                            objective->row->keys);
    }
    size_t size = key.length < text.length ? text.length - key.length - 1 : 0;
    if (size == 0 || size >= sizeof value) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: expected %.*s=VALUE", row_name,
                            (int)key.length, key.start);
    }
    memcpy(value, key.start + key.length + 1, size);
    value[size] = '\0';
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (piece_is(key, keys[i].name)) {
            return keys[i].read(objective, value, err);
        }
    }
    return EF_ERR_FAILED;
}

/* The text that stands for the objective everywhere: in files, tables, run files. */
static ef_status write_name(ef_objective *objective, ef_error *err)
{
    ef_text text = {0};
    ef_text_add(&text, "%s", objective->row->name);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        keys[i].write(objective, &text);
    }
    ef_status status = text.failed ? ef_error_memory(err) : EF_OK;
    if (!status && text.size >= sizeof objective->name) {
        status = ef_error_set(err, EF_ERR_INPUT, "%s: too many keys at once",
                              objective->row->name);
    }
    if (!status) {
        memcpy(objective->name, text.bytes, text.size + 1);
    }
    ef_text_clear(&text);
    return status;
}

static ef_status parse_piece(ef_objective *objective, piece text, ef_error *err)
{
    const char *end = text.start + text.length;
    piece name = piece_until(text.start, end, ':');
    ef_objective made = {
        .row = find_row(name), .target = EF_EXPOSED_BOTH, .exposure = -1};
    if (!made.row) {
        return unknown_objective(name, err);
    }
    for (const char *at = name.start + name.length; at < end;) {
        piece key = piece_until(at + 1, end, ':');
        ef_status status = read_key(&made, key, err);
        if (status != EF_OK) {
            return status;
        }
        at = key.start + key.length;
    }
    ef_status status = write_name(&made, err);
    if (status == EF_OK) {
        *objective = made;
    }
    return status;
}

ef_status ef_objective_parse(ef_objective *objective, const char *text, ef_error *err)
{
    return parse_piece(objective, (piece){text, strlen(text)}, err);
}

static ef_status check_new(const ef_objective_list *list, ef_error *err)
{
    const char *name = list->items[list->n].name;
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->items[i].name, name) == 0) {
            return ef_error_set(err, EF_ERR_INPUT, "objective %s stands there twice",
                                name);
        }
    }
    return EF_OK;
}

ef_status ef_objective_parse_list(ef_objective_list *list, const char *text,
                                  ef_error *err)
{
    ef_objective_list made = {.n = 0};
    const char *end = text + strlen(text);
    for (const char *at = text;; made.n++) {
        if (made.n == EF_OBJECTIVES_MAX) {
            return ef_error_set(err, EF_ERR_INPUT, "more than %d objectives",
                                EF_OBJECTIVES_MAX);
        }
        piece word = piece_until(at, end, ',');
        ef_status status = parse_piece(&made.items[made.n], word, err);
        status = status == EF_OK ? check_new(&made, err) : status;
        if (status != EF_OK) {
            return status;
        }
        at = word.start + word.length + 1;
        if (at > end) {
            made.n++;
            break;
        }
    }
    *list = made;
    return EF_OK;
}

static ef_status score_one(const ef_topology *topology,
                           const ef_objective_context *context,
                           const ef_objective *objective, double *value, ef_error *err)
{
    *value = NAN;
    if (objective->row->needs & EF_NEEDS_ACCELERATOR && !context->accelerator) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "%s needs an accelerator: give --hardware FILE",
                            objective->row->name);
    }
    return objective->row->score
               ? objective->row->score(topology, objective, context, value, err)
               : EF_OK;
}

ef_status ef_objective_score(const ef_topology *topology,
                             const ef_objective_context *context,
                             const ef_objective_list *list, double *values,
                             ef_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        ef_status status =
            score_one(topology, context, &list->items[i], &values[i], err);
        if (status != EF_OK) {
            return status;
        }
    }
    return EF_OK;
}

/* --- what a context has to have --- */

static int lacks_accelerator(const ef_objective_context *context,
                             const ef_objective *objective)
{
    (void)objective;
    return !context->accelerator;
}

/* One flip of either target: how many of the flips strike weights has to be known. */
static int lacks_exposure(const ef_objective_context *context,
                          const ef_objective *objective)
{
    return objective->target == EF_EXPOSED_BOTH && objective->ber == 0 &&
           objective->exposure < 0 && !context->accelerator;
}

/* Each need of a row: in short, and what to say where it is not met. */
static const struct {
    unsigned need;
    const char *name;
    int (*is_lacking)(const ef_objective_context *context,
                      const ef_objective *objective);
    const char *words;
} needs[] = {
    {EF_NEEDS_ACCELERATOR, "hardware", lacks_accelerator,
     "needs an accelerator, which --hardware FILE gives"},
    {EF_NEEDS_EXPOSURE, "", lacks_exposure,
     "of one flip needs the share of flips that strike weights: say target=weights, "
     "target=activations or exposure=SHARE, or give --hardware FILE"},
};

void ef_objective_write_needs(const ef_objective_row *row, ef_text *text)
{
    ef_text_add(text, "%s", ef_cost_name(row->cost));
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if ((row->needs & needs[i].need) && needs[i].name[0]) {
            ef_text_add(text, ", %s", needs[i].name);
        }
    }
}

ef_status ef_objective_check(const ef_objective_context *context,
                             const ef_objective *objective, ef_error *err)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if ((objective->row->needs & needs[i].need) &&
            needs[i].is_lacking(context, objective)) {
            return ef_error_set(err, EF_ERR_USAGE, "%s %s", objective->name,
                                needs[i].words);
        }
    }
    return EF_OK;
}

/* --- limits --- */

/* A count, a plain number, or a quantity in the objective's unit. */
static ef_status parse_bound(ef_limit *limit, const char *text, ef_error *err)
{
    uint64_t count;
    const ef_objective_row *row = limit->objective.row;
    int is_share = strcmp(row->unit, "share") == 0;
    if (ef_parse_count(text, 0, UINT64_MAX, &count, NULL) == EF_OK) {
        limit->bound = (double)count;
        return EF_OK;
    }
    ef_status status = ef_parse_f64(text, 0, DBL_MAX, &limit->bound, NULL);
    if (status && row->unit[0]) {
        status = ef_parse_quantity(text, is_share ? "" : row->unit, 0, DBL_MAX,
                                   &limit->bound, NULL);
    }
    if (!status) {
        return EF_OK;
    }
    if (row->unit[0] && !is_share) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "expected a bound for %s in %s (a number, or a quantity "
                            "such as 5k%s), found '%s'",
                            row->name, row->unit, row->unit, text);
    }
    return ef_error_set(err, EF_ERR_INPUT, "expected a bound for %s (%s), found '%s'",
                        row->name,
                        is_share ? "such as 0.05 or 5%" : "such as 500 or 50k", text);
}

ef_status ef_limit_parse(ef_limit *limit, const char *text, ef_error *err)
{
    const char *sign = strpbrk(text, "<>");
    if (!sign || sign[1] != '=') {
        return ef_error_set(err, EF_ERR_INPUT,
                            "expected NAME<=BOUND or NAME>=BOUND, found '%s'", text);
    }
    piece name = {text, (size_t)(sign - text)};
    while (name.length > 0 && name.start[name.length - 1] == ' ') {
        name.length--;
    }
    ef_limit made = {.at_least = *sign == '>'};
    ef_status status = parse_piece(&made.objective, name, err);
    if (status == EF_OK) {
        status = parse_bound(&made, sign + 2 + strspn(sign + 2, " "), err);
    }
    if (status == EF_OK) {
        *limit = made;
    }
    return status;
}

double ef_limit_violation(const ef_limit *limit, double value)
{
    double excess = limit->at_least ? limit->bound - value : value - limit->bound;
    if (isnan(excess)) {
        return INFINITY;
    }
    return excess <= 0 ? 0 : excess / (limit->bound > 0 ? limit->bound : 1);
}

ef_status ef_limit_score(const ef_topology *topology,
                         const ef_objective_context *context, const ef_limit *limits,
                         size_t n, double *violation, ef_error *err)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double value;
        ef_status status =
            score_one(topology, context, &limits[i].objective, &value, err);
        if (status != EF_OK) {
            return status;
        }
        if (limits[i].objective.row->cost == EF_COST_TOPOLOGY) {
            sum += ef_limit_violation(&limits[i], value);
        }
    }
    *violation = sum;
    return EF_OK;
}
