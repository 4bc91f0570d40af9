/* Which elements differ, and which those can reach. */
#include <string.h>

#include "faultsim/wide_priv.h"

ef_wbox ef_wbox_all(ef_shape shape)
{
    return (ef_wbox){{0, 0, 0}, {shape.channels, shape.height, shape.width}};
}

int ef_wbox_is_empty(const ef_wbox *box)
{
    return box->from[0] >= box->to[0] || box->from[1] >= box->to[1] ||
           box->from[2] >= box->to[2];
}

void ef_wbox_unite(ef_wbox *box, const ef_wbox *more)
{
    if (ef_wbox_is_empty(more)) {
        return;
    }
    if (ef_wbox_is_empty(box)) {
        *box = *more;
        return;
    }
    for (size_t a = 0; a < 3; a++) {
        box->from[a] = more->from[a] < box->from[a] ? more->from[a] : box->from[a];
        box->to[a] = more->to[a] > box->to[a] ? more->to[a] : box->to[a];
    }
}

/* --- reach ------------------------------------------------------------------------ */

static void all_of(ef_wbox *out, size_t axis, uint32_t size)
{
    out->from[axis] = 0;
    out->to[axis] = size;
}

/* The windows that see a span of rows (axis 0) or columns (1). */
static void reach_windows(const ef_qwindow *w, size_t axis, uint32_t n_out,
                          ef_wbox *box)
{
    int64_t reach = (int64_t)(w->kernel[axis] - 1) * w->dilation[axis];
    int64_t stride = w->stride[axis];
    int64_t low = (int64_t)box->from[axis + 1] + w->pad[axis] - reach;
    int64_t high = (int64_t)box->to[axis + 1] - 1 + w->pad[axis];
    int64_t end = high / stride + 1;
    box->from[axis + 1] = low > 0 ? (uint32_t)((low + stride - 1) / stride) : 0;
    box->to[axis + 1] = (uint32_t)(end < n_out ? end : n_out);
}

static void reach_groups(const ef_qstep *step, uint32_t n_in, ef_wbox *box)
{
    uint32_t in = n_in / step->window.groups;
    uint32_t out = step->shape.channels / step->window.groups;
    box->from[0] = box->from[0] / in * out;
    box->to[0] = ((box->to[0] - 1) / in + 1) * out;
}

/* Elements from the first to the last of a box, in another shape. */
static void reach_view(ef_shape in, ef_shape out, ef_wbox *box)
{
    size_t first = ef_wide_at(in, box->from[0], box->from[1], box->from[2]);
    size_t last = ef_wide_at(in, box->to[0] - 1, box->to[1] - 1, box->to[2] - 1);
    size_t plane = (size_t)out.height * out.width;
    *box = ef_wbox_all(out);
    box->from[0] = (uint32_t)(first / plane);
    box->to[0] = (uint32_t)(last / plane + 1);
    if (first / plane == last / plane) {
        box->from[1] = (uint32_t)(first % plane / out.width);
        box->to[1] = (uint32_t)(last % plane / out.width + 1);
    }
}

static void reach_slice(const ef_slice *slice, ef_shape out, ef_wbox *box)
{
    const uint32_t sizes[3] = {out.channels, out.height, out.width};
    for (size_t a = 0; a < 3; a++) {
        uint32_t begin = slice->begin[a], step = slice->step[a];
        uint32_t from = box->from[a] > begin ? box->from[a] - begin : 0;
        uint32_t to = box->to[a] > begin ? (box->to[a] - 1 - begin) / step + 1 : 0;
        box->from[a] = from / step + (from % step != 0);
        box->to[a] = to < sizes[a] ? to : sizes[a];
    }
}

/* Moves that the node's own numbers describe. */
static void reach_move(const ef_node *node, const ef_qstep *step, ef_wbox *box)
{
    const ef_wbox in = *box;
    for (size_t a = 0; a < 3; a++) {
        if (step->kind == EF_Q_PAD) {
            box->from[a] += node->u.pad.before[a];
            box->to[a] += node->u.pad.before[a];
        } else if (step->kind == EF_Q_TRANSPOSE) {
            box->from[a] = in.from[node->u.transpose.order[a]];
            box->to[a] = in.to[node->u.transpose.order[a]];
        } else if (a > 0) {
            box->from[a] *= node->u.upsample.factor[a - 1];
            box->to[a] *= node->u.upsample.factor[a - 1];
        }
    }
}

ef_wbox ef_wbox_reach(const ef_qnet *qnet, const ef_qstep *step, uint32_t k,
                      const ef_wbox *box)
{
    const ef_node *node = ef_topology_node(qnet->net->topology, step->head);
    ef_shape in = qnet->steps[step->inputs[k]].shape, out = step->shape;
    ef_wbox to = *box;
    if (ef_wbox_is_empty(box)) {
        return (ef_wbox){{0, 0, 0}, {0, 0, 0}};
    }
    switch (step->kind) {
    case EF_Q_CONV:
    case EF_Q_MAXPOOL:
    case EF_Q_AVGPOOL:
        reach_windows(&step->window, 0, out.height, &to);
        reach_windows(&step->window, 1, out.width, &to);
        if (step->kind == EF_Q_CONV) {
            reach_groups(step, in.channels, &to);
        }
        break;
    case EF_Q_CONCAT:
        for (uint32_t i = 0; i < k; i++) {
            to.from[0] += qnet->steps[step->inputs[i]].shape.channels;
            to.to[0] += qnet->steps[step->inputs[i]].shape.channels;
        }
        break;
    case EF_Q_PAD:
    case EF_Q_TRANSPOSE:
    case EF_Q_UPSAMPLE:
        reach_move(node, step, &to);
        break;
    case EF_Q_SLICE:
        reach_slice(&node->u.slice, out, &to);
        break;
    case EF_Q_VIEW:
        reach_view(in, out, &to);
        break;
    case EF_Q_MUL: /* a gate reaches its whole channel */
        if (in.height == 1) {
            all_of(&to, 1, out.height);
        }
        if (in.width == 1) {
            all_of(&to, 2, out.width);
        }
        break;
    default: /* element by element */
        break;
    }
    return to;
}

/* --- rows of a box ---------------------------------------------------------------- */

/* Takes in the columns of a row that differ. */
static void take_row(ef_wbox *box, uint32_t c, uint32_t y, const ef_wbox *within,
                     const int32_t *a, const int32_t *b)
{
    uint32_t from = within->from[2], to = within->to[2];
    while (a[from] == b[from]) {
        from++;
    }
    while (a[to - 1] == b[to - 1]) {
        to--;
    }
    ef_wbox_unite(box, &(ef_wbox){{c, y, from}, {c + 1, y + 1, to}});
}

ef_wbox ef_wbox_differing(ef_shape shape, const ef_wbox *within, const int32_t *a,
                          const int32_t *b, ef_wbox *channels)
{
    ef_wbox box = {{0, 0, 0}, {0, 0, 0}};
    if (ef_wbox_is_empty(within)) {
        return box;
    }
    size_t size = (within->to[2] - within->from[2]) * sizeof *a;
    for (uint32_t c = within->from[0]; c < within->to[0]; c++) {
        for (uint32_t y = within->from[1]; y < within->to[1]; y++) {
            size_t row = ef_wide_at(shape, c, y, 0), at = row + within->from[2];
            if (memcmp(a + at, b + at, size) != 0) {
                take_row(&channels[c], c, y, within, a + row, b + row);
            }
        }
        ef_wbox_unite(&box, &channels[c]);
    }
    return box;
}

void ef_wbox_copy(ef_shape shape, const ef_wbox *box, int32_t *to, const int32_t *from)
{
    if (ef_wbox_is_empty(box)) {
        return;
    }
    size_t size = (box->to[2] - box->from[2]) * sizeof *to;
    for (uint32_t c = box->from[0]; c < box->to[0]; c++) {
        for (uint32_t y = box->from[1]; y < box->to[1]; y++) {
            size_t at = ef_wide_at(shape, c, y, box->from[2]);
            memcpy(to + at, from + at, size);
        }
    }
}
