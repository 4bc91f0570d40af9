#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stream.h"

/* --- reading ---------------------------------------------------------------- */

/* Reads to the end, or to one byte more than max; a NUL always fits behind. */
static ef_status read_whole(ef_stream *stream, size_t max, unsigned char **bytes,
                            size_t *size, ef_error *err)
{
    size_t limit = max < SIZE_MAX - 2 ? max + 2 : SIZE_MAX;
    size_t capacity = 32768, got = 0;
    do {
        capacity = capacity < limit / 2 ? 2 * capacity : limit;
        unsigned char *grown = ef_realloc(*bytes, capacity, 1);
        if (!grown) {
            return ef_error_memory(err);
        }
        *bytes = grown;
        size_t room = capacity - 1 - *size;
        ef_status status = ef_stream_read(stream, grown + *size, room, &got, err);
        if (status) {
            return status;
        }
        *size += got;
    } while (*size == capacity - 1 && capacity < limit);
    (*bytes)[*size] = '\0';
    return EF_OK;
}

ef_status ef_file_read(const char *path, size_t max, unsigned char **bytes,
                       size_t *size, ef_error *err)
{
    ef_stream *stream;
    ef_status status = ef_stream_create(&stream, path, err);
    if (status) {
        return status;
    }
    unsigned char *read = NULL;
    size_t n = 0;
    status = read_whole(stream, max, &read, &n, err);
    ef_stream_destroy(stream);
    if (!status && n > max) {
        status =
            ef_error_set(err, EF_ERR_INPUT, "%s: longer than %zu bytes", path, max);
    }
    if (status) {
        ef_free(read);
        return status;
    }
    *bytes = read;
    *size = n;
    return EF_OK;
}

/* --- names ------------------------------------------------------------------ */

int ef_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

int ef_file_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static ef_status make_directory(const char *path, ef_error *err)
{
    if (mkdir(path, 0777) == 0 || ef_file_is_directory(path)) {
        return EF_OK;
    }
    return ef_error_io(err, path, "cannot be made");
}

ef_status ef_file_make_directories(const char *path, ef_error *err)
{
    char *part = ef_strdup(path);
    if (!part) {
        return ef_error_memory(err);
    }
    ef_status status = EF_OK;
    for (char *slash = part; !status && *slash && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        status = make_directory(part, err);
        *slash = '/';
    }
    ef_free(part);
    return status ? status : make_directory(path, err);
}

char *ef_file_join(const char *dir, const char *name)
{
    size_t n_dir = strlen(dir), n_name = strlen(name);
    int slash = n_dir > 0 && dir[n_dir - 1] != '/';
    char *path = ef_calloc(n_dir + n_name + 2, 1);
    if (path) {
        memcpy(path, dir, n_dir);
        if (slash) {
            path[n_dir] = '/';
        }
        memcpy(path + n_dir + (slash ? 1 : 0), name, n_name);
    }
    return path;
}

/* --- writing ---------------------------------------------------------------- */

/* Opens a file beside path that nobody else has: PATH.0.tmp or the next free one. */
static int open_beside(ef_output *output)
{
    size_t room = strlen(output->path) + 16;
    output->temporary = ef_calloc(room, 1);
    if (!output->temporary) {
        errno = ENOMEM;
        return -1;
    }
    int fd = -1;
    for (unsigned i = 0; fd < 0 && i < 1000; i++) {
        snprintf(output->temporary, room, "%s.%u.tmp", output->path, i);
        fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
    }
    if (fd < 0) {
        ef_free(output->temporary);
        output->temporary = NULL;
    }
    return fd;
}

static ef_status open_stream(ef_output *output, int is_device, ef_error *err)
{
    int fd = is_device ? open(output->path, O_WRONLY) : open_beside(output);
    if (fd < 0 && errno == ENOMEM) {
        return ef_error_memory(err);
    }
    if (fd < 0) {
        return ef_error_io(err, output->path, "cannot be written");
    }
    output->stream = fdopen(fd, "wb");
    if (!output->stream) {
        close(fd);
        return ef_error_memory(err);
    }
    return EF_OK;
}

ef_status ef_output_open(ef_output *output, const char *path, int force, ef_error *err)
{
    struct stat info;
    int to_stdout = strcmp(path, "-") == 0;
    int exists = !to_stdout && stat(path, &info) == 0;
    /* A device or a pipe has nothing to lose, and renaming would replace it. */
    int is_device = exists && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
    if (exists && S_ISDIR(info.st_mode)) {
        return ef_error_set(err, EF_ERR_IO, "%s: is a directory", path);
    }
    if (exists && !is_device && !force) {
        return ef_error_set(err, EF_ERR_EXISTS, "%s: exists already (--force replaces)",
                            path);
    }
    ef_output opened = {.path = ef_strdup(path)};
    if (!opened.path) {
        return ef_error_memory(err);
    }
    if (to_stdout) {
        opened.stream = stdout;
    } else {
        ef_status status = open_stream(&opened, is_device, err);
        if (status) {
            ef_output_abandon(&opened);
            return status;
        }
    }
    *output = opened;
    return EF_OK;
}

/* Closes what was opened, which stdout was not. */
static int close_stream(ef_output *output)
{
    FILE *stream = output->stream;
    output->stream = NULL;
    return stream && stream != stdout ? fclose(stream) : 0;
}

static int flush_stream(const ef_output *output)
{
    if (fflush(output->stream) != 0) {
        return -1;
    }
    if (ferror(output->stream)) {
        /* Why an earlier write failed is forgotten; one byte more, to an output that
         * is lost anyway, tells it again. */
        if (write(fileno(output->stream), "", 1) >= 0) {
            errno = EIO;
        }
        return -1;
    }
    return output->temporary ? fsync(fileno(output->stream)) : 0;
}

ef_status ef_output_commit(ef_output *output, ef_error *err)
{
    ef_status status = EF_OK;
    if (flush_stream(output) != 0 || close_stream(output) != 0 ||
        (output->temporary && rename(output->temporary, output->path) != 0)) {
        const char *name = strcmp(output->path, "-") ? output->path : "stdout";
        status = ef_error_io(err, name, "cannot be written");
    } else {
        ef_free(output->temporary);
        output->temporary = NULL;
    }
    ef_output_abandon(output);
    return status;
}

void ef_output_abandon(ef_output *output)
{
    close_stream(output);
    if (output->temporary) {
        unlink(output->temporary);
    }
    ef_free(output->temporary);
    ef_free(output->path);
    memset(output, 0, sizeof *output);
}

ef_status ef_file_write(const char *path, int force, const void *bytes, size_t size,
                        ef_error *err)
{
    ef_output output = {0};
    ef_status status = ef_output_open(&output, path, force, err);
    if (status) {
        return status;
    }
    if (size > 0) {
        fwrite(bytes, 1, size, output.stream);
    }
    return ef_output_commit(&output, err);
}
