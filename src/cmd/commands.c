/* The table of commands, in the order in which the help lists them. */
#include "cmd/command.h"

/* clang-format off */
const ef_command *const ef_commands[] = {
    &ef_command_search,
    &ef_command_front,
    &ef_command_score,
    &ef_command_train,
    &ef_command_inject,
    &ef_command_validate,
    &ef_command_calibrate,
    &ef_command_export,
    &ef_command_help,
    &ef_command_version,
    NULL,
};
