#include "cmd/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

/* Configure leaves this file beside the program it builds: the path of the sources. */
#define BUILD_TREE "build-tree"

enum { PATH_ROOM = 4096 };

/* The folder the program stands in, without a slash at the end; "" where unknown. */
static void find_program(char folder[PATH_ROOM])
{
    ssize_t size = readlink("/proc/self/exe", folder, PATH_ROOM - 1);
    folder[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = '\0';
    }
}

static ef_status take_text(ef_text *text, char **path, ef_error *err)
{
    if (text->failed) {
        ef_text_clear(text);
        return ef_error_memory(err);
    }
    *path = text->bytes;
    return EF_OK;
}

/* The sources that the program was built from, NULL when it is an installed one. */
static ef_status find_sources(char **sources, ef_error *err)
{
    *sources = NULL;
    char folder[PATH_ROOM];
    find_program(folder);
    char *marker = ef_file_join(folder, BUILD_TREE);
    if (!marker) {
        return ef_error_memory(err);
    }
    FILE *stream = fopen(marker, "r");
    ef_free(marker);
    if (!stream) {
        return EF_OK;
    }
    char line[PATH_ROOM];
    ef_text text = {0};
    if (fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\n")] = '\0';
        ef_text_add(&text, "%s", line);
    }
    fclose(stream);
    return take_text(&text, sources, err);
}

ef_status ef_path_data(char **folder, ef_error *err)
{
    *folder = NULL;
    char *sources = NULL;
    const char *named = getenv("EVOFLIP_DATA");
    ef_text text = {0};
    if (named && named[0]) {
        ef_text_add(&text, "%s", named);
        return take_text(&text, folder, err);
    }
    ef_status status = find_sources(&sources, err);
    if (status != EF_OK) {
        return status;
    }
    if (sources) {
        ef_text_add(&text, "%s/data", sources);
    } else {
        ef_text_add(&text, "%s", EF_DATA_DIR);
    }
    ef_free(sources);
    return take_text(&text, folder, err);
}

static int page_exists(const char *path)
{
    return ef_file_exists(path) && !ef_file_is_directory(path);
}

ef_status ef_path_page(const char *topic, char **page, ef_error *err)
{
    *page = NULL;
    char *sources = NULL;
    ef_status status = find_sources(&sources, err);
    const char *dash = strcmp(topic, "evoflip") == 0 ? "" : "-";
    const char *rest = dash[0] ? topic : "";
    for (const char *section = "157"; *section && status == EF_OK && !*page;
         section++) {
        ef_text text = {0};
        if (sources) {
            ef_text_add(&text, "%s/man", sources);
        } else {
            ef_text_add(&text, "%s/man%c", EF_MAN_DIR, *section);
        }
        ef_text_add(&text, "/evoflip%s%s.%c", dash, rest, *section);
        if (!text.failed && !page_exists(text.bytes)) {
            ef_text_clear(&text);
            continue;
        }
        status = take_text(&text, page, err);
    }
    ef_free(sources);
    return status;
}
