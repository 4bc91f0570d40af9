#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "dataset_help.h"
#include "scratch.h"

TestSuite(dataset_ppm, .init = scratch_make, .fini = scratch_remove);
TestSuite(dataset_ppm_resize, .init = scratch_make, .fini = scratch_remove);

#define NAMES "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"

static unsigned char pixel(size_t y, size_t x, size_t c)
{
    return (unsigned char)(y * 31 + x * 17 + c * 101 + y * x * 7 % 64);
}

/* An image of pixel(y, x, c). */
static const char *write_ppm(const char *name, size_t height, size_t width)
{
    static unsigned char bytes[100000];
    size_t n =
        (size_t)sprintf((char *)bytes, "P6\n# made\n%zu %zu\n255\n", width, height);
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            for (size_t c = 0; c < 3; c++) {
                bytes[n++] = pixel(y, x, c);
            }
        }
    }
    return scratch_write(name, bytes, n);
}

static ef_dataset_options options_of(const char *name, const char *shape)
{
    return (ef_dataset_options){
        .data = scratch_path(name), .shape = shape, .n_threads = 1};
}

/* --- what is read ----------------------------------------------------------- */

Test(dataset_ppm, a_folder_with_an_index_is_a_data_set)
{
    write_ppm("g/00000_00000.ppm", 4, 5);
    write_ppm("g/00000_00001.ppm", 4, 5);
    write_ppm("g/00001_00000.ppm", 4, 5);
    scratch_write_text("g/GT-00000.csv", NAMES "00000_00000.ppm;5;4;0;0;5;4;2\r\n"
                                               "00000_00001.ppm;5;4;0;0;5;4;2\r\n"
                                               "00001_00000.ppm;5;4;0;0;5;4;1\r\n");
    ef_dataset_options options = options_of("g", "3x4x5");
    cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
    cr_assert_str_eq(loaded.format, "PPM");
    cr_assert(loaded.n == 3 && loaded.channels == 3 && loaded.height == 4 &&
              loaded.width == 5 && loaded.n_classes == 3 && loaded.first_test == 3);
    cr_assert(loaded.labels[0] == 2 && loaded.labels[2] == 1);
    cr_assert(loaded.n_groups == 2 && loaded.groups[0] == 0 && loaded.groups[1] == 0 &&
              loaded.groups[2] == 1);
    for (size_t i = 0, at = 0; i < 3; i++) {
        for (size_t c = 0; c < 3; c++) {
            for (size_t k = 0; k < 20; k++) {
                cr_assert_eq(loaded.bytes[at++], pixel(k / 5, k % 5, c));
            }
        }
    }
    ef_dataset_clear(&loaded);
}

Test(dataset_ppm, the_index_itself_may_be_named_and_columns_may_stand_anywhere)
{
    write_ppm("g/a.ppm", 4, 5);
    scratch_write_text("g/index.csv", "ClassId;Colour;Filename\n7;red;a.ppm\n");
    scratch_write_text("g/other.csv", "nonsense\n");
    ef_dataset_options options = options_of("g/index.csv", NULL);
    cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 1 && loaded.height == 32 && loaded.width == 32);
    cr_assert_eq(loaded.labels[0], 7);
    cr_assert_null(loaded.groups);
    ef_dataset_clear(&loaded);
}

/* As the benchmark unpacks: an index per class, test images beside an index without
 * their classes. */
Test(dataset_ppm, training_and_test_folders_become_parts)
{
    write_ppm("r/Final_Training/Images/00000/00000_00000.ppm", 4, 4);
    scratch_write_text("r/Final_Training/Images/00000/GT-00000.csv",
                       "Filename;ClassId\n00000_00000.ppm;0\n");
    write_ppm("r/Final_Training/Images/00001/00000_00000.ppm", 4, 4);
    scratch_write_text("r/Final_Training/Images/00001/GT-00001.csv",
                       "Filename;ClassId\n00000_00000.ppm;1\n");
    write_ppm("r/Final_Test/Images/00000.ppm", 4, 4);
    write_ppm("r/Final_Test/Images/00001.ppm", 4, 4);
    scratch_write_text("r/Final_Test/Images/GT-final_test.test.csv",
                       "Filename\n00000.ppm\n");
    scratch_write_text("r/Final_Test/Images/GT-final_test.csv",
                       "Filename;ClassId\n00000.ppm;1\n00001.ppm;0\n");
    ef_dataset_options options = options_of("r", "3x2x2");
    cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 4 && loaded.first_test == 2);
    static const uint16_t labels[] = {0, 1, 1, 0};
    cr_assert_eq(memcmp(loaded.labels, labels, sizeof labels), 0);
    /* Tracks of one number in two folders are two, images of none one each. */
    cr_assert_eq(loaded.n_groups, 4);
    ef_dataset_clear(&loaded);
}

Test(dataset_ppm, crop_keeps_the_region_of_interest)
{
    write_ppm("g/a.ppm", 6, 7);
    scratch_write_text("g/i.csv", NAMES "a.ppm;7;6;1;2;4;5;0\n");
    ef_dataset_options options = options_of("g", "3x3x3");
    options.crop = 1;
    cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
    for (size_t c = 0; c < 3; c++) {
        for (size_t k = 0; k < 9; k++) {
            cr_assert_eq(loaded.bytes[9 * c + k], pixel(2 + k / 3, 1 + k % 3, c));
        }
    }
    ef_dataset_clear(&loaded);
}

Test(dataset_ppm, threads_do_not_change_the_bytes)
{
    ef_text index = {0};
    ef_text_add(&index, "Filename;ClassId\n");
    for (size_t i = 0; i < 40; i++) {
        char name[32];
        sprintf(name, "g/%zu.ppm", i);
        write_ppm(name, 3 + i, 50 - i);
        ef_text_add(&index, "%zu.ppm;%zu\n", i, i % 3);
    }
    scratch_write_text("g/i.csv", index.bytes);
    ef_text_clear(&index);
    unsigned char *first = NULL;
    for (size_t n_threads = 1; n_threads <= 7; n_threads += 3) {
        ef_dataset_options options = options_of("g", "3x8x8");
        options.n_threads = n_threads;
        cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
        if (!first) {
            first = ef_memdup(loaded.bytes, 40 * 192);
        }
        cr_assert_eq(memcmp(first, loaded.bytes, 40 * 192), 0);
    }
    ef_free(first);
    ef_dataset_clear(&loaded);
}

/* --- resizing --------------------------------------------------------------- */

/* Hashes (FNV-1a) of the planes of Pillow 9.4.0's
 * Image.fromarray(pixels).resize((width, height), Image.BILINEAR). */
Test(dataset_ppm_resize, images_are_resized_as_pillow_does)
{
    static const struct {
        size_t height, width;
        const char *shape;
        uint64_t hash;
    } rows[] = {
        {5, 7, "3x3x4", UINT64_C(0x145c0e949aaa98bc)},
        {5, 7, "3x8x9", UINT64_C(0x290928ccdd299acd)},
        {47, 53, "3x32x32", UINT64_C(0xe4fc27ea88be05bb)},
        {20, 20, NULL, UINT64_C(0x69b0c9d42be9e6e9)},
        {9, 8, "3x9x8", UINT64_C(0xec489e6d020cdfdd)},
        {200, 3, "3x2x5", UINT64_C(0xfb13a09400b4c0a9)},
        {1, 1, "3x2x2", UINT64_C(0xcd9f29d6e14ee661)},
    };
    scratch_write_text("g/i.csv", "Filename;ClassId\na.ppm;0\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_dataset_options options = options_of("g", rows[i].shape);
        write_ppm("g/a.ppm", rows[i].height, rows[i].width);
        cr_assert_eq(load(&options), EF_OK, "%s", load_error.text);
        uint64_t hash = UINT64_C(14695981039346656037);
        for (size_t k = 0; k < ef_dataset_image_size(&loaded); k++) {
            hash = (hash ^ loaded.bytes[k]) * UINT64_C(1099511628211);
        }
        cr_assert_eq(hash, rows[i].hash, "%zux%zu", rows[i].height, rows[i].width);
    }
    ef_dataset_clear(&loaded);
}

/* --- malformed files -------------------------------------------------------- */

Test(dataset_ppm, every_malformed_index_is_refused_with_its_line)
{
    static const struct {
        const char *name, *text;
        ef_status status;
        const char *expected;
    } rows[] = {
        {"empty", "", EF_ERR_INPUT, "g: holds no images"},
        {"names only", NAMES, EF_ERR_INPUT, "g: holds no images"},
        {"no class", "Filename;Width\n", EF_ERR_INPUT,
         "i.csv:1: expected a column ClassId among names separated by `;`"},
        {"commas", "Filename,ClassId\na.ppm,1\n", EF_ERR_INPUT,
         "i.csv:1: expected a column Filename"},
        {"missing image", NAMES "a.ppm;5;4;0;0;5;4;1\nb.ppm;5;4;0;0;5;4;1\n", EF_ERR_IO,
         "i.csv:3: names the image "},
        {"no name", NAMES ";5;4;0;0;5;4;1\n", EF_ERR_IO, "i.csv:2: names the image "},
        {"ragged", NAMES "a.ppm;5;4;0;0;5;4\n", EF_ERR_INPUT,
         "i.csv:2: 7 columns, where the names are 8"},
        {"class a word", NAMES "a.ppm;5;4;0;0;5;4;stop\n", EF_ERR_INPUT,
         "i.csv:2: ClassId: expected a whole number from 0 to 65534, found 'stop'"},
        {"class negative", NAMES "a.ppm;5;4;0;0;5;4;-1\n", EF_ERR_INPUT,
         "i.csv:2: ClassId: expected"},
        {"width huge", NAMES "a.ppm;1000000000;4;0;0;5;4;1\n", EF_ERR_INPUT,
         "i.csv:2: Width: expected"},
        {"other width", NAMES "a.ppm;6;4;0;0;5;4;1\n", EF_ERR_INPUT,
         "i.csv:2: 6x4 pixels, where "},
        {"region outside", NAMES "a.ppm;5;4;0;0;6;4;1\n", EF_ERR_INPUT,
         "i.csv:2: the region of interest 0,0 to 6,4 lies outside"},
        {"region empty", NAMES "a.ppm;5;4;2;0;2;4;1\n", EF_ERR_INPUT,
         "i.csv:2: the region of interest 2,0 to 2,4 lies outside"},
        {"no region", "Filename;ClassId\na.ppm;1\n", EF_ERR_INPUT,
         "i.csv:1: expected a column Width"},
    };
    write_ppm("g/a.ppm", 4, 5);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_dataset_options options = options_of("g", NULL);
        options.crop = 1;
        scratch_write_text("g/i.csv", rows[i].text);
        fails(&options, rows[i].status, rows[i].expected, rows[i].name);
    }
}

Test(dataset_ppm, every_malformed_image_is_refused)
{
    static const struct {
        const char *name, *text, *expected;
    } rows[] = {
        {"empty", "", "a.ppm: byte 0: expected a binary PPM"},
        {"text", "P3 1 1 255 1 2 3", "a.ppm: byte 0: expected a binary PPM"},
        {"grey", "P5 1 1 255\n1", "a.ppm: byte 0: expected a binary PPM"},
        {"no width", "P6 0 4 255\nxxx", "expected width and height from 1 to 65535"},
        {"no height", "P6 4 0 255\nxxx", "expected width and height from 1 to 65535"},
        {"huge", "P6 1000000000 1 255\nxxx", "expected width and height from 1 to"},
        {"beyond 32 bits", "P6 4294967297 1 255\nxxx", "expected width and height"},
        {"negative", "P6 -1 1 255\nxxx", "expected width and height from 1 to 65535"},
        {"words", "P6 w h 255\nxxx", "expected width and height from 1 to 65535"},
        {"16 bits", "P6 1 1 65535\nxxxxxx", "expected 255 as the greatest value"},
        {"7 bits", "P6 1 1 127\nxxx", "expected 255 as the greatest value"},
        {"header cut", "P6 1 1", "expected 255 as the greatest value"},
        {"comment cut", "P6 # 1 1", "expected width and height"},
        {"no pixels", "P6 1 1 255", "expected 255 as the greatest value"},
        {"pixels cut", "P6 2 2 255\n0123456789",
         "a.ppm: ends at byte 21, where 2x2 pixels need 12 bytes from byte 11 on"},
        {"far too few", "P6 65535 65535 255\nxxx",
         "pixels need 12884508675 bytes from byte 19 on"},
    };
    scratch_write_text("g/i.csv", "Filename;ClassId\na.ppm;0\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_dataset_options options = options_of("g", NULL);
        scratch_write_text("g/a.ppm", rows[i].text);
        fails(&options, EF_ERR_INPUT, rows[i].expected, rows[i].name);
    }
}

Test(dataset_ppm, the_first_bad_image_is_reported_whatever_the_threads)
{
    ef_text index = {0};
    ef_text_add(&index, "Filename;ClassId\n");
    for (size_t i = 0; i < 40; i++) {
        ef_text_add(&index, "%zu.ppm;0\n", i);
        char name[32];
        sprintf(name, "g/%zu.ppm", i);
        if (i < 17) {
            write_ppm(name, 4, 4);
        } else {
            scratch_write_text(name, "P6");
        }
    }
    scratch_write_text("g/i.csv", index.bytes);
    ef_text_clear(&index);
    for (size_t n_threads = 1; n_threads <= 7; n_threads += 3) {
        ef_dataset_options options = options_of("g", NULL);
        options.n_threads = n_threads;
        fails(&options, EF_ERR_INPUT, "/17.ppm: byte 0", "threads");
    }
}

Test(dataset_ppm, shapes_of_other_channels_are_wrong_usage)
{
    scratch_write_text("g/i.csv", "Filename;ClassId\na.ppm;0\n");
    ef_dataset_options options = options_of("g", "8x8");
    fails(&options, EF_ERR_USAGE, "--shape 8x8: PPM images have 3 channels", "shape");
}

Test(dataset_ppm, each_failing_allocation_is_reported)
{
    write_ppm("g/00000_00000.ppm", 4, 5);
    write_ppm("g/00001_00000.ppm", 4, 5);
    scratch_write_text("g/i.csv",
                       "Filename;ClassId\n00000_00000.ppm;2\n00001_00000.ppm;1\n");
    ef_dataset_options options = options_of("g", NULL);
    cr_assert_geq(fail_each_allocation(&options), 30);
    cr_assert_eq(loaded.n, 2);
    ef_dataset_clear(&loaded);
}
