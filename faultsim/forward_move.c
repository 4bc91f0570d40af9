/* Steps that move elements, which keep their values. */
#include <string.h>

#include "faultsim/forward_priv.h"

static void copy_area(float *to, const float *from, const ef_area_runs *runs)
{
    for (size_t i = 0; i < runs->n; i++) {
        size_t at = runs->at + i * runs->stride;
        memcpy(to + at, from + at, runs->size * sizeof *to);
    }
}

void ef_step_run_concat(const ef_forward *forward, const ef_step *step,
                        const ef_area *area)
{
    size_t to = 0;
    ef_area_runs runs = ef_area_runs_of(step->out.shape, forward->lanes, area);
    for (size_t k = 0; k < step->n_inputs; k++) {
        const ef_step *from = input_step(forward, step, k);
        for (size_t c = 0; c < from->out.shape.channels; c++, to++) {
            if (is_wanted(area, to)) {
                copy_area(channel(forward, step, to), channel(forward, from, c), &runs);
            }
        }
    }
    ef_step_end(forward, step, area);
}

void ef_step_run_reshape(const ef_forward *forward, const ef_step *step,
                         const ef_area *area)
{
    const ef_step *from = input_step(forward, step, 0);
    size_t in_plane = (size_t)from->out.shape.height * from->out.shape.width;
    size_t plane = (size_t)step->out.shape.height * step->out.shape.width;
    size_t n = ef_shape_elements(step->out.shape), lanes = forward->lanes;
    for (size_t i = 0; i < n; i++) {
        memcpy(channel(forward, step, i / plane) + i % plane * lanes,
               channel(forward, from, i / in_plane) + i % in_plane * lanes,
               lanes * sizeof(float));
    }
    ef_step_end(forward, step, area);
}

/* The input element behind an output element; 0: padding. */
static int locate(const ef_node *node, ef_shape shape, const size_t out[3],
                  size_t in[3])
{
    const size_t sizes[3] = {shape.channels, shape.height, shape.width};
    int inside = 1;
    for (size_t a = 0; a < 3; a++) {
        switch (node->op) {
        case EF_OP_PAD:
            in[a] = out[a] - node->u.pad.before[a];
            inside &= in[a] < sizes[a]; /* wraps round to a large number below 0 */
            break;
        case EF_OP_SLICE:
            in[a] = node->u.slice.begin[a] + out[a] * node->u.slice.step[a];
            break;
        case EF_OP_UPSAMPLE:
            in[a] = a > 0 ? out[a] / node->u.upsample.factor[a - 1] : out[a];
            break;
        default:
            in[node->u.transpose.order[a]] = out[a];
            break;
        }
    }
    return inside;
}

static void fill_element(float *to, float value, size_t lanes)
{
    for (size_t lane = 0; lane < lanes; lane++) {
        to[lane] = value;
    }
}

void ef_step_run_move(const ef_forward *forward, const ef_step *step,
                      const ef_area *area)
{
    const ef_step *from = input_step(forward, step, 0);
    size_t lanes = forward->lanes;
    size_t out[3], in[3];
    for (out[0] = 0; out[0] < step->out.shape.channels; out[0]++) {
        float *to = channel(forward, step, out[0]);
        for (out[1] = 0; out[1] < step->out.shape.height; out[1]++) {
            for (out[2] = 0; out[2] < step->out.shape.width; out[2]++, to += lanes) {
                if (locate(step->node, from->out.shape, out, in)) {
                    size_t at = in[1] * from->out.shape.width + in[2];
                    memcpy(to, channel(forward, from, in[0]) + at * lanes,
                           lanes * sizeof(float));
                } else {
                    fill_element(to, step->node->u.pad.value, lanes);
                }
            }
        }
    }
    ef_step_end(forward, step, area);
}
