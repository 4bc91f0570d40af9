/* Elements that are struck as they come about: running sums, and what is stored. */
#include <string.h>

#include "faultsim/floating_step.h"
#include "faultsim/functions.h"

/* --- running sums ----------------------------------------------------------------- */

/* One element's sum as it grows, in w->lane_values. */
typedef struct chain {
    const ef_fwork *k;
    uint32_t c, y, x;
    uint64_t moment;
} chain;

/* Products of input channels [in, in + n_in) of the group with kernel rows [top,
 * bottom) and columns [left, right), as far as they are not padding. */
static void take_products(const chain *a, size_t in, size_t n_in, uint32_t top,
                          uint32_t bottom, uint32_t left, uint32_t right)
{
    const ef_fwork *k = a->k;
    const ef_step *step = k->step, *from = &k->w->rerun->plan->steps[step->inputs[0]];
    const ef_taps *rows = &step->rows[a->y], *columns = &step->columns[a->x];
    size_t lanes = k->w->forward->lanes, block = k->w->rerun->plan->kernels->block;
    size_t n_taps = step->kernel[0] * (size_t)step->kernel[1];
    size_t group = a->c / (step->out.shape.channels / step->groups);
    size_t in_row = from->out.shape.width * lanes;
    uint32_t first = top > rows->first ? top : rows->first;
    uint32_t end = rows->first + rows->count;
    end = bottom < end ? bottom : end;
    ef_taps taps = {left > columns->first ? left : columns->first, 0, 0, 0};
    uint32_t stop = columns->first + columns->count;
    stop = right < stop ? right : stop;
    if (first >= end || taps.first >= stop) {
        return;
    }
    taps.count = stop - taps.first;
    taps.at = columns->at + (taps.first - columns->first) * step->dilation[1];
    in += group * (from->out.shape.channels / step->groups);
    ef_conv_row row = {.in_row = step->dilation[0] * in_row,
                       .in_column = step->dilation[1] * lanes,
                       .n_in = 1,
                       .n_rows = end - first,
                       .columns = &taps,
                       .n_columns = 1,
                       .w_row = step->kernel[1] * block,
                       .out = k->w->lane_values,
                       .n_out = 1,
                       .lanes = lanes};
    size_t within = in - group * (from->out.shape.channels / step->groups);
    uint32_t at = rows->at + (first - rows->first) * step->dilation[0];
    for (size_t i = 0; i < n_in; i++) {
        row.in = k->w->forward->channels[from->out.first + in + i] + at * in_row;
        row.weights = k->struck.weights + ef_fwork_packed_at(k, a->c) +
                      ((within + i) * n_taps + first * step->kernel[1]) * block;
        k->w->rerun->plan->kernels->conv_row(&row);
    }
}

/* On to a moment: what is left of a row, of a channel, then channels whole. */
static void advance(chain *a, uint64_t to)
{
    uint32_t height = a->k->step->kernel[0], width = a->k->step->kernel[1];
    uint64_t n_taps = (uint64_t)height * width;
    while (a->moment < to) {
        uint64_t rest = to - a->moment, in = a->moment / n_taps;
        uint32_t y = (uint32_t)(a->moment % n_taps / width);
        uint32_t x = (uint32_t)(a->moment % width), n;
        if (x == 0 && y == 0 && rest >= n_taps) {
            take_products(a, in, rest / n_taps, 0, height, 0, width);
            a->moment += rest / n_taps * n_taps;
        } else if (x == 0 && rest >= width) {
            n = rest / width < height - y ? (uint32_t)(rest / width) : height - y;
            take_products(a, in, 1, y, y + n, 0, width);
            a->moment += (uint64_t)n * width;
        } else {
            n = rest < width - x ? (uint32_t)rest : width - x;
            take_products(a, in, 1, y, y + 1, x, x + n);
            a->moment += n;
        }
    }
}

static int hits_lane(const ef_floating_worker *w, const ef_fhit *hit, size_t lane)
{
    return hit->image < 0 || (size_t)hit->image == w->block->first + lane;
}

static int hits_block(const ef_floating_worker *w, const ef_fhit *hit)
{
    return hit->image < 0 || ((size_t)hit->image >= w->block->first &&
                              (size_t)hit->image < w->block->first + w->block->n);
}

/* n hits of one element at one moment. */
static void strike_sum(const ef_floating_worker *w, const ef_fhit *hits, size_t n)
{
    for (size_t lane = 0; lane < w->block->n; lane++) {
        uint32_t bits = bits_of_float(canonical(w->lane_values[lane]));
        int is_struck = 0;
        for (size_t i = 0; i < n; i++) {
            if (hits_lane(w, &hits[i], lane)) {
                bits = (uint32_t)ef_fault_bits(hits[i].kind, bits, hits[i].mask);
                is_struck = 1;
            }
        }
        if (is_struck) {
            w->lane_values[lane] = float_of_bits(bits);
        }
    }
}

static ef_area pixel_of(const ef_step *step, uint64_t index)
{
    uint32_t width = step->out.shape.width;
    uint64_t plane = (uint64_t)step->out.shape.height * width;
    uint32_t y = (uint32_t)(index % plane / width), x = (uint32_t)(index % width);
    return (ef_area){y, y + 1, x, x + 1, NULL};
}

/* How many of the n hits strike the element of the first; of those, at its moment. */
static size_t same_element(const ef_fhit *hits, size_t n, int at_moment)
{
    size_t i = 1;
    while (i < n && hits[i].index == hits[0].index &&
           (!at_moment || hits[i].moment == hits[0].moment)) {
        i++;
    }
    return i;
}

static int hit_block(const ef_floating_worker *w, const ef_fhit *hits, size_t n)
{
    int is_hit = 0;
    for (size_t i = 0; i < n && !is_hit; i++) {
        is_hit = hits_block(w, &hits[i]);
    }
    return is_hit;
}

/* n hits of one element. */
static void strike_element_sum(ef_fwork *k, const ef_fhit *hits, size_t n)
{
    ef_floating_worker *w = k->w;
    ef_area pixel = pixel_of(k->step, hits->index);
    size_t plane = (size_t)k->step->out.shape.height * k->step->out.shape.width;
    size_t lanes = w->forward->lanes;
    chain a = {k, (uint32_t)(hits->index / plane), pixel.top, pixel.left, 0};
    ef_fwork_ensure_inputs(k, pixel);
    memset(w->lane_values, 0, lanes * sizeof *w->lane_values);
    for (size_t i = 0, same; i < n; i += same) {
        same = same_element(hits + i, n - i, 1);
        advance(&a, hits[i].moment);
        strike_sum(w, hits + i, same);
    }
    const ef_step *from = &w->rerun->plan->steps[k->step->inputs[0]];
    advance(&a, from->out.shape.channels / k->step->groups *
                    (uint64_t)k->step->kernel[0] * k->step->kernel[1]);
    ef_step_end_span(w->forward, &k->struck, a.c, w->lane_values, lanes);
    float *to = ef_fwork_take_channel(k, a.c, pixel);
    memcpy(to + hits->index % plane * lanes, w->lane_values, lanes * sizeof *to);
}

void ef_fwork_strike_sums(ef_fwork *k)
{
    size_t n;
    const ef_fhit *hits = ef_fwork_hits(k, EF_F_ACCUMULATOR, &n);
    for (size_t i = 0, same; i < n; i += same) {
        same = same_element(hits + i, n - i, 0);
        if (hit_block(k->w, hits + i, same)) {
            strike_element_sum(k, hits + i, same);
        }
    }
}

/* --- stored values ---------------------------------------------------------------- */

/* n hits of one element, whose values before they were stored, or after, are raw. */
static void strike_value(const ef_fwork *k, const ef_fhit *hits, size_t n,
                         const float *raw, float *to)
{
    for (size_t lane = 0; lane < k->w->block->n; lane++) {
        uint32_t bits = 0;
        int is_struck = 0;
        for (size_t i = 0; i < n; i++) {
            if (hits_lane(k->w, &hits[i], lane)) {
                bits = is_struck ? bits : ef_fcode_of(&k->code, raw[lane]);
                bits = (uint32_t)ef_fault_bits(hits[i].kind, bits, hits[i].mask);
                is_struck = 1;
            }
        }
        if (is_struck) {
            to[lane] = ef_fcode_value(&k->code, bits);
        }
    }
}

void ef_fwork_strike_values(ef_fwork *k)
{
    size_t n, lanes = k->w->forward->lanes;
    const ef_fhit *hits = ef_fwork_hits(k, EF_F_VALUE, &n);
    size_t plane = (size_t)k->step->out.shape.height * k->step->out.shape.width;
    for (size_t i = 0, same; i < n; i += same) {
        same = same_element(hits + i, n - i, 0);
        if (hit_block(k->w, hits + i, same)) {
            size_t at = hits[i].index % plane * lanes;
            float *to = ef_fwork_take_channel(k, hits[i].index / plane,
                                              pixel_of(k->step, hits[i].index)) +
                        at;
            strike_value(k, hits + i, same, to, to);
        }
    }
}

/* The same where values are still to be stored, with a scale that is struck: a channel
 * at a time, since what was not yet stored is struck. */
void ef_fwork_store_values(const ef_fwork *k)
{
    size_t n, lanes = k->w->forward->lanes, h = 0;
    const ef_fhit *hits = ef_fwork_hits(k, EF_F_VALUE, &n);
    size_t plane = (size_t)k->step->out.shape.height * k->step->out.shape.width;
    for (size_t c = 0; c < k->step->out.shape.channels; c++) {
        float *to = ef_fown_channel(k->w, k->step, c);
        memcpy(k->w->plane, to, plane * lanes * sizeof *to);
        ef_fcode_store(&k->code, plane * lanes, to);
        for (size_t same; h < n && hits[h].index / plane == c; h += same) {
            size_t at = hits[h].index % plane * lanes;
            same = same_element(hits + h, n - h, 0);
            strike_value(k, hits + h, same, k->w->plane + at, to + at);
        }
    }
}
