/* One image through the steps, computing what differs. */
#include <string.h>

#include "faultsim/bytes_priv.h"

/* --- logits ----------------------------------------------------------------------- */

static double tail(const ef_bytes_worker *w, size_t channel, double value)
{
    const ef_qnet *qnet = w->rerun->qnet;
    for (size_t i = 0; i < qnet->n_tail; i++) {
        value = ef_qtail_apply(qnet, &qnet->tail[i], channel, value);
    }
    return value;
}

/* The sum of an output of the last layer; its part's sums of the pixel are in w->acc.
 */
static double last_sum(ef_bytes_worker *w, const ef_bpart *part, ef_qplace place,
                       uint32_t pixel)
{
    size_t index = w->rerun->n_steps - 1;
    const ef_bstep *step = ef_bstep_of(w, index);
    size_t element = place.c * ef_bplane(step) + pixel;
    for (size_t i = 0; i < w->n_hitting; i++) {
        if (w->fault->flips[w->hitting[i]].index == element) {
            return (double)ef_bytes_struck_sum(w, index, place.c, pixel);
        }
    }
    unsigned unused = step->rounding.unused;
    return (int32_t)((uint32_t)w->acc[place.c - part->out] << unused) >> unused;
}

/* Logits of a last layer that is a convolution; pixel by pixel as they come. */
static void conv_logits(ef_bytes_worker *w, double *logits)
{
    size_t index = w->rerun->n_steps - 1;
    const ef_bstep *step = ef_bstep_of(w, index);
    const ef_qview view = {w->rerun->qnet, ef_bytes_get, w};
    ef_bytes_find_hitting(w, step->sum_site);
    for (size_t i = 0; i < w->rerun->base.classes; i++) {
        int is_padding = ef_qlogit_place(&view, i).c == EF_QPADDING;
        logits[i] = is_padding ? ef_qlogit_padding(&view, i) : 0;
    }
    for (size_t p = 0; p < step->n_parts; p++) {
        const ef_bpart *part = &w->states[index].parts[p];
        uint32_t last = UINT32_MAX;
        for (size_t i = 0; i < w->rerun->base.classes; i++) {
            ef_qplace place = ef_qlogit_place(&view, i);
            uint32_t pixel = place.y * step->q->shape.width + place.x;
            if (place.c < part->out || place.c >= part->out + part->n_out) {
                continue;
            }
            if (pixel != last) {
                ef_bytes_accumulate(w, index, part, &pixel, 1);
                last = pixel;
            }
            logits[i] = tail(w, place.c,
                             last_sum(w, part, place, pixel) * step->factors[place.c]);
        }
    }
}

static void find_logits(ef_bytes_worker *w, double *logits)
{
    const ef_qview view = {w->rerun->qnet, ef_bytes_get, w};
    if (ef_bstep_of(w, w->rerun->n_steps - 1)->q->kind == EF_Q_CONV) {
        conv_logits(w, logits);
    } else {
        ef_qlogits(&view, logits);
    }
}

/* --- one image -------------------------------------------------------------------- */

static void run_step(ef_bytes_worker *w, size_t index)
{
    int is_struck = ef_bytes_is_struck(w, index), differs = ef_bytes_differs(w, index);
    if (is_struck && !differs && !w->is_whole && ef_bytes_run_struck(w, index)) {
        return;
    }
    if (!is_struck && !differs && !w->is_whole) {
        return;
    }
    /* what is struck here and before takes the worker's weights, for all pixels */
    int is_whole = w->is_whole;
    w->is_whole |= is_struck;
    ef_bytes_find_todo(w, index);
    if (ef_bstep_of(w, index)->q->kind == EF_Q_CONV) {
        ef_bytes_run_conv(w, index, w->is_whole);
    } else {
        ef_bytes_run_other(w, index);
    }
    w->is_whole = is_whole;
}

/* Ends a whole run: nothing is known of what differs. */
static void forget(ef_bytes_worker *w)
{
    for (size_t i = 0; i + 1 < w->rerun->n_steps; i++) {
        ef_bstate *state = &w->states[i];
        size_t n_words = ef_bwords(ef_bplane(ef_bstep_of(w, i)));
        memset(state->touched, 0, n_words * sizeof *state->touched);
        state->is_touched = 0;
    }
    w->image = SIZE_MAX;
}

/* The last step with a flip in it. */
static size_t last_struck(const ef_bytes_worker *w)
{
    size_t last = 0;
    for (size_t i = 0; i < w->fault->n && last + 1 < w->rerun->n_steps; i++) {
        size_t step = w->rerun->base.sites[w->fault->flips[i].site].step;
        last = step > last ? step : last;
    }
    return last;
}

int ef_bytes_run_image(ef_bytes_worker *w, size_t first, double *logits)
{
    size_t output = w->rerun->n_steps - 1, end = last_struck(w), i;
    end = w->is_whole ? output : end;
    for (i = first; i < output && i <= end; i++) {
        if (i > 0) {
            run_step(w, i);
            ef_bytes_strike_sums(w, i);
        }
        ef_bytes_strike_values(w, i);
        if (!w->is_whole && w->states[i].is_touched) {
            ef_bytes_collect(w, i);
            size_t last = ef_bstep_of(w, i)->last_reader;
            end = w->states[i].n_pixels > 0 && last > end ? last : end;
        }
    }
    int reaches = end == output;
    if (reaches) {
        find_logits(w, logits);
    }
    if (w->is_whole) {
        forget(w);
        return 1;
    }
    while (i-- > first) {
        if (w->states[i].n_pixels > 0) {
            ef_bytes_restore(w, i);
        }
    }
    return reaches;
}
