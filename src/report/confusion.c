#include "report/confusion.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "report/table.h"

/* An image is a pair, the true class above the predicted one; sorted, the images of a
 * class stand together, and in them those that were taken for the same class.  A matrix
 * would take n_classes squared. */
typedef struct confusion {
    uint32_t *pairs; /* (n), ascending */
    size_t n, n_classes;
    char *const *names;
} confusion;

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
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

/* The end of the images that follow `at` and were taken for the same class. */
static size_t run_end(const confusion *c, size_t at)
{
    size_t end = at;
    while (end < c->n && c->pairs[end] == c->pairs[at]) {
        end++;
    }
    return end;
}

/* The images of one class. */
typedef struct span {
    size_t class, begin, end;
} span;

static size_t n_taken_for(const confusion *c, span images, size_t class)
{
    uint32_t pair = (uint32_t)(images.class << 16 | class);
    for (size_t at = images.begin; at < images.end; at = run_end(c, at)) {
        if (c->pairs[at] == pair) {
            return run_end(c, at) - at;
        }
    }
    return 0;
}

static void add_columns(ef_table *table, const confusion *c)
{
    for (size_t class = 0; class < c->n_classes; class ++) {
        add_name(table, c, class, 1);
    }
}

static void add_counts(ef_table *table, const confusion *c, span images)
{
    for (size_t class = 0; class < c->n_classes; class ++) {
        ef_table_add_number(table, (double)n_taken_for(c, images, class));
    }
}

static void add_worst(ef_table *table, const confusion *c, span images)
{
    size_t most = 0, worst = 0;
    for (size_t at = images.begin; at < images.end; at = run_end(c, at)) {
        size_t taken_for = c->pairs[at] & 0xffff, count = run_end(c, at) - at;
        if (taken_for != images.class && count > most) {
            most = count;
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

static void add_rows(ef_table *table, const confusion *c)
{
    span images = {0, 0, 0};
    for (; images.class < c->n_classes; images.class ++) {
        while (images.end < c->n && c->pairs[images.end] >> 16 == images.class) {
            images.end++;
        }
        double n = (double)(images.end - images.begin);
        double right = (double)n_taken_for(c, images, images.class);
        add_name(table, c, images.class, 0);
        if (c->n_classes <= EF_CONFUSION_COLUMNS) {
            add_counts(table, c, images);
        } else {
            add_worst(table, c, images);
        }
        ef_table_add_number(table, n);
        ef_table_add_number(table, n > 0 ? 100 * right / n : NAN);
        images.begin = images.end;
    }
}

void ef_confusion_print(const uint16_t *truth, const uint16_t *predicted, size_t n,
                        size_t n_classes, char *const *names, ef_text *text)
{
    confusion c = {ef_calloc(n, sizeof *c.pairs), n, n_classes, names};
    if (!c.pairs) {
        text->failed = 1;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        c.pairs[i] = (uint32_t)truth[i] << 16 | predicted[i];
    }
    qsort(c.pairs, n, sizeof *c.pairs, compare);
    ef_table table;
    ef_table_init(&table);
    ef_table_add_column(&table, "true class", "");
    if (n_classes <= EF_CONFUSION_COLUMNS) {
        add_columns(&table, &c);
    } else {
        ef_table_add_column(&table, "most often mistaken for", "");
        ef_table_add_column(&table, "times", "");
    }
    ef_table_add_column(&table, "images", "");
    ef_table_add_column(&table, "recall", "%");
    add_rows(&table, &c);
    ef_table_print(&table, text);
    ef_table_clear(&table);
    ef_free(c.pairs);
}
