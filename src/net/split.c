#include "net/split.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

#define N_PARTS 3 /* train, val, test */

const char *const ef_split_names[EF_SPLIT_COUNT] = {"train", "val", "test", "all"};

struct ef_parts {
    size_t *all;     /* (n_images) 0, 1, 2 ... */
    size_t *indices; /* (n_images) training, then validation, then test images */
    size_t n[EF_SPLIT_COUNT];
};

/* What is drawn at once: a group, or an image where there are no groups. */
typedef struct items {
    size_t n;
    size_t *size;  /* (n) images, 0: only in the source's test part */
    size_t *class; /* (n) of its first image */
    size_t *order; /* (n) classes one after the other */
    unsigned char *part;
} items;

/* --- items ------------------------------------------------------------------ */

static size_t item_of(const ef_dataset *set, size_t image)
{
    return set->groups ? set->groups[image] : image;
}

static void clear_items(items *it)
{
    ef_free(it->size);
    ef_free(it->class);
    ef_free(it->order);
    ef_free(it->part);
}

/* Items by class, in file order within a class: a counting sort.  starts has room
 * for n_classes + 1. */
static void order_items(items *it, size_t *starts, size_t n_classes)
{
    for (size_t i = 0; i < it->n; i++) {
        starts[it->class[i] + 1]++;
    }
    for (size_t c = 0; c < n_classes; c++) {
        starts[c + 1] += starts[c];
    }
    for (size_t i = 0; i < it->n; i++) {
        it->order[starts[it->class[i]]++] = i;
    }
    /* Each start has moved to the next one's place. */
    memmove(starts + 1, starts, n_classes * sizeof *starts);
    starts[0] = 0;
}

/* The images before first_test as items; *starts (n_classes + 1) into order. */
static ef_status make_items(items *it, size_t **starts, const ef_dataset *set)
{
    it->n = set->groups ? set->n_groups : set->first_test;
    it->size = ef_calloc(it->n, sizeof *it->size);
    it->class = ef_calloc(it->n, sizeof *it->class);
    it->order = ef_calloc(it->n, sizeof *it->order);
    it->part = ef_calloc(it->n, 1);
    *starts = ef_calloc(set->n_classes + 1, sizeof **starts);
    if (!it->size || !it->class || !it->order || !it->part || !*starts) {
        return EF_ERR_MEMORY;
    }
    for (size_t i = 0; i < set->first_test; i++) {
        size_t item = item_of(set, i);
        if (it->size[item]++ == 0) {
            it->class[item] = set->labels[i];
        }
    }
    order_items(it, *starts, set->n_classes);
    return EF_OK;
}

/* --- drawing ---------------------------------------------------------------- */

static size_t greatest(const double need[N_PARTS])
{
    size_t best = 0;
    for (size_t p = 1; p < N_PARTS; p++) {
        best = need[p] > need[best] ? p : best;
    }
    return best;
}

/* What a class leaves over or lacks is carried on to the next one, so that many
 * small classes do not all favour the same part. */
static void draw_class(ef_rng *rng, items *it, size_t *order, size_t n,
                       const double share[N_PARTS], double need[N_PARTS])
{
    size_t n_images = 0;
    for (size_t i = 0; i < n; i++) {
        n_images += it->size[order[i]];
    }
    for (size_t p = 0; p < N_PARTS; p++) {
        need[p] += share[p] * (double)n_images;
    }
    ef_rng_shuffle(rng, order, n);
    for (size_t i = 0; i < n; i++) {
        size_t part = i == 0 ? EF_SPLIT_TRAIN : greatest(need);
        it->part[order[i]] = (unsigned char)part;
        need[part] -= (double)it->size[order[i]];
    }
}

static void draw_items(items *it, const size_t *starts, size_t n_classes, uint64_t seed,
                       const double share[N_PARTS])
{
    double need[N_PARTS] = {0, 0, 0};
    for (size_t c = 0; c < n_classes; c++) {
        ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_SPLIT, c, 0, 0);
        draw_class(&rng, it, it->order + starts[c], starts[c + 1] - starts[c], share,
                   need);
    }
}

static void list_parts(ef_parts *parts, const ef_dataset *set, const items *it)
{
    for (size_t p = 0, used = 0; p < N_PARTS; p++) {
        for (size_t i = 0; i < set->n; i++) {
            int is_drawn = i < set->first_test;
            size_t part = is_drawn ? it->part[item_of(set, i)] : EF_SPLIT_TEST;
            if (part == p) {
                parts->indices[used++] = i;
                parts->n[p]++;
            }
        }
    }
    for (size_t i = 0; i < set->n; i++) {
        parts->all[i] = i;
    }
    parts->n[EF_SPLIT_ALL] = set->n;
}

static ef_status fill_parts(ef_parts *parts, const ef_dataset *set, uint64_t seed,
                            const double share[N_PARTS])
{
    items it = {0};
    size_t *starts = NULL;
    parts->all = ef_calloc(set->n, sizeof *parts->all);
    parts->indices = ef_calloc(set->n, sizeof *parts->indices);
    ef_status status = parts->all && parts->indices ? EF_OK : EF_ERR_MEMORY;
    if (!status) {
        status = make_items(&it, &starts, set);
    }
    if (!status) {
        draw_items(&it, starts, set->n_classes, seed, share);
        list_parts(parts, set, &it);
    }
    clear_items(&it);
    ef_free(starts);
    return status;
}

static ef_status find_shares(const ef_dataset *set, const ef_split_options *options,
                             double share[N_PARTS], ef_error *err)
{
    int has_test = set->first_test < set->n;
    double val = options->val_share, test = options->test_share;
    val = val < 0 ? (has_test ? 0.1 : 0.2) : val;
    test = has_test ? 0 : test < 0 ? 0.2 : test;
    if (!(val < 1) || !(test < 1) || !(val + test < 1)) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "shares of %g for validation and %g for test leave "
                            "nothing to train on",
                            val, test);
    }
    share[EF_SPLIT_TRAIN] = 1 - val - test;
    share[EF_SPLIT_VAL] = val;
    share[EF_SPLIT_TEST] = test;
    return EF_OK;
}

ef_status ef_parts_create(ef_parts **parts, const ef_dataset *set,
                          const ef_split_options *options, ef_error *err)
{
    double share[N_PARTS] = {0, 0, 0};
    ef_status status = find_shares(set, options, share, err);
    if (status) {
        return status;
    }
    ef_parts *made = ef_calloc(1, sizeof *made);
    if (!made || fill_parts(made, set, options->seed, share)) {
        ef_parts_destroy(made);
        return ef_error_memory(err);
    }
    *parts = made;
    return EF_OK;
}

void ef_parts_destroy(ef_parts *parts)
{
    if (parts) {
        ef_free(parts->all);
        ef_free(parts->indices);
        ef_free(parts);
    }
}

/* --- reading ---------------------------------------------------------------- */

ef_part ef_parts_get(const ef_parts *parts, ef_split split, size_t limit)
{
    const size_t *indices = split == EF_SPLIT_ALL ? parts->all : parts->indices;
    for (size_t p = 0; split < EF_SPLIT_ALL && p < (size_t)split; p++) {
        indices += parts->n[p];
    }
    size_t n = parts->n[split];
    return (ef_part){indices, limit && limit < n ? limit : n};
}

ef_split ef_split_default(const ef_dataset *set)
{
    return set->is_named || set->first_test < set->n ? EF_SPLIT_TEST : EF_SPLIT_ALL;
}

ef_status ef_parts_check_training(const ef_parts *parts, const ef_dataset *set,
                                  ef_error *err)
{
    ef_part train = ef_parts_get(parts, EF_SPLIT_TRAIN, 0);
    int is_mixed = 0;
    for (size_t i = 1; i < train.n && !is_mixed; i++) {
        is_mixed = set->labels[train.indices[i]] != set->labels[train.indices[0]];
    }
    if (!is_mixed) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s: training needs images of at least two classes, and "
                            "its training part of %zu images has %s",
                            set->name, train.n, train.n ? "one" : "none");
    }
    if (ef_parts_get(parts, EF_SPLIT_VAL, 0).n == 0) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s: training needs validation images, and %zu images "
                            "leave none",
                            set->name, set->n);
    }
    return EF_OK;
}
