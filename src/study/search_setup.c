/* A search is made: everything that can be checked before the first training. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "study/search_priv.h"

/* What can be said of an objective or of that of a limit before anything runs. */
static ef_status check_objective(const ef_search *search, const ef_objective *objective,
                                 ef_error *err)
{
    const ef_objective_context *context = &search->networks.objective_context;
    ef_status status = ef_objective_check(context, objective, err);
    return status ? status : ef_fault_plan_check(objective, &context->format, err);
}

static ef_status make_scoring(ef_search *search, ef_error *err)
{
    const ef_search_config *config = search->config;
    const ef_scoring_texts texts = {config->hardware_name, config->hardware,
                                    config->constants_name, config->constants};
    ef_format format;
    search->scoring = ef_calloc(1, sizeof *search->scoring);
    if (!search->scoring) {
        return ef_error_memory(err);
    }
    ef_status status = ef_format_parse(config->format, &format, err);
    status = status ? status : ef_scoring_init(search->scoring, &format, &texts, err);
    search->networks.objective_context = search->scoring->context;
    return status;
}

static ef_status make_objectives(ef_search *search, ef_error *err)
{
    ef_objective_list *list = &search->networks.objectives;
    ef_error why = {0};
    ef_status status = ef_objective_parse_list(list, search->config->objectives, &why);
    if (!status && list->n < 2) {
        status =
            ef_error_set(&why, EF_ERR_INPUT, "a front needs two objectives or more");
    }
    for (size_t i = 0; !status && i < list->n; i++) {
        status = check_objective(search, &list->items[i], &why);
    }
    return status ? ef_error_set(err, EF_ERR_USAGE, "--objectives: %s", why.text)
                  : EF_OK;
}

/* What the command line says of an objective stands in for what the space says. */
static int is_overruled(const ef_limit *limit, const ef_limit *said, size_t n_said)
{
    for (size_t i = 0; i < n_said; i++) {
        if (said[i].at_least == limit->at_least &&
            strcmp(said[i].objective.name, limit->objective.name) == 0) {
            return 1;
        }
    }
    return 0;
}

static ef_status parse_limit_lines(ef_search *search, size_t *n, ef_error *err)
{
    const char *lines = search->config->limits ? search->config->limits : "";
    char *copy = ef_strdup(lines);
    ef_status status = copy ? EF_OK : ef_error_memory(err);
    char *rest = NULL;
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; !status && line;
         line = strtok_r(NULL, "\n", &rest)) {
        ef_error why = {0};
        ef_limit *limit = &search->limits[(*n)++];
        status = ef_limit_parse(limit, line, &why);
        status = status ? status : check_objective(search, &limit->objective, &why);
        if (status) {
            status =
                ef_error_set(err, EF_ERR_USAGE, "--limit '%s': %s", line, why.text);
        }
    }
    ef_free(copy);
    return status;
}

static size_t count_lines(const char *text)
{
    size_t n = text && *text ? 1 : 0;
    for (; text && *text; text++) {
        n += *text == '\n';
    }
    return n;
}

static ef_status make_limits(ef_search *search, ef_error *err)
{
    const ef_space *space = search->space;
    size_t room = space->n_limits + count_lines(search->config->limits);
    search->limits = ef_calloc(room, sizeof *search->limits);
    if (!search->limits) {
        return ef_error_memory(err);
    }
    size_t n = 0;
    ef_status status = parse_limit_lines(search, &n, err);
    size_t n_said = n;
    for (size_t i = 0; !status && i < space->n_limits; i++) {
        const ef_space_limit *limit = &space->limits[i];
        ef_error why = {0};
        status = ef_limit_parse(&search->limits[n], limit->text, &why);
        status = status ? status
                        : check_objective(search, &search->limits[n].objective, &why);
        if (status) {
            ef_place place = {space->name, limit->line, limit->column};
            return ef_error_at(err, status, place, "%s", why.text);
        }
        n += !is_overruled(&search->limits[n], search->limits, n_said);
    }
    search->networks.limits = search->limits;
    search->networks.n_limits = n;
    return status;
}

static int says_normalisation(const ef_search_config *config)
{
    return config->mean || config->std || config->range;
}

static ef_status make_data(ef_search *search, ef_error *err)
{
    const ef_search_config *config = search->config;
    const ef_dataset *set = search->set;
    ef_split_options options = EF_SPLIT_DEFAULT;
    options.seed = config->seed;
    ef_status status = ef_parts_create(&search->parts, set, &options, err);
    if (!status) {
        status = ef_parts_check_training(search->parts, set, err);
    }
    if (status) {
        return status;
    }
    ef_measure *measure = &search->networks.measure;
    measure->set = set;
    measure->training = EF_TRAIN_OPTIONS_SHORT;
    measure->training.seed = config->seed;
    measure->training.batch = (size_t)config->batch;
    measure->training.rate = config->rate;
    measure->training.momentum = config->momentum;
    measure->training.decay = config->decay;
    measure->training.warmup = config->warmup;
    measure->training.smoothing = config->smoothing;
    measure->training.augment =
        (ef_augment){.shift = (size_t)config->shift, .flip = (int)config->flip};
    measure->train = ef_parts_get(search->parts, EF_SPLIT_TRAIN, config->images);
    measure->validation = ef_parts_get(search->parts, EF_SPLIT_VAL, 0);
    measure->test = ef_parts_get(search->parts, EF_SPLIT_TEST, 0);
    if (says_normalisation(config)) {
        return ef_normalisation_parse(&search->norm, set, config->mean, config->std,
                                      config->range, err);
    }
    ef_normalisation_fit(&search->norm, set, measure->train);
    return EF_OK;
}

static ef_status add_faults(ef_search *search, const ef_objective *objective,
                            ef_error *err)
{
    return objective->row->cost == EF_COST_INJECTED
               ? ef_fault_plan_add(search->faults, objective, err)
               : EF_OK;
}

/* Where an objective or a limit is measured under faults: on the validation part. */
static ef_status make_faults(ef_search *search, ef_error *err)
{
    const ef_search_config *config = search->config;
    ef_network_problem *networks = &search->networks;
    const ef_fault_plan_options options = {
        .set = search->set,
        .images = networks->measure.validation,
        .calibration = networks->measure.train,
        .n_images = (size_t)config->fault_images,
        .count = config->fault_count,
        .seed = config->seed,
        .format = networks->objective_context.format,
    };
    ef_status status = ef_fault_plan_create(&search->faults, &options, err);
    for (size_t i = 0; !status && i < networks->objectives.n; i++) {
        status = add_faults(search, &networks->objectives.items[i], err);
    }
    for (size_t i = 0; !status && i < networks->n_limits; i++) {
        status = add_faults(search, &networks->limits[i].objective, err);
    }
    if (!status && ef_fault_plan_n(search->faults) > 0) {
        networks->measure.faults = search->faults;
    }
    return status;
}

/* The space gives way to the seeds, limits do not. */
static ef_status make_seeds(ef_search *search, ef_error *err)
{
    const ef_search_config *config = search->config;
    ef_network_problem *networks = &search->networks;
    ef_seeds *seeds = search->seeds;
    if (seeds->n == 0) {
        return EF_OK;
    }
    if (strcmp(config->algorithm, "random") == 0) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--seed-model: --algorithm random draws every network "
                            "afresh and starts from none");
    }
    if (seeds->n > config->population) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "--seed-model: %zu models have no room in a --population "
                            "of %llu",
                            seeds->n, (unsigned long long)config->population);
    }
    ef_status status = ef_seeds_prepare(seeds, &search->norm,
                                        says_normalisation(config), config->seed, err);
    if (!status) {
        status = ef_seeds_check_limits(seeds, search->limits, networks->n_limits,
                                       &networks->objective_context, err);
    }
    if (!status) {
        ef_space_keep(search->space, seeds->topologies, seeds->n);
        networks->seeds = seeds;
    }
    return status;
}

static ef_status make_networks(ef_search *search, ef_error *err)
{
    (void)err;
    const ef_search_config *config = search->config;
    const ef_dataset *set = search->set;
    ef_network_problem *networks = &search->networks;
    networks->space = search->space;
    networks->task = (ef_task){.input = {(uint32_t)set->channels, (uint32_t)set->height,
                                         (uint32_t)set->width, 4},
                               .n_classes = (uint32_t)set->n_classes,
                               .scale = search->norm.scale,
                               .shift = search->norm.shift};
    networks->start_epochs = config->start_epochs;
    networks->epochs = config->epochs;
    networks->whole_space = strcmp(config->algorithm, "random") == 0;
    ef_network_problem_init(networks, &search->problem);
    return EF_OK;
}

static ef_status make_engine(ef_search *search, ef_error *err)
{
    const ef_search_config *config = search->config;
    ef_nsga2_config engine = {.population = (size_t)config->population,
                              .children = (size_t)config->children,
                              .proposals = (size_t)config->proposals,
                              .seed = config->seed,
                              .algorithm = search->networks.whole_space
                                               ? EF_ALGORITHM_RANDOM
                                               : EF_ALGORITHM_NSGA2};
    return ef_nsga2_create(&search->engine, &search->problem, &engine, err);
}

ef_status ef_search_create(ef_search **search, const ef_search_config *config,
                           const ef_dataset *set, ef_seeds *seeds, ef_error *err)
{
    ef_search *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->config = config;
    made->set = set;
    made->seeds = seeds;
    made->state = (ef_search_state){.best_error = NAN, .hypervolume = NAN};
    made->state.total = config->evaluations;
    ef_status status = ef_space_parse(&made->space, config->space_name, config->space,
                                      strlen(config->space), err);
    static ef_status (*const steps[])(ef_search * search, ef_error * err) = {
        make_scoring, make_objectives, make_limits,   make_data,
        make_faults,  make_seeds,      make_networks, make_engine};
    for (size_t i = 0; !status && i < sizeof steps / sizeof *steps; i++) {
        status = steps[i](made, err);
    }
    if (status) {
        ef_search_destroy(made);
        return status;
    }
    *search = made;
    return EF_OK;
}

void search_drop_pending(ef_search *search)
{
    for (size_t i = 0; i < search->n_pending; i++) {
        ef_candidate_unref(search->pending[i]);
    }
    ef_free(search->pending);
    search->pending = NULL;
    search->n_pending = 0;
    search->networks.pending = NULL;
    search->networks.n_pending = 0;
}

void ef_search_destroy(ef_search *search)
{
    if (!search) {
        return;
    }
    ef_nsga2_destroy(search->engine);
    ef_network_problem_clear(&search->networks);
    search_drop_pending(search);
    ef_free(search->front_points);
    ef_free(search->front_ids);
    ef_free(search->limits);
    ef_free(search->scoring);
    ef_fault_plan_destroy(search->faults);
    ef_parts_destroy(search->parts);
    ef_space_destroy(search->space);
    ef_free(search);
}
