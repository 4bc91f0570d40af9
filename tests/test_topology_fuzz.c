/* The reader of topologies on reference files with damaged bytes: it refuses or it
 * reads, and what it reads can be written and read again.  Meant for the sanitizers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "net/topology_yaml.h"

static const char *const files[] = {"cnn-digits", "mlp",      "lenet5",
                                    "resnet8",    "resnet20", "mobilenetv2-5m"};
#define N_FILES (sizeof files / sizeof files[0])

/* What a random byte would seldom hit upon. */
static const char *const words[] = {
    "[",        "]",        "{",     "}",       ": ",         ", ",     "- ",
    "\n",       "\"",       "conv",  "add",     "pad: same",  "from: ", "name: relu1",
    "concat: ", "0",        "-1",    "1e999",   "4294967296", "nan",    "groups: 0",
    "&a ",      "*a",       "!!int", "kernel:", "268435456",  "#",      "slice",
    "?",        "\xff\xfe", "---\n", "int8c",   "\t",         "|\n",
};
#define N_WORDS (sizeof words / sizeof words[0])

typedef struct bytes {
    char *at;
    size_t size;
    size_t room;
} bytes;

static void overwrite(bytes *b, ef_rng *rng)
{
    b->at[ef_rng_below(rng, b->size)] = (char)ef_rng_below(rng, 256);
}

static void flip(bytes *b, ef_rng *rng)
{
    b->at[ef_rng_below(rng, b->size)] ^= (char)(1U << ef_rng_below(rng, 8));
}

static void delete (bytes *b, ef_rng *rng)
{
    size_t from = ef_rng_below(rng, b->size), n = 1 + ef_rng_below(rng, 40);
    n = n < b->size - from ? n : b->size - from;
    memmove(b->at + from, b->at + from + n, b->size - from - n);
    b->size -= n;
}

static void insert_bytes(bytes *b, size_t to, const char *from, size_t n)
{
    if (b->size + n <= b->room) {
        memmove(b->at + to + n, b->at + to, b->size - to);
        memcpy(b->at + to, from, n);
        b->size += n;
    }
}

static void insert(bytes *b, ef_rng *rng)
{
    const char *word = words[ef_rng_below(rng, N_WORDS)];
    insert_bytes(b, ef_rng_below(rng, b->size + 1), word, strlen(word));
}

static void repeat(bytes *b, ef_rng *rng)
{
    char piece[80];
    size_t n = 1 + ef_rng_below(rng, sizeof piece);
    n = n < b->size ? n : b->size;
    memcpy(piece, b->at + ef_rng_below(rng, b->size - n + 1), n);
    insert_bytes(b, ef_rng_below(rng, b->size + 1), piece, n);
}

static void (*const mutations[])(bytes *, ef_rng *) = {overwrite, flip, delete, insert,
                                                       repeat};

/* One mutant of the text; whether it was read. */
static int try_mutant(const char *text, size_t size, ef_rng *rng)
{
    bytes b = {ef_calloc(size + 1000, 1), size, size + 1000};
    memcpy(b.at, text, size);
    size_t n = 1 + ef_rng_below(rng, 4);
    for (size_t i = 0; i < n && b.size > 0; i++) {
        mutations[ef_rng_below(rng, 5)](&b, rng);
    }
    /* a block of just the size, so that a sanitizer sees every byte too far */
    char *exact = ef_memdup(b.at, b.size);
    ef_topology *topology = NULL, *back = NULL;
    ef_error err = {0};
    ef_status status = ef_topology_parse(&topology, "mutant", exact, b.size, &err);
    if (status == EF_OK) {
        ef_text written;
        ef_text_init(&written);
        ef_topology_write(topology, &written);
        status = ef_topology_parse(&back, "back", written.bytes, written.size, &err);
        cr_assert_eq(status, EF_OK, "%s\n%s", err.text, written.bytes);
        cr_assert_eq(ef_topology_hash(back), ef_topology_hash(topology));
        ef_text_clear(&written);
        ef_topology_destroy(back);
        ef_topology_destroy(topology);
    } else {
        cr_assert(status == EF_ERR_INPUT || status == EF_ERR_TOPOLOGY);
        cr_assert_eq(strncmp(err.text, "mutant", 6), 0, "%s", err.text);
        cr_assert_null(topology);
    }
    ef_free(exact);
    ef_free(b.at);
    return topology != NULL;
}

Test(topology_fuzz, reads_or_refuses_thousands_of_damaged_files)
{
    size_t n_read = 0;
    for (size_t f = 0; f < N_FILES; f++) {
        char path[4096];
        unsigned char *text;
        size_t size;
        snprintf(path, sizeof path, "%s/data/topologies/%s.yaml", getenv("EF_SRCDIR"),
                 files[f]);
        cr_assert_eq(ef_file_read(path, 1 << 20, &text, &size, NULL), EF_OK);
        size_t n = size < 3000 ? 1000 : 200;
        for (size_t i = 0; i < n; i++) {
            ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, f, i, 0);
            n_read += (size_t)try_mutant((const char *)text, size, &rng);
        }
        ef_free(text);
    }
    /* mutants of comments and names are good topologies */
    cr_expect_gt(n_read, 100);
}
