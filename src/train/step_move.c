/* Operations that move values: concat, pad, slice, transpose, flatten, reshape,
 * upsample. */
#include "train/plan_priv.h"

#include <string.h>

/* A block inside a larger image, in the order channels, height, width: where it
 * begins, and how far its elements lie apart. */
typedef struct block {
    ef_shape whole, part;
    size_t begin[3], step[3];
} block;

/* Where row y of the part, column x, channel 0, lies in the whole image. */
static size_t block_at(const block *b, size_t y, size_t x)
{
    size_t row = b->begin[1] + y * b->step[1], column = b->begin[2] + x * b->step[2];
    return (row * b->whole.width + column) * b->whole.channels + b->begin[0];
}

/* Copies between n whole images and parts of them; to the part where take is set, to
 * the whole where not; added where add is set. */
static void move_block(const block *b, size_t n, float *whole, float *part, int take,
                       int add)
{
    size_t channels = b->part.channels, step = b->step[0];
    for (size_t i = 0; i < n; i++, whole += ef_shape_elements(b->whole)) {
        for (size_t y = 0; y < b->part.height; y++) {
            for (size_t x = 0; x < b->part.width; x++, part += channels) {
                float *at = whole + block_at(b, y, x);
                float *to = take ? part : at, *from = take ? at : part;
                size_t to_step = take ? 1 : step, from_step = take ? step : 1;
                for (size_t c = 0; c < channels; c++) {
                    float v = from[c * from_step];
                    to[c * to_step] = add ? to[c * to_step] + v : v;
                }
            }
        }
    }
}

/* --- concat ---------------------------------------------------------------------- */

static void move_concat(ef_train_worker *worker, const ef_train_step *step, int back)
{
    const ef_train_plan *plan = worker->plan;
    block b = {.whole = step->shape, .step = {1, 1, 1}};
    for (size_t i = 0; i < step->n_inputs; i++) {
        b.part = plan->steps[step->inputs[i]].shape;
        if (!back) {
            move_block(&b, plan->n_images, ef_train_at(worker, step->value),
                       ef_train_at(worker, plan->steps[step->inputs[i]].value), 0, 0);
        } else if (ef_train_wants(plan, step, i)) {
            move_block(&b, plan->n_images, ef_train_at(worker, step->grad),
                       ef_train_input_grad(worker, step, i), 1, step->adds[i]);
        }
        b.begin[0] += b.part.channels;
    }
}

static void forward_concat(ef_train_worker *worker, const ef_train_step *step)
{
    move_concat(worker, step, 0);
}

static void backward_concat(ef_train_worker *worker, const ef_train_step *step)
{
    move_concat(worker, step, 1);
}

const ef_train_kind ef_train_concat = {NULL, NULL, forward_concat, backward_concat};

/* --- pad and slice -----------------------------------------------------------------
 */

static float *input_value(ef_train_worker *worker, const ef_train_step *step)
{
    return ef_train_at(worker, worker->plan->steps[step->inputs[0]].value);
}

static block pad_block(const ef_train_step *step)
{
    block b = {.whole = step->shape, .part = step->in, .step = {1, 1, 1}};
    for (size_t i = 0; i < 3; i++) {
        b.begin[i] = step->op->u.pad.before[i];
    }
    return b;
}

static void forward_pad(ef_train_worker *worker, const ef_train_step *step)
{
    block b = pad_block(step);
    float *y = ef_train_at(worker, step->value);
    for (size_t i = 0; i < ef_train_count(worker->plan, step->shape); i++) {
        y[i] = step->op->u.pad.value;
    }
    move_block(&b, worker->plan->n_images, y, input_value(worker, step), 0, 0);
}

static void backward_pad(ef_train_worker *worker, const ef_train_step *step)
{
    block b = pad_block(step);
    move_block(&b, worker->plan->n_images, ef_train_at(worker, step->grad),
               ef_train_input_grad(worker, step, 0), 1, step->adds[0]);
}

const ef_train_kind ef_train_pad = {NULL, NULL, forward_pad, backward_pad};

static block slice_block(const ef_train_step *step)
{
    block b = {.whole = step->in, .part = step->shape};
    for (size_t i = 0; i < 3; i++) {
        b.begin[i] = step->op->u.slice.begin[i];
        b.step[i] = step->op->u.slice.step[i];
    }
    return b;
}

static void forward_slice(ef_train_worker *worker, const ef_train_step *step)
{
    block b = slice_block(step);
    move_block(&b, worker->plan->n_images, input_value(worker, step),
               ef_train_at(worker, step->value), 1, 0);
}

static void backward_slice(ef_train_worker *worker, const ef_train_step *step)
{
    block b = slice_block(step);
    ef_train_open_grad(worker, step, 0);
    move_block(&b, worker->plan->n_images, ef_train_input_grad(worker, step, 0),
               ef_train_at(worker, step->grad), 0, 1);
}

const ef_train_kind ef_train_slice = {NULL, NULL, forward_slice, backward_slice};

/* --- transpose and flatten ---------------------------------------------------------
 */

/* An output is read row by row; element (i, j, k) of an image comes from
 * i * step[0] + j * step[1] + k * step[2] of the input. */
typedef struct walk {
    size_t count[3], step[3];
} walk;

static void permute(const walk *w, size_t n, float *in, float *out, int back, int add)
{
    size_t size = w->count[0] * w->count[1] * w->count[2];
    for (size_t m = 0; m < n; m++, in += size) {
        for (size_t i = 0; i < w->count[0]; i++) {
            for (size_t j = 0; j < w->count[1]; j++, out += w->count[2]) {
                float *at = in + i * w->step[0] + j * w->step[1];
                for (size_t k = 0; k < w->count[2]; k++) {
                    float *a = at + k * w->step[2], *b = out + k;
                    if (back) {
                        *a = add ? *a + *b : *b;
                    } else {
                        *b = *a;
                    }
                }
            }
        }
    }
}

/* Flatten reads channels first, while images lie here with channels last. */
static walk get_walk(const ef_train_step *step)
{
    ef_shape in = step->in;
    const size_t size[3] = {in.channels, in.height, in.width};
    const size_t step_of[3] = {1, (size_t)in.width * in.channels, in.channels};
    static const uint32_t flat[3] = {0, 1, 2};
    static const size_t rows_first[3] = {1, 2, 0};
    int is_flatten = step->op->op == EF_OP_FLATTEN;
    walk w;
    for (size_t i = 0; i < 3; i++) {
        uint32_t axis =
            is_flatten ? flat[i] : step->op->u.transpose.order[rows_first[i]];
        w.count[i] = size[axis];
        w.step[i] = step_of[axis];
    }
    return w;
}

static void forward_permute(ef_train_worker *worker, const ef_train_step *step)
{
    walk w = get_walk(step);
    permute(&w, worker->plan->n_images, input_value(worker, step),
            ef_train_at(worker, step->value), 0, 0);
}

static void backward_permute(ef_train_worker *worker, const ef_train_step *step)
{
    walk w = get_walk(step);
    permute(&w, worker->plan->n_images, ef_train_input_grad(worker, step, 0),
            ef_train_at(worker, step->grad), 1, step->adds[0]);
}

const ef_train_kind ef_train_transpose = {NULL, NULL, forward_permute,
                                          backward_permute};
const ef_train_kind ef_train_flatten = {NULL, NULL, forward_permute, backward_permute};

/* --- reshape ---------------------------------------------------------------------- */

/* Where element i of an image, counted channels first, lies with channels last. */
static size_t place_last(ef_shape shape, size_t i)
{
    size_t plane = (size_t)shape.height * shape.width;
    return i % plane * shape.channels + i / plane;
}

static void forward_reshape(ef_train_worker *worker, const ef_train_step *step)
{
    size_t size = ef_shape_elements(step->shape);
    const float *x = input_value(worker, step);
    float *y = ef_train_at(worker, step->value);
    for (size_t m = 0; m < worker->plan->n_images; m++, x += size, y += size) {
        for (size_t i = 0; i < size; i++) {
            y[place_last(step->shape, i)] = x[place_last(step->in, i)];
        }
    }
}

static void backward_reshape(ef_train_worker *worker, const ef_train_step *step)
{
    size_t size = ef_shape_elements(step->shape);
    const float *dy = ef_train_at(worker, step->grad);
    float *dx = ef_train_input_grad(worker, step, 0);
    for (size_t m = 0; m < worker->plan->n_images; m++, dx += size, dy += size) {
        for (size_t i = 0; i < size; i++) {
            float d = dy[place_last(step->shape, i)];
            float *at = &dx[place_last(step->in, i)];
            *at = step->adds[0] ? *at + d : d;
        }
    }
}

const ef_train_kind ef_train_reshape = {NULL, NULL, forward_reshape, backward_reshape};

/* --- upsample: nearest neighbour
 * ------------------------------------------------------ */

static void forward_upsample(ef_train_worker *worker, const ef_train_step *step)
{
    const uint32_t *factor = step->op->u.upsample.factor;
    size_t channels = step->shape.channels, width = step->shape.width;
    size_t rows = worker->plan->n_images * step->shape.height;
    const float *x = input_value(worker, step);
    float *y = ef_train_at(worker, step->value);
    /* Rows of one image after the other: height is a multiple of the factor. */
    for (size_t row = 0; row < rows; row++) {
        const float *from = x + row / factor[0] * step->in.width * channels;
        for (size_t i = 0; i < width; i++, y += channels) {
            memcpy(y, from + i / factor[1] * channels, channels * sizeof(float));
        }
    }
}

static void backward_upsample(ef_train_worker *worker, const ef_train_step *step)
{
    const uint32_t *factor = step->op->u.upsample.factor;
    size_t channels = step->shape.channels, width = step->shape.width;
    size_t rows = worker->plan->n_images * step->shape.height;
    const float *dy = ef_train_at(worker, step->grad);
    float *dx = ef_train_input_grad(worker, step, 0);
    ef_train_open_grad(worker, step, 0);
    for (size_t row = 0; row < rows; row++) {
        float *to = dx + row / factor[0] * step->in.width * channels;
        for (size_t i = 0; i < width; i++, dy += channels) {
            worker->plan->kernels->accumulate(channels, dy,
                                              to + i / factor[1] * channels);
        }
    }
}

const ef_train_kind ef_train_upsample = {NULL, NULL, forward_upsample,
                                         backward_upsample};
