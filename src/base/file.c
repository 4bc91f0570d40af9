#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

/* --- reading ---------------------------------------------------------------- */

/* Bytes that grow up to a bound; a NUL always fits behind them. */
typedef struct growing {
    unsigned char *bytes;
    size_t size, capacity, max;
} growing;

static ef_status too_long(const char *path, size_t max, ef_error *err)
{
    return ef_error_set(err, EF_ERR_INPUT, "%s: longer than %zu bytes", path, max);
}

/* Room for one byte more than is allowed, so that too long shows itself. */
static ef_status grow(growing *to, const char *path, ef_error *err)
{
    if (to->size > to->max) {
        return too_long(path, to->max, err);
    }
    if (to->capacity - to->size >= 2) {
        return EF_OK;
    }
    size_t limit = to->max < SIZE_MAX - 2 ? to->max + 2 : SIZE_MAX;
    size_t capacity = to->capacity ? to->capacity : 32768;
    capacity = capacity < limit / 2 ? capacity * 2 : limit;
    unsigned char *bytes = ef_realloc(to->bytes, capacity, 1);
    if (!bytes) {
        return ef_error_memory(err);
    }
    to->bytes = bytes;
    to->capacity = capacity;
    return EF_OK;
}

static ef_status read_raw(FILE *stream, const char *path, growing *to, ef_error *err)
{
    for (;;) {
        ef_status status = grow(to, path, err);
        if (status) {
            return status;
        }
        size_t room = to->capacity - 1 - to->size;
        size_t n = fread(to->bytes + to->size, 1, room, stream);
        to->size += n;
        if (n < room) {
            break;
        }
    }
    if (ferror(stream)) {
        return ef_error_io(err, path, "cannot be read");
    }
    return to->size > to->max ? too_long(path, to->max, err) : EF_OK;
}

static ef_status damaged(const char *path, int code, ef_error *err)
{
    const char *what = code == Z_BUF_ERROR ? "ends too early" : "is damaged";
    return ef_error_set(err, EF_ERR_INPUT, "%s: the gzip data %s", path, what);
}

/* One zlib call; the counts of zlib are of 32 bits. */
static int inflate_some(z_stream *z, const growing *from, growing *to)
{
    size_t left = from->size - (size_t)(z->next_in - from->bytes);
    size_t room = to->capacity - 1 - to->size;
    z->avail_in = left < UINT_MAX ? (uInt)left : UINT_MAX;
    z->avail_out = room < UINT_MAX ? (uInt)room : UINT_MAX;
    uInt before = z->avail_out;
    z->next_out = to->bytes + to->size;
    int code = inflate(z, Z_NO_FLUSH);
    to->size += before - z->avail_out;
    return code;
}

/* All members of a gzip file, one after the other, as gunzip does. */
static ef_status inflate_members(z_stream *z, const growing *from, growing *to,
                                 const char *path, ef_error *err)
{
    const unsigned char *end = from->bytes + from->size;
    z->next_in = from->bytes;
    while (z->next_in < end) {
        int code = inflateReset(z);
        while (code == Z_OK) {
            ef_status status = grow(to, path, err);
            if (status) {
                return status;
            }
            code = inflate_some(z, from, to);
        }
        if (code == Z_MEM_ERROR) {
            return ef_error_memory(err);
        }
        if (code != Z_STREAM_END) {
            return damaged(path, code, err);
        }
    }
    return to->size > to->max ? too_long(path, to->max, err) : EF_OK;
}

static ef_status gunzip(growing *data, const char *path, ef_error *err)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    growing plain = {.max = data->max};
    ef_status status = grow(&plain, path, err);
    if (status) {
        return status;
    }
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) { /* 16: gzip, nothing else */
        ef_free(plain.bytes);
        return ef_error_memory(err);
    }
    status = inflate_members(&z, data, &plain, path, err);
    inflateEnd(&z);
    if (status) {
        ef_free(plain.bytes);
        return status;
    }
    ef_free(data->bytes);
    *data = plain;
    return EF_OK;
}

ef_status ef_file_read(const char *path, size_t max, unsigned char **bytes,
                       size_t *size, ef_error *err)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        return ef_error_io(err, path, "cannot be opened");
    }
    growing data = {.max = max};
    ef_status status = read_raw(stream, path, &data, err);
    fclose(stream);
    if (!status && data.size >= 2 && data.bytes[0] == 0x1f && data.bytes[1] == 0x8b) {
        status = gunzip(&data, path, err);
    }
    if (status) {
        ef_free(data.bytes);
        return status;
    }
    data.bytes[data.size] = '\0';
    *bytes = data.bytes;
    *size = data.size;
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
    errno = 0;
    if (fflush(output->stream) != 0) {
        return -1;
    }
    if (ferror(output->stream)) {
        errno = errno ? errno : EIO;
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
