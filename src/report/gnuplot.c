#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a shell answers for a command that it does not find. */
#define NOT_FOUND 127

static void become_gnuplot(const char *dir, const char *script)
{
    int nowhere = open("/dev/null", O_RDWR);
    if (chdir(dir) == 0 && nowhere >= 0) {
        dup2(nowhere, STDIN_FILENO);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        execlp("gnuplot", "gnuplot", script, (char *)NULL);
    }
    _exit(errno == ENOENT ? NOT_FOUND : 1);
}

ef_status ef_gnuplot_run(const char *dir, const char *script, ef_error *err)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        become_gnuplot(dir, script);
    }
    int state = 0;
    pid_t ended = -1;
    if (child > 0) {
        do {
            ended = waitpid(child, &state, 0);
        } while (ended < 0 && errno == EINTR);
    }
    if (ended < 0) {
        return ef_error_set(err, EF_ERR_FAILED, "cannot run gnuplot: %s",
                            strerror(errno));
    }
    if (WIFEXITED(state) && WEXITSTATUS(state) == NOT_FOUND) {
        return ef_error_set(err, EF_ERR_UNSUPPORTED,
                            "%s/%s: not drawn, gnuplot is missing (Debian package "
                            "gnuplot-nox)",
                            dir, script);
    }
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        return ef_error_set(err, EF_ERR_FAILED, "%s/%s: gnuplot refused it", dir,
                            script);
    }
    return EF_OK;
}
