/* The table of objectives: one row each, in the order of the lists that users see. */
#include "objectives/hardware.h"
#include "objectives/latency.h"
#include "objectives/objective.h"
#include "objectives/resilience.h"

static const char *const asi_forms[] = {
#define X(form, name) name,
    EF_ASI_FORM_LIST(X)
#undef X
        NULL};

const ef_objective_row ef_objective_rows[] = {
    {"error", "share", EF_MINIMISE, EF_COST_TRAINED, "", NULL, 0, NULL,
     "share of the validation images that it gets wrong", ""},
    {"ccr", "share", EF_MINIMISE, EF_COST_INJECTED, "format target ber", NULL, 0, NULL,
     "class change rate that is measured, at a BER or of a flip", ""},
    {"fault_accuracy", "share", EF_MAXIMISE, EF_COST_INJECTED, "format target ber",
     NULL, 0, NULL, "share of the validation images that it gets right under faults",
     ""},
    {"size", "bit", EF_MINIMISE, EF_COST_TOPOLOGY, "format", NULL, 0, ef_score_size,
     "memory for weights and biases, weights in their format", ""},
    {"params", "", EF_MINIMISE, EF_COST_TOPOLOGY, "", NULL, 0, ef_score_params,
     "trained parameters", ""},
    {"macs", "MAC", EF_MINIMISE, EF_COST_TOPOLOGY, "", NULL, 0, ef_score_macs,
     "multiply-accumulates for one image", ""},
    {"activations", "", EF_MINIMISE, EF_COST_TOPOLOGY, "", NULL, 0,
     ef_score_activations,
     "elements of the tensors stored on the way from image to logits", ""},
    {"memory", "bit", EF_MINIMISE, EF_COST_TOPOLOGY, "format", NULL, 0, ef_score_memory,
     "feature maps that have to be stored at once, at most", ""},
    {"bitops", "", EF_MINIMISE, EF_COST_TOPOLOGY, "format", NULL, 0, ef_score_bitops,
     "bit operations: MACs times bits of weight times bits of input", ""},
    {"adcr", "B/MAC", EF_MINIMISE, EF_COST_TOPOLOGY, "format", NULL, 0, ef_score_adcr,
     "accumulated data-computation ratio: bytes that a layer moves over its MACs, "
     "summed",
     "our reconstruction of the ratio of Schorn et al. (2020), whose formula is not "
     "public"},
    {"traffic", "B", EF_MINIMISE, EF_COST_TOPOLOGY, "format", NULL,
     EF_NEEDS_ACCELERATOR, ef_score_traffic,
     "bytes between external memory and the buffer, in the best tiles",
     "our model, evoflip-hardware(5)"},
    {"energy", "J", EF_MINIMISE, EF_COST_TOPOLOGY, "format", NULL, EF_NEEDS_ACCELERATOR,
     ef_score_energy, "energy of one image: MACs and bytes at each level of the memory",
     "sum over levels as in Sze et al. (2017), with our counts; evoflip-hardware(5)"},
    {"latency", "s", EF_MINIMISE, EF_COST_TOPOLOGY, "format", NULL,
     EF_NEEDS_ACCELERATOR, ef_score_latency,
     "time for one image: tiles, transfers and waiting, simulated",
     "our model, evoflip-hardware(5)"},
    {"depth", "", EF_MINIMISE, EF_COST_TOPOLOGY, "", NULL, 0, ef_score_depth,
     "conv and dense layers on the longest way through", ""},
    {"asi", "", EF_MINIMISE, EF_COST_TOPOLOGY, "form", asi_forms, 0, ef_score_asi,
     "architecture sensitivity: sum of rho^2/N over the stored tensors, or form",
     "our reconstruction of the index of Schorn et al. (2020), whose formula is not "
     "public"},
    {"predicted_ccr", "share", EF_MINIMISE, EF_COST_TOPOLOGY,
     "format target ber exposure", NULL, EF_NEEDS_EXPOSURE, ef_score_predicted_ccr,
     "class change rate that topology and formats lead to expect, at a BER or of a "
     "flip",
     "ours, evoflip-objectives(7)"},
    {.name = NULL},
};
