/* A file read from front to back, gunzipped where it is gzip: for data too large to
 * hold twice.  Errors name the file and the byte (of the gunzipped contents). */
#ifndef EF_BASE_STREAM_H
#define EF_BASE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct ef_stream ef_stream;

/* EF_ERR_IO: cannot be opened, or is a folder. */
EF_NODISCARD ef_status ef_stream_create(ef_stream **stream, const char *path,
                                        ef_error *err);
void ef_stream_destroy(ef_stream *stream);

/* Up to size bytes into bytes; *got < size only at the end of the file.
 * EF_ERR_IO: the disk failed.  EF_ERR_INPUT: damaged or truncated gzip. */
EF_NODISCARD ef_status ef_stream_read(ef_stream *stream, void *bytes, size_t size,
                                      size_t *got, ef_error *err);

/* Exactly size bytes; what ("the header", "image 7") is for the error text.
 * EF_ERR_INPUT where the file ends before, and as ef_stream_read. */
EF_NODISCARD ef_status ef_stream_need(ef_stream *stream, void *bytes, size_t size,
                                      const char *what, ef_error *err);

/* The file ends here, and a gzip's checksum is right.  EF_ERR_INPUT where not. */
EF_NODISCARD ef_status ef_stream_end(ef_stream *stream, ef_error *err);

/* Bytes read so far. */
uint64_t ef_stream_offset(const ef_stream *stream);

/* No more bytes than this can come out: the file's size, times the greatest ratio of
 * deflate for a gzip; UINT64_MAX where the size is unknown (a pipe).  What a header
 * claims is held against it before memory is asked for. */
uint64_t ef_stream_bound(const ef_stream *stream);

#endif
