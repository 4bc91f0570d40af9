#include "base/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"

/* The most that deflate expands, by zlib's technical notes. */
#define DEFLATE_RATIO 1032

struct ef_stream {
    gzFile file;
    char *path;
    uint64_t offset;
    uint64_t size; /* on disk; UINT64_MAX: unknown */
};

/* An open descriptor of a file that can be read, or -1 with errno. */
static int open_file(const char *path, uint64_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &info) != 0 || S_ISDIR(info.st_mode)) {
        int cause = S_ISDIR(info.st_mode) ? EISDIR : errno;
        close(fd);
        errno = cause;
        return -1;
    }
    *size = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : UINT64_MAX;
    return fd;
}

ef_status ef_stream_create(ef_stream **stream, const char *path, ef_error *err)
{
    ef_stream *made = ef_calloc(1, sizeof *made);
    int fd = -1;
    if (!made || !(made->path = ef_strdup(path))) {
        ef_stream_destroy(made);
        return ef_error_memory(err);
    }
    fd = open_file(path, &made->size);
    if (fd < 0) {
        ef_stream_destroy(made);
        return ef_error_io(err, path, "cannot be opened");
    }
    made->file = gzdopen(fd, "rb");
    if (!made->file) {
        close(fd);
        ef_stream_destroy(made);
        return ef_error_memory(err);
    }
    gzbuffer(made->file, 1 << 17);
    *stream = made;
    return EF_OK;
}

void ef_stream_destroy(ef_stream *stream)
{
    if (stream) {
        if (stream->file) {
            gzclose(stream->file);
        }
        ef_free(stream->path);
        ef_free(stream);
    }
}

static ef_status report(const ef_stream *stream, ef_error *err)
{
    int code = Z_OK;
    const char *text = gzerror(stream->file, &code);
    if (code == Z_ERRNO) {
        return ef_error_io(err, stream->path, "cannot be read");
    }
    if (code == Z_MEM_ERROR) {
        return ef_error_memory(err);
    }
    if (code == Z_BUF_ERROR) {
        text = "it ends too early";
    }
    return ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = stream->path},
                       "damaged gzip after byte %llu: %s",
                       (unsigned long long)stream->offset, text);
}

ef_status ef_stream_read(ef_stream *stream, void *bytes, size_t size, size_t *got,
                         ef_error *err)
{
    unsigned char *to = bytes;
    int code = Z_OK;
    *got = 0;
    while (*got < size) {
        size_t left = size - *got;
        int n = gzread(stream->file, to + *got,
                       left < INT_MAX ? (unsigned)left : (unsigned)INT_MAX);
        if (n < 0) {
            return report(stream, err);
        }
        *got += (size_t)n;
        stream->offset += (uint64_t)n;
        if (n == 0) {
            /* A truncated gzip reads as a short file with this one mark. */
            gzerror(stream->file, &code);
            return code == Z_BUF_ERROR ? report(stream, err) : EF_OK;
        }
    }
    return EF_OK;
}

ef_status ef_stream_need(ef_stream *stream, void *bytes, size_t size, const char *what,
                         ef_error *err)
{
    uint64_t start = stream->offset;
    size_t got = 0;
    ef_status status = ef_stream_read(stream, bytes, size, &got, err);
    if (status == EF_OK && got < size) {
        status = ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = stream->path},
                             "ends at byte %llu, expected %zu bytes of %s from byte "
                             "%llu on",
                             (unsigned long long)stream->offset, size, what,
                             (unsigned long long)start);
    }
    return status;
}

ef_status ef_stream_end(ef_stream *stream, ef_error *err)
{
    uint64_t end = stream->offset;
    unsigned char byte = 0;
    size_t got = 0;
    ef_status status = ef_stream_read(stream, &byte, 1, &got, err);
    if (status == EF_OK && got > 0) {
        status = ef_error_at(err, EF_ERR_INPUT, (ef_place){.file = stream->path},
                             "goes on after byte %llu, where it should end",
                             (unsigned long long)end);
    }
    return status;
}

uint64_t ef_stream_offset(const ef_stream *stream)
{
    return stream->offset;
}

uint64_t ef_stream_bound(const ef_stream *stream)
{
    if (stream->size == UINT64_MAX || gzdirect(stream->file)) {
        return stream->size;
    }
    return stream->size > UINT64_MAX / DEFLATE_RATIO ? UINT64_MAX
                                                     : stream->size * DEFLATE_RATIO;
}
