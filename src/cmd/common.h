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
#include "net/dataset.h"
#include "net/normalisation.h"
#include "net/split.h"
#include "objectives/objective.h"
#include "objectives/scoring.h"

typedef struct ef_common {
    const char *data;
    const char *shape;
    const char *label;
    const char *group;
    int crop;
    const char *split; /* NULL: as ef_split_default has it */
    uint64_t images;   /* 0: all */
    const char *mean;
    const char *std;
    const char *range;
    const char *objectives;
    ef_words limits;
    ef_format format;
    const char *hardware;  /* NULL: none */
    const char *constants; /* NULL: the built-in ones */
    uint64_t batch, shift;
    double rate;
    int flip;
    uint64_t seed;
    uint64_t threads; /* 0: all cores */
    const char *isa;
    int quiet;
    int verbose;
    const char *output;
    const char *csv;
    const char *svg;
    int json;
    int force;
} ef_common;

/* clang-format off */
#define EF_COMMON_ROW(option, kind, heading, field, value, sentence)                   \
    .name = option, .type = kind, .group = heading, .argument = value,                 \
    .offset = offsetof(ef_common, field), .help = sentence

/* Five rows: which data, and how to read them. */
#define EF_COMMON_DATA(default_data)                                                   \
    {EF_COMMON_ROW("data", EF_OPTION_PATH, "Data", data, "digits|fashion|PATH",        \
                   "labelled images: a set known by name; CSV, IDX, CIFAR or PPM files"),\
     .fallback = default_data},                                                        \
    {EF_COMMON_ROW("shape", EF_OPTION_TEXT, "Data", shape, "CxHxW",                    \
                   "shape of a CSV row; what PPM images are resized to")},             \
    {EF_COMMON_ROW("label", EF_OPTION_TEXT, "Data", label, "COLUMN",                   \
                   "CSV column of the label: first, last, a number from 1, a name")},  \
    {EF_COMMON_ROW("group", EF_OPTION_TEXT, "Data", group, "COLUMN",                   \
                   "CSV column whose equal values stay in one part, or none")},        \
    {EF_COMMON_ROW("crop", EF_OPTION_FLAG, "Data", crop, NULL,                         \
                   "keep only the region of interest of PPM images")}
#define EF_COMMON_SPLIT                                                                \
    {EF_COMMON_ROW("split", EF_OPTION_TEXT, "Data", split, "train|val|test|all",       \
                   "the part that is used"),                                           \
     .shown = "test, or all where a file has no parts"}
#define EF_COMMON_IMAGES                                                               \
    {EF_COMMON_ROW("images", EF_OPTION_COUNT, "Data", images, "N",                     \
                   "use only the first N images, in file order"),                      \
     .min = 1, .max = 1e9, .shown = "all"}
/* Three rows: how raw values become inputs, and what holds where nothing is said. */
#define EF_COMMON_NORMALISED(shown_range, shown_mean, shown_std)                       \
    {EF_COMMON_ROW("range", EF_OPTION_TEXT, "Data", range, "LOW..HIGH|raw",            \
                   "map raw values to this range first"),                              \
     .shown = shown_range},                                                            \
    {EF_COMMON_ROW("mean", EF_OPTION_TEXT, "Data", mean, "LIST",                       \
                   "then subtract this, one number or one per channel"),               \
     .shown = shown_mean},                                                             \
    {EF_COMMON_ROW("std", EF_OPTION_TEXT, "Data", std, "LIST",                         \
                   "and divide by this"),                                              \
     .shown = shown_std}
#define EF_COMMON_NORMALISATION                                                        \
    EF_COMMON_NORMALISED("0..1", "so that the training part has mean 0",               \
                         "so that it has deviation 1")
#define EF_COMMON_RAW_NORMALISATION                                                    \
    EF_COMMON_NORMALISED("raw; with --mean or --std 0..1", "0", "1")
#define EF_COMMON_OBJECTIVES(default_list)                                             \
    {EF_COMMON_ROW("objectives", EF_OPTION_TEXT, "Objectives", objectives, "LIST",     \
                   "with commas between; evoflip score --list explains them"),         \
     .fallback = default_list}
#define EF_COMMON_LIMIT                                                                \
    {EF_COMMON_ROW("limit", EF_OPTION_LIST, "Objectives", limits, "'NAME<=N'",         \
                   "bound an objective, as in 'params<=50k'; may be repeated")}
#define EF_COMMON_FORMAT(default_format)                                               \
    {EF_COMMON_ROW("format", EF_OPTION_FORMAT, "Objectives", format, "F",              \
                   "number format of weights whose node states none: int8, fixed8, "   \
                   "e4m3, fp32 ..."),                                                  \
     .fallback = default_format}
#define EF_COMMON_HARDWARE                                                             \
    {EF_COMMON_ROW("hardware", EF_OPTION_PATH, "Objectives", hardware, "FILE",         \
                   "the accelerator that latency, energy ... are for; see evoflip "    \
                   "help hardware")}
#define EF_COMMON_CONSTANTS                                                            \
    {EF_COMMON_ROW("constants", EF_OPTION_PATH, "Objectives", constants, "FILE",       \
                   "constants of predicted_ccr, as evoflip validate --fit writes "     \
                   "them"),                                                            \
     .shown = "built in"}
/* Four rows of training; defaults are .shown or .fallback. */
#define EF_COMMON_TRAINING(default_batch, default_rate)                                \
    {EF_COMMON_ROW("batch", EF_OPTION_U64, "Training", batch, "N",                     \
                   "images for one step"),                                             \
     .min = 1, .max = 65536, default_batch},                                           \
    {EF_COMMON_ROW("rate", EF_OPTION_F64, "Training", rate, "R",                       \
                   "learning rate at its peak"),                                       \
     .min = 0, .max = 100, default_rate},                                              \
    {EF_COMMON_ROW("shift", EF_OPTION_U64, "Training", shift, "N",                     \
                   "move each image by up to N pixels at random"),                     \
     .min = 0, .max = 64, .shown = "1; of images less than 24 pixels wide 0"},         \
    {EF_COMMON_ROW("flip", EF_OPTION_FLAG, "Training", flip, NULL,                     \
                   "mirror every second image")}
#define EF_COMMON_SEED                                                                 \
    {EF_COMMON_ROW("seed", EF_OPTION_U64, "Running", seed, "S",                        \
                   "seed of every random draw: the same seed gives the same bytes"),   \
     .fallback = "1"}
#define EF_COMMON_THREADS                                                              \
    {EF_COMMON_ROW("threads", EF_OPTION_U64, "Running", threads, "N",                  \
                   "threads to compute on; no result depends on it"),                  \
     .min = 1, .max = 4096, .shown = "all cores"}
#define EF_COMMON_ISA                                                                  \
    {EF_COMMON_ROW("isa", EF_OPTION_TEXT, "Running", isa, "NAME",                      \
                   "newest instruction set for training: sse41, avx2, avx512_core ..."),\
     .shown = "all that the machine has"}
#define EF_COMMON_QUIET                                                                \
    {EF_COMMON_ROW("quiet", EF_OPTION_FLAG, "Running", quiet, NULL,                    \
                   "no progress on standard error"),                                   \
     .letter = 'q'}
#define EF_COMMON_VERBOSE                                                              \
    {EF_COMMON_ROW("verbose", EF_OPTION_FLAG, "Running", verbose, NULL,                \
                   "say more on standard error"),                                      \
     .letter = 'v'}
/* What -o names differs: a file, a folder. */
#define EF_COMMON_OUTPUT(value, default_path, sentence)                                \
    {EF_COMMON_ROW("output", EF_OPTION_PATH, "Output", output, value, sentence),       \
     .letter = 'o', .fallback = default_path}
#define EF_COMMON_CSV                                                                  \
    {EF_COMMON_ROW("csv", EF_OPTION_PATH, "Output", csv, "FILE",                       \
                   "write the table as CSV; - is standard output")}
#define EF_COMMON_JSON                                                                 \
    {EF_COMMON_ROW("json", EF_OPTION_FLAG, "Output", json, NULL,                       \
                   "print the table as JSON")}
#define EF_COMMON_FORCE                                                                \
    {EF_COMMON_ROW("force", EF_OPTION_FLAG, "Output", force, NULL,                     \
                   "overwrite outputs that exist"),                                    \
     .letter = 'f'}
/* clang-format on */

/* Reads --data and its fellows; *set is released with ef_dataset_clear. */
EF_NODISCARD ef_status ef_common_load_data(const ef_common *common, ef_dataset *set,
                                           ef_error *err);
/* The part that --split names, else what is usual for this data set; EF_ERR_USAGE. */
EF_NODISCARD ef_status ef_common_split(const ef_common *common, const ef_dataset *set,
                                       ef_split *split, ef_error *err);
/* From --mean, --std and --range where one is given, else fitted to part. */
EF_NODISCARD ef_status ef_common_normalisation(const ef_common *common,
                                               const ef_dataset *set, ef_part part,
                                               ef_normalisation *norm, ef_error *err);
/* True where one of these three is given. */
int ef_common_says_normalisation(const ef_common *common);
/* --isa, before the first training; EF_ERR_USAGE. */
EF_NODISCARD ef_status ef_common_isa(const ef_common *common, ef_error *err);
/* --objectives and --limit; EF_ERR_USAGE names the option, also where context lacks
 * what an objective needs. */
EF_NODISCARD ef_status ef_common_objectives(const ef_common *common,
                                            const ef_objective_context *context,
                                            ef_objective_list *list, ef_error *err);
/* --format, --hardware and --constants, read.  EF_ERR_IO, EF_ERR_INPUT. */
EF_NODISCARD ef_status ef_common_scoring(const ef_common *common, ef_scoring *scoring,
                                         ef_error *err);
/* A file that a person wrote, whole, at most 16 MiB; *text is the caller's.  EF_ERR_IO;
 * EF_ERR_INPUT: a byte 0 in it. */
EF_NODISCARD ef_status ef_common_read_text(const char *path, char **text,
                                           ef_error *err);
#define EF_LIMITS_MAX 32
/* limits has room for EF_LIMITS_MAX. */
EF_NODISCARD ef_status ef_common_limits(const ef_common *common,
                                        const ef_objective_context *context,
                                        ef_limit *limits, size_t *n, ef_error *err);

#endif
