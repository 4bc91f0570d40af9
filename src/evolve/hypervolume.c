/* Exact hypervolume by sweeping to 4 objectives and by exclusive volumes above.
 *
 * [1] N. Beume, C. M. Fonseca, M. Lopez-Ibanez, L. Paquete, J. Vahrenhold, On the
 *     Complexity of Computing the Hypervolume Indicator, IEEE Trans. Evol. Comput.
 *     13(5), 2009, doi:10.1109/TEVC.2009.2015575 (3 objectives: a staircase).
 * [2] L. While, L. Bradstreet, L. Barone, A Fast Way of Calculating Exact
 *     Hypervolumes, IEEE Trans. Evol. Comput. 16(1), 2012,
 *     doi:10.1109/TEVC.2010.2077298 (WFG: exclusive volumes, limit sets).
 *
 * We differ in: points become boxes of extents (reference - point) that hang at the
 * origin, so that every term is a product of positive numbers; the staircase is a tree
 * of bits over the ranks of the points in the first objective, instead of a balanced
 * tree, which makes sorting once enough for all limit sets of the fourth objective;
 * hence the recursion of [2] ends at 4 objectives, not at 2. */
#include "evolve/hypervolume.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evolve/bits_priv.h"

#define NONE SIZE_MAX
#define MOST EF_HYPERVOLUME_OBJECTIVES

/* --- a set of ranks with neighbours in O(log n / log 64) ------------------------ */

#define LEVELS 11 /* 64^11 ranks: whatever a size_t counts */

/* Bit k of level 0 says that rank k is in the set, bit k of a level above that word
 * k of the level below is not 0. */
typedef struct rank_set {
    uint64_t *level[LEVELS];
    size_t n_levels;
} rank_set;

/* Words that a set of n ranks takes on all levels. */
static size_t rank_set_words(size_t n)
{
    size_t words = 0;
    do {
        n = (n + 63) / 64;
        words += n;
    } while (n > 1);
    return words;
}

/* An empty set of n ranks on zeroed words. */
static rank_set lay_rank_set(uint64_t *words, size_t n)
{
    rank_set set = {.n_levels = 0};
    do {
        n = (n + 63) / 64;
        set.level[set.n_levels++] = words;
        words += n;
    } while (n > 1);
    return set;
}

static inline void add_rank(const rank_set *set, size_t rank)
{
    for (size_t i = 0; i < set->n_levels; i++, rank /= 64) {
        set->level[i][rank / 64] |= UINT64_C(1) << rank % 64;
    }
}

static inline void drop_rank(const rank_set *set, size_t rank)
{
    for (size_t i = 0; i < set->n_levels; i++, rank /= 64) {
        set->level[i][rank / 64] &= ~(UINT64_C(1) << rank % 64);
        if (set->level[i][rank / 64] != 0) {
            break;
        }
    }
}

/* The next member above rank, NONE where there is none. */
static inline size_t rank_above(const rank_set *set, size_t rank)
{
    for (size_t i = 0; i < set->n_levels; i++, rank /= 64) {
        uint64_t rest = set->level[i][rank / 64] & ~UINT64_C(1) << rank % 64;
        if (rest == 0) {
            continue;
        }
        rank = rank / 64 * 64 + ef_lowest_bit(rest);
        while (i-- > 0) {
            rank = rank * 64 + ef_lowest_bit(set->level[i][rank]);
        }
        return rank;
    }
    return NONE;
}

static inline size_t rank_below(const rank_set *set, size_t rank)
{
    for (size_t i = 0; i < set->n_levels; i++, rank /= 64) {
        uint64_t rest = set->level[i][rank / 64] & ((UINT64_C(1) << rank % 64) - 1);
        if (rest == 0) {
            continue;
        }
        rank = rank / 64 * 64 + ef_highest_bit(rest);
        while (i-- > 0) {
            rank = rank * 64 + ef_highest_bit(set->level[i][rank]);
        }
        return rank;
    }
    return NONE;
}

/* --- 3 objectives: boxes of falling height over a staircase --------------------- */

typedef struct box {
    double x, y, z;
    size_t rank; /* by x */
} box;

typedef struct staircase {
    rank_set steps;
    double *x; /* of the step with this rank */
    double *y;
} staircase;

/* Adds the rectangle (0, 0)-(x, y) and returns the area that it adds.  The steps
 * that it covers leave the staircase.  Equal x may stand in any order. */
static inline double add_step(staircase *stairs, double x, double y, size_t rank)
{
    size_t k = rank_above(&stairs->steps, rank);
    double floor = k == NONE ? 0 : stairs->y[k];
    if (floor >= y) {
        return 0;
    }
    double gain = 0, right = x;
    for (k = rank_below(&stairs->steps, rank);; k = rank_below(&stairs->steps, k)) {
        double left = k == NONE ? 0 : stairs->x[k];
        gain += (right - left) * (y - floor);
        if (k == NONE || stairs->y[k] > y) {
            break;
        }
        floor = stairs->y[k];
        right = left;
        drop_rank(&stairs->steps, k);
    }
    add_rank(&stairs->steps, rank);
    stairs->x[rank] = x;
    stairs->y[rank] = y;
    return gain;
}

/* --- workspace ------------------------------------------------------------------ */

typedef struct ranked {
    double key;
    size_t index;
} ranked;

/* What the recursion holds for one number of objectives. */
typedef struct level {
    double *rows;  /* (n, d) extents */
    ranked *order; /* (n) */
} level;

typedef struct workspace {
    level levels[MOST + 1]; /* [d], d from 3 */
    box *boxes;             /* (n) by falling z */
    size_t *place;          /* (n) of each box in the order of the fourth objective */
    size_t *rank;           /* (n) */
    uint64_t *words;
    staircase stairs;
} workspace;

static void clear(workspace *space)
{
    for (size_t d = 0; d <= MOST; d++) {
        ef_free(space->levels[d].rows);
        ef_free(space->levels[d].order);
    }
    ef_free(space->boxes);
    ef_free(space->place);
    ef_free(space->rank);
    ef_free(space->words);
    ef_free(space->stairs.x);
    ef_free(space->stairs.y);
}

static ef_status init(workspace *space, size_t n, size_t d, ef_error *err)
{
    *space = (workspace){.boxes = ef_calloc(n, sizeof *space->boxes),
                         .place = ef_calloc(n, sizeof *space->place),
                         .rank = ef_calloc(n, sizeof *space->rank),
                         .words = ef_calloc(rank_set_words(n), sizeof *space->words),
                         .stairs = {.x = ef_calloc(n, sizeof(double)),
                                    .y = ef_calloc(n, sizeof(double))}};
    int complete = space->boxes != NULL && space->place != NULL &&
                   space->rank != NULL && space->words != NULL &&
                   space->stairs.x != NULL && space->stairs.y != NULL;
    for (size_t k = d < 4 ? d : 4; k <= d; k++) {
        space->levels[k].rows = ef_calloc(n, k * sizeof(double));
        space->levels[k].order = ef_calloc(n, sizeof *space->levels[k].order);
        complete =
            complete && space->levels[k].rows != NULL && space->levels[k].order != NULL;
    }
    if (!complete) {
        clear(space);
        return ef_error_memory(err);
    }
    return EF_OK;
}

static void empty_stairs(workspace *space, size_t n)
{
    memset(space->words, 0, rank_set_words(n) * sizeof *space->words);
    space->stairs.steps = lay_rank_set(space->words, n);
}

static int by_falling_key(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->key != q->key) {
        return p->key > q->key ? -1 : 1;
    }
    return (p->index > q->index) - (p->index < q->index);
}

/* Orders n rows of d extents by falling extent in one objective. */
static void sort_rows(const level *at, size_t n, size_t d, size_t objective)
{
    for (size_t i = 0; i < n; i++) {
        at->order[i] = (ranked){at->rows[i * d + objective], i};
    }
    qsort(at->order, n, sizeof *at->order, by_falling_key);
}

/* --- volumes -------------------------------------------------------------------- */

/* The boxes of level d >= 3 without its last objectives, by falling z; the order of
 * the level holds the order of z afterwards. */
static void make_boxes(workspace *space, size_t n, size_t d)
{
    const level *at = &space->levels[d];
    sort_rows(at, n, d, 0);
    for (size_t i = 0; i < n; i++) {
        space->rank[at->order[i].index] = n - 1 - i;
    }
    sort_rows(at, n, d, 2);
    for (size_t i = 0; i < n; i++) {
        const double *row = at->rows + at->order[i].index * d;
        space->boxes[i] =
            (box){row[0], row[1], row[2], space->rank[at->order[i].index]};
    }
}

static double sweep_3(workspace *space, size_t n)
{
    double volume = 0;
    make_boxes(space, n, 3);
    empty_stairs(space, n);
    for (size_t i = 0; i < n; i++) {
        box b = space->boxes[i];
        volume += b.z * add_step(&space->stairs, b.x, b.y, b.rank);
    }
    return volume;
}

static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Volume of the first 3 extents of p that the boxes with a place below `place` share;
 * cutting them to p keeps their orders, but for ties. */
static double shared_volume(workspace *space, size_t n, const double *p, size_t place)
{
    double volume = 0;
    empty_stairs(space, n);
    for (size_t i = 0; i < n; i++) {
        if (space->place[i] < place) {
            box b = space->boxes[i];
            volume += smaller(b.z, p[2]) * add_step(&space->stairs, smaller(b.x, p[0]),
                                                    smaller(b.y, p[1]), b.rank);
        }
    }
    return volume;
}

/* Points by falling fourth extent: each adds what it does not share with those
 * before it [2]. */
static double sweep_4(workspace *space, size_t n)
{
    const level *at = &space->levels[4];
    make_boxes(space, n, 4);
    size_t *place_of = space->rank;
    for (size_t i = 0; i < n; i++) {
        space->place[i] = at->order[i].index;
    }
    sort_rows(at, n, 4, 3);
    for (size_t i = 0; i < n; i++) {
        place_of[at->order[i].index] = i;
    }
    for (size_t i = 0; i < n; i++) {
        space->place[i] = place_of[space->place[i]];
    }
    double volume = 0;
    for (size_t i = 0; i < n; i++) {
        const double *p = at->rows + at->order[i].index * 4;
        double own = p[0] * p[1] * p[2] - shared_volume(space, n, p, i);
        volume += own > 0 ? own * p[3] : 0;
    }
    return volume;
}

/* 1 where box p covers box q. */
static int covers(const double *p, const double *q, size_t d)
{
    for (size_t k = 0; k < d; k++) {
        if (p[k] < q[k]) {
            return 0;
        }
    }
    return 1;
}

/* Adds a row of d extents to n rows that do not cover each other; returns how many
 * there are then. */
static size_t add_row(double *rows, size_t n, size_t d, const double *row)
{
    for (size_t i = 0; i < n; i++) {
        if (covers(rows + i * d, row, d)) {
            return n;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!covers(row, rows + i * d, d)) {
            memmove(rows + kept++ * d, rows + i * d, d * sizeof *rows);
        }
    }
    memcpy(rows + kept * d, row, d * sizeof *rows);
    return kept + 1;
}

/* The limit set of the row in a place: the rows before it, cut to it, one objective
 * less, on the level below [2].  Returns how many. */
static size_t limit_rows(workspace *space, size_t place, size_t d)
{
    const level *at = &space->levels[d];
    const double *p = at->rows + at->order[place].index * d;
    double cut[MOST];
    size_t n = 0;
    for (size_t i = 0; i < place; i++) {
        const double *q = at->rows + at->order[i].index * d;
        for (size_t k = 0; k + 1 < d; k++) {
            cut[k] = smaller(p[k], q[k]);
        }
        n = add_row(space->levels[d - 1].rows, n, d - 1, cut);
    }
    return n;
}

/* Volume of the n rows of level d. */
static double volume_of(workspace *space, size_t n, size_t d)
{
    if (d == 3) {
        return sweep_3(space, n);
    }
    if (d == 4) {
        return sweep_4(space, n);
    }
    const level *at = &space->levels[d];
    double volume = 0;
    sort_rows(at, n, d, d - 1);
    for (size_t i = 0; i < n; i++) {
        const double *p = at->rows + at->order[i].index * d;
        double own = 1;
        for (size_t k = 0; k + 1 < d; k++) {
            own *= p[k];
        }
        own -= volume_of(space, limit_rows(space, i, d), d - 1);
        volume += own > 0 ? own * p[d - 1] : 0;
    }
    return volume;
}

/* --- the border ----------------------------------------------------------------- */

/* Writes the extents of a point; 0 where it adds nothing.  Objectives beyond m have
 * extent 1. */
static int measure(const double *point, const double *reference, size_t m, size_t d,
                   double *extents)
{
    for (size_t k = 0; k < d; k++) {
        if (k < m && !(point[k] < reference[k])) {
            return 0;
        }
        extents[k] = k < m ? reference[k] - point[k] : 1;
    }
    return 1;
}

static ef_status check(size_t m, const double *reference, ef_error *err)
{
    if (m == 0 || m > MOST) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "the hypervolume takes 1 to %d objectives, not %zu", MOST,
                            m);
    }
    for (size_t k = 0; k < m; k++) {
        if (!isfinite(reference[k])) {
            return ef_error_set(err, EF_ERR_USAGE,
                                "the reference point of the hypervolume is %g in "
                                "objective %zu, not a finite number",
                                reference[k], k + 1);
        }
    }
    return EF_OK;
}

ef_status ef_hypervolume(const double *points, size_t n, size_t n_objectives,
                         const double *reference, double *volume, ef_error *err)
{
    size_t m = n_objectives, d = m < 3 ? 3 : m;
    ef_status status = check(m, reference, err);
    workspace space;
    if (status == EF_OK) {
        status = init(&space, n, d, err);
    }
    if (status != EF_OK) {
        return status;
    }
    double *rows = space.levels[d].rows, extents[MOST];
    size_t counted = 0;
    int endless = 0;
    for (size_t i = 0; i < n; i++) {
        if (!measure(points + i * m, reference, m, d, extents)) {
            continue;
        }
        for (size_t k = 0; k < d; k++) {
            endless = endless || isinf(extents[k]);
        }
        if (d > 4) {
            counted = add_row(rows, counted, d, extents);
        } else {
            memcpy(rows + counted++ * d, extents, d * sizeof *rows);
        }
    }
    *volume = endless ? INFINITY : counted == 0 ? 0 : volume_of(&space, counted, d);
    clear(&space);
    return EF_OK;
}
