/* Command lines against tables of options. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/nearest.h"

typedef struct settings {
    int quiet, force;
    uint64_t epochs, images, seed;
    double rate;
    size_t split;
    const char *output;
    ef_words limits;
    ef_format format;
} settings;

static const char *const splits[] = {"train", "val", NULL};

#define FIELD(name) offsetof(settings, name)

static const ef_option rows[] = {
    {.name = "quiet",
     .letter = 'q',
     .type = EF_OPTION_FLAG,
     .offset = FIELD(quiet),
     .help = "no progress",
     .group = "Group"},
    {.name = "force",
     .letter = 'f',
     .type = EF_OPTION_FLAG,
     .offset = FIELD(force),
     .help = "overwrite"},
    {.name = "epochs",
     .argument = "N",
     .type = EF_OPTION_U64,
     .offset = FIELD(epochs),
     .min = 1,
     .max = 100000,
     .fallback = "20",
     .help = "passes over the images"},
    {.name = "images",
     .argument = "N",
     .type = EF_OPTION_COUNT,
     .offset = FIELD(images),
     .help = "images",
     .shown = "all"},
    {.name = "seed",
     .argument = "S",
     .type = EF_OPTION_U64,
     .offset = FIELD(seed),
     .fallback = "1",
     .help = "seed"},
    {.name = "rate",
     .argument = "R",
     .type = EF_OPTION_F64,
     .offset = FIELD(rate),
     .min = 0,
     .max = 10,
     .fallback = "0.05",
     .help = "learning rate"},
    {.name = "split",
     .argument = "PART",
     .type = EF_OPTION_CHOICE,
     .offset = FIELD(split),
     .names = splits,
     .fallback = "val",
     .help = "part"},
    {.name = "output",
     .letter = 'o',
     .argument = "FILE",
     .type = EF_OPTION_PATH,
     .offset = FIELD(output),
     .fallback = "model.onnx",
     .help = "where to"},
    {.name = "limit",
     .argument = "L",
     .type = EF_OPTION_LIST,
     .offset = FIELD(limits),
     .help = "a limit"},
    {.name = "format",
     .argument = "F",
     .type = EF_OPTION_FORMAT,
     .offset = FIELD(format),
     .fallback = "int8",
     .help = "format"},
    {.name = NULL},
};

typedef struct line {
    settings to;
    ef_parsed parsed;
    ef_error err;
    ef_status status;
} line;

/* Parses the words of a line, NULL at the end. */
static line parse(const char *const *words)
{
    line l;
    memset(&l, 0, sizeof l);
    size_t n = 0;
    while (words[n]) {
        n++;
    }
    l.status = ef_options_parse(rows, words, n, &l.parsed, &l.to, &l.err);
    return l;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void end(line *l)
{
    ef_options_clear(rows, &l->parsed, &l->to);
}

Test(options_parse, defaults_are_those_that_the_help_shows)
{
    line l = parse((const char *const[]){NULL});
    cr_assert_eq(l.status, EF_OK, "%s", l.err.text);
    cr_expect_eq(l.to.epochs, 20);
    cr_expect_eq(l.to.images, 0);
    cr_expect_eq(l.to.rate, 0.05);
    cr_expect_eq(l.to.split, 1);
    cr_expect_str_eq(l.to.output, "model.onnx");
    cr_expect_eq(l.to.format.bits, 8);
    cr_expect_eq(l.parsed.n_operands, 0);
    end(&l);
}

Test(options_parse, every_spelling_of_gnu_is_read)
{
    line l = PARSE("--epochs=3", "net.yaml", "--rate", "1e-3", "-o", "a.onnx", "-qf",
                   "--images", "1.5k", "--split=train", "--", "-odd.yaml");
    cr_assert_eq(l.status, EF_OK, "%s", l.err.text);
    cr_expect_eq(l.to.epochs, 3);
    cr_expect_eq(l.to.rate, 1e-3);
    cr_expect_str_eq(l.to.output, "a.onnx");
    cr_expect(l.to.quiet && l.to.force);
    cr_expect_eq(l.to.images, 1500);
    cr_expect_eq(l.to.split, 0);
    cr_assert_eq(l.parsed.n_operands, 2);
    cr_expect_str_eq(l.parsed.operands[0], "net.yaml");
    cr_expect_str_eq(l.parsed.operands[1], "-odd.yaml");
    cr_expect(l.parsed.given[2] && !l.parsed.given[4]);
    end(&l);
    l = PARSE("-ob.onnx", "-", "-qoc.onnx");
    cr_assert_eq(l.status, EF_OK, "%s", l.err.text);
    cr_expect_str_eq(l.to.output, "c.onnx", "the last one counts");
    cr_expect_str_eq(l.parsed.operands[0], "-", "a dash alone is an operand");
    end(&l);
}

Test(options_parse, the_whole_range_of_a_seed_is_read)
{
    line l = PARSE("--seed", "18446744073709551615");
    cr_assert_eq(l.status, EF_OK, "%s", l.err.text);
    cr_expect_eq(l.to.seed, UINT64_MAX);
    end(&l);
}

Test(options_parse, a_list_gathers_its_uses_in_order)
{
    line l = PARSE("--limit", "params<=50k", "--limit=depth>=3");
    cr_assert_eq(l.status, EF_OK, "%s", l.err.text);
    cr_assert_eq(l.to.limits.n, 2);
    cr_expect_str_eq(l.to.limits.items[0], "params<=50k");
    cr_expect_str_eq(l.to.limits.items[1], "depth>=3");
    end(&l);
}

Test(options_parse, help_ends_the_reading)
{
    line l = PARSE("--epochs=3", "--help", "--nonsense");
    cr_expect_eq(l.status, EF_OK);
    cr_expect(l.parsed.help);
    end(&l);
    l = PARSE("-qh");
    cr_expect(l.status == EF_OK && l.parsed.help);
    end(&l);
}

typedef struct bad_row {
    const char *words[3];
    const char *expected;
} bad_row;

static const bad_row bad_rows[] = {
    {{"--epochs", "3x"},
     "--epochs: expected a whole number from 1 to 100000, found '3x'"},
    {{"--epochs=0"}, "--epochs: expected a whole number from 1 to 100000, found '0'"},
    {{"--epochs="}, "--epochs: expected a whole number"},
    {{"--epochs"}, "--epochs: its value (N) is missing"},
    {{"--epoch=3"}, "--epoch: no such option; did you mean --epochs?"},
    {{"--zzzzzz"}, "--zzzzzz: no such option"},
    {{"-z"}, "-z: no such option"},
    {{"-qz"}, "-z: no such option"},
    {{"--rate", "nan"}, "--rate: expected a number from 0 to 10"},
    {{"--rate=11"}, "--rate: expected a number from 0 to 10"},
    {{"--split", "tset"}, "--split: expected"},
    {{"--output="}, "--output: expected a value"},
    {{"--limit="}, "--limit: expected a value"},
    {{"--quiet=1"}, "--quiet: takes no value"},
    {{"--format", "int99"}, "--format: "},
    {{"-o"}, "--output: its value (FILE) is missing"},
};

Test(options_parse, a_wrong_word_is_a_usage_error_that_names_the_option)
{
    for (size_t i = 0; i < sizeof bad_rows / sizeof *bad_rows; i++) {
        line l = parse(bad_rows[i].words);
        cr_expect_eq(l.status, EF_ERR_USAGE, "%s", bad_rows[i].words[0]);
        cr_expect(strstr(l.err.text, bad_rows[i].expected), "%s", l.err.text);
        end(&l);
    }
}

Test(options_parse, short_memory_is_an_error_and_leaves_nothing)
{
    for (long n = 0; n < 3; n++) {
        ef_mem_fail_after(n);
        line l = PARSE("--limit=a", "x");
        ef_mem_fail_after(-1);
        cr_expect_eq(l.status, EF_ERR_MEMORY, "allocation %ld", n);
        end(&l);
    }
}

Test(options_print, rows_stand_in_columns_with_their_defaults)
{
    ef_text text = {0};
    ef_options_print(rows, &text);
    cr_expect(strstr(text.bytes, "\nGroup:\n  -q, --quiet             no progress\n"));
    cr_expect(
        strstr(text.bytes, "      --epochs N          passes over the images [20]\n"));
    cr_expect(strstr(text.bytes, "      --images N          images [all]\n"));
    cr_expect(strstr(text.bytes, "      --split train|val   part [val]\n"));
    for (const char *at = text.bytes; *at; at += strcspn(at, "\n") + 1) {
        cr_expect(strcspn(at, "\n") <= 79, "%.*s", (int)strcspn(at, "\n"), at);
    }
    ef_text_clear(&text);
}

Test(options_write, settings_of_a_group_are_told_without_paths_and_what_is_unset)
{
    line l = PARSE("--epochs=3", "--rate=0.25", "-q", "--split=train");
    ef_text text = {0};
    ef_options_write(rows, "Group", &l.to, &text);
    cr_expect_str_eq(text.bytes, "quiet=yes epochs=3 images=0 seed=1 rate=0.25 "
                                 "split=train format=int8");
    ef_options_write(rows, "Other", &l.to, &text);
    cr_expect_eq(text.bytes[text.size - 1], '8', "nothing is added");
    ef_text_clear(&text);
    end(&l);
}

/* --- every command of the table --- */

Test(commands, tables_parse_their_own_defaults_and_repeat_no_name)
{
    for (size_t i = 0; ef_commands[i]; i++) {
        const ef_command *command = ef_commands[i];
        void *to = ef_calloc(1, command->settings_size);
        ef_parsed parsed = {0};
        ef_error err = {0};
        cr_assert(command->settings_size >= sizeof(ef_common), "%s", command->name);
        cr_expect_eq(ef_options_parse(command->options, NULL, 0, &parsed, to, &err),
                     EF_OK, "%s: %s", command->name, err.text);
        ef_options_clear(command->options, &parsed, to);
        ef_free(to);
        for (const ef_option *row = command->options; row->name; row++) {
            cr_expect_eq(ef_options_find(command->options, row->name), row, "%s --%s",
                         command->name, row->name);
            for (const ef_option *b = command->options; row->letter && b < row; b++) {
                cr_expect_neq(b->letter, row->letter, "%s -%c", command->name,
                              b->letter);
            }
        }
    }
}

Test(commands, the_nearest_one_is_suggested)
{
    ef_error err = {0};
    cr_expect_eq(ef_command_unknown("hlep", &err), EF_ERR_USAGE);
    cr_expect(strstr(err.text, "did you mean 'help'?"), "%s", err.text);
    ef_error_clear(&err);
    cr_expect_eq(ef_command_unknown("xyzzy", &err), EF_ERR_USAGE);
    cr_expect(strstr(err.text, "evoflip --help"), "%s", err.text);
}

Test(nearest_distance, it_counts_slips_of_the_hand)
{
    /* Damerau's own kinds of error: one letter more, less, wrong, two exchanged. */
    cr_expect_eq(ef_nearest_distance("train", "train"), 0);
    cr_expect_eq(ef_nearest_distance("trian", "train"), 1);
    cr_expect_eq(ef_nearest_distance("trai", "train"), 1);
    cr_expect_eq(ef_nearest_distance("traiin", "train"), 1);
    cr_expect_eq(ef_nearest_distance("brain", "train"), 1);
    cr_expect_eq(ef_nearest_distance("", "train"), 5);
    cr_expect_eq(ef_nearest_distance("kitten", "sitting"), 3);
}
