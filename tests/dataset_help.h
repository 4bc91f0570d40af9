/* What the tests of data sets share. */
#ifndef EF_TESTS_DATASET_HELP_H
#define EF_TESTS_DATASET_HELP_H

#include "net/dataset.h"

extern ef_dataset loaded;
extern ef_error load_error;

/* Loads into loaded, which is cleared before; the error in load_error. */
ef_status load(const ef_dataset_options *options);
ef_status load_path(const char *path);

/* Asserts that loading fails so, with a sentence that holds text. */
void fails(const ef_dataset_options *options, ef_status status, const char *text,
           const char *row);

/* Loads with the first, the second ... allocation failing until none fails; every
 * failure must be EF_ERR_MEMORY and leave a zeroed set.  Returns their number. */
long fail_each_allocation(const ef_dataset_options *options);

#endif
