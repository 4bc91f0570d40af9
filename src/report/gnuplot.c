#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

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

const char *ef_gnuplot_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static ef_status write_beside(const char *stem, const char *suffix, const ef_text *text,
                              ef_error *err)
{
    ef_text path = {0};
    ef_text_add(&path, "%s%s", stem, suffix);
    ef_status status = text->failed || path.failed
                           ? ef_error_memory(err)
                           : ef_file_write(path.bytes, 1, text->bytes, text->size, err);
    ef_text_clear(&path);
    return status;
}

static ef_status run_beside(const char *stem, ef_error *err)
{
    const char *name = ef_gnuplot_name(stem);
    size_t n = (size_t)(name - stem);
    ef_text dir = {0}, script = {0};
    ef_text_add_bytes(&dir, n > 0 ? stem : ".", n > 1 ? n - 1 : 1);
    ef_text_add(&script, "%s.gp", name);
    ef_status status = dir.failed || script.failed
                           ? ef_error_memory(err)
                           : ef_gnuplot_run(dir.bytes, script.bytes, err);
    ef_text_clear(&dir);
    ef_text_clear(&script);
    return status;
}

ef_status ef_gnuplot_draw(const char *stem, const ef_text *data, const ef_text *script,
                          ef_error *err)
{
    ef_status status = write_beside(stem, ".dat", data, err);
    status = status ? status : write_beside(stem, ".gp", script, err);
    return status ? status : run_beside(stem, err);
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
