#include "cmd/common.h"

#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "cmd/paths.h"
#include "train/isa.h"

ef_status ef_common_load_data(const ef_common *common, ef_dataset *set, ef_error *err)
{
    char *folder = NULL;
    ef_status status = ef_path_data(&folder, err);
    if (status != EF_OK) {
        return status;
    }
    ef_dataset_options options = {
        .data = common->data,
        .data_dir = folder,
        .shape = common->shape,
        .label = common->label,
        .group = common->group,
        .crop = common->crop,
        .n_threads = (size_t)common->threads,
    };
    status = ef_dataset_load(set, &options, err);
    ef_free(folder);
    return status;
}

/* What a parser said without a place, as the fault of an option. */
static ef_status blame(const char *option, ef_status status, const ef_error *inner,
                       ef_error *err)
{
    return ef_error_set(err, status == EF_ERR_INPUT ? EF_ERR_USAGE : status, "--%s: %s",
                        option, inner->text);
}

ef_status ef_common_split(const ef_common *common, const ef_dataset *set,
                          ef_split *split, ef_error *err)
{
    size_t index = (size_t)ef_split_default(set);
    ef_error inner = {EF_OK, ""};
    ef_status status = EF_OK;
    if (common->split) {
        status = ef_parse_choice(common->split, ef_split_names, EF_SPLIT_COUNT, &index,
                                 &inner);
    }
    *split = (ef_split)index;
    return status == EF_OK ? EF_OK : blame("split", status, &inner, err);
}

int ef_common_says_normalisation(const ef_common *common)
{
    return common->mean || common->std || common->range;
}

ef_status ef_common_normalisation(const ef_common *common, const ef_dataset *set,
                                  ef_part part, ef_normalisation *norm, ef_error *err)
{
    if (!ef_common_says_normalisation(common)) {
        ef_normalisation_fit(norm, set, part);
        return EF_OK;
    }
    return ef_normalisation_parse(norm, set, common->mean, common->std, common->range,
                                  err);
}

ef_status ef_common_isa(const ef_common *common, ef_error *err)
{
    ef_error inner = {EF_OK, ""};
    ef_status status = common->isa ? ef_isa_cap(common->isa, &inner) : EF_OK;
    return status == EF_OK ? EF_OK : blame("isa", status, &inner, err);
}

ef_status ef_common_objectives(const ef_common *common,
                               const ef_objective_context *context,
                               ef_objective_list *list, ef_error *err)
{
    ef_error inner = {EF_OK, ""};
    ef_status status = ef_objective_parse_list(list, common->objectives, &inner);
    for (size_t i = 0; !status && i < list->n; i++) {
        status = ef_objective_check(context, &list->items[i], &inner);
    }
    return status == EF_OK ? EF_OK : blame("objectives", status, &inner, err);
}

ef_status ef_common_limits(const ef_common *common, const ef_objective_context *context,
                           ef_limit *limits, size_t *n, ef_error *err)
{
    if (common->limits.n > EF_LIMITS_MAX) {
        return ef_error_set(err, EF_ERR_USAGE, "--limit: given more than %d times",
                            EF_LIMITS_MAX);
    }
    for (size_t i = 0; i < common->limits.n; i++) {
        ef_error inner = {EF_OK, ""};
        ef_status status = ef_limit_parse(&limits[i], common->limits.items[i], &inner);
        status =
            status ? status : ef_objective_check(context, &limits[i].objective, &inner);
        if (status != EF_OK) {
            return blame("limit", status, &inner, err);
        }
    }
    *n = common->limits.n;
    return EF_OK;
}
