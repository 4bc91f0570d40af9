/* Copying one parameter from a parent to a child by maps of channels. */
#include <math.h>
#include <string.h>

#include "net/morph_inherit.h"

uint32_t ef_map_source(const ef_map *map, uint32_t i, uint32_t n)
{
    uint32_t source = map->source ? map->source[i] : i;
    return source < n ? source : EF_NO_NODE;
}

float ef_map_share(const ef_map *map, uint32_t i)
{
    return map->share ? map->share[i] : 1.0F;
}

int ef_map_is_plain(const ef_map *map)
{
    return !map->source && !map->share && !map->matrix;
}

static void copy_vector(const ef_param_copy *c)
{
    for (uint32_t i = 0; i < c->now->dims[0]; i++) {
        uint32_t from = ef_map_source(&c->out, i, c->was->dims[0]);
        if (from != EF_NO_NODE) {
            c->to[i] = c->from[from];
        }
    }
}

/* Row o of a dense layer whose input is given by a matrix. */
static void mix_dense(const ef_param_copy *c, uint32_t o, uint32_t from_row)
{
    uint32_t span = c->in.span, n = c->in.n / span;
    for (uint32_t k = 0; k < c->in.n_old; k++) {
        const float *from =
            c->from + (size_t)from_row * c->was->dims[1] + (size_t)k * span;
        for (uint32_t i = 0; i < n; i++) {
            float *to = c->to + (size_t)o * c->now->dims[1] + (size_t)i * span;
            for (uint32_t s = 0; s < span; s++) {
                to[s] += c->in.matrix[k * n + i] * from[s];
            }
        }
    }
}

static void copy_dense(const ef_param_copy *c)
{
    uint32_t n_in = c->now->dims[1], was_in = c->was->dims[1];
    for (uint32_t o = 0; o < c->now->dims[0]; o++) {
        uint32_t from_row = ef_map_source(&c->out, o, c->was->dims[0]);
        if (c->in.matrix && from_row != EF_NO_NODE) {
            mix_dense(c, o, from_row);
            continue;
        }
        for (uint32_t i = 0; i < n_in && from_row != EF_NO_NODE; i++) {
            uint32_t from = ef_map_source(&c->in, i, was_in);
            if (from != EF_NO_NODE) {
                c->to[(size_t)o * n_in + i] =
                    c->from[(size_t)from_row * was_in + from] * ef_map_share(&c->in, i);
            }
        }
    }
}

/* The tap of the new kernel nearest to where tap i of the old one looks, and how far
 * away it is, in taps. */
static uint32_t nearest_tap(const ef_conv *now, const ef_conv *was, size_t axis,
                            uint32_t i, uint32_t *distance)
{
    int64_t step = now->dilation[axis], last = (int64_t)now->kernel[axis] - 1;
    int64_t at = (int64_t)i * was->dilation[axis] - was->pad[axis] + now->pad[axis];
    int64_t tap = at < 0 ? 0 : (at + step / 2) / step;
    tap = tap < last ? tap : last;
    *distance += (uint32_t)((at > tap * step ? at - tap * step : tap * step - at));
    return (uint32_t)tap;
}

/* One filter's plane of taps.  A tap that is cut off goes to the nearest that stays,
 * halved for each step: neighbours in an image are alike to about that degree. */
static void copy_taps(float *to, const ef_conv *now, const float *from,
                      const ef_conv *was, float share)
{
    for (uint32_t y = 0; y < was->kernel[0]; y++) {
        for (uint32_t x = 0; x < was->kernel[1]; x++) {
            uint32_t distance = 0;
            uint32_t row = nearest_tap(now, was, 0, y, &distance);
            uint32_t column = nearest_tap(now, was, 1, x, &distance);
            to[row * now->kernel[1] + column] +=
                ldexpf(share, -(int)distance) * from[y * was->kernel[1] + x];
        }
    }
}

int ef_conv_same_geometry(const ef_conv *a, const ef_conv *b)
{
    return memcmp(a->kernel, b->kernel, sizeof a->kernel) == 0 &&
           memcmp(a->dilation, b->dilation, sizeof a->dilation) == 0 &&
           memcmp(a->pad, b->pad, sizeof a->pad) == 0;
}

/* Filter o of a convolution whose input is given by a matrix; its geometry stays. */
static void mix_conv(const ef_param_copy *c, uint32_t o, uint32_t old, size_t taps)
{
    uint32_t n = c->in.n;
    for (uint32_t k = 0; k < c->in.n_old; k++) {
        const float *from = c->from + ((size_t)old * c->was->dims[1] + k) * taps;
        for (uint32_t i = 0; i < n; i++) {
            float *to = c->to + ((size_t)o * c->now->dims[1] + i) * taps;
            for (size_t t = 0; t < taps; t++) {
                to[t] += c->in.matrix[k * n + i] * from[t];
            }
        }
    }
}

static void copy_conv(const ef_param_copy *c)
{
    const ef_conv *now = &c->now_node->u.conv, *was = &c->was_node->u.conv;
    size_t taps = (size_t)now->kernel[0] * now->kernel[1];
    size_t old_taps = (size_t)was->kernel[0] * was->kernel[1];
    int same = ef_conv_same_geometry(now, was);
    for (uint32_t o = 0; o < c->now->dims[0]; o++) {
        uint32_t old = ef_map_source(&c->out, o, c->was->dims[0]);
        if (c->in.matrix && old != EF_NO_NODE) {
            mix_conv(c, o, old, taps);
            continue;
        }
        for (uint32_t i = 0; i < c->now->dims[1] && old != EF_NO_NODE; i++) {
            uint32_t from = ef_map_source(&c->in, i, c->was->dims[1]);
            if (from == EF_NO_NODE) {
                continue;
            }
            float *to = c->to + ((size_t)o * c->now->dims[1] + i) * taps;
            const float *was_at =
                c->from + ((size_t)old * c->was->dims[1] + from) * old_taps;
            float share = ef_map_share(&c->in, i);
            for (size_t t = 0; same && t < taps; t++) {
                to[t] = share * was_at[t];
            }
            if (!same) {
                copy_taps(to, now, was_at, was, share);
            }
        }
    }
}

void ef_param_copy_run(const ef_param_copy *c)
{
    int conv = c->now_node->op == EF_OP_CONV;
    if (c->now->role != EF_ROLE_WEIGHT) {
        copy_vector(c);
    } else if (ef_map_is_plain(&c->out) && ef_map_is_plain(&c->in) &&
               memcmp(c->now->dims, c->was->dims, sizeof c->now->dims) == 0 &&
               (!conv ||
                ef_conv_same_geometry(&c->now_node->u.conv, &c->was_node->u.conv))) {
        memcpy(c->to, c->from, c->now->count * sizeof *c->to);
    } else if (conv) {
        copy_conv(c);
    } else {
        copy_dense(c);
    }
}
