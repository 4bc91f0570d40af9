/* From a topology to steps, their buffers and lifetimes. */
#include "train/plan_priv.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "train/isa.h"
#include "train/train.h"

static const ef_train_kind input_kind = {0};

/* By operation; NULL for those without a backward pass. */
static const ef_train_kind *const kinds[EF_OP_COUNT] = {
    [EF_OP_INPUT] = &input_kind,
    [EF_OP_CONV] = &ef_train_conv,
    [EF_OP_DENSE] = &ef_train_dense,
    [EF_OP_MAXPOOL] = &ef_train_pool,
    [EF_OP_AVGPOOL] = &ef_train_pool,
    [EF_OP_GLOBALAVG] = &ef_train_pool,
    [EF_OP_GLOBALMAX] = &ef_train_pool,
    [EF_OP_BATCHNORM] = &ef_train_batchnorm,
    [EF_OP_ACTIVATION] = &ef_train_activation,
    [EF_OP_ADD] = &ef_train_add,
    [EF_OP_MUL] = &ef_train_mul,
    [EF_OP_SCALE] = &ef_train_scale,
    [EF_OP_CONCAT] = &ef_train_concat,
    [EF_OP_PAD] = &ef_train_pad,
    [EF_OP_SLICE] = &ef_train_slice,
    [EF_OP_TRANSPOSE] = &ef_train_transpose,
    [EF_OP_FLATTEN] = &ef_train_flatten,
    [EF_OP_UPSAMPLE] = &ef_train_upsample,
    [EF_OP_RESHAPE] = &ef_train_reshape,
};

/* Operations whose step can end with a clamp. */
static const unsigned char takes_clamp[EF_OP_COUNT] = {
    [EF_OP_CONV] = 1, [EF_OP_DENSE] = 1, [EF_OP_BATCHNORM] = 1, [EF_OP_ADD] = 1};

size_t ef_train_forward_time(const ef_train_step *step)
{
    return step->index;
}

size_t ef_train_backward_time(const ef_train_plan *plan, const ef_train_step *step)
{
    return 2 * plan->n_steps - step->index;
}

/* Grows an array that doubles; NULL and plan->failed where memory is short. */
static void *grow(ef_train_plan *plan, void *array, size_t n, size_t size)
{
    if (n & (n - 1)) {
        return array; /* room up to the next power of two */
    }
    void *grown = ef_realloc(array, n ? 2 * n : 1, size);
    plan->failed |= !grown;
    return grown;
}

size_t ef_train_add_buffer(ef_train_plan *plan, ef_train_space space, size_t count,
                           size_t first, size_t last)
{
    ef_train_buffer *grown =
        grow(plan, plan->buffers, plan->n_buffers, sizeof *plan->buffers);
    if (!grown) {
        return EF_TRAIN_NONE;
    }
    plan->buffers = grown;
    ef_train_buffer *buffer = &plan->buffers[plan->n_buffers];
    *buffer = (ef_train_buffer){space, (count + 15) / 16 * 16, first, last, 0};
    if (space != EF_SPACE_ARENA) {
        buffer->offset = plan->sizes[space];
        plan->sizes[space] += buffer->count;
    }
    return plan->n_buffers++;
}

size_t ef_train_add_param_as(ef_train_plan *plan, ef_train_step *step, ef_role role,
                             ef_train_rule rule, size_t count,
                             const ef_train_param *layout)
{
    const ef_param *param = ef_net_param(plan->net, step->node, role);
    if (!param) {
        return EF_TRAIN_NONE;
    }
    ef_train_param *grown =
        grow(plan, plan->params, plan->n_params, sizeof *plan->params);
    if (!grown) {
        return EF_TRAIN_NONE;
    }
    plan->params = grown;
    size_t buffer = ef_train_add_buffer(plan, EF_SPACE_WEIGHTS, count, 0, 0);
    ef_train_param *added = &plan->params[plan->n_params++];
    *added = *layout;
    added->param = (size_t)(param - plan->net->params);
    added->buffer = buffer;
    added->rule = rule;
    step->params[role] = buffer;
    return buffer;
}

size_t ef_train_add_param(ef_train_plan *plan, ef_train_step *step, ef_role role,
                          ef_train_rule rule)
{
    static const ef_train_param same = {.layout = EF_LAYOUT_SAME};
    const ef_param *param = ef_net_param(plan->net, step->node, role);
    return ef_train_add_param_as(plan, step, role, rule, param ? param->count : 0,
                                 &same);
}

int ef_train_wants(const ef_train_plan *plan, const ef_train_step *step, size_t i)
{
    return plan->steps[step->inputs[i]].grad != EF_TRAIN_NONE;
}

/* --- steps ---------------------------------------------------------------------- */

/* Writes the clamp that an activation is; 0 where it is none. */
static int as_clamp(const ef_node *node, ef_train_clamp *clamp)
{
    if (node->op != EF_OP_ACTIVATION) {
        return 0;
    }
    const ef_activation *a = &node->u.activation;
    if (a->kind == EF_ACTIVATION_RELU) {
        *clamp = (ef_train_clamp){0, INFINITY};
    } else if (a->kind == EF_ACTIVATION_CLIP) {
        *clamp = (ef_train_clamp){a->low, a->high};
    }
    return a->kind == EF_ACTIVATION_RELU || a->kind == EF_ACTIVATION_CLIP;
}

/* The step of the node's input, where the node can end it: one at most does, since
 * the step is named by its first node. */
static ef_train_step *find_host(ef_train_plan *plan, const ef_node *node)
{
    const ef_topology *topology = plan->net->topology;
    ef_train_clamp clamp;
    if (!as_clamp(node, &clamp)) {
        return NULL;
    }
    size_t n_readers;
    ef_topology_readers(topology, node->inputs[0], &n_readers);
    ef_train_step *host = &plan->steps[plan->step_of[node->inputs[0]]];
    return n_readers == 1 && takes_clamp[host->op->op] && host->node == node->inputs[0]
               ? host
               : NULL;
}

static int is_trained(const ef_net *net, size_t node)
{
    for (int role = 0; role < EF_ROLE_COUNT; role++) {
        if (ef_role_is_trained((ef_role)role) &&
            ef_net_param(net, node, (ef_role)role)) {
            return 1;
        }
    }
    return 0;
}

static void add_step(ef_train_plan *plan, size_t node)
{
    const ef_topology *topology = plan->net->topology;
    const ef_node *op = ef_topology_node(topology, node);
    ef_train_step *step = &plan->steps[plan->n_steps];
    *step = (ef_train_step){.kind = kinds[op->op],
                            .index = plan->n_steps,
                            .node = node,
                            .op = op,
                            .shape = ef_topology_shape(topology, node),
                            .clamp = {-INFINITY, INFINITY},
                            .n_inputs = op->n_inputs,
                            .grad = EF_TRAIN_NONE};
    as_clamp(op, &step->clamp);
    int is_live = is_trained(plan->net, node);
    for (size_t i = 0; i < op->n_inputs; i++) {
        step->inputs[i] = plan->step_of[op->inputs[i]];
        is_live |= plan->steps[step->inputs[i]].grad != EF_TRAIN_NONE;
    }
    step->in = op->n_inputs ? ef_topology_shape(topology, op->inputs[0]) : step->shape;
    memset(step->params, 0xff, sizeof step->params); /* EF_TRAIN_NONE */
    memset(step->slots, 0xff, sizeof step->slots);
    size_t count = ef_train_count(plan, step->shape);
    step->value = ef_train_add_buffer(plan, EF_SPACE_ARENA, count, 0, 0);
    if (plan->trains && is_live) {
        step->grad = ef_train_add_buffer(plan, EF_SPACE_ARENA, count, 0, 0);
    }
    plan->step_of[node] = plan->n_steps++;
}

/* A softmax over the classes at the very end: the loss has one of its own, so the
 * network is trained by what goes into it. */
static int belongs_to_loss(const ef_topology *topology, size_t node)
{
    const ef_node *op = ef_topology_node(topology, node);
    ef_shape shape = ef_topology_shape(topology, node);
    return op->op == EF_OP_SOFTMAX && node == ef_topology_output(topology) &&
           op->u.softmax.axis == 0 && shape.height * shape.width == 1;
}

ef_status ef_train_check_topology(const ef_topology *topology, ef_error *err)
{
    for (size_t i = 0; i < ef_topology_n_nodes(topology); i++) {
        const ef_node *node = ef_topology_node(topology, i);
        if (!kinds[node->op] && !belongs_to_loss(topology, i)) {
            return ef_error_set(err, EF_ERR_UNSUPPORTED,
                                "node %s: %s has no backward pass, so a network with "
                                "it can be run but not trained",
                                node->name, ef_op_name(node->op));
        }
    }
    return EF_OK;
}

static void make_steps(ef_train_plan *plan)
{
    const ef_topology *topology = plan->net->topology;
    for (size_t i = 0; i < ef_topology_n_nodes(topology) && !plan->failed; i++) {
        const ef_node *node = ef_topology_node(topology, i);
        if (belongs_to_loss(topology, i)) {
            plan->step_of[i] = plan->step_of[node->inputs[0]];
            continue;
        }
        ef_train_step *host = find_host(plan, node);
        if (host) {
            as_clamp(node, &host->clamp);
            plan->step_of[i] = host->index;
        } else {
            add_step(plan, i);
        }
    }
}

/* Which contributions to a gradient come first: those of later steps. */
static void order_gradients(ef_train_plan *plan, unsigned char *seen)
{
    for (size_t k = plan->n_steps; k-- > 0;) {
        ef_train_step *step = &plan->steps[k];
        for (size_t i = 0; i < step->n_inputs; i++) {
            step->adds[i] = seen[step->inputs[i]];
            seen[step->inputs[i]] = 1;
        }
    }
}

/* --- lifetimes ---------------------------------------------------------------------
 */

static void live_at(ef_train_plan *plan, size_t buffer, size_t time)
{
    ef_train_buffer *b = &plan->buffers[buffer];
    b->first = time < b->first ? time : b->first;
    b->last = time > b->last ? time : b->last;
}

static void set_lifetimes(ef_train_plan *plan)
{
    for (size_t k = 0; k < plan->n_steps; k++) {
        ef_train_step *step = &plan->steps[k];
        size_t back = ef_train_backward_time(plan, step);
        plan->buffers[step->value].first = plan->buffers[step->value].last = k;
        if (step->grad != EF_TRAIN_NONE) {
            plan->buffers[step->grad].first = plan->buffers[step->grad].last = back;
        }
        if (step->needs_value && plan->trains) {
            live_at(plan, step->value, back);
        }
        for (size_t i = 0; i < step->n_inputs; i++) {
            const ef_train_step *input = &plan->steps[step->inputs[i]];
            live_at(plan, input->value, k);
            if (step->needs_input && plan->trains) {
                live_at(plan, input->value, back);
            }
            if (input->grad != EF_TRAIN_NONE) {
                live_at(plan, input->grad, back);
            }
        }
    }
    const ef_train_step *last = &plan->steps[plan->n_steps - 1];
    live_at(plan, last->value, plan->n_steps);
    if (last->grad != EF_TRAIN_NONE) {
        live_at(plan, last->grad, plan->n_steps);
    }
}

/* --- the plan -----------------------------------------------------------------------
 */

static ef_status prepare_steps(ef_train_plan *plan, ef_error *err)
{
    for (size_t k = 0; k < plan->n_steps; k++) {
        ef_train_step *step = &plan->steps[k];
        ef_status status =
            step->kind->prepare ? step->kind->prepare(plan, step, err) : EF_OK;
        if (status) {
            return status;
        }
        if (plan->failed) {
            return ef_error_memory(err);
        }
    }
    return EF_OK;
}

static ef_status build(ef_train_plan *plan, ef_error *err)
{
    size_t n_nodes = ef_topology_n_nodes(plan->net->topology);
    ef_status status = ef_train_check_topology(plan->net->topology, err);
    if (status) {
        return status;
    }
    plan->steps = ef_calloc(n_nodes, sizeof *plan->steps);
    plan->step_of = ef_calloc(n_nodes, sizeof *plan->step_of);
    unsigned char *seen = ef_calloc(n_nodes, 1);
    if (!plan->steps || !plan->step_of || !seen ||
        dnnl_engine_create(&plan->engine, dnnl_cpu, 0) != dnnl_success) {
        ef_free(seen);
        return ef_error_memory(err);
    }
    make_steps(plan);
    order_gradients(plan, seen);
    ef_free(seen);
    if (plan->failed) {
        return ef_error_memory(err);
    }
    status = prepare_steps(plan, err);
    if (status) {
        return status;
    }
    if (plan->trains && plan->steps[plan->n_steps - 1].grad == EF_TRAIN_NONE) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED,
                            "the network has no weights to train");
    }
    plan->n_outputs = ef_shape_elements(plan->steps[plan->n_steps - 1].shape);
    set_lifetimes(plan);
    return ef_train_plan_memory(plan, err);
}

ef_status ef_train_plan_create(ef_train_plan **plan, const ef_net *net, size_t n_images,
                               int trains, ef_error *err)
{
    ef_train_plan *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->net = net;
    made->kernels = ef_train_kernels_get();
    made->n_images = n_images;
    made->trains = trains;
    ef_status status = build(made, err);
    if (status) {
        ef_train_plan_destroy(made);
        return status;
    }
    *plan = made;
    return EF_OK;
}

void ef_train_plan_destroy(ef_train_plan *plan)
{
    if (!plan) {
        return;
    }
    for (size_t i = 0; i < plan->n_calls; i++) {
        dnnl_primitive_destroy(plan->calls[i].primitive);
    }
    if (plan->engine) {
        dnnl_engine_destroy(plan->engine);
    }
    ef_free(plan->calls);
    ef_free(plan->params);
    ef_free(plan->buffers);
    ef_free(plan->steps);
    ef_free(plan->step_of);
    ef_free(plan->weights);
    ef_free(plan->derived);
    ef_free(plan);
}
