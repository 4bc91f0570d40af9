/* Files that a test writes for itself: a folder of its own in the build tree, made
 * before and removed after each test of a suite that names both functions:
 *
 *     TestSuite(csv_read, .init = scratch_make, .fini = scratch_remove);
 */
#ifndef EF_TESTS_SCRATCH_H
#define EF_TESTS_SCRATCH_H

#include <stddef.h>

void scratch_make(void);
void scratch_remove(void);

/* The path of a name in the folder; good until the 16th next call. */
const char *scratch_path(const char *name);

/* Each writes a file and returns its path; folders in the name are made. */
const char *scratch_write(const char *name, const void *bytes, size_t size);
const char *scratch_write_text(const char *name, const char *text);
const char *scratch_write_gzip(const char *name, const void *bytes, size_t size);

#endif
