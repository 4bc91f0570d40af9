/* Files as memory: mapped where they are regular, else read. */
#ifndef EF_BASE_MAP_H
#define EF_BASE_MAP_H

#include <stddef.h>

#include "base/status.h"

/* A regular file that becomes shorter while it is mapped ends the program, as for all
 * programs that map files. */
typedef struct ef_file_map {
    const unsigned char *bytes; /* never NULL while open; any alignment is the file's */
    size_t size;
    int is_mapped; /* 0: in memory of our own */
} ef_file_map;

/* The whole of path, at most max bytes.  A pipe or a device is read to its end, what is
 * compressed stays so.
 * EF_ERR_IO: cannot be opened or read.  EF_ERR_INPUT: longer.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_file_map_open(ef_file_map *map, const char *path, size_t max,
                                        ef_error *err);

/* A regular file that lies in the folder dir or below: name is a path from there, with
 * no component `..`, and neither the file nor a folder on the way is a symbolic link.
 * Errors name the file by name alone.
 * EF_ERR_INPUT: another name or another kind of file.  EF_ERR_IO.  EF_ERR_MEMORY. */
EF_NODISCARD ef_status ef_file_map_below(ef_file_map *map, const char *dir,
                                         const char *name, ef_error *err);

/* Fine on a zeroed or closed map. */
void ef_file_map_close(ef_file_map *map);

#endif
