#include "scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char folder[512];

void scratch_make(void)
{
    const char *build = getenv("EF_BUILDDIR");
    snprintf(folder, sizeof folder, "%s/tests/scratch-XXXXXX", build ? build : ".");
    if (!mkdtemp(folder)) { /* run by hand, outside the build tree */
        snprintf(folder, sizeof folder, "scratch-XXXXXX");
        cr_assert(mkdtemp(folder), "no folder for scratch files");
    }
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        char below[1024];
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (unlink(below) != 0) {
            remove_tree(below);
        }
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(path);
}

void scratch_remove(void)
{
    remove_tree(folder);
}

const char *scratch_path(const char *name)
{
    static char paths[16][1024];
    static size_t next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void make_parents(const char *path)
{
    char part[1024];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part + strlen(folder); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(part, 0777);
        *slash = '/';
    }
}

const char *scratch_write(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch_path(name);
    make_parents(path);
    FILE *stream = fopen(path, "wb");
    cr_assert(stream && fwrite(bytes, 1, size, stream) == size && fclose(stream) == 0);
    return path;
}

const char *scratch_write_text(const char *name, const char *text)
{
    return scratch_write(name, text, strlen(text));
}

const char *scratch_write_gzip(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch_path(name);
    make_parents(path);
    gzFile file = gzopen(path, "wb");
    cr_assert(file);
    cr_assert(size == 0 || gzwrite(file, bytes, (unsigned)size) == (int)size);
    cr_assert_eq(gzclose(file), Z_OK);
    return path;
}
