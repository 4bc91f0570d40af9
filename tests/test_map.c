#include "base/map.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "scratch.h"

#define SUITE(name) TestSuite(name, .init = scratch_make, .fini = scratch_remove)
SUITE(map_open);
SUITE(map_below);

static ef_error err;
static ef_file_map map;

static void expect_contents(const char *text)
{
    cr_assert_not_null(map.bytes);
    cr_assert_eq(map.size, strlen(text));
    cr_assert_eq(memcmp(map.bytes, text, map.size), 0);
    ef_file_map_close(&map);
    cr_assert_null(map.bytes);
    ef_file_map_close(&map);
}

Test(map_open, a_regular_file_is_mapped)
{
    const char *path = scratch_write_text("some", "evolution");
    cr_assert_eq(ef_file_map_open(&map, path, 9, &err), EF_OK, "%s", err.text);
    cr_expect(map.is_mapped);
    expect_contents("evolution");
}

Test(map_open, an_empty_file_has_no_bytes)
{
    const char *path = scratch_write_text("none", "");
    cr_assert_eq(ef_file_map_open(&map, path, 9, &err), EF_OK, "%s", err.text);
    expect_contents("");
}

/* A pipe into which another process writes size bytes; *pid is that process. */
static const char *pipe_with(size_t size, pid_t *pid)
{
    const char *path = scratch_path("pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    *pid = fork();
    cr_assert_geq(*pid, 0);
    if (*pid == 0) {
        FILE *stream = fopen(path, "wb");
        for (size_t i = 0; i < size; i++) {
            putc("evolution"[i % 9], stream);
        }
        fclose(stream);
        _exit(0);
    }
    return path;
}

Test(map_open, a_pipe_is_read_to_its_end)
{
    const size_t size = 300000; /* more than a pipe holds */
    pid_t pid;
    const char *path = pipe_with(size, &pid);
    cr_assert_eq(ef_file_map_open(&map, path, size, &err), EF_OK, "%s", err.text);
    cr_expect_not(map.is_mapped);
    cr_assert_eq(map.size, size);
    for (size_t i = 0; i < size; i++) {
        cr_assert_eq(map.bytes[i], "evolution"[i % 9]);
    }
    ef_file_map_close(&map);
    waitpid(pid, NULL, 0);
}

Test(map_open, a_pipe_says_so_when_memory_is_short)
{
    for (long n = 0; n < 3; n++) {
        pid_t pid;
        ef_error_clear(&err);
        const char *path = pipe_with(300000, &pid);
        ef_mem_fail_after(n);
        cr_assert_eq(ef_file_map_open(&map, path, 300000, &err), EF_ERR_MEMORY);
        ef_mem_fail_after(-1);
        cr_assert_null(map.bytes);
        waitpid(pid, NULL, 0);
        unlink(path);
    }
}

Test(map_open, more_than_the_bound_is_malformed)
{
    pid_t pid;
    const char *paths[] = {scratch_write_text("plain", "evolution"),
                           pipe_with(9, &pid)};
    for (size_t i = 0; i < 2; i++) {
        ef_error_clear(&err);
        cr_assert_eq(ef_file_map_open(&map, paths[i], 8, &err), EF_ERR_INPUT);
        cr_assert(strstr(err.text, ": longer than 8 bytes"), "%s", err.text);
    }
    waitpid(pid, NULL, 0);
}

Test(map_open, what_cannot_be_opened_is_an_error_of_input_or_output)
{
    const char *paths[] = {scratch_path("none"), scratch_path(".")};
    const char *reasons[] = {"No such file", "Is a directory"};
    for (size_t i = 0; i < 2; i++) {
        ef_error_clear(&err);
        cr_assert_eq(ef_file_map_open(&map, paths[i], 8, &err), EF_ERR_IO);
        cr_assert(strstr(err.text, reasons[i]), "%s", err.text);
    }
}

Test(map_below, takes_files_in_the_folder_and_below)
{
    static const char *const names[] = {"a", "b/c", "./b//c", "b/./c", "..c"};
    scratch_write_text("a", "evolution");
    scratch_write_text("b/c", "evolution");
    scratch_write_text("..c", "evolution");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert_eq(ef_file_map_below(&map, scratch_path("."), names[i], &err), EF_OK,
                     "%s", err.text);
        expect_contents("evolution");
    }
}

Test(map_below, refuses_what_leads_out_or_is_no_file)
{
    static const struct {
        const char *name;
        ef_status status;
        const char *text;
    } rows[] = {
        {"", EF_ERR_INPUT, ": no path below the folder"},
        {"/etc/passwd", EF_ERR_INPUT, "/etc/passwd: no path below the folder"},
        {"..", EF_ERR_INPUT, "..: no path below the folder"},
        {"../a", EF_ERR_INPUT, "../a: no path below the folder"},
        {"b/../a", EF_ERR_INPUT, "b/../a: no path below the folder"},
        {"b/..", EF_ERR_INPUT, "b/..: no path below the folder"},
        {"link", EF_ERR_INPUT, "link: leads over a symbolic link"},
        {"way/c", EF_ERR_INPUT, "way/c: leads over a symbolic link"},
        {"pipe", EF_ERR_INPUT, "pipe: no regular file"},
        {"b", EF_ERR_INPUT, "b: no regular file"},
        {"none", EF_ERR_IO, "none: cannot be opened: No such file"},
        {"b/none", EF_ERR_IO, "b/none: cannot be opened: No such file"},
        {"a/c", EF_ERR_IO, "a/c: cannot be opened: Not a directory"},
    };
    scratch_write_text("a", "evolution");
    scratch_write_text("b/c", "evolution");
    cr_assert_eq(symlink("a", scratch_path("link")), 0);
    cr_assert_eq(symlink("b", scratch_path("way")), 0);
    cr_assert_eq(mkfifo(scratch_path("pipe"), 0600), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ef_error_clear(&err);
        cr_expect_eq(ef_file_map_below(&map, scratch_path("."), rows[i].name, &err),
                     rows[i].status, "%s", rows[i].name);
        cr_expect_eq(strncmp(err.text, rows[i].text, strlen(rows[i].text)), 0, "%s",
                     err.text);
    }
}

Test(map_below, refuses_a_component_longer_than_file_systems_take)
{
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_expect_eq(ef_file_map_below(&map, scratch_path("."), name, &err), EF_ERR_INPUT);
}

Test(map_below, says_so_when_the_folder_is_not_there)
{
    cr_expect_eq(ef_file_map_below(&map, scratch_path("none"), "a", &err), EF_ERR_IO);
    cr_expect(strstr(err.text, "none: cannot be opened"), "%s", err.text);
}
