/* Status codes, and the one human sentence that goes with a failure.
 *
 * Fallible functions return ef_status.  The sentence (file, line, what was
 * expected, what was found) is made once, where the input was read, and travels
 * in an ef_error that the caller owns; only src/main.c prints it. */
#ifndef EF_BASE_STATUS_H
#define EF_BASE_STATUS_H

#include <stddef.h>

/* code, exit status of the program, text */
#define EF_STATUS_LIST(X)                                                              \
    X(EF_OK, 0, "done")                                                                \
    X(EF_ERR_FAILED, 1, "failed")                                                      \
    X(EF_ERR_MEMORY, 1, "out of memory")                                               \
    X(EF_ERR_DIVERGED, 1, "training diverged")                                         \
    X(EF_ERR_USAGE, 2, "wrong usage")                                                  \
    X(EF_ERR_EXISTS, 2, "output exists")                                               \
    X(EF_ERR_INPUT, 3, "malformed input")                                              \
    X(EF_ERR_TOPOLOGY, 3, "impossible topology")                                       \
    X(EF_ERR_UNSUPPORTED, 3, "not supported")                                          \
    X(EF_ERR_IO, 4, "input or output failed")                                          \
    X(EF_STOPPED, 75, "stopped, its work saved")

typedef enum ef_status {
#define X(code, exit_status, text) code,
    EF_STATUS_LIST(X)
#undef X
        EF_STATUS_COUNT
} ef_status;

#if defined(__GNUC__)
#define EF_NODISCARD __attribute__((warn_unused_result))
#define EF_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))
#else
#define EF_NODISCARD
#define EF_PRINTF(format, first)
#endif

#define EF_ERROR_TEXT 1024

typedef struct ef_error {
    ef_status status;
    char text[EF_ERROR_TEXT]; /* no trailing newline; "" when status is EF_OK */
} ef_error;

/* Where in an input something stands; line and column count from 1, 0: unknown. */
typedef struct ef_place {
    const char *file;
    size_t line;
    size_t column;
} ef_place;

const char *ef_status_text(ef_status status);
const char *ef_status_name(ef_status status);
int ef_status_exit(ef_status status);

/* Writes the sentence into err (may be NULL) and returns status, so that a
 * function can end with `return ef_error_set(err, EF_ERR_INPUT, "...", ...)`.
 * Control characters in it become '?': names of a file's own cannot break the line.
 * An error that is already set is kept: the place nearest the cause knows best. */
ef_status ef_error_set(ef_error *err, ef_status status, const char *format, ...)
    EF_PRINTF(3, 4);

/* The same with "FILE:LINE:COLUMN: " before the text; unknown parts left out. */
ef_status ef_error_at(ef_error *err, ef_status status, ef_place place,
                      const char *format, ...) EF_PRINTF(4, 5);

/* EF_ERR_MEMORY with its text; the shortest way to report a failed allocation. */
ef_status ef_error_memory(ef_error *err);

/* EF_ERR_IO with `path: what: strerror(errno)`. */
ef_status ef_error_io(ef_error *err, const char *path, const char *what);

void ef_error_clear(ef_error *err);

#endif
