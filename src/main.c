/* evoflip: evolves network topologies for hardware that makes errors. */
#include <signal.h>
#include <stdio.h>

#include "base/status.h"
#include "cmd/command.h"

/* One line, whatever stood in the input that it quotes. */
static void print_error(const ef_command *command, const ef_error *err)
{
    fprintf(stderr, "evoflip%s%s: ", command ? " " : "", command ? command->name : "");
    for (const char *at = err->text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        fputc(byte < ' ' || byte == 127 ? '?' : byte, stderr);
    }
    fputc('\n', stderr);
}

int main(int argc, char **argv)
{
    /* A closed pipe is a failed write, not the end in the middle of a file. */
    signal(SIGPIPE, SIG_IGN);
    ef_error err = {EF_OK, ""};
    const ef_command *command = NULL;
    ef_status status = ef_command_line(argc, (const char *const *)argv, &command, &err);
    ef_status closed = ef_stdout_close(&err);
    status = status == EF_OK ? closed : status;
    if (err.text[0]) {
        print_error(command, &err);
    }
    return ef_status_exit(status);
}
