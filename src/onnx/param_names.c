/* Names of parameters in a model: each its own, if nothing else is called so. */
#include <string.h>

#include "onnx/names.h"
#include "onnx/writer.h"

static const char *given_name(const ef_net *net, size_t param)
{
    return net->names[param];
}

static void set_name(ef_written_param *param, char *name)
{
    param->tensor->name = name;
    param->reader->input[param->input] = name;
}

/* Everything that has its name: the input, values, constants, and parameters whose
 * names are the default, which nobody takes from them. */
static void list_taken(const ef_writer *writer, ef_names *taken)
{
    const Onnx__GraphProto *graph = writer->graph;
    ef_names_put(taken, graph->input[0]->name, 0);
    for (size_t i = 0; i < graph->n_node; i++) {
        ef_names_put(taken, graph->node[i]->output[0], 0);
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        if (graph->initializer[i]->name) {
            ef_names_put(taken, graph->initializer[i]->name, 0);
        }
    }
}

static void keep_given(ef_writer *writer, ef_names *taken)
{
    for (size_t i = 0; i < writer->net->n_params && !writer->arena->failed; i++) {
        if (!given_name(writer->net, i)) {
            continue;
        }
        char *name = ef_arena_strdup(writer->arena, given_name(writer->net, i));
        if (name && ef_names_put(taken, name, 0)) {
            set_name(&writer->params[i], name);
        }
    }
}

/* The default, with a number where that is taken too. */
static char *free_name(ef_writer *writer, const ef_param *param, ef_names *taken)
{
    char plain[EF_PARAM_NAME_SIZE];
    ef_net_default_name(writer->net, param, plain);
    char *name = ef_arena_strdup(writer->arena, plain);
    for (size_t number = 2; name && !ef_names_put(taken, name, 0); number++) {
        name = ef_arena_print(writer->arena, "%s_%zu", plain, number);
    }
    return name;
}

/* Those whose own name was taken. */
static void name_rest(ef_writer *writer, ef_names *taken)
{
    for (size_t i = 0; i < writer->net->n_params && !writer->arena->failed; i++) {
        if (!writer->params[i].tensor->name) {
            set_name(&writer->params[i],
                     free_name(writer, &writer->net->params[i], taken));
        }
    }
}

void ef_writer_name_params(ef_writer *writer)
{
    const Onnx__GraphProto *graph = writer->graph;
    ef_names taken;
    if (!writer->net->names || writer->arena->failed) {
        return;
    }
    if (ef_names_init(&taken, 1 + graph->n_node + graph->n_initializer)) {
        writer->arena->failed = 1;
        return;
    }
    for (size_t i = 0; i < writer->net->n_params; i++) {
        if (given_name(writer->net, i)) {
            writer->params[i].tensor->name = NULL;
        }
    }
    list_taken(writer, &taken);
    keep_given(writer, &taken);
    name_rest(writer, &taken);
    ef_names_clear(&taken);
}
