/* The options that mean the same in every command: each is written once, here.
 *
 * A command's settings begin with an ef_common, and its table of options holds the
 * rows it takes by their macro.  What a command does not take stays zero. */
#ifndef EF_CMD_COMMON_H
#define EF_CMD_COMMON_H

#include <stddef.h>
#include <stdint.h>

#include "cmd/option.h"
#include "format/format.h"

typedef struct ef_common {
    const char *data;
    const char *split_name; /* NULL: the command's own part */
    uint64_t images;        /* 0: all */
    const char *objectives;
    ef_words limits;
    ef_format format;
    uint64_t seed;
    uint64_t threads; /* 0: all cores */
    int quiet;
    int verbose;
    const char *output;
    const char *csv;
    const char *svg;
    int json;
    int force;
} ef_common;

#define EF_COMMON_FIELD(field) offsetof(ef_common, field)

#define EF_COMMON_DATA                                                                 \
    {                                                                                  \
        .name = "data", .argument = "X", .type = EF_OPTION_PATH,                       \
        .offset = EF_COMMON_FIELD(data), .fallback = "digits",                         \
        .help =                                                                        \
            "data set: digits, fashion, or a path to CSV, IDX, CIFAR or PPM images"    \
    }
#define EF_COMMON_IMAGES                                                               \
    {                                                                                  \
        .name = "images", .argument = "N", .type = EF_OPTION_COUNT,                    \
        .offset = EF_COMMON_FIELD(images), .min = 1, .max = 1e9, .shown = "all",       \
        .help = "use only the first N images, in file order"                           \
    }
#define EF_COMMON_FORMAT(default_format)                                               \
    {                                                                                  \
        .name = "format", .argument = "F", .type = EF_OPTION_FORMAT,                   \
        .offset = EF_COMMON_FIELD(format), .fallback = default_format,                 \
        .help = "number format of nodes that state none: int8, fixed8, e4m3, fp32 ..." \
    }
#define EF_COMMON_OBJECTIVES(default_list)                                             \
    {                                                                                  \
        .name = "objectives", .argument = "LIST", .type = EF_OPTION_TEXT,              \
        .offset = EF_COMMON_FIELD(objectives), .fallback = default_list,               \
        .help = "objectives, separated by commas; evoflip score --list explains them"  \
    }
#define EF_COMMON_LIMIT                                                                \
    {                                                                                  \
        .name = "limit", .argument = "'NAME<=N'", .type = EF_OPTION_LIST,              \
        .offset = EF_COMMON_FIELD(limits),                                             \
        .help = "bound an objective, as in 'params<=50k'; may be repeated"             \
    }
#define EF_COMMON_SEED                                                                 \
    {                                                                                  \
        .name = "seed", .argument = "S", .type = EF_OPTION_U64,                        \
        .offset = EF_COMMON_FIELD(seed), .fallback = "1",                              \
        .help = "seed of every random draw; the same seed gives the same bytes"        \
    }
#define EF_COMMON_THREADS                                                              \
    {                                                                                  \
        .name = "threads", .argument = "N", .type = EF_OPTION_U64,                     \
        .offset = EF_COMMON_FIELD(threads), .min = 1, .max = 4096,                     \
        .shown = "all cores", .help = "threads to compute on; no result depends on it" \
    }
#define EF_COMMON_QUIET                                                                \
    {                                                                                  \
        .name = "quiet", .letter = 'q', .type = EF_OPTION_FLAG,                        \
        .offset = EF_COMMON_FIELD(quiet), .help = "no progress on standard error"      \
    }
#define EF_COMMON_VERBOSE                                                              \
    {                                                                                  \
        .name = "verbose", .letter = 'v', .type = EF_OPTION_FLAG,                      \
        .offset = EF_COMMON_FIELD(verbose), .help = "say more on standard error"       \
    }
/* What -o names differs: a file, a folder. */
#define EF_COMMON_OUTPUT(what, default_path, sentence)                                 \
    {                                                                                  \
        .name = "output", .letter = 'o', .argument = what, .type = EF_OPTION_PATH,     \
        .offset = EF_COMMON_FIELD(output), .fallback = default_path, .help = sentence  \
    }
#define EF_COMMON_CSV                                                                  \
    {                                                                                  \
        .name = "csv", .argument = "FILE", .type = EF_OPTION_PATH,                     \
        .offset = EF_COMMON_FIELD(csv),                                                \
        .help = "write the table as CSV; - is standard output"                         \
    }
#define EF_COMMON_JSON                                                                 \
    {                                                                                  \
        .name = "json", .type = EF_OPTION_FLAG, .offset = EF_COMMON_FIELD(json),       \
        .help = "print the table as JSON"                                              \
    }
#define EF_COMMON_FORCE                                                                \
    {                                                                                  \
        .name = "force", .letter = 'f', .type = EF_OPTION_FLAG,                        \
        .offset = EF_COMMON_FIELD(force), .help = "overwrite outputs that exist"       \
    }

#endif
