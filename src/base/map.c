#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FIRST_READ ((size_t)65536)
#define MOST_PATH 4096 /* bytes of a path and of a component: those of Linux */
#define MOST_NAME 255

void ef_file_map_close(ef_file_map *map)
{
    if (map->is_mapped) {
        munmap((void *)(uintptr_t)map->bytes, map->size);
    } else {
        ef_free((void *)(uintptr_t)map->bytes);
    }
    *map = (ef_file_map){NULL, 0, 0};
}

/* --- contents --------------------------------------------------------------- */

static ssize_t read_some(int fd, unsigned char *bytes, size_t size)
{
    ssize_t got;
    do {
        got = read(fd, bytes, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* To the end, or to one byte more than max. */
static ef_status read_all(int fd, const char *name, size_t max, unsigned char **bytes,
                          size_t *size, ef_error *err)
{
    size_t capacity = 0;
    for (ssize_t got = 1; got > 0 && *size <= max; *size += (size_t)got) {
        if (*size == capacity) {
            capacity = capacity ? 2 * capacity : FIRST_READ;
            unsigned char *grown = ef_realloc(*bytes, capacity, 1);
            if (!grown) {
                return ef_error_memory(err);
            }
            *bytes = grown;
        }
        got = read_some(fd, *bytes + *size, capacity - *size);
        if (got < 0) {
            return ef_error_io(err, name, "cannot be read");
        }
    }
    return EF_OK;
}

static ef_status refuse_length(const char *name, size_t max, ef_error *err)
{
    return ef_error_set(err, EF_ERR_INPUT, "%s: longer than %zu bytes", name, max);
}

static ef_status read_map(ef_file_map *map, int fd, const char *name, size_t max,
                          ef_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_status status = read_all(fd, name, max, &bytes, &size, err);
    if (!status && size > max) {
        status = refuse_length(name, max, err);
    }
    if (status) {
        ef_free(bytes);
        return status;
    }
    *map = (ef_file_map){bytes, size, 0};
    return EF_OK;
}

/* Takes fd over. */
static ef_status map_descriptor(ef_file_map *map, int fd, const char *name, size_t max,
                                ef_error *err)
{
    struct stat info;
    ef_status status = EF_OK;
    void *memory = MAP_FAILED;
    if (fstat(fd, &info) != 0) {
        status = ef_error_io(err, name, "cannot be read");
    } else if (S_ISREG(info.st_mode) && (uintmax_t)info.st_size > max) {
        status = refuse_length(name, max, err);
    } else if (S_ISREG(info.st_mode) && info.st_size > 0) {
        memory = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (memory != MAP_FAILED) {
        *map = (ef_file_map){memory, (size_t)info.st_size, 1};
    } else if (!status) { /* empty, no file, or on a file system that maps nothing */
        status = read_map(map, fd, name, max, err);
    }
    close(fd);
    return status;
}

ef_status ef_file_map_open(ef_file_map *map, const char *path, size_t max,
                           ef_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return ef_error_io(err, path, "cannot be opened");
    }
    return map_descriptor(map, fd, path, max, err);
}

/* --- below a folder --------------------------------------------------------- */

static int leads_out(const char *name)
{
    int is_out = name[0] == '\0' || name[0] == '/' || strlen(name) > MOST_PATH;
    for (size_t length; *name && !is_out; name += length, name += strspn(name, "/")) {
        length = strcspn(name, "/");
        is_out = length > MOST_NAME || (length == 2 && memcmp(name, "..", 2) == 0);
    }
    return is_out;
}

/* Behind the slashes and the components `.` at the beginning of a path. */
static const char *skip_nothing(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && path[1] == '/')) {
        path++;
    }
    return path;
}

/* The component at the beginning of *path, which moves to the next one. */
static void take_component(const char **path, char component[MOST_NAME + 1])
{
    size_t length = strcspn(*path, "/");
    memcpy(component, *path, length);
    component[length] = '\0';
    *path = skip_nothing(*path + length);
}

/* Why component of folder could not be opened, or is not what it should be. */
static ef_status refuse_component(int folder, const char *component, const char *name,
                                  ef_error *err)
{
    struct stat info;
    int cause = errno;
    if (fstatat(folder, component, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(info.st_mode)) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: leads over a symbolic link", name);
    }
    errno = cause;
    return ef_error_io(err, name, "cannot be opened");
}

/* Opens name below folder, which it takes over, component by component. */
static ef_status open_below(int folder, const char *name, int *opened, ef_error *err)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
    const char *rest = skip_nothing(name);
    char component[MOST_NAME + 1];
    ef_status status = EF_OK;
    while (*rest && !status) {
        take_component(&rest, component);
        int fd = openat(folder, component, flags | (*rest ? O_DIRECTORY : 0));
        if (fd < 0) {
            status = refuse_component(folder, component, name, err);
        }
        close(folder);
        folder = fd;
    }
    *opened = folder;
    return status;
}

ef_status ef_file_map_below(ef_file_map *map, const char *dir, const char *name,
                            ef_error *err)
{
    struct stat info;
    int fd = -1;
    if (leads_out(name)) {
        return ef_error_set(err, EF_ERR_INPUT, "%s: no path below the folder", name);
    }
    int folder = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (folder < 0) {
        return ef_error_io(err, dir, "cannot be opened");
    }
    ef_status status = open_below(folder, name, &fd, err);
    if (status) {
        return status;
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return ef_error_set(err, EF_ERR_INPUT, "%s: no regular file", name);
    }
    return map_descriptor(map, fd, name, SIZE_MAX - 1, err);
}
