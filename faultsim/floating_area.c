/* Which part of a step's output its inputs reach, and what of it really differs. */
#include <string.h>

#include "faultsim/floating_step.h"

/* --- memory ----------------------------------------------------------------------- */

static void copy_area(const ef_floating_worker *w, const ef_step *step, size_t c,
                      ef_area area)
{
    const float *from = w->block->channels[step->out.first + c];
    float *to = ef_fown_channel(w, step, c);
    size_t lanes = w->forward->lanes, n = (area.right - area.left) * lanes;
    for (size_t y = area.top; y < area.bottom && n > 0; y++) {
        size_t at = (y * step->out.shape.width + area.left) * lanes;
        memcpy(to + at, from + at, n * sizeof *to);
    }
}

static int contains(const ef_area *outer, const ef_area *inner)
{
    return outer->top <= inner->top && outer->bottom >= inner->bottom &&
           outer->left <= inner->left && outer->right >= inner->right;
}

void ef_fstep_ensure(ef_floating_worker *w, size_t index, ef_area area)
{
    ef_fstate *state = &w->states[index];
    const ef_step *step = &w->rerun->plan->steps[index];
    const ef_area *old = &state->valid;
    if (state->n_own == 0 || contains(old, &area)) {
        return;
    }
    ef_area all = ef_area_union(*old, area);
    const ef_area rims[] = {{all.top, old->top, all.left, all.right, NULL},
                            {old->bottom, all.bottom, all.left, all.right, NULL},
                            {old->top, old->bottom, all.left, old->left, NULL},
                            {old->top, old->bottom, old->right, all.right, NULL}};
    for (size_t c = 0; c < step->out.shape.channels; c++) {
        for (size_t i = 0; i < 4 && ef_fis_own(w, step, c); i++) {
            copy_area(w, step, c, rims[i]);
        }
    }
    state->valid = all;
}

/* Makes a channel the worker's own, and valid in an area. */
float *ef_fwork_take_channel(ef_fwork *k, size_t c, ef_area area)
{
    ef_floating_worker *w = k->w;
    if (k->state->n_own == 0) {
        k->state->valid = area;
        k->state->changed = area;
        k->state->changed.channels = NULL;
    }
    ef_fstep_ensure(w, k->index, area);
    if (!ef_fis_own(w, k->step, c)) {
        copy_area(w, k->step, c, k->state->valid);
        w->forward->channels[k->step->out.first + c] = ef_fown_channel(w, k->step, c);
        k->state->n_own++;
    }
    k->state->changed = ef_area_union(k->state->changed, area);
    return ef_fown_channel(w, k->step, c);
}

/* --- what reaches what ------------------------------------------------------------ */

typedef enum reach { POINTS, WINDOW, ALL } reach;

static const uint8_t reaches[EF_OP_COUNT] = {
    [EF_OP_INPUT] = ALL,        [EF_OP_CONV] = WINDOW,      [EF_OP_DENSE] = WINDOW,
    [EF_OP_MAXPOOL] = WINDOW,   [EF_OP_AVGPOOL] = WINDOW,   [EF_OP_GLOBALAVG] = WINDOW,
    [EF_OP_GLOBALMAX] = WINDOW, [EF_OP_BATCHNORM] = POINTS, [EF_OP_ACTIVATION] = POINTS,
    [EF_OP_ADD] = POINTS,       [EF_OP_MUL] = POINTS,       [EF_OP_SCALE] = POINTS,
    [EF_OP_CONCAT] = POINTS,    [EF_OP_PAD] = ALL,          [EF_OP_SLICE] = ALL,
    [EF_OP_TRANSPOSE] = ALL,    [EF_OP_FLATTEN] = ALL,      [EF_OP_UPSAMPLE] = ALL,
    [EF_OP_RESHAPE] = ALL,      [EF_OP_SOFTMAX] = ALL,      [EF_OP_DIV] = POINTS,
};

/* The outputs along one axis whose taps meet inputs [begin, end). */
static void reach_axis(const ef_taps *taps, uint32_t n, uint32_t dilation,
                       uint32_t begin, uint32_t end, uint32_t *first, uint32_t *last)
{
    *first = *last = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t stop = taps[i].at + (taps[i].count - 1) * dilation + 1;
        if (taps[i].count > 0 && taps[i].at < end && stop > begin) {
            *first = *last == 0 ? i : *first;
            *last = i + 1;
        }
    }
}

/* The inputs along one axis that outputs [begin, end) read. */
static void need_axis(const ef_taps *taps, uint32_t dilation, uint32_t begin,
                      uint32_t end, uint32_t *first, uint32_t *last)
{
    *first = *last = 0;
    for (uint32_t i = begin; i < end; i++) {
        if (taps[i].count > 0) {
            uint32_t stop = taps[i].at + (taps[i].count - 1) * dilation + 1;
            *first = *last == 0 || taps[i].at < *first ? taps[i].at : *first;
            *last = stop > *last ? stop : *last;
        }
    }
}

/* Alike in rows and columns: element by element. */
static int is_alike(const ef_step *a, const ef_step *b)
{
    return a->out.shape.height == b->out.shape.height &&
           a->out.shape.width == b->out.shape.width;
}

static ef_area area_reached(const ef_step *step, const ef_step *from, ef_area in)
{
    ef_area out = whole_area(step->out.shape);
    if (reaches[step->node->op] == WINDOW) {
        reach_axis(step->rows, step->out.shape.height, step->dilation[0], in.top,
                   in.bottom, &out.top, &out.bottom);
        reach_axis(step->columns, step->out.shape.width, step->dilation[1], in.left,
                   in.right, &out.left, &out.right);
    } else if (reaches[step->node->op] == POINTS && is_alike(step, from)) {
        out = in;
    }
    return out;
}

static ef_area area_needed(const ef_step *step, const ef_step *from, ef_area out)
{
    ef_area in = whole_area(from->out.shape);
    if (reaches[step->node->op] == WINDOW) {
        need_axis(step->rows, step->dilation[0], out.top, out.bottom, &in.top,
                  &in.bottom);
        need_axis(step->columns, step->dilation[1], out.left, out.right, &in.left,
                  &in.right);
    } else if (reaches[step->node->op] == POINTS && is_alike(step, from)) {
        in = out;
    }
    in.channels = NULL;
    return in;
}

void ef_fwork_ensure_inputs(const ef_fwork *k, ef_area out)
{
    for (uint32_t i = 0; i < k->step->n_inputs; i++) {
        const ef_step *from = &k->w->rerun->plan->steps[k->step->inputs[i]];
        ef_fstep_ensure(k->w, k->step->inputs[i], area_needed(k->step, from, out));
    }
}

/* Output channels that channel c of input i reaches, which begins at channel `offset`
 * of the output of a concat. */
static void want_reached(const ef_fwork *k, const ef_step *from, size_t c,
                         size_t offset)
{
    const ef_step *step = k->step;
    size_t n = step->out.shape.channels, begin = 0, end = n;
    ef_op op = step->node->op;
    int is_sum = op == EF_OP_CONV || op == EF_OP_DENSE;
    if (is_sum) {
        size_t n_in = from->out.shape.channels / step->groups;
        begin = c / n_in * (n / step->groups);
        end = begin + n / step->groups;
    } else if (reaches[op] != ALL) {
        begin = offset + c;
        end = begin + 1;
    }
    memset(k->w->wanted + begin, 1, end - begin);
}

void ef_fwork_want_all(ef_fwork *k)
{
    memset(k->w->wanted, 1, k->step->out.shape.channels);
    k->area = whole_area(k->step->out.shape);
}

void ef_fwork_want_inputs(ef_fwork *k)
{
    size_t offset = 0;
    for (uint32_t i = 0; i < k->step->n_inputs; i++) {
        const ef_fstate *state = &k->w->states[k->step->inputs[i]];
        const ef_step *from = &k->w->rerun->plan->steps[k->step->inputs[i]];
        size_t n = state->n_own > 0 ? from->out.shape.channels : 0;
        ef_area reached = {0};
        if (n > 0) {
            reached = area_reached(k->step, from, state->changed);
            n = ef_area_is_empty(&reached) ? 0 : n;
        }
        for (size_t c = 0; c < n; c++) {
            if (ef_fis_own(k->w, from, c)) {
                want_reached(k, from, c, offset);
            }
        }
        k->area = ef_area_union(k->area, reached);
        offset += k->step->node->op == EF_OP_CONCAT ? from->out.shape.channels : 0;
    }
}

void ef_fwork_complete(ef_fwork *k)
{
    if (!ef_area_is_empty(&k->area) && reaches[k->step->node->op] == ALL) {
        ef_fwork_want_all(k);
    }
}

/* --- what differs ----------------------------------------------------------------- */

/* Whether two channels differ in an area, by its first row that does. */
static int find_difference(const float *a, const float *b, size_t width, size_t lanes,
                           const ef_area *area, uint32_t *row)
{
    size_t n = (area->right - area->left) * lanes * sizeof *a;
    for (uint32_t y = area->top; y < area->bottom; y++) {
        size_t at = (y * width + area->left) * lanes;
        if (memcmp(a + at, b + at, n) != 0) {
            *row = y;
            return 1;
        }
    }
    return 0;
}

static int row_differs(const float *a, const float *b, size_t width, size_t lanes,
                       ef_area area, uint32_t y)
{
    area.top = y;
    area.bottom = y + 1;
    return find_difference(a, b, width, lanes, &area, &y);
}

static int column_differs(const float *a, const float *b, size_t width, size_t lanes,
                          ef_area area, uint32_t x)
{
    uint32_t row;
    area.left = x;
    area.right = x + 1;
    return find_difference(a, b, width, lanes, &area, &row);
}

/* Widens `found` to what differs in an area of a channel; 0: nothing does. */
static int widen(const ef_area *area, const float *a, const float *b, size_t width,
                 size_t lanes, ef_area *found)
{
    uint32_t top;
    if (!find_difference(a, b, width, lanes, area, &top)) {
        return 0;
    }
    if (ef_area_is_empty(found)) {
        *found = (ef_area){top, top + 1, area->right, area->left, NULL};
    }
    found->top = top < found->top ? top : found->top;
    uint32_t bottom = area->bottom, left = area->left, right = area->right;
    while (bottom > found->bottom &&
           !row_differs(a, b, width, lanes, *area, bottom - 1)) {
        bottom--;
    }
    found->bottom = bottom > found->bottom ? bottom : found->bottom;
    while (left < found->left && !column_differs(a, b, width, lanes, *area, left)) {
        left++;
    }
    found->left = left < found->left ? left : found->left;
    while (right > found->right &&
           !column_differs(a, b, width, lanes, *area, right - 1)) {
        right--;
    }
    found->right = right > found->right ? right : found->right;
    return 1;
}

/* Channels in which nothing differs are the kept ones again. */
void ef_fwork_compare(const ef_fwork *k)
{
    const ef_floating_worker *w = k->w;
    const ef_tensor *out = &k->step->out;
    ef_area found = {0};
    for (size_t c = 0; c < out->shape.channels; c++) {
        float **now = &w->forward->channels[out->first + c];
        float *kept = w->block->channels[out->first + c];
        if (*now != kept && !widen(&k->state->changed, *now, kept, out->shape.width,
                                   w->forward->lanes, &found)) {
            *now = kept;
            k->state->n_own--;
        }
    }
    k->state->changed = found;
}
