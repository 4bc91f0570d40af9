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
        ef_free(table->units[i]);
    }
    for (size_t i = 0; i < table->n_cells; i++) {
        ef_free(table->cells[i].text);
    }
    for (size_t i = 0; i < table->n_notes; i++) {
        ef_free(table->keys[i]);
        ef_free(table->notes[i]);
    }
    ef_free(table->names);
    ef_free(table->units);
    ef_free(table->cells);
    ef_free(table->keys);
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

/* Appends a and b; both or none. */
static int append_both(char ***first, const char *a, char ***second, const char *b,
                       size_t n)
{
    if (!append(first, n, a)) {
        return 0;
    }
    if (!append(second, n, b)) {
        ef_free((*first)[n]);
        return 0;
    }
    return 1;
}

void ef_table_add_column(ef_table *table, const char *name, const char *unit)
{
    if (!table->failed &&
        append_both(&table->names, name, &table->units, unit, table->n_columns)) {
        table->n_columns++;
    } else {
        table->failed = 1;
    }
}

void ef_table_add_note(ef_table *table, const char *key, const char *value)
{
    if (!table->failed &&
        append_both(&table->keys, key, &table->notes, value, table->n_notes)) {
        table->n_notes++;
    } else {
        table->failed = 1;
    }
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

enum { NUMBER_TEXT = 32 };

static const char *show(const ef_cell *cell, char room[NUMBER_TEXT])
{
    if (cell->text) {
        return cell->text;
    }
    if (isnan(cell->number)) {
        return "-";
    }
    int whole = cell->number == floor(cell->number) && fabs(cell->number) < 1e15;
    snprintf(room, NUMBER_TEXT, whole ? "%.0f" : "%.4g", cell->number);
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

/* "size (bit)" */
static void add_head(const ef_table *table, size_t column, ef_text *head)
{
    const char *unit = table->units[column];
    ef_text_add(head, "%s%s%s%s", table->names[column], unit[0] ? " (" : "", unit,
                unit[0] ? ")" : "");
}

static void add_padded(ef_text *text, const char *word, size_t width, int right,
                       int last)
{
    int space = (int)(width - width_of(word));
    ef_text_add(text, "%*s%s%*s%s", right ? space : 0, "", word,
                right || last ? 0 : space, "", last ? "\n" : "  ");
}

/* How a column is laid out. */
typedef struct layout {
    ef_text head;
    size_t width;
    int right;
} layout;

static void lay_out(const ef_table *table, size_t column, layout *to)
{
    char room[NUMBER_TEXT];
    add_head(table, column, &to->head);
    to->width = to->head.failed ? 0 : width_of(to->head.bytes);
    to->right = ef_table_n_rows(table) > 0;
    for (size_t r = 0; r < ef_table_n_rows(table); r++) {
        const ef_cell *cell = cell_at(table, r, column);
        size_t width = width_of(show(cell, room));
        to->width = width > to->width ? width : to->width;
        to->right = to->right && !cell->text;
    }
}

void ef_table_print(const ef_table *table, ef_text *text)
{
    size_t n = table->n_columns;
    char room[NUMBER_TEXT];
    layout *columns = ef_calloc(n, sizeof *columns);
    if (table->failed || !columns) {
        text->failed = 1;
        ef_free(columns);
        return;
    }
    for (size_t c = 0; c < n; c++) {
        lay_out(table, c, &columns[c]);
        text->failed |= columns[c].head.failed;
    }
    for (size_t c = 0; c < n && !text->failed; c++) {
        add_padded(text, columns[c].head.bytes, columns[c].width, columns[c].right,
                   c + 1 == n);
    }
    for (size_t r = 0; r < ef_table_n_rows(table); r++) {
        for (size_t c = 0; c < n; c++) {
            add_padded(text, show(cell_at(table, r, c), room), columns[c].width,
                       columns[c].right, c + 1 == n);
        }
    }
    for (size_t c = 0; c < n; c++) {
        ef_text_clear(&columns[c].head);
    }
    ef_free(columns);
}

/* --- for programs --- */

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

static void add_csv_cell(ef_text *text, const ef_cell *cell)
{
    if (cell->text) {
        add_field(text, cell->text);
    } else if (!isnan(cell->number)) {
        ef_text_add_double(text, cell->number);
    }
}

void ef_table_write_csv(const ef_table *table, ef_text *text)
{
    text->failed = text->failed || table->failed;
    for (size_t i = 0; i < table->n_notes; i++) {
        ef_text_add(text, "# %s: %s\n", table->keys[i], table->notes[i]);
    }
    for (size_t c = 0; c < table->n_columns; c++) {
        ef_text_add(text, "%s", c ? "," : "");
        add_field(text, table->names[c]);
    }
    ef_text_add(text, "\n");
    for (size_t r = 0; r < ef_table_n_rows(table); r++) {
        for (size_t c = 0; c < table->n_columns; c++) {
            ef_text_add(text, "%s", c ? "," : "");
            add_csv_cell(text, cell_at(table, r, c));
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
        json_t *value = json_string_nocheck(table->notes[i]);
        failed |= json_object_set_new_nocheck(root, table->keys[i], value) != 0;
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
