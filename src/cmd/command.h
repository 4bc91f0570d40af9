/* Commands: one file each, one row each in the table of commands.c. */
#ifndef EF_CMD_COMMAND_H
#define EF_CMD_COMMAND_H

#include <stddef.h>

#include "base/progress.h"
#include "base/status.h"
#include "base/text.h"
#include "cmd/common.h"
#include "cmd/option.h"
#include "report/table.h"

struct ef_command;

/* One call of a command, checked against its table. */
typedef struct ef_call {
    const struct ef_command *command;
    const void *settings; /* of the command's own type; begins with an ef_common */
    const char *const *operands;
    size_t n_operands;
    const unsigned char *given; /* (rows of the option table) */
} ef_call;

typedef struct ef_command {
    const char *name;
    const char *help;     /* one line */
    const char *operands; /* as the usage line shows them: "FILE..."; "": none */
    size_t least, most;   /* number of operands; most 0 takes none */
    const ef_option *options;
    size_t settings_size;
    /* Prints results on stdout, which main flushes and checks.  What went wrong
     * comes back in err and is printed by main. */
    ef_status (*run)(const ef_call *call, ef_error *err);
} ef_command;

extern const ef_command ef_command_search;
extern const ef_command ef_command_front;
extern const ef_command ef_command_score;
extern const ef_command ef_command_train;
extern const ef_command ef_command_inject;
extern const ef_command ef_command_validate;
extern const ef_command ef_command_calibrate;
extern const ef_command ef_command_export;
extern const ef_command ef_command_help;
extern const ef_command ef_command_version;

/* Every command, in the order of the help; NULL at the end. */
extern const ef_command *const ef_commands[];

/* Runs what the command line says.  *command is the one that was found, or NULL, for
 * the error's prefix.  EF_ERR_USAGE and whatever the command returns. */
EF_NODISCARD ef_status ef_command_line(int argc, const char *const *argv,
                                       const ef_command **command, ef_error *err);

/* NULL where there is none of this name. */
const ef_command *ef_command_find(const char *name);
/* EF_ERR_USAGE: no command of this name, with the nearest one that there is. */
EF_NODISCARD ef_status ef_command_unknown(const char *name, ef_error *err);
/* `evoflip CMD --help`; `evoflip --help`. */
void ef_command_print_help(const ef_command *command, ef_text *text);
void ef_command_print_overview(ef_text *text);

/* Ends stdout: EF_ERR_IO where anything that was printed did not arrive. */
EF_NODISCARD ef_status ef_stdout_close(ef_error *err);

/* --- for the commands --- */

const ef_common *ef_call_common(const ef_call *call);
/* True where the option stands on the command line. */
int ef_call_given(const ef_call *call, const char *option);
/* Adds the call as a shell takes it: the command, options that were given, operands. */
void ef_call_write(const ef_call *call, ef_text *text);
/* A line on stderr with the command's name in front: warnings, notes. */
void ef_call_note(const ef_call *call, const char *format, ...) EF_PRINTF(2, 3);
/* Progress on stderr; silent under --quiet, and under --verbose, whose lines it would
 * disturb.  NULL is fine to use. */
ef_progress *ef_call_progress(const ef_call *call, const char *what, size_t total);
/* Writes a text on stdout and clears it.  EF_ERR_MEMORY where it could not be made,
 * EF_ERR_IO where it could not be written (without words where a pipe was closed). */
EF_NODISCARD ef_status ef_print_text(ef_text *text, ef_error *err);
/* The table where --csv and --json say: CSV into its file, JSON or, unless the CSV went
 * to stdout, the aligned table on stdout. */
EF_NODISCARD ef_status ef_call_print_table(const ef_call *call, const ef_table *table,
                                           ef_error *err);
/* The same with a text for people in place of the aligned table; clears it. */
EF_NODISCARD ef_status ef_call_print_report(const ef_call *call, const ef_table *table,
                                            ef_text *text, ef_error *err);
/* For outputs that cost time to make, before that time is spent.  EF_ERR_EXISTS where
 * path is there and --force is not; EF_ERR_IO where its folder cannot be written. */
EF_NODISCARD ef_status ef_call_check_output(const ef_call *call, const char *path,
                                            ef_error *err);
/* The same of a picture, its script and data; path: whose name ends in suffix, which
 * .svg, .gp and .dat stand in place of.  EF_ERR_USAGE: it does not. */
EF_NODISCARD ef_status ef_call_check_picture(const ef_call *call, const char *option,
                                             const char *path, const char *suffix,
                                             ef_error *err);

#endif
