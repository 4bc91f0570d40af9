/* evoflip version. */
#include <stdio.h>

#include "cmd/command.h"
#include "config.h"

static const ef_option options[] = {{.name = NULL}};

static ef_status run(const ef_call *call, ef_error *err)
{
    (void)call;
    (void)err;
    puts(PACKAGE_STRING);
    return EF_OK;
}

const ef_command ef_command_version = {
    .name = "version",
    .help = "print the version",
    .operands = "",
    .options = options,
    .settings_size = sizeof(ef_common),
    .run = run,
};
