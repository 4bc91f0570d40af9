/* A data set in a few lines, for people. */
#include <string.h>

#include "base/mem.h"
#include "net/split.h"

typedef size_t counts[EF_SPLIT_COUNT];

/* Images of each class in each part, shape (n_classes). */
static void count_parts(const ef_dataset *set, const ef_parts *parts, counts *of_class)
{
    for (size_t i = 0; i < set->n; i++) {
        of_class[set->labels[i]][EF_SPLIT_ALL]++;
    }
    for (size_t p = 0; parts && p < EF_SPLIT_ALL; p++) {
        ef_part part = ef_parts_get(parts, (ef_split)p, 0);
        for (size_t i = 0; i < part.n; i++) {
            of_class[set->labels[part.indices[i]]][p]++;
        }
    }
}

static void add_row(ef_text *text, int width, const char *label, const counts n,
                    int has_parts)
{
    ef_text_add(text, "%-*s", width, label);
    for (size_t p = has_parts ? 0 : EF_SPLIT_ALL; p < EF_SPLIT_COUNT; p++) {
        ef_text_add(text, " %8zu", n[p]);
    }
    ef_text_add(text, "\n");
}

static int label_width(const ef_dataset *set)
{
    size_t width = strlen("65535");
    for (size_t c = 0; set->class_names && c < set->n_classes; c++) {
        size_t length = strlen(set->class_names[c]);
        width = length > width ? length : width;
    }
    return (int)(width < 40 ? width : 40);
}

static void add_table(ef_text *text, const ef_dataset *set, const counts *of_class,
                      int has_parts)
{
    counts total = {0};
    int width = label_width(set);
    ef_text_add(text, "%-*s", width, "class");
    for (size_t p = has_parts ? 0 : EF_SPLIT_ALL; p < EF_SPLIT_COUNT; p++) {
        ef_text_add(text, " %8s", ef_split_names[p]);
    }
    ef_text_add(text, "\n");
    for (size_t c = 0; c < set->n_classes; c++) {
        ef_text label = {0};
        ef_text_add(&label, set->class_names ? "%s" : "%s%zu",
                    set->class_names ? set->class_names[c] : "", c);
        add_row(text, width, label.bytes ? label.bytes : "", of_class[c], has_parts);
        text->failed |= label.failed;
        ef_text_clear(&label);
        for (size_t p = 0; p < EF_SPLIT_COUNT; p++) {
            total[p] += of_class[c][p];
        }
    }
    add_row(text, width, "all", total, has_parts);
}

static void seen_range(const ef_dataset *set, double *low, double *high)
{
    size_t n = set->n * ef_dataset_image_size(set);
    *low = *high = set->bytes ? set->bytes[0] : (double)set->values[0];
    for (size_t i = 0; i < n; i++) {
        double value = set->bytes ? set->bytes[i] : (double)set->values[i];
        *low = value < *low ? value : *low;
        *high = value > *high ? value : *high;
    }
}

void ef_dataset_summary(const ef_dataset *set, const ef_parts *parts, ef_text *text)
{
    double low = 0, high = 0;
    seen_range(set, &low, &high);
    ef_text_add(text, "%s: %s, %zu images of %zux%zux%zu, %zu classes\n", set->name,
                set->format, set->n, set->channels, set->height, set->width,
                set->n_classes);
    ef_text_add(text, "values: %g to %g in the range %g..%g, as %s\n", low, high, set->low,
                set->high, set->bytes ? "bytes" : "float32");
    if (set->groups) {
        ef_text_add(text, "groups: %zu, never divided between parts\n", set->n_groups);
    }
    if (set->first_test < set->n) {
        ef_text_add(text, "test part: the source's own, %zu images\n",
                    set->n - set->first_test);
    }
    counts *of_class = ef_calloc(set->n_classes, sizeof *of_class);
    if (!of_class) {
        text->failed = 1;
        return;
    }
    count_parts(set, parts, of_class);
    add_table(text, set, of_class, parts != NULL);
    ef_free(of_class);
}
