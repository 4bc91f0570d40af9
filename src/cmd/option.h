/* Options of commands, as rows of tables.
 *
 * GNU style: --name=value, --name value, -n value, -nvalue, flags of one letter in
 * one word, operands anywhere, `--` before operands that begin with a dash. */
#ifndef EF_CMD_OPTION_H
#define EF_CMD_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"

typedef enum ef_option_type {
    EF_OPTION_FLAG,   /* int, 1 once it is given */
    EF_OPTION_U64,    /* uint64_t */
    EF_OPTION_COUNT,  /* uint64_t, also as 50k, 1.5M */
    EF_OPTION_F64,    /* double */
    EF_OPTION_CHOICE, /* size_t, index into the row's names */
    EF_OPTION_TEXT,   /* const char *, borrowed from the command line */
    EF_OPTION_PATH,   /* the same, where a file or folder is meant */
    EF_OPTION_LIST,   /* ef_words, each use adds one */
    EF_OPTION_FORMAT  /* ef_format, a number format by name */
} ef_option_type;

/* Words that stand on the command line; the array is owned, the words are not. */
typedef struct ef_words {
    const char **items; /* (n) */
    size_t n;
} ef_words;

typedef struct ef_option {
    const char *name;     /* without the dashes; NULL ends a table */
    char letter;          /* 0: no short form */
    const char *argument; /* what the help calls the value; NULL for a flag */
    ef_option_type type;
    size_t offset;            /* of the field in the command's settings */
    const char *fallback;     /* parsed where the option is not given; NULL: zero */
    const char *help;         /* one sentence, without the default */
    const char *group;        /* heading in the help; NULL: as the row before */
    double min, max;          /* of numbers, inclusive; both 0: no bound */
    const char *const *names; /* of a choice, NULL at the end */
    const char *shown;        /* the default in words, where fallback does not say it */
} ef_option;

/* What a command line said beside its settings. */
typedef struct ef_parsed {
    const char **operands; /* (n_operands) */
    size_t n_operands;
    unsigned char *given; /* (rows of the table): the option was given */
    int help;             /* --help or -h: the rest was not looked at */
} ef_parsed;

/* Fills settings, which is zeroed by the caller, from the defaults of the rows and
 * then from args (n_args words behind the command's name).
 * EF_ERR_USAGE names the option; EF_ERR_MEMORY.  parsed is cleared by the caller. */
EF_NODISCARD ef_status ef_options_parse(const ef_option *rows, const char *const *args,
                                        size_t n_args, ef_parsed *parsed,
                                        void *settings, ef_error *err);
void ef_options_clear(const ef_option *rows, ef_parsed *parsed, void *settings);

/* Number of rows of a table. */
size_t ef_options_count(const ef_option *rows);
/* The row of this name, NULL where there is none. */
const ef_option *ef_options_find(const ef_option *rows, const char *name);

/* The table for people, in groups, defaults in brackets, lines up to 79 columns. */
void ef_options_print(const ef_option *rows, ef_text *text);

/* Adds "epochs=30 rate=0.1 ...": the settings of one group, without paths, what was
 * not said, and flags that are not set; a space before each but the first in text. */
void ef_options_write(const ef_option *rows, const char *group, const void *settings,
                      ef_text *text);

/* Adds " --name=value" for each option that was given, shape (rows), quoted for a
 * shell. */
void ef_options_write_given(const ef_option *rows, const unsigned char *given,
                            const void *settings, ef_text *text);
/* Adds a word as a shell reads it. */
void ef_options_write_word(const char *word, ef_text *text);

#endif
