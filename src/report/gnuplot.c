#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

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

static ef_status write_beside(const char *dir, const char *name, const ef_text *text,
                              ef_error *err)
{
    char *path = text->failed ? NULL : ef_file_join(dir, name);
    if (!path) {
        return ef_error_memory(err);
    }
    ef_status status = ef_file_write(path, 1, text->bytes, text->size, err);
    ef_free(path);
    return status;
}

ef_status ef_gnuplot_draw(const char *dir, const char *name, const ef_text *data,
                          const ef_text *script, ef_error *err)
{
    ef_text files[2] = {{0}};
    ef_text_add(&files[0], "%s.dat", name);
    ef_text_add(&files[1], "%s.gp", name);
    ef_status status =
        files[0].failed || files[1].failed ? ef_error_memory(err) : EF_OK;
    status = status ? status : write_beside(dir, files[0].bytes, data, err);
    status = status ? status : write_beside(dir, files[1].bytes, script, err);
    status = status ? status : ef_gnuplot_run(dir, files[1].bytes, err);
    ef_text_clear(&files[0]);
    ef_text_clear(&files[1]);
    return status;
}

/* A quote is doubled inside of quotes. */
void ef_gnuplot_quote(ef_text *script, const char *text)
{
    ef_text_add(script, "'");
    for (; *text; text++) {
        ef_text_add(script, "%s%c", *text == '\'' ? "'" : "", *text);
    }
    ef_text_add(script, "'");
}
