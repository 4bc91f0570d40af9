/* Folders and names of files, for data sets of several files. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/dataset_priv.h"

ef_status ef_folder_add(ef_folder *folder, const char *name, ef_error *err)
{
    if (folder->n == folder->capacity) {
        size_t more = folder->capacity ? 2 * folder->capacity : 16;
        char **names = ef_realloc(folder->names, more, sizeof *names);
        if (!names) {
            return ef_error_memory(err);
        }
        folder->names = names;
        folder->capacity = more;
    }
    char *copy = ef_strdup(name);
    if (!copy) {
        return ef_error_memory(err);
    }
    folder->names[folder->n++] = copy;
    return EF_OK;
}

static ef_status read_names(ef_folder *folder, DIR *dir, const char *path,
                            ef_error *err)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            return errno ? ef_error_io(err, path, "cannot be read") : EF_OK;
        }
        if (entry->d_name[0] != '.') {
            ef_status status = ef_folder_add(folder, entry->d_name, err);
            if (status) {
                return status;
            }
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    const char *const *first = a, *const *second = b;
    return strcmp(*first, *second);
}

ef_status ef_folder_read(ef_folder *folder, const char *path, ef_error *err)
{
    DIR *dir = opendir(path);
    if (!dir) {
        return ef_error_io(err, path, "cannot be opened");
    }
    ef_folder made = {0};
    ef_status status = read_names(&made, dir, path, err);
    closedir(dir);
    if (status) {
        ef_folder_clear(&made);
        return status;
    }
    if (made.n > 1) {
        qsort(made.names, made.n, sizeof *made.names, compare_names);
    }
    *folder = made;
    return EF_OK;
}

void ef_folder_clear(ef_folder *folder)
{
    for (size_t i = 0; i < folder->n; i++) {
        ef_free(folder->names[i]);
    }
    ef_free(folder->names);
    memset(folder, 0, sizeof *folder);
}

const char *ef_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int ef_name_starts(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

int ef_name_ends(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}
