#include "report/table.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void ef_table_init(ef_table *table)
{
    memset(table, 0, sizeof *table);
}

void ef_table_clear(ef_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        ef_free(table->names[i]);
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        ef_free(table->cells[i].text);
    }
    for (size_t i = 0; i < 2 * table->n_notes; i++) {
        ef_free(table->notes[i]);
    }
    ef_free(table->names);
    ef_free(table->cells);
    ef_free(table->notes);
    ef_table_init(table);
}

/* Appends a copy of text to the n texts of list. */
static int append(char ***list, size_t n, const char *text)
{
    char **grown = ef_realloc(*list, n + 1, sizeof *grown);
    if (!grown) {
        return 0;
    }
    *list = grown;
    grown[n] = ef_strdup(text);
    return grown[n] != NULL;
}

void ef_table_add_column(ef_table *table, const char *name)
{
    if (!table->failed && append(&table->names, table->n_columns, name)) {
        table->n_columns++;
    } else {
        table->failed = 1;
    }
}

void ef_table_add_note(ef_table *table, const char *key, const char *value)
{
    size_t n = 2 * table->n_notes;
    if (table->failed || !append(&table->notes, n, key)) {
        table->failed = 1;
        return;
    }
    if (!append(&table->notes, n + 1, value)) {
        ef_free(table->notes[n]);
        table->failed = 1;
        return;
    }
    table->n_notes++;
}

static void add_cell(ef_table *table, ef_cell cell)
{
    if (!table->failed && table->n_cells == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        ef_cell *cells = ef_realloc(table->cells, capacity, sizeof *cells);
        if (cells) {
            table->cells = cells;
            table->capacity = capacity;
        } else {
            table->failed = 1;
        }
    }
    if (table->failed) {
        ef_free(cell.text);
        return;
    }
    table->cells[table->n_cells++] = cell;
}

void ef_table_add_text(ef_table *table, const char *text)
{
    char *copy = ef_strdup(text);
    if (!copy) {
        table->failed = 1;
        return;
    }
    add_cell(table, (ef_cell){copy, 0});
}

void ef_table_add_number(ef_table *table, double number)
{
    add_cell(table, (ef_cell){NULL, number});
}

size_t ef_table_n_rows(const ef_table *table)
{
    return table->n_columns ? table->n_cells / table->n_columns : 0;
}

static const ef_cell *cell_at(const ef_table *table, size_t row, size_t column)
{
    return &table->cells[row * table->n_columns + column];
}

/* --- for people --- */

static const char *show(const ef_cell *cell, char room[EF_NUMBER_TEXT])
{
    if (cell->text) {
        return cell->text;
    }
    if (isnan(cell->number)) {
        return "-";
    }
    int whole = cell->number == floor(cell->number) && fabs(cell->number) < 1e15;
    snprintf(room, EF_NUMBER_TEXT, whole ? "%.0f" : "%.4g", cell->number);
    return room;
}

/* Characters of UTF-8 text: bytes that do not continue one. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void add_padded(ef_text *text, const char *word, size_t width, int right,
                       int last)
{
    int space = (int)(width - width_of(word));
    ef_text_add(text, "%*s%s%*s%s", right ? space : 0, "", word,
                right || last ? 0 : space, "", last ? "\n" : "  ");
}

void ef_table_print(const ef_table *table, ef_text *text)
{
    size_t n = table->n_columns, n_rows = ef_table_n_rows(table);
    size_t *widths = ef_calloc(n, sizeof *widths);
    unsigned char *right = ef_calloc(n, 1);
    char room[EF_NUMBER_TEXT];
    if (table->failed || !widths || !right) {
        text->failed = 1;
        n = n_rows = 0;
    }
    for (size_t c = 0; c < n; c++) {
        widths[c] = width_of(table->names[c]);
        right[c] = n_rows > 0;
        for (size_t r = 0; r < n_rows; r++) {
            size_t width = width_of(show(cell_at(table, r, c), room));
            widths[c] = width > widths[c] ? width : widths[c];
            right[c] = right[c] && !cell_at(table, r, c)->text;
        }
    }
    for (size_t c = 0; c < n; c++) {
        add_padded(text, table->names[c], widths[c], right[c], c + 1 == n);
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t c = 0; c < n; c++) {
            add_padded(text, show(cell_at(table, r, c), room), widths[c], right[c],
                       c + 1 == n);
        }
    }
    ef_free(widths);
    ef_free(right);
}

/* --- for programs --- */

void ef_number_write(double number, char text[EF_NUMBER_TEXT])
{
    text[0] = '\0';
    if (isinf(number)) {
        snprintf(text, EF_NUMBER_TEXT, number > 0 ? "inf" : "-inf");
    }
    if (!isfinite(number)) {
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, EF_NUMBER_TEXT, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            return;
        }
    }
}

static void add_field(ef_text *text, const char *field)
{
    if (!strpbrk(field, ",\"\r\n#") && field[0] != ' ') {
        ef_text_add(text, "%s", field);
        return;
    }
    ef_text_add(text, "\"");
    for (; *field; field++) {
        ef_text_add_bytes(text, "\"\"", *field == '"' ? 1 : 0);
        ef_text_add_bytes(text, field, 1);
    }
    ef_text_add(text, "\"");
}

void ef_table_write_csv(const ef_table *table, ef_text *text)
{
    char room[EF_NUMBER_TEXT];
    text->failed = text->failed || table->failed;
    for (size_t i = 0; i < table->n_notes; i++) {
        ef_text_add(text, "# %s: %s\n", table->notes[2 * i], table->notes[2 * i + 1]);
    }
    for (size_t c = 0; c < table->n_columns; c++) {
        ef_text_add(text, "%s", c ? "," : "");
        add_field(text, table->names[c]);
    }
    ef_text_add(text, "\n");
    for (size_t r = 0; r < ef_table_n_rows(table); r++) {
        for (size_t c = 0; c < table->n_columns; c++) {
            const ef_cell *cell = cell_at(table, r, c);
            ef_number_write(cell->number, room);
            ef_text_add(text, "%s", c ? "," : "");
            add_field(text, cell->text ? cell->text : room);
        }
        ef_text_add(text, "\n");
    }
}

static json_t *cell_to_json(const ef_cell *cell)
{
    if (cell->text) {
        return json_stringn_nocheck(cell->text, strlen(cell->text));
    }
    if (!isfinite(cell->number)) {
        return json_null();
    }
    double whole = floor(cell->number);
    return whole == cell->number && fabs(whole) < 9e15 ? json_integer((json_int_t)whole)
                                                       : json_real(cell->number);
}

/* NULL where memory is short. */
static json_t *table_to_json(const ef_table *table)
{
    json_t *root = json_object(), *rows = json_array();
    int failed = !root || !rows;
    for (size_t i = 0; i < table->n_notes; i++) {
        json_t *value = json_string_nocheck(table->notes[2 * i + 1]);
        failed |= json_object_set_new_nocheck(root, table->notes[2 * i], value) != 0;
    }
    for (size_t r = 0; r < ef_table_n_rows(table); r++) {
        json_t *row = json_object();
        for (size_t c = 0; c < table->n_columns; c++) {
            json_t *value = cell_to_json(cell_at(table, r, c));
            failed |= json_object_set_new_nocheck(row, table->names[c], value) != 0;
        }
        failed |= json_array_append_new(rows, row) != 0;
    }
    failed |= json_object_set_new_nocheck(root, "rows", rows) != 0;
    if (failed) {
        json_decref(root);
        return NULL;
    }
    return root;
}

void ef_table_write_json(const ef_table *table, ef_text *text)
{
    json_t *root = table_to_json(table);
    char *bytes =
        root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    if (table->failed || !bytes) {
        text->failed = 1;
    } else {
        ef_text_add(text, "%s\n", bytes);
    }
    free(bytes);
    json_decref(root);
}
