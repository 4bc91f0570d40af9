/* evoflip help: the list of commands, or the manual page of one. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/paths.h"

extern char **environ;

static const ef_option options[] = {{.name = NULL}};

/* Programs that show a page, the page's path behind their first words. */
static const char *const viewers[][2] = {{"man", "-l"}, {"mandoc", "-a"}};

/* 1 where the viewer ran and was content. */
static int show(const char *const viewer[2], char *page)
{
    posix_spawnattr_t attributes;
    sigset_t defaults;
    if (posix_spawnattr_init(&attributes) != 0) {
        return 0;
    }
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    char program[16], flag[16];
    snprintf(program, sizeof program, "%s", viewer[0]);
    snprintf(flag, sizeof flag, "%s", viewer[1]);
    char *words[] = {program, flag, page, NULL};
    pid_t child;
    int status = -1;
    if (posix_spawnp(&child, program, NULL, &attributes, words, environ) == 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    posix_spawnattr_destroy(&attributes);
    return status == 0;
}

static ef_status show_page(const char *topic, const ef_command *command, ef_error *err)
{
    char *page = NULL;
    ef_status status = ef_path_page(topic, &page, err);
    if (status != EF_OK) {
        return status;
    }
    if (!page && !command) {
        return ef_command_unknown(topic, err);
    }
    int shown = 0;
    for (size_t i = 0; page && !shown && i < sizeof viewers / sizeof *viewers; i++) {
        shown = show(viewers[i], page);
    }
    ef_text text = {0};
    if (!shown && command) {
        ef_command_print_help(command, &text);
    } else if (!shown) {
        status =
            ef_error_set(err, EF_ERR_FAILED,
                         "%s: no program to show it; man-db or mandoc has one", page);
    }
    ef_free(page);
    return status == EF_OK ? ef_print_text(&text, err) : status;
}

static ef_status run(const ef_call *call, ef_error *err)
{
    if (call->n_operands == 1) {
        return show_page(call->operands[0], ef_command_find(call->operands[0]), err);
    }
    ef_text text = {0};
    ef_command_print_overview(&text);
    return ef_print_text(&text, err);
}

const ef_command ef_command_help = {
    .name = "help",
    .help = "list the commands, or open the manual page of one",
    .operands = "[TOPIC]",
    .most = 1,
    .options = options,
    .settings_size = sizeof(ef_common),
    .run = run,
};
