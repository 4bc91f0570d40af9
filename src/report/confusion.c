#include "report/confusion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "report/table.h"

/* A class above the one that it was taken for, and how often. */
typedef struct cell {
    uint32_t pair;
    uint64_t count;
} cell;

/* Sorted, the cells of a class stand together.  A matrix would take n_classes squared.
 */
typedef struct confusion {
    cell *cells; /* (n), by pair, which differ */
    size_t n, n_classes;
    char *const *names;
    uint64_t total;
    int is_of_changes; /* no class is taken for itself */
} confusion;

static int compare(const void *a, const void *b)
{
    const cell *x = a, *y = b;
    return (x->pair > y->pair) - (x->pair < y->pair);
}

static void merge_equals(confusion *c)
{
    size_t n = 0;
    qsort(c->cells, c->n, sizeof *c->cells, compare);
    for (size_t i = 0; i < c->n; i++) {
        c->total += c->cells[i].count;
        if (n > 0 && c->cells[n - 1].pair == c->cells[i].pair) {
            c->cells[n - 1].count += c->cells[i].count;
        } else {
            c->cells[n++] = c->cells[i];
        }
    }
    c->n = n;
}

static void add_name(ef_table *table, const confusion *c, size_t class, int is_head)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", class);
    const char *name = c->names ? c->names[class] : number;
    if (is_head) {
        ef_table_add_column(table, name, "");
    } else {
        ef_table_add_text(table, name);
    }
}

/* The cells of one class, which was there so many times. */
typedef struct span {
    size_t class, begin, end;
    uint64_t times;
} span;

static uint64_t n_taken_for(const confusion *c, const span *own, size_t class)
{
    uint32_t pair = (uint32_t)(own->class << 16 | class);
    for (size_t at = own->begin; at < own->end; at++) {
        if (c->cells[at].pair == pair) {
            return c->cells[at].count;
        }
    }
    return 0;
}

static int has_columns(const confusion *c)
{
    return c->n_classes <= EF_CONFUSION_COLUMNS;
}

static void add_columns(ef_table *table, const confusion *c)
{
    const char *often =
        c->is_of_changes ? "most often becomes" : "most often mistaken for";
    ef_table_add_column(table, c->is_of_changes ? "class" : "true class", "");
    for (size_t class = 0; has_columns(c) && class < c->n_classes; class ++) {
        add_name(table, c, class, 1);
    }
    if (!has_columns(c)) {
        ef_table_add_column(table, often, "");
        ef_table_add_column(table, "times", "");
    }
    ef_table_add_column(table, c->is_of_changes ? "changes" : "images", "");
    ef_table_add_column(table, c->is_of_changes ? "share" : "recall", "%");
}

static void add_counts(ef_table *table, const confusion *c, const span *own)
{
    for (size_t class = 0; class < c->n_classes; class ++) {
        int is_void = c->is_of_changes && class == own->class;
        ef_table_add_number(table, is_void ? NAN : (double)n_taken_for(c, own, class));
    }
}

static void add_worst(ef_table *table, const confusion *c, const span *own)
{
    uint64_t most = 0;
    size_t worst = 0;
    for (size_t at = own->begin; at < own->end; at++) {
        size_t taken_for = c->cells[at].pair & 0xffff;
        if (taken_for != own->class && c->cells[at].count > most) {
            most = c->cells[at].count;
            worst = taken_for;
        }
    }
    if (most > 0) {
        add_name(table, c, worst, 0);
    } else {
        ef_table_add_text(table, "-");
    }
    ef_table_add_number(table, (double)most);
}

static void add_row(ef_table *table, const confusion *c, const span *own)
{
    double of = (double)(c->is_of_changes ? c->total : own->times);
    double part =
        (double)(c->is_of_changes ? own->times : n_taken_for(c, own, own->class));
    add_name(table, c, own->class, 0);
    if (has_columns(c)) {
        add_counts(table, c, own);
    } else {
        add_worst(table, c, own);
    }
    ef_table_add_number(table, (double)own->times);
    ef_table_add_number(table, of > 0 ? 100 * part / of : NAN);
}

static void print(const confusion *c, ef_text *text)
{
    ef_table table;
    span own = {0, 0, 0, 0};
    ef_table_init(&table);
    add_columns(&table, c);
    for (; own.class < c->n_classes; own.class ++) {
        own.begin = own.end;
        own.times = 0;
        while (own.end < c->n && c->cells[own.end].pair >> 16 == own.class) {
            own.times += c->cells[own.end++].count;
        }
        if (own.times > 0 || has_columns(c) || !c->is_of_changes) {
            add_row(&table, c, &own);
        }
    }
    ef_table_print(&table, text);
    ef_table_clear(&table);
}

void ef_confusion_print(const uint16_t *truth, const uint16_t *predicted, size_t n,
                        size_t n_classes, char *const *names, ef_text *text)
{
    confusion c = {
        .cells = ef_calloc(n, sizeof *c.cells), .n_classes = n_classes, .names = names};
    if (!c.cells) {
        text->failed = 1;
        return;
    }
    for (; c.n < n; c.n++) {
        c.cells[c.n] = (cell){(uint32_t)truth[c.n] << 16 | predicted[c.n], 1};
    }
    merge_equals(&c);
    print(&c, text);
    ef_free(c.cells);
}

static size_t n_changed(const uint64_t *changes, size_t n_classes)
{
    size_t n = 0;
    for (size_t i = 0; i < n_classes * n_classes; i++) {
        n += changes[i] > 0;
    }
    return n;
}

void ef_confusion_print_changes(const uint64_t *changes, size_t n_classes,
                                char *const *names, ef_text *text)
{
    confusion c = {.cells = ef_calloc(n_changed(changes, n_classes), sizeof *c.cells),
                   .n_classes = n_classes,
                   .names = names,
                   .is_of_changes = 1};
    if (!c.cells) {
        text->failed = 1;
        return;
    }
    for (size_t i = 0; i < n_classes * n_classes; i++) {
        size_t from = i / n_classes, to = i % n_classes;
        if (from != to && changes[i] > 0) {
            c.cells[c.n++] = (cell){(uint32_t)(from << 16 | to), changes[i]};
        }
    }
    merge_equals(&c);
    print(&c, text);
    ef_free(c.cells);
}
