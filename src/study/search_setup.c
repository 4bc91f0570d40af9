/* A search is made: everything that can be checked before the first training. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "study/search_priv.h"

static ef_status parse_limit_lines(ef_search *search, size_t *n, ef_error *err)
{
    const char *lines = search->config->limits ? search->config->limits : "";
    char *copy = ef_strdup(lines);
    ef_status status = copy ? EF_OK : ef_error_memory(err);
    char *rest = NULL;
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; !status && line;
         line = strtok_r(NULL, "\n", &rest)) {
        ef_error why = {0};
        status = ef_limit_parse(&search->limits[(*n)++], line, &why);
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
    for (size_t i = 0; i < space->n_limits; i++) {
        const ef_space_limit *limit = &space->limits[i];
        ef_error why = {0};
        ef_status status = ef_limit_parse(&search->limits[n++], limit->text, &why);
        if (status) {
            ef_place place = {space->name, limit->line, limit->column};
            return ef_error_at(err, status, place, "%s", why.text);
        }
    }
    ef_status status = parse_limit_lines(search, &n, err);
    search->networks.limits = search->limits;
    search->networks.n_limits = n;
    return status;
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
    measure->training = EF_TRAIN_OPTIONS_DEFAULT;
    measure->training.seed = config->seed;
    measure->training.batch = (size_t)config->batch;
    measure->training.rate = config->rate;
    measure->training.augment =
        (ef_augment){.shift = (size_t)config->shift, .flip = (int)config->flip};
    /* Many networks train at once, one thread each: nothing is won by shards. */
    measure->training.n_shards = 1;
    measure->training.n_threads = 1;
    measure->train = ef_parts_get(search->parts, EF_SPLIT_TRAIN, config->images);
    measure->validation = ef_parts_get(search->parts, EF_SPLIT_VAL, 0);
    measure->test = ef_parts_get(search->parts, EF_SPLIT_TEST, 0);
    if (config->mean || config->std || config->range) {
        return ef_normalisation_parse(&search->norm, set, config->mean, config->std,
                                      config->range, err);
    }
    ef_normalisation_fit(&search->norm, set, measure->train);
    return EF_OK;
}

static ef_status make_objectives(ef_search *search, ef_error *err)
{
    ef_network_problem *networks = &search->networks;
    ef_error why = {0};
    ef_status status = ef_objective_parse_list(&networks->objectives,
                                               search->config->objectives, &why);
    if (!status && networks->objectives.n < 2) {
        status =
            ef_error_set(&why, EF_ERR_INPUT, "a front needs two objectives or more");
    }
    if (status) {
        return ef_error_set(err, EF_ERR_USAGE, "--objectives: %s", why.text);
    }
    return ef_format_parse(search->config->format, &networks->objective_context.format,
                           err);
}

static void make_networks(ef_search *search)
{
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
                           const ef_dataset *set, ef_error *err)
{
    ef_search *made = ef_calloc(1, sizeof *made);
    if (!made) {
        return ef_error_memory(err);
    }
    made->config = config;
    made->set = set;
    made->state = (ef_search_state){.best_error = NAN, .hypervolume = NAN};
    made->state.total = config->evaluations;
    ef_status status = ef_space_parse(&made->space, config->space_name, config->space,
                                      strlen(config->space), err);
    if (!status) {
        status = make_objectives(made, err);
    }
    if (!status) {
        status = make_limits(made, err);
    }
    if (!status) {
        status = make_data(made, err);
    }
    if (!status) {
        make_networks(made);
        status = make_engine(made, err);
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
    ef_parts_destroy(search->parts);
    ef_space_destroy(search->space);
    ef_free(search);
}
