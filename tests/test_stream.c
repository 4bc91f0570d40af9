#include "base/stream.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "scratch.h"

TestSuite(stream_create, .init = scratch_make, .fini = scratch_remove);
TestSuite(stream_read, .init = scratch_make, .fini = scratch_remove);
TestSuite(stream_need, .init = scratch_make, .fini = scratch_remove);
TestSuite(stream_end, .init = scratch_make, .fini = scratch_remove);
TestSuite(stream_bound, .init = scratch_make, .fini = scratch_remove);

static ef_error err;

static ef_stream *open_good(const char *path)
{
    ef_stream *stream = NULL;
    cr_assert_eq(ef_stream_create(&stream, path, &err), EF_OK, "%s", err.text);
    return stream;
}

Test(stream_create, a_missing_file_is_an_error_of_input_or_output)
{
    ef_stream *stream = NULL;
    cr_assert_eq(ef_stream_create(&stream, scratch_path("none"), &err), EF_ERR_IO);
    cr_assert(strstr(err.text, "none: cannot be opened: No such file"), "%s", err.text);
    cr_assert_null(stream);
}

Test(stream_create, a_folder_is_no_file)
{
    ef_stream *stream = NULL;
    cr_assert_eq(ef_stream_create(&stream, scratch_path("."), &err), EF_ERR_IO);
    cr_assert(strstr(err.text, "Is a directory"), "%s", err.text);
}

Test(stream_create, each_failing_allocation_is_reported)
{
    const char *path = scratch_write_text("plain", "abc");
    for (long n = 0; n < 2; n++) {
        ef_stream *stream = NULL;
        ef_error_clear(&err);
        ef_mem_fail_after(n);
        ef_status status = ef_stream_create(&stream, path, &err);
        ef_mem_fail_after(-1);
        cr_assert_eq(status, EF_ERR_MEMORY);
        cr_assert_null(stream);
    }
}

Test(stream_read, plain_and_gzip_give_the_same_bytes)
{
    const char *paths[] = {scratch_write_text("plain", "evolution"),
                           scratch_write_gzip("packed", "evolution", 9)};
    for (size_t i = 0; i < 2; i++) {
        ef_stream *stream = open_good(paths[i]);
        char text[16] = "";
        size_t got = 0;
        cr_assert_eq(ef_stream_read(stream, text, 4, &got, &err), EF_OK);
        cr_assert(got == 4 && strcmp(text, "evol") == 0);
        cr_assert_eq(ef_stream_read(stream, text, 16, &got, &err), EF_OK);
        cr_assert(got == 5 && memcmp(text, "ution", 5) == 0);
        cr_assert_eq(ef_stream_offset(stream), 9);
        cr_assert_eq(ef_stream_end(stream, &err), EF_OK);
        ef_stream_destroy(stream);
    }
}

static unsigned char packed[4096];

/* The gzip of 3000 bytes that do not compress away, cut or changed at one byte. */
static ef_status read_damaged(size_t cut, size_t changed)
{
    unsigned char bytes[3000];
    unsigned seed = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
    }
    FILE *stream = fopen(scratch_write_gzip("whole.gz", bytes, sizeof bytes), "rb");
    size_t size = fread(packed, 1, sizeof packed, stream);
    fclose(stream);
    packed[changed ? changed : size] ^= 0x40;
    ef_stream *damaged = open_good(scratch_write("d.gz", packed, cut ? cut : size));
    size_t got = 0;
    ef_status status = ef_stream_read(damaged, bytes, sizeof bytes, &got, &err);
    if (status == EF_OK) {
        status = ef_stream_end(damaged, &err);
    }
    ef_stream_destroy(damaged);
    return status;
}

Test(stream_read, a_truncated_gzip_is_malformed)
{
    cr_assert_eq(read_damaged(1000, 0), EF_ERR_INPUT);
    cr_assert(strstr(err.text, "d.gz: damaged gzip after byte"), "%s", err.text);
    cr_assert(strstr(err.text, "it ends too early"), "%s", err.text);
}

Test(stream_read, a_gzip_with_a_wrong_byte_is_malformed)
{
    cr_assert_eq(read_damaged(0, 500), EF_ERR_INPUT);
    cr_assert(strstr(err.text, "d.gz: damaged gzip after byte"), "%s", err.text);
}

Test(stream_read, an_undamaged_gzip_reads_to_its_end)
{
    cr_assert_eq(read_damaged(0, 0), EF_OK, "%s", err.text);
}

Test(stream_need, a_short_file_names_what_is_missing_and_where)
{
    ef_stream *stream = open_good(scratch_write_text("short", "0123456789"));
    char bytes[8];
    cr_assert_eq(ef_stream_need(stream, bytes, 4, "the header", &err), EF_OK);
    cr_assert_eq(ef_stream_need(stream, bytes, 8, "image 0", &err), EF_ERR_INPUT);
    cr_assert(strstr(err.text, "short: ends at byte 10, expected 8 bytes of image 0 "
                               "from byte 4 on"),
              "%s", err.text);
    ef_stream_destroy(stream);
}

Test(stream_end, bytes_behind_the_end_are_malformed)
{
    ef_stream *stream = open_good(scratch_write_text("long", "abc"));
    char bytes[2];
    cr_assert_eq(ef_stream_need(stream, bytes, 2, "all", &err), EF_OK);
    cr_assert_eq(ef_stream_end(stream, &err), EF_ERR_INPUT);
    cr_assert(strstr(err.text, "long: goes on after byte 2"), "%s", err.text);
    ef_stream_destroy(stream);
}

Test(stream_bound, a_plain_file_is_bounded_by_its_size)
{
    ef_stream *stream = open_good(scratch_write_text("plain", "12345"));
    cr_assert_eq(ef_stream_bound(stream), 5);
    ef_stream_destroy(stream);
}

Test(stream_bound, a_gzip_of_zeros_stays_below_its_bound)
{
    static const unsigned char zeros[1 << 20];
    ef_stream *stream = open_good(scratch_write_gzip("zeros", zeros, sizeof zeros));
    cr_assert_geq(ef_stream_bound(stream), sizeof zeros);
    cr_assert_leq(ef_stream_bound(stream), 2 * sizeof zeros);
    ef_stream_destroy(stream);
}
