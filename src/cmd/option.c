#include "cmd/option.h"

#include <float.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "cmd/nearest.h"
#include "format/format.h"

size_t ef_options_count(const ef_option *rows)
{
    size_t n = 0;
    while (rows[n].name) {
        n++;
    }
    return n;
}

const ef_option *ef_options_find(const ef_option *rows, const char *name)
{
    for (; rows->name; rows++) {
        if (strcmp(rows->name, name) == 0) {
            return rows;
        }
    }
    return NULL;
}

static const ef_option *find_letter(const ef_option *rows, char letter)
{
    for (; rows->name; rows++) {
        if (rows->letter == letter) {
            return rows;
        }
    }
    return NULL;
}

/* --- values --- */

static int is_bounded(const ef_option *row)
{
    return row->min != 0 || row->max != 0;
}

static ef_status read_whole(const ef_option *row, const char *text, void *field,
                            ef_error *err)
{
    uint64_t min = is_bounded(row) ? (uint64_t)row->min : 0;
    uint64_t max = is_bounded(row) ? (uint64_t)row->max : UINT64_MAX;
    return row->type == EF_OPTION_COUNT ? ef_parse_count(text, min, max, field, err)
                                        : ef_parse_u64(text, min, max, field, err);
}

static ef_status read_real(const ef_option *row, const char *text, void *field,
                           ef_error *err)
{
    double min = is_bounded(row) ? row->min : -DBL_MAX;
    double max = is_bounded(row) ? row->max : DBL_MAX;
    return ef_parse_f64(text, min, max, field, err);
}

static ef_status read_choice(const ef_option *row, const char *text, void *field,
                             ef_error *err)
{
    size_t n = 0;
    while (row->names[n]) {
        n++;
    }
    return ef_parse_choice(text, row->names, n, field, err);
}

static ef_status read_text(const ef_option *row, const char *text, void *field,
                           ef_error *err)
{
    (void)row;
    if (text[0] == '\0') {
        return ef_error_set(err, EF_ERR_INPUT, "expected a value, found nothing");
    }
    memcpy(field, &text, sizeof text);
    return EF_OK;
}

static ef_status read_word(const ef_option *row, const char *text, void *field,
                           ef_error *err)
{
    ef_words *words = field;
    const char *word = NULL;
    ef_status status = read_text(row, text, &word, err);
    if (status != EF_OK) {
        return status;
    }
    const char **items = ef_realloc(words->items, words->n + 1, sizeof *items);
    if (!items) {
        return ef_error_memory(err);
    }
    items[words->n++] = word;
    words->items = items;
    return EF_OK;
}

static ef_status read_format(const ef_option *row, const char *text, void *field,
                             ef_error *err)
{
    (void)row;
    return ef_format_parse(text, field, err);
}

static ef_status read_flag(const ef_option *row, const char *text, void *field,
                           ef_error *err)
{
    (void)row;
    if (text) {
        return ef_error_set(err, EF_ERR_INPUT, "takes no value, found '%s'", text);
    }
    *(int *)field = 1;
    return EF_OK;
}

typedef ef_status read_value(const ef_option *row, const char *text, void *field,
                             ef_error *err);

static read_value *const readers[] = {
    [EF_OPTION_FLAG] = read_flag,     [EF_OPTION_U64] = read_whole,
    [EF_OPTION_COUNT] = read_whole,   [EF_OPTION_F64] = read_real,
    [EF_OPTION_CHOICE] = read_choice, [EF_OPTION_TEXT] = read_text,
    [EF_OPTION_PATH] = read_text,     [EF_OPTION_LIST] = read_word,
    [EF_OPTION_FORMAT] = read_format,
};

static ef_status set_option(const ef_option *row, const char *text, void *settings,
                            ef_error *err)
{
    ef_error inner = {EF_OK, ""};
    ef_status status =
        readers[row->type](row, text, (char *)settings + row->offset, &inner);
    if (status == EF_OK || status == EF_ERR_MEMORY) {
        return status == EF_OK ? EF_OK : ef_error_memory(err);
    }
    return ef_error_set(err, EF_ERR_USAGE, "--%s: %s", row->name, inner.text);
}

/* --- words --- */

typedef struct reader {
    const ef_option *rows;
    const char *const *args;
    size_t n_args;
    size_t next; /* the word to be read */
    ef_parsed *parsed;
    void *settings;
} reader;

static ef_status unknown_option(const reader *in, const char *name, ef_error *err)
{
    const char *near = NULL;
    size_t best = SIZE_MAX;
    for (const ef_option *row = in->rows; row->name; row++) {
        size_t distance = ef_nearest_distance(name, row->name);
        if (distance < best && ef_nearest_is_slip(name, row->name)) {
            best = distance;
            near = row->name;
        }
    }
    return near ? ef_error_set(err, EF_ERR_USAGE,
                               "--%s: no such option; did you mean --%s?", name, near)
                : ef_error_set(err, EF_ERR_USAGE, "--%s: no such option", name);
}

/* Gives row its value: what stands behind `=` or the letter, else the next word. */
static ef_status take(reader *in, const ef_option *row, const char *attached,
                      ef_error *err)
{
    const char *value = attached;
    if (!value && row->type != EF_OPTION_FLAG) {
        if (in->next == in->n_args) {
            return ef_error_set(err, EF_ERR_USAGE, "--%s: its value (%s) is missing",
                                row->name, row->argument);
        }
        value = in->args[in->next++];
    }
    in->parsed->given[row - in->rows] = 1;
    return set_option(row, value, in->settings, err);
}

static ef_status take_long(reader *in, const char *word, ef_error *err)
{
    char name[64];
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    if (length >= sizeof name) {
        length = sizeof name - 1;
    }
    memcpy(name, word, length);
    name[length] = '\0';
    if (strcmp(name, "help") == 0) {
        in->parsed->help = 1;
        return EF_OK;
    }
    const ef_option *row = ef_options_find(in->rows, name);
    return row ? take(in, row, equals ? equals + 1 : NULL, err)
               : unknown_option(in, name, err);
}

static ef_status take_letters(reader *in, const char *letters, ef_error *err)
{
    for (; *letters; letters++) {
        if (*letters == 'h') {
            in->parsed->help = 1;
            return EF_OK;
        }
        const ef_option *row = find_letter(in->rows, *letters);
        if (!row) {
            return ef_error_set(err, EF_ERR_USAGE, "-%c: no such option", *letters);
        }
        if (row->type != EF_OPTION_FLAG) {
            return take(in, row, letters[1] ? letters + 1 : NULL, err);
        }
        ef_status status = take(in, row, NULL, err);
        if (status != EF_OK) {
            return status;
        }
    }
    return EF_OK;
}

static ef_status read_args(reader *in, ef_error *err)
{
    int only_operands = 0;
    while (in->next < in->n_args && !in->parsed->help) {
        const char *word = in->args[in->next++];
        ef_status status = EF_OK;
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            in->parsed->operands[in->parsed->n_operands++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_operands = 1;
        } else {
            status = word[1] == '-' ? take_long(in, word + 2, err)
                                    : take_letters(in, word + 1, err);
        }
        if (status != EF_OK) {
            return status;
        }
    }
    return EF_OK;
}

ef_status ef_options_parse(const ef_option *rows, const char *const *args,
                           size_t n_args, ef_parsed *parsed, void *settings,
                           ef_error *err)
{
    for (const ef_option *row = rows; row->name; row++) {
        if (row->fallback) {
            ef_status status = set_option(row, row->fallback, settings, err);
            if (status != EF_OK) {
                return status;
            }
        }
    }
    parsed->operands = ef_calloc(n_args, sizeof *parsed->operands);
    parsed->given = ef_calloc(ef_options_count(rows), 1);
    if (!parsed->operands || !parsed->given) {
        return ef_error_memory(err);
    }
    reader in = {rows, args, n_args, 0, parsed, settings};
    return read_args(&in, err);
}

void ef_options_clear(const ef_option *rows, ef_parsed *parsed, void *settings)
{
    for (const ef_option *row = rows; row->name; row++) {
        if (row->type == EF_OPTION_LIST) {
            ef_words *words = (void *)((char *)settings + row->offset);
            ef_free(words->items);
            memset(words, 0, sizeof *words);
        }
    }
    ef_free(parsed->operands);
    ef_free(parsed->given);
    memset(parsed, 0, sizeof *parsed);
}

/* --- help --- */

enum { HELP_COLUMN = 26, HELP_WIDTH = 79 };

/* Adds words, broken before column HELP_WIDTH; column is where the text stands. */
static void add_wrapped(ef_text *text, size_t column, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, " ");
        if (column + 1 + length > HELP_WIDTH) {
            ef_text_add(text, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            ef_text_add(text, " ");
            column++;
        }
        ef_text_add_bytes(text, words, length);
        column += length;
        words += length;
        words += *words == ' ';
    }
}

static void add_names(ef_text *text, const ef_option *row)
{
    for (size_t i = 0; row->names[i]; i++) {
        ef_text_add(text, "%s%s", i ? "|" : "", row->names[i]);
    }
}

/* "  -o, --output FILE" */
static void add_head(ef_text *text, const ef_option *row)
{
    if (row->letter) {
        ef_text_add(text, "  -%c, --%s", row->letter, row->name);
    } else {
        ef_text_add(text, "      --%s", row->name);
    }
    if (row->type == EF_OPTION_CHOICE) {
        ef_text_add(text, " ");
        add_names(text, row);
    } else if (row->argument) {
        ef_text_add(text, " %s", row->argument);
    }
}

static void add_row(ef_text *text, const ef_option *row)
{
    size_t start = text->size;
    add_head(text, row);
    size_t column = text->size - start;
    if (column + 2 > HELP_COLUMN) {
        ef_text_add(text, "\n%*s", HELP_COLUMN, "");
    } else {
        ef_text_add(text, "%*s", (int)(HELP_COLUMN - column), "");
    }
    ef_text words = {0};
    const char *shown = row->shown ? row->shown : row->fallback;
    ef_text_add(&words, "%s", row->help);
    if (shown) {
        ef_text_add(&words, " [%s]", shown);
    }
    if (words.failed) {
        text->failed = 1;
    } else {
        add_wrapped(text, HELP_COLUMN, words.bytes);
    }
    ef_text_clear(&words);
    ef_text_add(text, "\n");
}

/* The group that the row at index belongs to. */
static const char *group_of(const ef_option *rows, size_t index)
{
    while (!rows[index].group && index > 0) {
        index--;
    }
    return rows[index].group ? rows[index].group : "Options";
}

static int is_first_of_group(const ef_option *rows, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(group_of(rows, i), group_of(rows, index)) == 0) {
            return 0;
        }
    }
    return 1;
}

void ef_options_print(const ef_option *rows, ef_text *text)
{
    size_t n = ef_options_count(rows);
    for (size_t i = 0; i < n; i++) {
        if (!is_first_of_group(rows, i)) {
            continue;
        }
        ef_text_add(text, "\n%s:\n", group_of(rows, i));
        for (size_t k = i; k < n; k++) {
            if (strcmp(group_of(rows, k), group_of(rows, i)) == 0) {
                add_row(text, &rows[k]);
            }
        }
    }
    ef_text_add(text, "%s  -h, --help              this text\n",
                n ? "" : "\nOptions:\n");
}

/* --- settings as text --- */

static void write_whole(const ef_option *row, const void *field, ef_text *text)
{
    (void)row;
    ef_text_add(text, "%" PRIu64, *(const uint64_t *)field);
}

static void write_real(const ef_option *row, const void *field, ef_text *text)
{
    (void)row;
    ef_text_add_double(text, *(const double *)field);
}

static void write_choice(const ef_option *row, const void *field, ef_text *text)
{
    ef_text_add(text, "%s", row->names[*(const size_t *)field]);
}

static void write_text(const ef_option *row, const void *field, ef_text *text)
{
    (void)row;
    ef_text_add(text, "%s", *(const char *const *)field);
}

static void write_flag(const ef_option *row, const void *field, ef_text *text)
{
    (void)row;
    (void)field;
    ef_text_add(text, "yes");
}

static void write_format(const ef_option *row, const void *field, ef_text *text)
{
    char name[EF_FORMAT_NAME];
    (void)row;
    ef_format_name(field, name);
    ef_text_add(text, "%s", name);
}

typedef void write_value(const ef_option *row, const void *field, ef_text *text);

/* Paths and lists have none: their names are not part of a result. */
static write_value *const writers[] = {
    [EF_OPTION_FLAG] = write_flag,     [EF_OPTION_U64] = write_whole,
    [EF_OPTION_COUNT] = write_whole,   [EF_OPTION_F64] = write_real,
    [EF_OPTION_CHOICE] = write_choice, [EF_OPTION_TEXT] = write_text,
    [EF_OPTION_PATH] = NULL,           [EF_OPTION_LIST] = NULL,
    [EF_OPTION_FORMAT] = write_format,
};

static int is_said(const ef_option *row, const void *field)
{
    return row->type == EF_OPTION_FLAG     ? *(const int *)field
           : row->type == EF_OPTION_TEXT   ? *(const char *const *)field != NULL
           : row->type == EF_OPTION_FORMAT ? ef_format_is_stated(field)
                                           : 1;
}

void ef_options_write(const ef_option *rows, const char *group, const void *settings,
                      ef_text *text)
{
    for (size_t i = 0; rows[i].name; i++) {
        const void *field = (const char *)settings + rows[i].offset;
        if (writers[rows[i].type] && strcmp(group_of(rows, i), group) == 0 &&
            is_said(&rows[i], field)) {
            ef_text_add(text, "%s%s=", text->size ? " " : "", rows[i].name);
            writers[rows[i].type](&rows[i], field, text);
        }
    }
}

/* --- settings as a command line --- */

void ef_options_write_word(const char *word, ef_text *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_=+,./:%@";
    if (word[0] && word[strspn(word, plain)] == '\0') {
        ef_text_add(text, "%s", word);
        return;
    }
    ef_text_add(text, "'");
    for (; *word; word++) {
        if (*word == '\'') {
            ef_text_add(text, "'\\''");
        } else {
            ef_text_add_bytes(text, word, 1);
        }
    }
    ef_text_add(text, "'");
}

static void write_given(const ef_option *row, const char *value, ef_text *text)
{
    ef_text_add(text, " --%s%s", row->name, value ? "=" : "");
    if (value) {
        ef_options_write_word(value, text);
    }
}

void ef_options_write_given(const ef_option *rows, const unsigned char *given,
                            const void *settings, ef_text *text)
{
    for (size_t i = 0; rows[i].name; i++) {
        const void *field = (const char *)settings + rows[i].offset;
        ef_text value = {0};
        if (!given[i]) {
            continue;
        }
        if (rows[i].type == EF_OPTION_FLAG) {
            write_given(&rows[i], NULL, text);
        } else if (rows[i].type == EF_OPTION_PATH) {
            write_given(&rows[i], *(const char *const *)field, text);
        } else if (rows[i].type == EF_OPTION_LIST) {
            const ef_words *words = field;
            for (size_t k = 0; k < words->n; k++) {
                write_given(&rows[i], words->items[k], text);
            }
        } else {
            writers[rows[i].type](&rows[i], field, &value);
            write_given(&rows[i], value.bytes ? value.bytes : "", text);
        }
        text->failed |= value.failed;
        ef_text_clear(&value);
    }
}
