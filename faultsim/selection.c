#include "faultsim/selection.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

const char *const ef_target_names[EF_TARGET_COUNT] = {
#define X(target, name) name,
    EF_TARGET_LIST(X)
#undef X
};

const char *const ef_fault_kind_names[EF_FAULT_KIND_COUNT] = {
#define X(kind, name) name,
    EF_FAULT_KIND_LIST(X)
#undef X
};

/* --- lists ------------------------------------------------------------------- */

#define WORD_SIZE 64 /* with the NUL */

/* Copies the next of the words between commas; 0 where it does not fit. */
static int next_word(const char **text, char word[WORD_SIZE])
{
    size_t length = strcspn(*text, ",");
    if (length >= WORD_SIZE) {
        return 0;
    }
    memcpy(word, *text, length);
    word[length] = '\0';
    *text += length;
    return 1;
}

/* 1 while words follow; steps over the comma. */
static int has_more(const char **text)
{
    int more = **text == ',';
    *text += more;
    return more;
}

static int parse_number(const char *text, uint64_t *number, ef_error *why)
{
    return ef_parse_u64(text, 0, UINT32_MAX, number, why) == EF_OK;
}

static ef_status parse_span(ef_number_span *span, const char *option, char *word,
                            ef_error *err)
{
    ef_error why = {EF_OK, ""};
    char *dash = strchr(word, '-');
    if (dash) {
        *dash = '\0';
    }
    if (!parse_number(word, &span->first, &why) ||
        !parse_number(dash ? dash + 1 : word, &span->last, &why)) {
        return ef_error_set(err, EF_ERR_USAGE, "%s: %s", option, why.text);
    }
    if (span->first > span->last) {
        return ef_error_set(err, EF_ERR_USAGE, "%s: %s-%s holds no number", option,
                            word, dash + 1);
    }
    return EF_OK;
}

static int compare_spans(const void *a, const void *b)
{
    uint64_t x = ((const ef_number_span *)a)->first;
    uint64_t y = ((const ef_number_span *)b)->first;
    return (x > y) - (x < y);
}

static void merge_spans(ef_numbers *numbers)
{
    qsort(numbers->spans, numbers->n, sizeof *numbers->spans, compare_spans);
    size_t n = 0;
    for (size_t i = 0; i < numbers->n; i++) {
        ef_number_span span = numbers->spans[i];
        if (n > 0 && span.first <= numbers->spans[n - 1].last + 1) {
            uint64_t *last = &numbers->spans[n - 1].last;
            *last = *last > span.last ? *last : span.last;
        } else {
            numbers->spans[n++] = span;
        }
    }
    numbers->n = n;
}

ef_status ef_numbers_parse(ef_numbers *numbers, const char *option, const char *text,
                           ef_error *err)
{
    ef_numbers found = {ef_calloc(strlen(text) / 2 + 1, sizeof *found.spans), 0};
    ef_status status = found.spans ? EF_OK : ef_error_memory(err);
    char word[WORD_SIZE];
    do {
        if (!status && !next_word(&text, word)) {
            status = ef_error_set(err, EF_ERR_USAGE,
                                  "%s: expected numbers and ranges as 0-3,7", option);
        }
        if (!status) {
            status = parse_span(&found.spans[found.n++], option, word, err);
        }
    } while (!status && has_more(&text));
    if (status) {
        ef_numbers_clear(&found);
        return status;
    }
    merge_spans(&found);
    *numbers = found;
    return EF_OK;
}

void ef_numbers_clear(ef_numbers *numbers)
{
    ef_free(numbers->spans);
    *numbers = (ef_numbers){NULL, 0};
}

int ef_numbers_have(const ef_numbers *numbers, uint64_t number)
{
    for (size_t i = 0; i < numbers->n; i++) {
        if (number >= numbers->spans[i].first && number <= numbers->spans[i].last) {
            return 1;
        }
    }
    return numbers->n == 0;
}

/* --- targets and kinds ------------------------------------------------------- */

ef_status ef_targets_parse(unsigned *targets, const char *text, ef_error *err)
{
    unsigned found = 0;
    char word[WORD_SIZE];
    do {
        ef_error why = {EF_OK, ""};
        size_t target = 0;
        if (!next_word(&text, word)) {
            word[0] = '\0';
        }
        if (ef_parse_choice(word, ef_target_names, EF_TARGET_COUNT, &target, &why)) {
            return ef_error_set(err, EF_ERR_USAGE, "target: %s", why.text);
        }
        found |= 1U << target;
    } while (has_more(&text));
    *targets = found;
    return EF_OK;
}

void ef_targets_write(unsigned targets, ef_text *text)
{
    const char *between = "";
    for (unsigned t = 0; t < EF_TARGET_COUNT; t++) {
        if (targets >> t & 1) {
            ef_text_add(text, "%s%s", between, ef_target_names[t]);
            between = "+";
        }
    }
}

ef_status ef_strike_parse(ef_strike *strike, const char *text, ef_error *err)
{
    ef_strike found = {.kind = EF_FAULT_FLIP, .adjacent = 1};
    ef_error why = {EF_OK, ""};
    ef_status status = EF_OK;
    size_t kind = 0;
    uint64_t adjacent = 1;
    if (strncmp(text, "ber:", 4) == 0) {
        found.is_ber = 1;
        status = ef_parse_f64(text + 4, 0, 1, &found.rate, &why);
    } else if (strncmp(text, "flip:", 5) == 0) {
        status = ef_parse_u64(text + 5, 1, 32, &adjacent, &why);
    } else if (ef_parse_choice(text, ef_fault_kind_names, EF_FAULT_KIND_COUNT, &kind,
                               &why)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "fault: expected flip, flip:K, stuck0, stuck1 or ber:P, "
                            "found '%s'",
                            text);
    }
    if (status) {
        return ef_error_set(err, EF_ERR_USAGE, "fault %s: %s", text, why.text);
    }
    found.kind = (ef_fault_kind)kind;
    found.adjacent = (unsigned)adjacent;
    *strike = found;
    return EF_OK;
}

/* --- accumulators ------------------------------------------------------------ */

ef_status ef_accumulator_parse(ef_accumulator *accumulator, const char *text,
                               ef_error *err)
{
    char number[WORD_SIZE] = "";
    size_t length = strcspn(text, "+");
    int saturates = strcmp(text + length, "+sat") == 0;
    ef_error why = {EF_OK, ""};
    uint64_t bits = 0;
    if (length < sizeof number) {
        memcpy(number, text, length);
    }
    if ((text[length] != '\0' && !saturates) ||
        ef_parse_u64(number, 16, 64, &bits, &why)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "accumulator: expected 16 to 64 bits, with +sat where they "
                            "saturate, as 32 or 24+sat, found '%s'",
                            text);
    }
    *accumulator = (ef_accumulator){(unsigned)bits, saturates};
    return EF_OK;
}
