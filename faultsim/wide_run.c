/* One image through the steps, computing the boxes that differ. */
#include <string.h>

#include "faultsim/wide_priv.h"

static const ef_wbox nothing = {{0, 0, 0}, {0, 0, 0}};

static int32_t *kept_of(const ef_wide_worker *w, size_t index)
{
    size_t size = ef_shape_elements(w->qnet.steps[index].shape);
    return w->wide->kept[index] + w->image * size;
}

static int32_t get(void *context, uint32_t step, ef_qplace p)
{
    const ef_wide_worker *w = context;
    return w->now[step][ef_wide_at(w->qnet.steps[step].shape, p.c, p.y, p.x)];
}

static ef_qplace place_of(ef_shape shape, size_t index)
{
    return (ef_qplace){(uint32_t)(index / shape.width / shape.height),
                       (uint32_t)(index / shape.width % shape.height),
                       (uint32_t)(index % shape.width)};
}

/* --- rows of steps ---------------------------------------------------------------- */

/* A row of one channel of a step. */
typedef struct row {
    ef_wide_worker *w;
    size_t index;
    uint32_t c, y, x, n;
} row;

static int32_t *row_of(const row *r)
{
    ef_shape shape = r->w->qnet.steps[r->index].shape;
    return r->w->now[r->index] + ef_wide_at(shape, r->c, r->y, r->x);
}

static void take_sums(void *context, uint32_t y, int64_t *sums)
{
    row *r = context;
    const ef_qstep *step = &r->w->qnet.steps[r->index];
    double factor = step->factors[r->c];
    r->y = y;
    for (uint32_t i = 0; i < r->n; i++) {
        r->w->row[i] = (double)sums[i] * factor;
    }
    ef_wide_round(step, r->w->row, r->n, row_of(r));
}

static void run_add(const row *r)
{
    const ef_qstep *step = &r->w->qnet.steps[r->index];
    double *sums = r->w->row;
    for (uint32_t i = 0; i < r->n; i++) {
        sums[i] = 0;
    }
    for (uint32_t k = 0; k < step->n_inputs; k++) {
        row from = *r;
        from.index = step->inputs[k];
        const int32_t *x = row_of(&from);
        double factor = step->factors[k];
        int32_t zero = r->w->qnet.steps[from.index].code.zero;
        for (uint32_t i = 0; i < r->n; i++) {
            sums[i] += (double)(x[i] - zero) * factor;
        }
    }
    ef_wide_round(step, sums, r->n, row_of(r));
}

static void run_table(const row *r)
{
    const ef_qstep *step = &r->w->qnet.steps[r->index];
    row from = *r;
    from.index = step->inputs[0];
    const int32_t *x = row_of(&from);
    int32_t *to = row_of(r), least;
    size_t size = ef_qtable_size(&r->w->qnet.steps[from.index].code, &least);
    const int32_t *table = step->table + (step->n_tables > 1 ? r->c * size : 0);
    for (uint32_t i = 0; i < r->n; i++) {
        to[i] = table[x[i] - least];
    }
}

static void run_view(const row *r)
{
    const ef_qstep *step = &r->w->qnet.steps[r->index];
    size_t at = ef_wide_at(step->shape, r->c, r->y, r->x);
    memcpy(r->w->now[r->index] + at, r->w->now[step->inputs[0]] + at,
           r->n * sizeof(int32_t));
}

/* By the definition. */
static void run_elements(const row *r)
{
    const ef_qview view = {&r->w->qnet, get, r->w};
    int32_t *to = row_of(r);
    for (uint32_t i = 0; i < r->n; i++) {
        to[i] = ef_qelement(&view, r->index, (ef_qplace){r->c, r->y, r->x + i});
    }
}

/* --- steps ------------------------------------------------------------------------ */

/* A channel's whole plane where a parameter of it is struck, else the box. */
static ef_wbox part_of(const ef_wide_worker *w, size_t index, uint32_t c,
                       const ef_wbox *box)
{
    const uint8_t *is_struck = w->is_struck + w->wide->channel_at[index];
    ef_wbox part = ef_wbox_all(w->qnet.steps[index].shape);
    if (w->n_struck[index] > 0 && is_struck[c]) {
        part.from[0] = c;
        part.to[0] = c + 1;
        return part;
    }
    part = *box;
    part.from[0] = c > box->from[0] ? c : box->from[0];
    part.to[0] = c + 1 < box->to[0] ? c + 1 : box->to[0];
    return part;
}

/* Computes the box and, in `box` then, struck channels. */
static void run_conv(ef_wide_worker *w, size_t index, ef_wbox *box)
{
    const ef_wbox reached = *box;
    int any = w->n_struck[index] > 0;
    uint32_t from = any ? 0 : reached.from[0];
    uint32_t to = any ? w->qnet.steps[index].shape.channels : reached.to[0];
    ef_wide_prepare(w, index, box);
    for (uint32_t c = from; c < to; c++) {
        ef_wbox part = part_of(w, index, c, &reached);
        row r = {w, index, c, 0, part.from[2], part.to[2] - part.from[2]};
        if (!ef_wbox_is_empty(&part)) {
            ef_wide_sums(w, index, c, &part, take_sums, &r);
            ef_wbox_unite(box, &part);
        }
    }
}

static void run_rows(ef_wide_worker *w, size_t index, const ef_wbox *box)
{
    static void (*const kinds[])(const row *) = {
        [EF_Q_ADD] = run_add, [EF_Q_TABLE] = run_table, [EF_Q_VIEW] = run_view};
    ef_qkind kind = w->qnet.steps[index].kind;
    int has_row = kind < sizeof kinds / sizeof kinds[0] && kinds[kind];
    row r = {w, index, 0, 0, box->from[2], box->to[2] - box->from[2]};
    for (r.c = box->from[0]; r.c < box->to[0]; r.c++) {
        for (r.y = box->from[1]; r.y < box->to[1]; r.y++) {
            (has_row ? kinds[kind] : run_elements)(&r);
        }
    }
}

/* What the differences of its inputs reach. */
static ef_wbox reached_by(const ef_wide_worker *w, size_t index)
{
    const ef_qstep *step = &w->qnet.steps[index];
    ef_wbox box = nothing;
    if (w->is_whole || w->is_dirty[index]) {
        return ef_wbox_all(step->shape);
    }
    for (uint32_t k = 0; k < step->n_inputs; k++) {
        ef_wbox more = ef_wbox_reach(&w->qnet, step, k, &w->boxes[step->inputs[k]]);
        ef_wbox_unite(&box, &more);
    }
    return box;
}

/* --- flips ------------------------------------------------------------------------ */

/* Flips of a fault, from which those of each step are taken in turn. */
typedef struct queue {
    const ef_flip *const *flips;
    size_t n;
} queue;

static const ef_site *site_of(const ef_wide_worker *w, const ef_flip *flip)
{
    return &w->wide->base.sites[flip->site];
}

/* The next element of a step and target that is struck in this image: its flips that
 * are of the image into w->hitting, how many they are.  0: there is no more. */
static size_t next_element(ef_wide_worker *w, queue *q, size_t index, int is_sum,
                           size_t *element)
{
    size_t n = 0;
    while (q->n > 0 && n == 0) {
        const ef_flip *first = q->flips[0];
        const ef_site *site = site_of(w, first);
        int is_value =
            site->target == EF_TARGET_ACTIVATIONS || site->target == EF_TARGET_INPUTS;
        int is_other = site->step < index ||
                       (site->step == index && site->target < EF_TARGET_ACTIVATIONS) ||
                       (site->step == index && site->target > EF_TARGET_ACCUMULATORS);
        int is_wanted = site->step == index &&
                        (is_sum ? site->target == EF_TARGET_ACCUMULATORS : is_value);
        if (!is_other && !is_wanted) {
            return 0;
        }
        *element = first->index;
        for (; q->n > 0 && q->flips[0]->site == first->site &&
               q->flips[0]->index == first->index;
             q->n--, q->flips++) {
            if (is_wanted && ef_rerun_hits(&w->wide->base, q->flips[0], w->image)) {
                w->hitting[n++] = q->flips[0];
            }
        }
    }
    return n;
}

static void add_element(ef_wbox *box, ef_qplace p)
{
    ef_wbox_unite(box, &(ef_wbox){{p.c, p.y, p.x}, {p.c + 1, p.y + 1, p.x + 1}});
}

static void strike_sums(ef_wide_worker *w, size_t index, queue *q, ef_wbox *box)
{
    const ef_qview view = {&w->qnet, get, w};
    const ef_qstep *step = &w->qnet.steps[index];
    size_t element, n;
    while ((n = next_element(w, q, index, 1, &element)) > 0) {
        ef_qplace p = place_of(step->shape, element);
        int64_t sum = ef_qsum_struck(&view, index, p, w->hitting, n);
        w->base.macs += ef_qproducts(&w->qnet, step);
        if (index + 1 == w->wide->n_steps) {
            w->output[element] = sum;
        } else {
            w->now[index][element] = ef_qsum_round(step, p.c, sum);
        }
        add_element(box, p);
    }
}

static void strike_values(ef_wide_worker *w, size_t index, queue *q, ef_wbox *box)
{
    const ef_qstep *step = &w->qnet.steps[index];
    size_t element, n;
    while ((n = next_element(w, q, index, 0, &element)) > 0) {
        uint64_t bits = ef_code_of_integer(&step->code, w->now[index][element]);
        for (size_t i = 0; i < n; i++) {
            bits = ef_fault_bits(w->hitting[i]->kind, bits, w->hitting[i]->mask);
        }
        w->now[index][element] = ef_code_integer(&step->code, (uint32_t)bits);
        add_element(box, place_of(step->shape, element));
    }
}

/* --- the last step ---------------------------------------------------------------- */

/* Rows of sums into the output. */
static void take_output(void *context, uint32_t y, int64_t *sums)
{
    const row *r = context;
    ef_shape shape = r->w->qnet.steps[r->index].shape;
    memcpy(r->w->output + ef_wide_at(shape, r->c, y, 0), sums,
           shape.width * sizeof *sums);
}

static void run_last(ef_wide_worker *w, queue *q, double *logits)
{
    size_t index = w->wide->n_steps - 1;
    const ef_qview view = {&w->qnet, get, w};
    ef_shape shape = w->qnet.steps[index].shape;
    ef_wbox all = ef_wbox_all(shape), unused = nothing;
    if (w->qnet.steps[index].kind != EF_Q_CONV) {
        ef_qlogits(&view, logits);
        return;
    }
    ef_wide_prepare(w, index, &all);
    for (uint32_t c = 0; c < shape.channels; c++) {
        row r = {w, index, c, 0, 0, shape.width};
        ef_wide_sums(w, index, c, &all, take_output, &r);
    }
    strike_sums(w, index, q, &unused);
    for (size_t i = 0; i < w->wide->base.classes; i++) {
        ef_qplace p = w->wide->places[i];
        size_t at = ef_wide_at(shape, p.c, p.y, p.x);
        logits[i] = p.c == EF_QPADDING ? ef_qlogit_padding(&view, i)
                                       : ef_qsum_logit(&w->qnet, p.c, w->output[at]);
    }
}

/* Whether anything of the fault reaches the last step. */
static int is_reached(ef_wide_worker *w, const queue *q)
{
    size_t index = w->wide->n_steps - 1, element;
    ef_wbox box = reached_by(w, index);
    queue ahead = *q;
    return w->n_struck[index] > 0 || !ef_wbox_is_empty(&box) ||
           next_element(w, &ahead, index, 1, &element) > 0;
}

/* --- an image --------------------------------------------------------------------- */

void ef_wide_load(ef_wide_worker *w, size_t image)
{
    w->image = image;
    for (size_t i = 0; i + 1 < w->wide->n_steps; i++) {
        size_t size = ef_shape_elements(w->qnet.steps[i].shape);
        memcpy(w->now[i], kept_of(w, i), size * sizeof **w->now);
    }
}

static void run_step(ef_wide_worker *w, size_t index, queue *q)
{
    ef_shape shape = w->qnet.steps[index].shape;
    ef_wbox box = reached_by(w, index);
    if (index == 0 && w->is_dirty[0]) {
        const float *images = w->wide->images;
        ef_qinput(&w->qnet, images + w->image * ef_shape_elements(shape), w->now[0]);
    } else if (w->qnet.steps[index].kind == EF_Q_CONV) {
        run_conv(w, index, &box);
        strike_sums(w, index, q, &box);
    } else if (index > 0 && !ef_wbox_is_empty(&box)) {
        run_rows(w, index, &box);
    }
    strike_values(w, index, q, &box);
    w->boxes[index] = ef_wbox_differing(shape, &box, w->now[index], kept_of(w, index),
                                        w->channels + w->wide->channel_at[index]);
}

int ef_wide_run(ef_wide_worker *w, const ef_flip *const *flips, size_t n,
                double *logits)
{
    queue q = {flips, n};
    for (size_t i = 0; i + 1 < w->wide->n_steps; i++) {
        run_step(w, i, &q);
    }
    if (!is_reached(w, &q)) {
        return 0;
    }
    run_last(w, &q, logits);
    return 1;
}

void ef_wide_mend(ef_wide_worker *w)
{
    for (size_t i = 0; i + 1 < w->wide->n_steps; i++) {
        ef_wbox *box = &w->boxes[i];
        ef_wbox_copy(w->qnet.steps[i].shape, box, w->now[i], kept_of(w, i));
        for (uint32_t c = box->from[0]; c < box->to[0]; c++) {
            w->channels[w->wide->channel_at[i] + c] = nothing;
        }
        *box = nothing;
    }
}
