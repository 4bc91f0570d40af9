#include "cmd/command.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/nearest.h"

const ef_command *ef_command_find(const char *name)
{
    for (size_t i = 0; ef_commands[i]; i++) {
        if (strcmp(ef_commands[i]->name, name) == 0) {
            return ef_commands[i];
        }
    }
    return NULL;
}

ef_status ef_command_unknown(const char *name, ef_error *err)
{
    const char *near = NULL;
    size_t best = (size_t)-1;
    for (size_t i = 0; ef_commands[i]; i++) {
        size_t distance = ef_nearest_distance(name, ef_commands[i]->name);
        if (distance < best && ef_nearest_is_slip(name, ef_commands[i]->name)) {
            best = distance;
            near = ef_commands[i]->name;
        }
    }
    return near
               ? ef_error_set(err, EF_ERR_USAGE,
                              "'%s' is not a command; did you mean '%s'?", name, near)
               : ef_error_set(err, EF_ERR_USAGE,
                              "'%s' is not a command; evoflip --help lists them", name);
}

void ef_command_print_help(const ef_command *command, ef_text *text)
{
    ef_text_add(text, "Usage: evoflip %s [OPTION]...%s%s\n", command->name,
                command->operands[0] ? " " : "", command->operands);
    ef_text_add(text, "%c%s.\n", toupper((unsigned char)command->help[0]),
                command->help + 1);
    ef_options_print(command->options, text);
    ef_text_add(text, "\nThe manual page: evoflip help %s\n", command->name);
}

void ef_command_print_overview(ef_text *text)
{
    ef_text_add(text, "Usage: evoflip COMMAND [OPTION]... [OPERAND]...\n"
                      "Evolves neural networks for hardware that makes errors.\n"
                      "\nCommands:\n");
    for (size_t i = 0; ef_commands[i]; i++) {
        ef_text_add(text, "  %-10s  %s\n", ef_commands[i]->name, ef_commands[i]->help);
    }
    ef_text_add(text, "\nevoflip COMMAND --help lists the options of a command,\n"
                      "evoflip help COMMAND opens its manual page.\n");
}

/* --- the command line --- */

static ef_status check_operands(const ef_call *call, ef_error *err)
{
    const ef_command *command = call->command;
    if (call->n_operands > command->most) {
        return ef_error_set(err, EF_ERR_USAGE, "'%s': one operand too many",
                            call->operands[command->most]);
    }
    if (call->n_operands < command->least) {
        return ef_error_set(err, EF_ERR_USAGE, "%s is missing", command->operands);
    }
    return EF_OK;
}

/* A wrong word on the command line is told with the way to the right ones. */
static void add_hint(const ef_command *command, ef_error *err)
{
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, " (see evoflip %s --help)",
             command->name);
}

static ef_status run_call(const ef_command *command, const ef_parsed *parsed,
                          const void *settings, ef_error *err)
{
    ef_call call = {command, settings, parsed->operands, parsed->n_operands,
                    parsed->given};
    if (parsed->help) {
        ef_text text = {0};
        ef_command_print_help(command, &text);
        return ef_print_text(&text, err);
    }
    ef_status status = check_operands(&call, err);
    if (status != EF_OK) {
        add_hint(command, err);
        return status;
    }
    return command->run(&call, err);
}

static ef_status run_command(const ef_command *command, const char *const *args,
                             size_t n_args, ef_error *err)
{
    void *settings = ef_calloc(1, command->settings_size);
    if (!settings) {
        return ef_error_memory(err);
    }
    ef_parsed parsed = {0};
    ef_status status =
        ef_options_parse(command->options, args, n_args, &parsed, settings, err);
    if (status == EF_ERR_USAGE) {
        add_hint(command, err);
    }
    if (status == EF_OK) {
        status = run_call(command, &parsed, settings, err);
    }
    ef_options_clear(command->options, &parsed, settings);
    ef_free(settings);
    return status;
}

/* Options in the place of a command. */
static const struct {
    const char *option;
    const ef_command *command;
} instead[] = {
    {"--help", &ef_command_help},
    {"-h", &ef_command_help},
    {"--version", &ef_command_version},
    {"-V", &ef_command_version},
};

ef_status ef_command_line(int argc, const char *const *argv, const ef_command **command,
                          ef_error *err)
{
    *command = NULL;
    if (argc < 2) {
        return ef_error_set(err, EF_ERR_USAGE,
                            "no command given; evoflip --help lists them");
    }
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
        if (strcmp(argv[1], instead[i].option) == 0) {
            return run_command(instead[i].command, NULL, 0, err);
        }
    }
    *command = ef_command_find(argv[1]);
    return *command ? run_command(*command, argv + 2, (size_t)argc - 2, err)
                    : ef_command_unknown(argv[1], err);
}

/* --- for the commands --- */

const ef_common *ef_call_common(const ef_call *call)
{
    return call->settings;
}

int ef_call_given(const ef_call *call, const char *option)
{
    const ef_option *row = ef_options_find(call->command->options, option);
    return row && call->given[row - call->command->options];
}

void ef_call_write(const ef_call *call, ef_text *text)
{
    ef_text_add(text, "evoflip %s", call->command->name);
    ef_options_write_given(call->command->options, call->given, call->settings, text);
    for (size_t i = 0; i < call->n_operands; i++) {
        ef_text_add(text, " ");
        ef_options_write_word(call->operands[i], text);
    }
}

void ef_call_note(const ef_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "evoflip %s: ", call->command->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

ef_progress *ef_call_progress(const ef_call *call, const char *what, size_t total)
{
    const ef_common *common = ef_call_common(call);
    FILE *stream = common->quiet || common->verbose ? NULL : stderr;
    return ef_progress_create(stream, what, total);
}

/* EF_ERR_IO where the folder of path is not there or closed. */
static ef_status check_folder(const char *path, ef_error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? ef_strdup(path) : ef_strdup(".");
    if (!folder) {
        return ef_error_memory(err);
    }
    if (slash) {
        folder[slash == path ? 1 : slash - path] = '\0';
    }
    ef_status status = access(folder, W_OK | X_OK) == 0
                           ? EF_OK
                           : ef_error_io(err, path, "cannot write");
    ef_free(folder);
    return status;
}

ef_status ef_call_check_output(const ef_call *call, const char *path, ef_error *err)
{
    struct stat info;
    int exists = stat(path, &info) == 0;
    if (strcmp(path, "-") == 0 ||
        (exists && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))) {
        return EF_OK; /* a device or a pipe is written as it is */
    }
    if (exists && !ef_call_common(call)->force) {
        return ef_error_set(err, EF_ERR_EXISTS, "%s: exists already (--force replaces)",
                            path);
    }
    return check_folder(path, err);
}

ef_status ef_call_check_picture(const ef_call *call, const char *option,
                                const char *path, const char *suffix, ef_error *err)
{
    static const char *const suffixes[] = {".svg", ".gp", ".dat"};
    size_t n = strlen(path), k = strlen(suffix);
    ef_status status = EF_OK;
    if (n <= k || path[n - k - 1] == '/' || strcmp(path + n - k, suffix) != 0) {
        return ef_error_set(err, EF_ERR_USAGE, "--%s %s: its name ends in %s", option,
                            path, suffix);
    }
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && !status; i++) {
        ef_text beside = {0};
        ef_text_add(&beside, "%.*s%s", (int)(n - k), path, suffixes[i]);
        status = beside.failed ? ef_error_memory(err)
                               : ef_call_check_output(call, beside.bytes, err);
        ef_text_clear(&beside);
    }
    return status;
}
