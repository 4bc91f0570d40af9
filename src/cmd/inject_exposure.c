/* What faults do that strike tensors as long as these sit in a memory of the
 * accelerator, by its schedule. */
#include <string.h>

#include "base/mem.h"
#include "cmd/inject_priv.h"
#include "objectives/exposure.h"

/* name in tables */
static const char *const memories[EF_INJECT_MEMORIES] = {"on chip", "off chip"};

/* What a schedule knows of. */
#define STORED                                                                         \
    (1U << EF_TARGET_WEIGHTS | 1U << EF_TARGET_BIASES | 1U << EF_TARGET_ACTIVATIONS |  \
     1U << EF_TARGET_INPUTS)

ef_status ef_inject_check_exposure(const ef_inject_job *job, ef_error *err)
{
    const ef_inject_settings *set = job->set;
    const struct {
        int is_wrong;
        const char *why;
    } rules[] = {
        {job->is_sweep, "--hardware is of single faults"},
        {set->replay != NULL, "--hardware and --replay exclude each other: a list has "
                              "no population"},
        {set->severity != NULL, "--hardware and --severity exclude each other"},
        {set->design != EF_DESIGN_STRATIFIED,
         "--hardware weighs tensors by the time that they are exposed: it needs "
         "--design stratified"},
        {(job->targets & ~STORED) != 0,
         "--hardware: a schedule knows of weights, biases, activations and inputs"},
    };
    for (size_t i = 0; set->common.hardware && i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].is_wrong) {
            return ef_error_set(err, EF_ERR_USAGE, "%s", rules[i].why);
        }
    }
    return EF_OK;
}

/* The topology with the call's formats at every node that states none. */
static ef_status state_formats(const ef_inject_job *job, ef_topology **stated,
                               ef_error *err)
{
    ef_graph graph;
    ef_graph_init(&graph);
    ef_status status =
        ef_graph_copy(&graph, ef_topology_graph(ef_injector_topology(job->injector)));
    for (size_t i = 0; !status && i < graph.n_nodes; i++) {
        ef_node *node = &graph.nodes[i];
        if (!ef_format_is_stated(&node->weight_format)) {
            node->weight_format = job->formats.weights;
        }
        if (!ef_format_is_stated(&node->activation_format)) {
            node->activation_format = job->formats.activations;
        }
    }
    status = status ? ef_error_memory(err) : ef_topology_create(stated, &graph, err);
    ef_graph_clear(&graph);
    return status;
}

static const ef_exposed_tensor *find_tensor(const ef_exposure_list *list,
                                            const ef_topology *topology,
                                            const char *node, int is_weights)
{
    for (size_t i = 0; i < list->n; i++) {
        const ef_exposed_tensor *t = &list->tensors[i];
        if (t->is_weights == is_weights &&
            strcmp(ef_topology_node(topology, t->node)->name, node) == 0) {
            return t;
        }
    }
    return NULL;
}

/* The share of an image's time that a bit of each site sits in each memory. */
static ef_status take_shares(ef_inject_job *job, const ef_exposure_list *list,
                             const ef_topology *topology, ef_error *err)
{
    size_t n;
    const ef_site *sites = ef_injector_sites(job->injector, &n);
    const ef_topology *own = ef_injector_topology(job->injector);
    for (size_t i = 0; i < n; i++) {
        const char *node = ef_topology_node(own, sites[i].node)->name;
        int is_weights =
            sites[i].target == EF_TARGET_WEIGHTS || sites[i].target == EF_TARGET_BIASES;
        const ef_exposed_tensor *t = find_tensor(list, topology, node, is_weights);
        if (!(STORED >> sites[i].target & 1)) {
            continue;
        }
        if (!t) {
            return ef_error_set(err, EF_ERR_UNSUPPORTED,
                                "--hardware: %s is no tensor of the schedule",
                                sites[i].name);
        }
        double whole = (double)t->bits * list->time_s;
        job->exposure.shares[0][i] = t->bit_seconds / whole;
        job->exposure.shares[1][i] = t->off_bit_seconds / whole;
    }
    job->exposure.time_s = list->time_s;
    return EF_OK;
}

static ef_status load(ef_inject_job *job, const ef_accelerator *accelerator,
                      ef_error *err)
{
    size_t n;
    ef_topology *topology = NULL;
    ef_exposure_list *list = NULL;
    ef_injector_sites(job->injector, &n);
    ef_status status = EF_OK;
    for (size_t m = 0; m < EF_INJECT_MEMORIES && !status; m++) {
        job->exposure.shares[m] = ef_calloc(n, sizeof(double));
        status = job->exposure.shares[m] ? EF_OK : ef_error_memory(err);
    }
    status = status ? status : state_formats(job, &topology, err);
    status = status ? status
                    : ef_exposure_create(&list, topology, &job->formats.weights,
                                         accelerator, err);
    status = status ? status : take_shares(job, list, topology, err);
    ef_exposure_destroy(list);
    ef_topology_destroy(topology);
    return status;
}

ef_status ef_inject_load_exposure(ef_inject_job *job, ef_error *err)
{
    ef_accelerator accelerator;
    const char *path = job->set->common.hardware;
    if (!path) {
        return EF_OK;
    }
    ef_status status = ef_accelerator_load(&accelerator, path, err);
    status = status ? status : load(job, &accelerator, err);
    if (!status) {
        memcpy(job->exposure.name, accelerator.name, sizeof job->exposure.name);
    }
    return status;
}

void ef_inject_exposure_clear(ef_inject_exposure *exposure)
{
    for (size_t m = 0; m < EF_INJECT_MEMORIES; m++) {
        ef_free(exposure->shares[m]);
    }
}

void ef_inject_print_exposure(ef_inject_job *job)
{
    if (job->set->common.hardware) {
        ef_text_add(
            &job->text,
            "on chip, off chip: faults as often as their bit sits in the buffer "
            "and in the external memory of %s, whose schedule takes %.4g ms for "
            "an image; `of' is then the bits that are there on average\n\n",
            job->exposure.name, 1e3 * job->exposure.time_s);
    }
}

/* Bits that sit in a memory on average. */
static double resident(const ef_campaign *c, const double *shares)
{
    const ef_injector *injector = ef_campaign_injector(c);
    size_t n;
    double bits = 0;
    ef_injector_sites(injector, &n);
    for (size_t i = 0; i < n; i++) {
        ef_campaign_count count = ef_campaign_counts(c, (int64_t)i, EF_CAMPAIGN_ALL);
        bits += shares[i] * (double)count.population;
    }
    return bits;
}

ef_status ef_inject_each_memory(const ef_inject_job *job, size_t at, ef_table *table,
                                ef_inject_add_part *add, ef_error *err)
{
    const ef_campaign *c = job->campaigns[at];
    ef_status status = EF_OK;
    for (size_t m = 0; job->set->common.hardware && m < EF_INJECT_MEMORIES; m++) {
        const double *shares = job->exposure.shares[m];
        double bits = resident(c, shares);
        ef_campaign_result result;
        if (status || !(bits >= 0.5)) {
            continue;
        }
        const ef_inject_part part = {"exposed", memories[m], EF_CAMPAIGN_ALL,
                                     EF_CAMPAIGN_ALL};
        status = ef_campaign_estimate_weighted(c, shares, &result, err);
        result.count.population = (uint64_t)(bits + 0.5);
        status = status ? status : add(job, at, table, &part, &result, err);
    }
    return status;
}
