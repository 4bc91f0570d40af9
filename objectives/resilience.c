#include "objectives/resilience.h"

#include <math.h>

#include "base/mem.h"
#include "net/stored.h"
#include "objectives/exposure.h"
#include "objectives/prediction.h"
#include "objectives/relevance.h"

/* --- the architecture sensitivity index ------------------------------------------ */

/* Over the stored tensors, rho of each and its elements N. */
typedef struct asi_sums {
    double squares;   /* of rho^2 / N */
    double relevance; /* of rho */
    double elements;  /* of N */
    double greatest;  /* rho / N */
    double inverses;  /* of 1 / N */
    double n;
} asi_sums;

static void add_tensor(asi_sums *sums, double rho, double elements)
{
    double density = rho / elements;
    sums->squares += rho * density;
    sums->relevance += rho;
    sums->elements += elements;
    sums->greatest = density > sums->greatest ? density : sums->greatest;
    sums->inverses += 1 / elements;
    sums->n++;
}

static double asi_of(const asi_sums *sums, ef_asi_form form)
{
    const double values[EF_ASI_FORM_COUNT] = {
        [EF_ASI_SQUARES] = sums->squares,
        [EF_ASI_RELEVANCE] = sums->relevance,
        [EF_ASI_DENSITY] = sums->elements > 0 ? sums->relevance / sums->elements : 0,
        [EF_ASI_GREATEST] = sums->greatest,
        [EF_ASI_MEAN] = sums->n > 0 ? sums->inverses / sums->n : 0,
    };
    return values[form];
}

ef_status ef_score_asi(EF_OBJECTIVE_ARGS)
{
    (void)context;
    size_t n = ef_topology_n_nodes(topology);
    uint8_t *stored = ef_calloc(n, sizeof *stored);
    double *rho = ef_calloc(n, sizeof *rho);
    ef_status status = stored && rho ? EF_OK : ef_error_memory(err);
    if (status == EF_OK) {
        asi_sums sums = {0};
        ef_topology_stored(topology, stored);
        ef_relevance(topology, rho);
        for (size_t i = 0; i < n; i++) {
            if (stored[i] == EF_STORED_ACTIVATION) {
                ef_shape shape = ef_topology_shape(topology, i);
                add_tensor(&sums, rho[i], (double)ef_shape_elements(shape));
            }
        }
        *value = asi_of(&sums, (ef_asi_form)objective->form);
    }
    ef_free(stored);
    ef_free(rho);
    return status;
}

/* --- the predicted class change rate --------------------------------------------- */

/* What the objective says, else of the bit-seconds in the accelerator's buffer. */
static ef_status find_share(const ef_topology *topology, const ef_objective *objective,
                            const ef_objective_context *context,
                            const ef_format *format, double *share, ef_error *err)
{
    *share = objective->exposure;
    if (objective->target != EF_EXPOSED_BOTH || objective->ber > 0 || *share >= 0) {
        return EF_OK;
    }
    if (!context->accelerator) {
        return ef_error_set(err, EF_ERR_INPUT,
                            "%s: of one flip anywhere it needs exposure=S, the share "
                            "of flips that strike weights (or ber=P, or "
                            "target=weights|activations)",
                            objective->name);
    }
    ef_exposure_list *list = NULL;
    ef_status status =
        ef_exposure_create(&list, topology, format, context->accelerator, err);
    *share = status ? *share : list->weight_share;
    ef_exposure_destroy(list);
    return status;
}

ef_status ef_score_predicted_ccr(EF_OBJECTIVE_ARGS)
{
    const ef_format *format =
        ef_format_is_stated(&objective->format) ? &objective->format : &context->format;
    ef_prediction_formats formats;
    ef_fault_model fault = {.target = objective->target, .ber = objective->ber};
    ef_prediction_formats_init(&formats, format);
    ef_status status =
        find_share(topology, objective, context, format, &fault.share, err);
    return status
               ? status
               : ef_predict(topology, &formats, &fault, context->constants, value, err);
}
