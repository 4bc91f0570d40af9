/* evoflip front: the front of a run as a table. */
#include <stddef.h>

#include "base/file.h"
#include "cmd/command.h"
#include "study/front.h"
#include "study/output.h"

typedef struct settings {
    ef_common common;
    int all;
    int table;
} settings;

static const ef_option options[] = {
    {.name = "all",
     .type = EF_OPTION_FLAG,
     .group = "Output",
     .offset = offsetof(settings, all),
     .help = "every topology that was ever scored, by id"},
    {.name = "table",
     .type = EF_OPTION_FLAG,
     .group = "Output",
     .offset = offsetof(settings, table),
     .help = "print a table for people instead of CSV"},
    EF_COMMON_CSV,
    EF_COMMON_FORCE,
    {.name = NULL},
};

static ef_status print(const settings *given, ef_store *store, const ef_front *front,
                       ef_error *err)
{
    ef_text text;
    ef_text_init(&text);
    ef_status status = EF_OK;
    if (given->table) {
        ef_front_print(front, store, front->n_front > 2 ? front->n_front : 2, &text);
    } else {
        status = ef_output_csv(front, store, given->all, &text, err);
    }
    const char *path = given->common.csv ? given->common.csv : "-";
    if (!status && text.failed) {
        status = ef_error_memory(err);
    }
    if (!status) {
        status = ef_file_write(path, given->common.force, text.bytes, text.size, err);
    }
    ef_text_clear(&text);
    return status;
}

static ef_status run(const ef_call *call, ef_error *err)
{
    ef_store *store = NULL;
    ef_front front = {0};
    ef_status status = ef_store_open(&store, call->operands[0], 0, err);
    if (!status) {
        status = ef_front_load(&front, store, err);
    }
    if (!status) {
        status = print(call->settings, store, &front, err);
    }
    ef_front_clear(&front);
    ef_store_close(store);
    return status;
}

const ef_command ef_command_front = {
    .name = "front",
    .help = "print the Pareto front of a run as CSV",
    .operands = "RUN.evo",
    .least = 1,
    .most = 1,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
