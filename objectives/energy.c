/* Energy by counting: what each MAC costs, and each byte at each level of the memory.
 *
 * Of a layer with MACs M, weights of w bits, inputs of a bits:
 *   arithmetic: M times the energy of a MAC of max(w, a) bits;
 *   registers: at each MAC a weight and an input are read, and a partial sum of 32 bits
 *     is read and written: M * (w + a + 64) bits;
 *   buffer: with R(loop) the iterations of a loop among which the array shares what
 * does not change in it (all of an inner loop, else those laid out along an axis),
 *       weights  M / R(output row) / R(output column) times w bits,
 *       inputs   M / R(output channel) * share(rows) * share(columns) times a bits,
 * where share = distinct / (R(output) * R(kernel)) and distinct = min(R(output) *
 *         R(kernel), (R(output) - 1) * stride + (R(kernel) - 1) * dilation + 1),
 *       sums     P = M / R(input channel) / R(kernel row) / R(kernel column) of them
 *         leave the array: the outputs are written once at their width, and P - outputs
 *         are written and read back, 32 bits each,
 *     and all that comes from and goes to external memory passes once;
 *   external memory: the traffic of objectives/traffic.h.
 * An operation of the vector unit costs as much as a MAC of a bits, reads a bits from
 * register and buffer and a sum of 32 bits in a register, and writes that; outputs are
 * written to the buffer once.  The sum over levels is that of [1]; the counts are ours.
 *
 * [1] V. Sze, Y.-H. Chen, T.-J. Yang, J. Emer: Efficient Processing of Deep Neural
 *     Networks: A Tutorial and Survey, Proc. IEEE 105(12), 2017,
 *     doi:10.1109/JPROC.2017.2761740. */
#include "base/mem.h"
#include "objectives/hardware.h"
#include "objectives/traffic.h"

enum { SUM_BITS = 32 };

/* --- what the array shares --- */

static void find_sharing(const ef_accelerator *accelerator, const ef_layer *layer,
                         double sharing[EF_LOOP_COUNT])
{
    uint32_t rows[EF_LOOP_COUNT], columns[EF_LOOP_COUNT];
    ef_array_spread(&accelerator->rows, layer->loops, rows);
    ef_array_spread(&accelerator->columns, layer->loops, columns);
    for (size_t i = 0; i < EF_LOOP_COUNT; i++) {
        sharing[i] = (double)rows[i] * columns[i];
    }
    for (size_t i = 0; i < accelerator->n_inner; i++) {
        ef_loop loop = accelerator->inner[i];
        sharing[loop] = layer->loops[loop];
    }
}

/* The share of input rows (axis 0) or columns (1) that differ among those that the
 * array uses at once. */
static double distinct_share(const ef_layer *layer, size_t axis,
                             const double sharing[EF_LOOP_COUNT])
{
    static const ef_loop outputs[] = {EF_LOOP_OUTPUT_ROW, EF_LOOP_OUTPUT_COLUMN};
    static const ef_loop kernels[] = {EF_LOOP_KERNEL_ROW, EF_LOOP_KERNEL_COLUMN};
    double output = sharing[outputs[axis]], kernel = sharing[kernels[axis]];
    uint32_t taps = layer->loops[kernels[axis]];
    double dilation =
        taps > 1 ? (double)(layer->kernel_extent[axis] - 1) / (taps - 1) : 1;
    double distinct = (output - 1) * layer->stride[axis] + (kernel - 1) * dilation + 1;
    double pairs = output * kernel;
    return distinct < pairs ? distinct / pairs : 1;
}

double ef_operand_bits(const ef_accelerator *accelerator, const ef_layer *layer)
{
    double sharing[EF_LOOP_COUNT], macs = (double)layer->macs;
    if (layer->macs == 0) {
        return (double)layer->operations * layer->input_width;
    }
    find_sharing(accelerator, layer, sharing);
    double weights =
        macs / (sharing[EF_LOOP_OUTPUT_ROW] * sharing[EF_LOOP_OUTPUT_COLUMN]);
    double inputs = macs / sharing[EF_LOOP_OUTPUT_CHANNEL] *
                    distinct_share(layer, 0, sharing) *
                    distinct_share(layer, 1, sharing);
    return weights * layer->weight_width + inputs * layer->input_width;
}

/* Bits between buffer and array. */
static double array_bits(const ef_accelerator *accelerator, const ef_layer *layer,
                         const ef_stored_tensor *output)
{
    double sharing[EF_LOOP_COUNT];
    double bits =
        ef_operand_bits(accelerator, layer) + (double)output->elements * output->width;
    if (layer->macs == 0) {
        return bits;
    }
    find_sharing(accelerator, layer, sharing);
    double sums = (double)layer->macs /
                  (sharing[EF_LOOP_INPUT_CHANNEL] * sharing[EF_LOOP_KERNEL_ROW] *
                   sharing[EF_LOOP_KERNEL_COLUMN]);
    return bits + (sums - output->elements) * 2 * SUM_BITS;
}

/* --- sums --- */

static ef_status find_mac(const ef_accelerator *accelerator,
                          const ef_topology *topology, const ef_layer *layer,
                          double *energy_pj, ef_error *err)
{
    const ef_mac_energy *found = NULL;
    unsigned bits = layer->weight_width > layer->input_width ? layer->weight_width
                                                             : layer->input_width;
    for (size_t i = 0; i < accelerator->n_macs; i++) {
        const ef_mac_energy *mac = &accelerator->macs[i];
        if (mac->is_float == layer->is_float && mac->bits >= bits &&
            (!found || mac->bits < found->bits)) {
            found = mac;
        }
    }
    if (!found) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "node %s: accelerator %s has no energy for a MAC of %u bit "
                            "and kind %s",
                            ef_topology_node(topology, layer->node)->name,
                            accelerator->name, bits, layer->is_float ? "float" : "int");
    }
    *energy_pj = found->energy_pj;
    return EF_OK;
}

/* pJ of one layer. */
static double layer_energy(const ef_accelerator *a, const ef_layer *layer,
                           const ef_stored_tensor *output, double mac_pj,
                           double traffic_bits)
{
    double work = (double)(layer->macs + layer->operations);
    double in_registers =
        work * (layer->weight_width + layer->input_width + 2 * SUM_BITS);
    double in_buffer = array_bits(a, layer, output) + traffic_bits;
    return work * mac_pj + in_registers / 8 * a->register_pj_per_byte +
           in_buffer / 8 * a->buffer_pj_per_byte +
           traffic_bits / 8 * a->dram_pj_per_byte;
}

static ef_status sum_levels(const ef_workload *workload, const ef_accelerator *a,
                            const ef_topology *topology, double *value, ef_error *err)
{
    double *bits = ef_calloc(workload->n_layers, sizeof *bits);
    uint8_t *kept = ef_calloc(workload->n_tensors, sizeof *kept);
    ef_status status = bits && kept
                           ? ef_traffic_plan(workload, a, topology, bits, kept, err)
                           : ef_error_memory(err);
    double sum_pj = 0;
    for (size_t i = 0; !status && i < workload->n_layers; i++) {
        const ef_layer *layer = &workload->layers[i];
        double mac_pj = 0;
        status = find_mac(a, topology, layer, &mac_pj, err);
        sum_pj +=
            layer_energy(a, layer, &workload->tensors[layer->output], mac_pj, bits[i]);
    }
    *value = status ? *value : sum_pj / 1e12;
    ef_free(bits);
    ef_free(kept);
    return status;
}

ef_status ef_score_energy(EF_OBJECTIVE_ARGS)
{
    const ef_accelerator *accelerator = context->accelerator;
    ef_workload *workload = NULL;
    ef_status status = ef_objective_lower(&workload, topology, objective, context, err);
    if (!status && accelerator->has_energy_model) {
        *value = ef_workload_cost(workload, accelerator->energy_model);
    } else if (!status) {
        status = sum_levels(workload, accelerator, topology, value, err);
    }
    ef_workload_destroy(workload);
    return status;
}
