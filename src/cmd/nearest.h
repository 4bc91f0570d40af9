/* Did you mean ...? */
#ifndef EF_CMD_NEAREST_H
#define EF_CMD_NEAREST_H

#include <stddef.h>

/* The smallest number of insertions, deletions, replacements and exchanges of
 * neighbours that turn a into b; words longer than 63 letters count as far apart. */
size_t ef_nearest_distance(const char *a, const char *b);

/* True where a is near enough to b to be a slip of the hand: a third of its letters
 * at most, and one at least. */
int ef_nearest_is_slip(const char *a, const char *b);

#endif
