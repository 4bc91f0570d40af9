#include "base/nnls.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

/* Of columns of length 1: below these a gradient, or what a column adds to the others,
 * is rounding. */
#define GRADIENT_ROUNDING (64 * DBL_EPSILON)
#define COLUMN_ROUNDING (1024 * DBL_EPSILON)

typedef struct problem {
    size_t m, n;
    double *a;            /* (n, m): the columns one after the other, of length 1 */
    double *length;       /* (n), of the columns before; 0 for one of zeros */
    const double *b;      /* (m) */
    double b_length;      /* of b */
    double *x;            /* (n), of the scaled columns */
    double *z;            /* (n), what least squares makes of those in use */
    double *r;            /* (n, m): the columns in use, reflected */
    double *v;            /* (m): b, reflected; then b - A x */
    size_t *used;         /* (n_used), as they came */
    size_t n_used;        /* at most m */
    unsigned char *state; /* (n) */
} problem;

enum { AT_ZERO, IN_USE, REJECTED };

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* The greatest first: squares neither overflow nor vanish. */
static double length_of(const double *a, size_t n)
{
    double greatest = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        greatest = fabs(a[i]) > greatest ? fabs(a[i]) : greatest;
    }
    for (size_t i = 0; i < n && greatest > 0; i++) {
        sum += (a[i] / greatest) * (a[i] / greatest);
    }
    return greatest * sqrt(sum);
}

/* --- Householder's reflections --- */

/* Reflects what column i and those behind it have below row i, and the right side, so
 * that column i has nothing left below its diagonal.  columns: (n, m). */
static void reflect(double *columns, size_t i, size_t n, size_t m, double *right)
{
    double *pivot = columns + i * m;
    double length = length_of(pivot + i, m - i);
    if (length == 0) {
        return;
    }
    double diagonal = pivot[i] > 0 ? -length : length;
    pivot[i] -= diagonal;
    double half = -diagonal * pivot[i]; /* half the square of the reflector's length */
    for (size_t k = i + 1; k < n; k++) {
        double *column = columns + k * m;
        double factor = dot(pivot + i, column + i, m - i) / half;
        for (size_t row = i; row < m; row++) {
            column[row] -= factor * pivot[row];
        }
    }
    double factor = dot(pivot + i, right + i, m - i) / half;
    for (size_t row = i; row < m; row++) {
        right[row] -= factor * pivot[row];
    }
    pivot[i] = diagonal; /* what lies below is not read again */
}

/* Reflects the columns in use, and v with them; returns what the one that came last
 * adds to the others, from 0 to 1. */
static double reduce(problem *p)
{
    size_t n = p->n_used, m = p->m;
    for (size_t i = 0; i < n; i++) {
        memcpy(p->r + i * m, p->a + p->used[i] * m, m * sizeof *p->r);
    }
    for (size_t i = 0; i < n; i++) {
        reflect(p->r, i, n, m, p->v);
    }
    return n ? fabs(p->r[(n - 1) * m + n - 1]) : 1;
}

/* Writes z of the columns in use; 0 where the last one adds nothing to the others. */
static int solve(problem *p)
{
    memcpy(p->v, p->b, p->m * sizeof *p->v);
    if (reduce(p) <= COLUMN_ROUNDING) {
        return 0;
    }
    for (size_t i = p->n_used; i-- > 0;) {
        double sum = p->v[i];
        for (size_t k = i + 1; k < p->n_used; k++) {
            sum -= p->r[k * p->m + i] * p->z[p->used[k]];
        }
        p->z[p->used[i]] = sum / p->r[i * p->m + i];
    }
    return 1;
}

/* --- the active set --- */

/* The column at 0 along which the squares fall most steeply; n where none does. */
static size_t steepest(problem *p)
{
    memcpy(p->v, p->b, p->m * sizeof *p->v);
    for (size_t i = 0; i < p->n_used; i++) {
        const double *column = p->a + p->used[i] * p->m;
        for (size_t row = 0; row < p->m; row++) {
            p->v[row] -= p->x[p->used[i]] * column[row];
        }
    }
    size_t best = p->n;
    double most = GRADIENT_ROUNDING * p->b_length;
    for (size_t i = 0; i < p->n; i++) {
        double w = p->state[i] == AT_ZERO ? dot(p->a + i * p->m, p->v, p->m) : 0;
        if (w > most) {
            most = w;
            best = i;
        }
    }
    return best;
}

/* From x towards z as far as all stay >= 0; those that reach 0 leave.  Returns whether
 * any did. */
static int step(problem *p)
{
    double share = 1;
    size_t stop = p->n;
    for (size_t i = 0; i < p->n_used; i++) {
        size_t at = p->used[i];
        if (p->z[at] <= 0) {
            double reach = p->x[at] / (p->x[at] - p->z[at]);
            if (stop == p->n || reach < share) {
                share = reach;
                stop = at;
            }
        }
    }
    size_t n = 0;
    for (size_t i = 0; i < p->n_used; i++) {
        size_t at = p->used[i];
        p->x[at] = stop == p->n ? p->z[at] : p->x[at] + share * (p->z[at] - p->x[at]);
        if (at == stop || p->x[at] <= 0) {
            p->x[at] = 0;
            p->state[at] = AT_ZERO;
        } else {
            p->used[n++] = at;
        }
    }
    int left = n < p->n_used;
    p->n_used = n;
    return left;
}

/* Takes a column into use; not where it adds nothing, or would fall below 0 at once,
 * which only rounding makes it do [1]. */
static int enter(problem *p, size_t column)
{
    p->used[p->n_used++] = column;
    if (p->n_used <= p->m && solve(p) && p->z[column] > 0) {
        p->state[column] = IN_USE;
        return 1;
    }
    p->n_used--;
    p->state[column] = REJECTED;
    return 0;
}

static void forget_rejections(problem *p)
{
    for (size_t i = 0; i < p->n; i++) {
        p->state[i] = p->state[i] == REJECTED ? AT_ZERO : p->state[i];
    }
}

/* [1] proves that no set of columns comes twice; the bound is against rounding. */
static ef_status walk(problem *p, ef_error *err)
{
    size_t changes = 0, most = 100 * (p->n + 1);
    for (size_t next = steepest(p); next < p->n; next = steepest(p)) {
        if (!enter(p, next)) {
            continue;
        }
        while (++changes <= most && step(p)) {
            (void)solve(p);
        }
        if (changes > most) {
            return ef_error_set(err, EF_ERR_FAILED,
                                "non-negative least squares found no solution after "
                                "%zu steps",
                                most);
        }
        forget_rejections(p);
    }
    return EF_OK;
}

/* --- the whole --- */

static void scale_columns(problem *p, const double *a)
{
    for (size_t i = 0; i < p->n; i++) {
        double *column = p->a + i * p->m;
        for (size_t row = 0; row < p->m; row++) {
            column[row] = a[row * p->n + i];
        }
        p->length[i] = length_of(column, p->m);
        for (size_t row = 0; row < p->m && p->length[i] > 0; row++) {
            column[row] /= p->length[i];
        }
    }
}

static void clear(problem *p)
{
    ef_free(p->a);
    ef_free(p->length);
    ef_free(p->x);
    ef_free(p->z);
    ef_free(p->r);
    ef_free(p->v);
    ef_free(p->used);
    ef_free(p->state);
}

/* One more of each than there are, so that none of them is empty. */
static ef_status prepare(problem *p, const double *a, ef_error *err)
{
    p->a = ef_calloc(p->n + 1, (p->m + 1) * sizeof *p->a);
    p->length = ef_calloc(p->n + 1, sizeof *p->length);
    p->x = ef_calloc(p->n + 1, sizeof *p->x);
    p->z = ef_calloc(p->n + 1, sizeof *p->z);
    p->r = ef_calloc(p->n + 1, (p->m + 1) * sizeof *p->r);
    p->v = ef_calloc(p->m + 1, sizeof *p->v);
    p->used = ef_calloc(p->n + 1, sizeof *p->used);
    p->state = ef_calloc(p->n + 1, sizeof *p->state);
    if (!p->a || !p->length || !p->x || !p->z || !p->r || !p->v || !p->used ||
        !p->state) {
        return ef_error_memory(err);
    }
    scale_columns(p, a);
    return EF_OK;
}

ef_status ef_nnls(const double *a, const double *b, size_t m, size_t n, double *x,
                  ef_error *err)
{
    problem p = {.m = m, .n = n, .b = b, .b_length = length_of(b, m)};
    ef_status status = prepare(&p, a, err);
    status = status ? status : walk(&p, err);
    for (size_t i = 0; i < n && !status; i++) {
        x[i] = p.length[i] > 0 ? p.x[i] / p.length[i] : 0;
    }
    clear(&p);
    return status;
}

ef_status ef_nnls_independent(const double *a, size_t m, size_t n, const size_t *order,
                              double tolerance, unsigned char *independent,
                              ef_error *err)
{
    problem p = {.m = m, .n = n};
    ef_status status = prepare(&p, a, err);
    for (size_t i = 0; i < n && !status; i++) {
        size_t column = order[i];
        independent[column] = 0;
        if (p.n_used == m || p.length[column] == 0) {
            continue;
        }
        p.used[p.n_used++] = column;
        if (reduce(&p) > tolerance) {
            independent[column] = 1;
        } else {
            p.n_used--;
        }
    }
    clear(&p);
    return status;
}
