#include "base/csv.h"

#include <csv.h>
#include <string.h>

#include "base/mem.h"
#include "base/stream.h"
#include "base/text.h"

#define CHUNK 65536

typedef struct reader {
    const ef_csv_handler *handler;
    ef_place place; /* of the line being read */
    struct csv_parser parser;
    int in_rows;     /* the first row has begun */
    int in_comment;  /* a comment has begun and not ended */
    ef_text text;    /* the fields of the row, or the comment */
    size_t *offsets; /* of the fields in text */
    const char **fields;
    size_t n_fields, capacity;
    size_t n_line_feeds; /* inside the row's quotes */
    ef_status status;    /* of the callbacks, which cannot stop libcsv */
    ef_error *err;
} reader;

static void *grow(void *ptr, size_t size)
{
    return ef_realloc(ptr, size, 1);
}

static int reserve_field(reader *r)
{
    if (r->n_fields < r->capacity) {
        return 1;
    }
    size_t capacity = r->capacity ? 2 * r->capacity : 64;
    size_t *offsets = ef_realloc(r->offsets, capacity, sizeof *offsets);
    if (!offsets) {
        return 0;
    }
    r->offsets = offsets;
    const char **fields = ef_realloc(r->fields, capacity, sizeof *fields);
    if (!fields) {
        return 0;
    }
    r->fields = fields;
    r->capacity = capacity;
    return 1;
}

static void take_field(void *bytes, size_t size, void *context)
{
    reader *r = context;
    if (r->status != EF_OK) {
        return;
    }
    const char *text = bytes;
    for (size_t i = 0; i < size; i++) {
        r->n_line_feeds += text[i] == '\n';
        if (text[i] == '\0') {
            r->status = ef_error_at(r->err, EF_ERR_INPUT, r->place,
                                    "holds a NUL byte, so it is no text");
            return;
        }
    }
    if (!reserve_field(r)) {
        r->status = ef_error_memory(r->err);
        return;
    }
    r->offsets[r->n_fields++] = r->text.size;
    ef_text_add_bytes(&r->text, bytes, size + 1); /* libcsv sets a NUL behind it */
}

static ef_status deliver(reader *r)
{
    if (r->text.failed) {
        return ef_error_memory(r->err);
    }
    for (size_t i = 0; i < r->n_fields; i++) {
        r->fields[i] = r->text.bytes + r->offsets[i];
    }
    ef_csv_row row = {r->fields, r->n_fields, r->place};
    return r->handler->on_row(r->handler->context, &row, r->err);
}

/* libcsv is told to report every CR and LF, so that empty lines are counted. */
static void take_row_end(int end, void *context)
{
    reader *r = context;
    if (r->status == EF_OK && r->n_fields > 0) {
        r->status = deliver(r);
    }
    r->n_fields = 0;
    r->text.size = 0;
    r->place.line += r->n_line_feeds + (end == '\n');
    r->n_line_feeds = 0;
}

static ef_status check_parser(reader *r, int good)
{
    if (r->status != EF_OK || good) {
        return r->status;
    }
    if (csv_error(&r->parser) == CSV_EPARSE) {
        return ef_error_at(r->err, EF_ERR_INPUT, r->place,
                           "a quote stands where none may, or is never closed");
    }
    return ef_error_memory(r->err);
}

static ef_status end_comment(reader *r)
{
    if (r->text.size && r->text.bytes[r->text.size - 1] == '\r') {
        r->text.size--;
    }
    ef_text_add_bytes(&r->text, "", 1);
    if (r->text.failed) {
        return ef_error_memory(r->err);
    }
    r->in_comment = 0;
    r->text.size = 0;
    if (!r->handler->on_comment) {
        return EF_OK;
    }
    return r->handler->on_comment(r->handler->context, r->text.bytes, r->place, r->err);
}

/* Consumes comments and empty lines; *used bytes, until the first row begins. */
static ef_status parse_top(reader *r, const char *bytes, size_t size, size_t *used)
{
    size_t at = 0;
    while (at < size && !r->in_rows) {
        if (r->in_comment) {
            const char *end = memchr(bytes + at, '\n', size - at);
            size_t length = end ? (size_t)(end - (bytes + at)) : size - at;
            ef_text_add_bytes(&r->text, bytes + at, length);
            at += length;
            if (end) {
                ef_status status = end_comment(r);
                if (status != EF_OK) {
                    return status;
                }
            }
        } else if (bytes[at] == '#') {
            r->in_comment = 1;
            at++;
        } else if (bytes[at] == '\n' || bytes[at] == '\r') {
            r->place.line += bytes[at++] == '\n';
        } else {
            r->in_rows = 1;
        }
    }
    *used = at;
    return EF_OK;
}

static ef_status parse_chunk(reader *r, const char *bytes, size_t size)
{
    size_t used = 0;
    if (!r->in_rows) {
        ef_status status = parse_top(r, bytes, size, &used);
        if (status != EF_OK) {
            return status;
        }
    }
    size_t left = size - used;
    size_t n = csv_parse(&r->parser, bytes + used, left, take_field, take_row_end, r);
    return check_parser(r, n == left);
}

static ef_status parse_end(reader *r)
{
    if (r->in_comment) {
        return end_comment(r);
    }
    return check_parser(r, csv_fini(&r->parser, take_field, take_row_end, r) == 0);
}

static ef_status parse_stream(reader *r, ef_stream *stream, char *chunk)
{
    ef_status status = EF_OK;
    size_t got = CHUNK;
    for (int first = 1; status == EF_OK && got == CHUNK; first = 0) {
        status = ef_stream_read(stream, chunk, CHUNK, &got, r->err);
        if (status == EF_OK) {
            int mark = first && got >= 3 && memcmp(chunk, "\xef\xbb\xbf", 3) == 0;
            size_t skip = mark ? 3 : 0;
            status = parse_chunk(r, chunk + skip, got - skip);
        }
    }
    return status == EF_OK ? parse_end(r) : status;
}

ef_status ef_csv_read(const char *path, const ef_csv_handler *handler, ef_error *err)
{
    reader r = {.handler = handler, .place = {path, 1, 0}, .err = err};
    unsigned char options =
        CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL | CSV_APPEND_NULL;
    csv_init(&r.parser, options);
    csv_set_delim(&r.parser,
                  handler->delimiter ? (unsigned char)handler->delimiter : CSV_COMMA);
    csv_set_realloc_func(&r.parser, grow);
    csv_set_free_func(&r.parser, ef_free);
    csv_set_blk_size(&r.parser, 4096);
    ef_stream *stream = NULL;
    char *chunk = ef_calloc(CHUNK, 1);
    ef_status status = chunk ? EF_OK : ef_error_memory(err);
    if (status == EF_OK) {
        status = ef_stream_create(&stream, path, err);
    }
    if (status == EF_OK) {
        status = parse_stream(&r, stream, chunk);
    }
    ef_stream_destroy(stream);
    ef_free(chunk);
    csv_free(&r.parser);
    ef_free(r.offsets);
    ef_free(r.fields);
    ef_text_clear(&r.text);
    return status;
}
