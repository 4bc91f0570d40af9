/* Tables of results: for people, as CSV, as JSON. */
#ifndef EF_REPORT_TABLE_H
#define EF_REPORT_TABLE_H

#include <stddef.h>

#include "base/text.h"

/* One cell; a number keeps all its digits in CSV and JSON, four for people. */
typedef struct ef_cell {
    char *text;    /* NULL: a number */
    double number; /* NaN: not known: "-" for people, empty in CSV, null in JSON */
} ef_cell;

/* Filled row by row, cell by cell.  Memory that ran short is told by the writers. */
typedef struct ef_table {
    char **names; /* (n_columns) */
    char **units; /* (n_columns), "" for none */
    size_t n_columns;
    ef_cell *cells; /* (n_cells), rows one after the other */
    size_t n_cells, capacity;
    char **keys, **notes; /* (n_notes) */
    size_t n_notes;
    int failed;
} ef_table;

void ef_table_init(ef_table *table);
void ef_table_clear(ef_table *table);

/* Columns, before any cell.  Only people are shown the unit, "" for none. */
void ef_table_add_column(ef_table *table, const char *name, const char *unit);
/* What the table was made with (version, seed, settings): comment lines at the head
 * of the CSV, members of the JSON; people are not shown it. */
void ef_table_add_note(ef_table *table, const char *key, const char *value);

/* The next cell. */
void ef_table_add_text(ef_table *table, const char *text);
void ef_table_add_number(ef_table *table, double number);

size_t ef_table_n_rows(const ef_table *table);

/* Columns aligned, numbers to the right. */
void ef_table_print(const ef_table *table, ef_text *text);
/* RFC 4180 with LF and `# key: value` lines before the names. */
void ef_table_write_csv(const ef_table *table, ef_text *text);
/* An object: the notes, then "rows", a list of objects. */
void ef_table_write_json(const ef_table *table, ef_text *text);

#endif
