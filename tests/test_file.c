#include "base/file.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "scratch.h"

#define SUITE(name) TestSuite(name, .init = scratch_make, .fini = scratch_remove)
SUITE(file_read);
SUITE(file_names);
SUITE(file_output);

static ef_error err;
static unsigned char *bytes;
static size_t size;

Test(file_read, contents_come_whole_with_a_nul_behind)
{
    char text[70000];
    memset(text, 'x', sizeof text);
    for (size_t n = 0; n < sizeof text; n = 2 * n + 1) {
        const char *path = scratch_write("some", text, n);
        cr_assert_eq(ef_file_read(path, n, &bytes, &size, &err), EF_OK, "%s", err.text);
        cr_assert_eq(size, n);
        cr_assert_eq(memcmp(bytes, text, n), 0);
        cr_assert_eq(bytes[n], '\0');
        ef_free(bytes);
        unlink(path);
    }
}

Test(file_read, gzip_is_unpacked)
{
    const char *path = scratch_write_gzip("some.gz", "evolution", 9);
    cr_assert_eq(ef_file_read(path, 9, &bytes, &size, &err), EF_OK, "%s", err.text);
    cr_assert_eq(size, 9);
    cr_assert_str_eq((char *)bytes, "evolution");
    ef_free(bytes);
}

Test(file_read, more_than_the_bound_is_malformed)
{
    const char *paths[] = {scratch_write_text("plain", "evolution"),
                           scratch_write_gzip("packed", "evolution", 9)};
    for (size_t i = 0; i < 2; i++) {
        ef_error_clear(&err);
        cr_assert_eq(ef_file_read(paths[i], 8, &bytes, &size, &err), EF_ERR_INPUT);
        cr_assert(strstr(err.text, ": longer than 8 bytes"), "%s", err.text);
    }
}

Test(file_read, truncated_gzip_is_malformed)
{
    char packed[200];
    const char *path = scratch_write_gzip("whole.gz", "evolution, evolution", 20);
    FILE *stream = fopen(path, "rb");
    size_t n = fread(packed, 1, sizeof packed, stream);
    fclose(stream);
    for (size_t cut = 12; cut < n; cut++) {
        ef_error_clear(&err);
        const char *part = scratch_write("part.gz", packed, cut);
        cr_assert_eq(ef_file_read(part, 1000, &bytes, &size, &err), EF_ERR_INPUT,
                     "%zu bytes of %zu", cut, n);
        unlink(part);
    }
}

Test(file_read, what_cannot_be_opened_is_an_error_of_input_or_output)
{
    const char *loop = scratch_path("loop");
    cr_assert_eq(symlink("loop", loop), 0);
    const char *paths[] = {scratch_path("none"), scratch_path("."), loop};
    const char *reasons[] = {"No such file", "Is a directory", "symbolic links"};
    for (size_t i = 0; i < 3; i++) {
        ef_error_clear(&err);
        cr_assert_eq(ef_file_read(paths[i], 100, &bytes, &size, &err), EF_ERR_IO);
        cr_assert(strstr(err.text, reasons[i]), "%s", err.text);
    }
}

Test(file_read, a_file_without_permission_is_an_error_of_input_or_output)
{
    if (geteuid() == 0) {
        cr_skip_test("root may read everything");
    }
    const char *path = scratch_write_text("secret", "x");
    chmod(path, 0);
    cr_assert_eq(ef_file_read(path, 100, &bytes, &size, &err), EF_ERR_IO);
    cr_assert(strstr(err.text, "Permission denied"), "%s", err.text);
}

Test(file_read, each_failing_allocation_is_reported)
{
    const char *path = scratch_write_text("plain", "abc");
    for (long n = 0; n < 3; n++) {
        ef_error_clear(&err);
        ef_mem_fail_after(n);
        ef_status status = ef_file_read(path, 100, &bytes, &size, &err);
        ef_mem_fail_after(-1);
        cr_assert_eq(status, EF_ERR_MEMORY, "allocation %ld", n);
    }
}

Test(file_names, files_and_folders_are_told_apart)
{
    const char *path = scratch_write_text("plain", "abc");
    cr_assert(ef_file_exists(path) && !ef_file_is_directory(path));
    cr_assert(ef_file_is_directory(scratch_path(".")));
    cr_assert_not(ef_file_exists(scratch_path("none")));
    cr_assert_not(ef_file_is_directory(scratch_path("none")));
}

Test(file_names, folders_are_made_with_their_parents_and_may_exist)
{
    const char *path = scratch_path("a/b//c");
    cr_assert_eq(ef_file_make_directories(path, &err), EF_OK, "%s", err.text);
    cr_assert(ef_file_is_directory(path));
    cr_assert_eq(ef_file_make_directories(path, &err), EF_OK);
    cr_assert_eq(ef_file_make_directories("/", &err), EF_OK);
    cr_assert_eq(ef_file_make_directories(".", &err), EF_OK);
    scratch_write_text("file", "x");
    cr_assert_eq(ef_file_make_directories(scratch_path("file/b"), &err), EF_ERR_IO);
    cr_assert_eq(ef_file_make_directories("", NULL), EF_ERR_IO);
}

Test(file_names, one_slash_joins)
{
    static const char *const rows[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < 4; i++) {
        char *path = ef_file_join(rows[i][0], rows[i][1]);
        cr_assert_str_eq(path, rows[i][2]);
        ef_free(path);
    }
    ef_mem_fail_after(0);
    cr_assert_null(ef_file_join("a", "b"));
    ef_mem_fail_after(-1);
}

static void assert_contents(const char *path, const char *text)
{
    cr_assert_eq(ef_file_read(path, 100000, &bytes, &size, &err), EF_OK, "%s",
                 err.text);
    cr_assert_str_eq((char *)bytes, text);
    ef_free(bytes);
}

static void assert_nothing_beside(const char *path)
{
    char beside[1100];
    snprintf(beside, sizeof beside, "%s.0.tmp", path);
    cr_assert_not(ef_file_exists(beside));
}

Test(file_output, a_file_appears_only_when_it_is_whole)
{
    const char *path = scratch_path("out.csv");
    ef_output output = {0};
    cr_assert_eq(ef_output_open(&output, path, 0, &err), EF_OK, "%s", err.text);
    fputs("a,b\n", output.stream);
    fflush(output.stream);
    cr_assert_not(ef_file_exists(path));
    cr_assert_eq(ef_output_commit(&output, &err), EF_OK, "%s", err.text);
    assert_contents(path, "a,b\n");
    assert_nothing_beside(path);
    cr_assert_null(output.stream);
    ef_output_abandon(&output);
}

Test(file_output, an_abandoned_file_leaves_no_trace)
{
    const char *path = scratch_path("out.csv");
    ef_output output = {0};
    cr_assert_eq(ef_output_open(&output, path, 0, &err), EF_OK);
    fputs("half", output.stream);
    ef_output_abandon(&output);
    ef_output_abandon(&output);
    cr_assert_not(ef_file_exists(path));
    assert_nothing_beside(path);
}

Test(file_output, an_existing_output_is_refused_without_force)
{
    const char *path = scratch_write_text("out.csv", "old");
    cr_assert_eq(ef_file_write(path, 0, "new", 3, &err), EF_ERR_EXISTS);
    cr_assert(strstr(err.text, "out.csv: exists already"), "%s", err.text);
    assert_contents(path, "old");
    ef_error_clear(&err);
    cr_assert_eq(ef_file_write(path, 1, "new", 3, &err), EF_OK, "%s", err.text);
    assert_contents(path, "new");
}

Test(file_output, two_writers_of_one_name_do_not_mix)
{
    const char *path = scratch_path("out.csv");
    ef_output a = {0}, b = {0};
    cr_assert_eq(ef_output_open(&a, path, 0, &err), EF_OK);
    cr_assert_eq(ef_output_open(&b, path, 0, &err), EF_OK);
    fputs("first", a.stream);
    fputs("second", b.stream);
    cr_assert_eq(ef_output_commit(&a, &err), EF_OK);
    assert_contents(path, "first");
    cr_assert_eq(ef_output_commit(&b, &err), EF_OK);
    assert_contents(path, "second");
}

Test(file_output, a_new_file_has_the_permissions_of_the_umask)
{
    const char *path = scratch_path("out.csv");
    struct stat info;
    umask(027);
    cr_assert_eq(ef_file_write(path, 0, "x", 1, &err), EF_OK);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0640);
}

Test(file_output, a_full_device_is_reported)
{
    cr_assert_eq(ef_file_write("/dev/full", 0, "abc", 3, &err), EF_ERR_IO);
    cr_assert_str_eq(err.text, "/dev/full: cannot be written: No space left on device");
}

/* A limit on the size of files stands in for a full disk. */
Test(file_output, a_full_disk_leaves_what_stood_there)
{
    static char many[100000];
    const char *path = scratch_write_text("out.csv", "old");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 50000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ef_status status = ef_file_write(path, 1, many, sizeof many, &err);
    cr_assert_eq(status, EF_ERR_IO);
    cr_assert(strstr(err.text, "out.csv: cannot be written: File too large"), "%s",
              err.text);
    assert_contents(path, "old");
    assert_nothing_beside(path);
}

Test(file_output, a_missing_folder_and_a_folder_are_no_places_for_a_file)
{
    cr_assert_eq(ef_file_write(scratch_path("no/out"), 0, "x", 1, &err), EF_ERR_IO);
    cr_assert(strstr(err.text, "No such file or directory"), "%s", err.text);
    ef_error_clear(&err);
    cr_assert_eq(ef_file_write(scratch_path("."), 1, "x", 1, &err), EF_ERR_IO);
    cr_assert(strstr(err.text, "is a directory"), "%s", err.text);
}

Test(file_output, a_pipe_is_written_to_and_not_replaced)
{
    const char *path = scratch_path("pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    pid_t child = fork();
    if (child == 0) {
        ef_error own = {0};
        _exit(ef_file_write(path, 0, "abc", 3, &own) == EF_OK ? 0 : 1);
    }
    assert_contents(path, "abc");
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert(S_ISFIFO(info.st_mode));
}

Test(file_output, a_dash_is_stdout_and_its_errors_are_seen)
{
    cr_assert_not_null(freopen("/dev/full", "w", stdout));
    cr_assert_eq(ef_file_write("-", 0, "abc", 3, &err), EF_ERR_IO);
    cr_assert_str_eq(err.text, "stdout: cannot be written: No space left on device");
}

Test(file_output, each_failing_allocation_is_reported)
{
    for (long n = 0; n < 2; n++) {
        ef_error_clear(&err);
        ef_mem_fail_after(n);
        ef_status status = ef_file_write(scratch_path("out"), 0, "x", 1, &err);
        ef_mem_fail_after(-1);
        cr_assert_eq(status, EF_ERR_MEMORY, "allocation %ld", n);
        cr_assert_not(ef_file_exists(scratch_path("out")));
    }
}
