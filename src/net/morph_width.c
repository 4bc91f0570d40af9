/* Operators that change widths: all channels that are tied change together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/morph_priv.h"

/* Draws a group whose width can grow (or shrink) by a step; its number, EF_NO_NODE
 * where there is none. */
static uint32_t pick_group(ef_rng *rng, const ef_space *space,
                           const ef_channels *channels, int grow)
{
    uint32_t picked = EF_NO_NODE, n_seen = 0;
    for (uint32_t i = 0; i < channels->n_groups; i++) {
        uint32_t width = channels->groups[i].channels;
        int room = grow ? width < space->width_max : width > space->width_min;
        if (!channels->groups[i].fixed && room && ef_morph_keep(rng, &n_seen)) {
            picked = i;
        }
    }
    return picked;
}

/* The next width of the space above or below, or one some steps on: at most double, at
 * least half. */
static uint32_t draw_width(ef_rng *rng, const ef_space *space, uint32_t width, int grow)
{
    uint32_t step = space->width_step;
    uint32_t first = grow ? width / step + 1 : (width - 1) / step;
    uint32_t last = grow ? width * 2 / step : (width / 2 + step - 1) / step;
    uint32_t most = space->width_max / step, least = space->width_min / step;
    if (grow) {
        first = first < least ? least : first;
        last = last > most ? most : last < first ? first : last;
        return step * (first + (uint32_t)ef_rng_below(rng, last - first + 1));
    }
    first = first > most ? most : first;
    last = last < least ? least : last > first ? first : last;
    return step * (last + (uint32_t)ef_rng_below(rng, first - last + 1));
}

/* Sets the width of a group in the edit and says at its producers where the channels
 * come from. */
static void resize(ef_edit *edit, const ef_channels *channels, uint32_t group,
                   ef_map map)
{
    const ef_topology *topology = edit->parent->topology;
    for (size_t i = 0; i < edit->n_old; i++) {
        ef_node *node = &edit->graph.nodes[i];
        if (node->op == EF_OP_DENSE || node->op == EF_OP_CONV) {
            size_t n_runs;
            const ef_channel_run *runs = ef_channels_runs(channels, i, &n_runs);
            uint32_t width = 0;
            for (size_t r = 0; r < n_runs; r++) {
                width += runs[r].group == group ? map.n : runs[r].channels;
            }
            if (node->op == EF_OP_DENSE) {
                node->u.dense.channels = width;
            } else {
                node->u.conv.channels = width;
            }
            if (node->op == EF_OP_CONV && ef_conv_is_depthwise(topology, i)) {
                node->u.conv.groups = width;
            } else if (runs[0].group == group) {
                edit->nodes[i].out = map;
            }
        }
    }
}

/* Finds tied channels and a group to change: what both operators start with. */
static ef_status begin(ef_rng *rng, const ef_space *space, const ef_net *parent,
                       int grow, ef_channels *channels, uint32_t *group, ef_error *err)
{
    ef_status status = ef_channels_init(channels, parent->topology, err);
    if (status) {
        return status;
    }
    *group = pick_group(rng, space, channels, grow);
    if (*group == EF_NO_NODE) {
        ef_channels_clear(channels);
        return ef_morph_no_place(err, grow ? "widen" : "prune");
    }
    return EF_OK;
}

/* The child of a parent whose group has the channels that map says. */
static ef_status rebuild(ef_edit *edit, const ef_space *space, const ef_net *parent,
                         const ef_channels *channels, uint32_t group, ef_map map,
                         int lossy, ef_error *err)
{
    ef_status status = ef_edit_init(edit, parent, err);
    if (!status) {
        edit->lossy = lossy;
        resize(edit, channels, group, map);
        status = ef_edit_finish(edit, space, err);
    }
    return status;
}

/* Channels behind the first `width` are copies of random ones; all that are alike share
 * what their readers take from them, unevenly, so that training tells them apart.
 * room: (width) of doubles. */
static void draw_copies(ef_rng *rng, uint32_t width, uint32_t n, uint32_t *source,
                        float *share, double *total)
{
    for (uint32_t i = 0; i < n; i++) {
        source[i] = i < width ? i : (uint32_t)ef_rng_below(rng, width);
        share[i] = (float)(0.5 + ef_rng_unit(rng));
        total[source[i]] += share[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        share[i] = (float)(share[i] / total[source[i]]);
    }
}

/* Noise on the filters that are copies. */
static void disturb(ef_rng *rng, const ef_edit *edit, uint32_t node, uint32_t width,
                    double noise)
{
    size_t at = ef_edit_where(edit, node);
    const ef_param *param = ef_net_param(edit->child, at, EF_ROLE_WEIGHT);
    size_t n = param->count / param->dims[0];
    if (!edit->child->values) {
        ef_rng_skip_normals(rng, (param->dims[0] - width) * n);
        return;
    }
    for (uint32_t o = width; o < param->dims[0]; o++) {
        float *filter = edit->child->values + param->offset + o * n;
        double squares = 0;
        for (size_t i = 0; i < n; i++) {
            squares += (double)filter[i] * filter[i];
        }
        double deviation = noise * sqrt(squares / (double)n);
        for (size_t i = 0; i < n; i++) {
            filter[i] += (float)(deviation * ef_rng_normal(rng));
        }
    }
}

static void disturb_group(ef_rng *rng, const ef_edit *edit, uint32_t width,
                          double noise)
{
    for (uint32_t i = 0; noise > 0 && i < edit->n_old; i++) {
        if (edit->nodes[i].out.n > 0) {
            disturb(rng, edit, i, width, noise);
        }
    }
}

ef_status ef_morph_widen(ef_rng *rng, const ef_space *space, const ef_net *parent,
                         ef_net **child, ef_error *err)
{
    ef_channels channels;
    uint32_t group;
    ef_status status = begin(rng, space, parent, 1, &channels, &group, err);
    if (status) {
        return status;
    }
    ef_edit edit = {0};
    uint32_t width = channels.groups[group].channels;
    uint32_t n = draw_width(rng, space, width, 1);
    uint32_t *source = ef_calloc(n, sizeof *source);
    float *share = ef_calloc(n, sizeof *share);
    double *total = ef_calloc(width, sizeof *total);
    status = source && share && total ? EF_OK : ef_error_memory(err);
    if (!status) {
        draw_copies(rng, width, n, source, share, total);
        status = rebuild(&edit, space, parent, &channels, group,
                         (ef_map){.n = n, .source = source, .share = share}, 0, err);
    }
    if (!status) {
        disturb_group(rng, &edit, width, space->noise);
    }
    ef_channels_clear(&channels);
    ef_free(source);
    ef_free(share);
    ef_free(total);
    return ef_edit_end(&edit, status, child);
}

/* How much a channel does: how large it is, times how much its readers make of it. */
typedef struct importance {
    const ef_net *net;
    const ef_channels *channels;
    uint32_t group;
    double *size;  /* (width) sums of |gamma| or norms of filters */
    double *heard; /* (width) sums of squared weights of readers */
} importance;

/* What visits channel `channel` of the group, at element `element` of a tensor. */
typedef void visit_element(const importance *im, const float *values,
                           const ef_param *param, uint32_t channel, uint32_t element);

static void for_elements(const importance *im, size_t tensor, visit_element *visit,
                         const ef_param *param)
{
    size_t n_runs;
    const ef_channel_run *runs = ef_channels_runs(im->channels, tensor, &n_runs);
    uint32_t element = 0;
    for (size_t r = 0; r < n_runs; r++) {
        for (uint32_t i = 0; i < runs[r].channels * runs[r].span; i++, element++) {
            if (runs[r].group == im->group) {
                visit(im, im->net->values + param->offset, param, i / runs[r].span,
                      element);
            }
        }
    }
}

static void add_gamma(const importance *im, const float *values, const ef_param *param,
                      uint32_t channel, uint32_t element)
{
    (void)param;
    im->size[channel] += fabs(values[element]);
}

static void add_filter(const importance *im, const float *values, const ef_param *param,
                       uint32_t channel, uint32_t element)
{
    size_t n = param->count / param->dims[0];
    double squares = 0;
    for (size_t i = element * n; i < (element + 1) * n; i++) {
        squares += (double)values[i] * values[i];
    }
    im->size[channel] += sqrt(squares);
}

static void add_readers(const importance *im, const float *values,
                        const ef_param *param, uint32_t channel, uint32_t element)
{
    size_t n_in = param->dims[1], taps = (size_t)param->dims[2] * param->dims[3];
    for (size_t o = 0; o < param->dims[0]; o++) {
        for (size_t t = 0; t < taps; t++) {
            double w = values[(o * n_in + element) * taps + t];
            im->heard[channel] += w * w;
        }
    }
}

static void weigh(const importance *im)
{
    const ef_topology *topology = im->net->topology;
    for (size_t i = 0; i < im->channels->n_nodes; i++) {
        const ef_node *node = ef_topology_node(topology, i);
        const ef_param *gamma = ef_net_param(im->net, i, EF_ROLE_GAMMA);
        const ef_param *weight = ef_net_param(im->net, i, EF_ROLE_WEIGHT);
        size_t reader;
        if (gamma) {
            for_elements(im, i, add_gamma, gamma);
        }
        if (weight && !ef_morph_only_reader(topology, i, EF_OP_BATCHNORM, &reader)) {
            for_elements(im, i, add_filter, weight);
        }
        if (weight && ef_channels_is_producer(topology, i)) {
            for_elements(im, node->inputs[0], add_readers, weight);
        }
    }
}

typedef struct ranked {
    double score;
    uint32_t channel;
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return x->channel < y->channel ? -1 : 1;
}

/* Writes the n most important channels of the group, ascending, into source. */
static ef_status keep_best(const ef_net *net, const ef_channels *channels,
                           uint32_t group, uint32_t n, uint32_t *source, ef_error *err)
{
    uint32_t width = channels->groups[group].channels;
    double *room = ef_calloc((size_t)2 * width, sizeof *room);
    ranked *list = ef_calloc(width, sizeof *list);
    if (!room || !list) {
        ef_free(room);
        ef_free(list);
        return ef_error_memory(err);
    }
    importance im = {net, channels, group, room, room + width};
    weigh(&im);
    for (uint32_t i = 0; i < width; i++) {
        list[i] = (ranked){im.size[i] * sqrt(im.heard[i]), i};
    }
    qsort(list, width, sizeof *list, by_score);
    memset(room, 0, width * sizeof *room);
    for (uint32_t i = 0; i < n; i++) {
        room[list[i].channel] = 1;
    }
    for (uint32_t i = 0, k = 0; i < width; i++) {
        if (room[i] > 0) {
            source[k++] = i;
        }
    }
    ef_free(room);
    ef_free(list);
    return EF_OK;
}

ef_status ef_morph_prune(ef_rng *rng, const ef_space *space, const ef_net *parent,
                         ef_net **child, ef_error *err)
{
    ef_channels channels;
    uint32_t group;
    ef_status status = begin(rng, space, parent, 0, &channels, &group, err);
    if (status) {
        return status;
    }
    ef_edit edit = {0};
    uint32_t n = draw_width(rng, space, channels.groups[group].channels, 0);
    uint32_t *source = ef_calloc(n, sizeof *source);
    status = source ? EF_OK : ef_error_memory(err);
    if (!status && !space->plans) {
        status = keep_best(parent, &channels, group, n, source, err);
    }
    if (!status) {
        status = rebuild(&edit, space, parent, &channels, group,
                         (ef_map){.n = n, .source = source}, 1, err);
    }
    ef_channels_clear(&channels);
    ef_free(source);
    return ef_edit_end(&edit, status, child);
}
