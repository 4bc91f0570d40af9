#include <criterion/criterion.h>
#include <string.h>

#include "base/file.h"
#include "dataset_help.h"
#include "scratch.h"

TestSuite(dataset_idx, .init = scratch_make, .fini = scratch_remove);

/* 3 images of 2x2, their labels */
static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                       0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 2, 0, 1};

#define IMAGES "t-images-idx3-ubyte"
#define LABELS "t-labels-idx1-ubyte"

Test(dataset_idx, labels_are_found_by_the_name_of_the_images)
{
    const char *path = scratch_write(IMAGES, images, sizeof images);
    scratch_write(LABELS, labels, sizeof labels);
    cr_assert_eq(load_path(path), EF_OK, "%s", load_error.text);
    cr_assert_str_eq(loaded.format, "IDX");
    cr_assert(loaded.n == 3 && loaded.channels == 1 && loaded.height == 2 &&
              loaded.width == 2 && loaded.n_classes == 3 && loaded.first_test == 3);
    cr_assert_eq(memcmp(loaded.bytes, images + 16, 12), 0);
    cr_assert(loaded.labels[0] == 2 && loaded.labels[1] == 0 && loaded.labels[2] == 1);
    cr_assert(loaded.low == 0 && loaded.high == 255 && !loaded.is_named);
    ef_dataset_clear(&loaded);
}

Test(dataset_idx, gzip_of_either_file_is_read)
{
    const char *packed =
        scratch_write_gzip("a/t-images.idx3.gz", images, sizeof images);
    scratch_write("a/t-labels.idx1", labels, sizeof labels);
    cr_assert_eq(load_path(packed), EF_OK, "%s", load_error.text);
    const char *plain = scratch_write("b/t-images.idx3", images, sizeof images);
    scratch_write_gzip("b/t-labels.idx1.gz", labels, sizeof labels);
    cr_assert_eq(load_path(plain), EF_OK, "%s", load_error.text);
    cr_assert_eq(loaded.n, 3);
    ef_dataset_clear(&loaded);
}

static const char *write_four(void)
{
    scratch_write("four/train-images-idx3-ubyte", images, sizeof images);
    scratch_write("four/train-labels-idx1-ubyte", labels, sizeof labels);
    scratch_write("four/t10k-images-idx3-ubyte", images, sizeof images);
    scratch_write("four/t10k-labels-idx1-ubyte", labels, sizeof labels);
    return scratch_path("four");
}

Test(dataset_idx, a_folder_of_four_has_its_own_test_part)
{
    cr_assert_eq(load_path(write_four()), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 6 && loaded.first_test == 3);
    cr_assert_eq(memcmp(loaded.bytes + 12, images + 16, 12), 0);
    cr_assert(loaded.labels[3] == 2 && loaded.labels[5] == 1);
    ef_dataset_clear(&loaded);
}

/* --- malformed files -------------------------------------------------------- */

enum { OF_IMAGES, OF_LABELS };

Test(dataset_idx, every_malformed_file_is_refused_with_its_byte)
{
    static const struct {
        const char *name;
        int which;
        size_t size; /* cut to this size, where not 0 */
        size_t at;   /* this byte becomes ... */
        int value;   /* ... this, where not -1 */
        const char *expected;
    } rows[] = {
        {"header cut", OF_IMAGES, 9, 0, -1,
         IMAGES ": ends at byte 9, expected 16 bytes of the header from byte 0"},
        {"images cut", OF_IMAGES, 27, 0, -1,
         IMAGES ": byte 4: the header speaks of 3 images of 2x2, more than the file"},
        {"magic of labels", OF_IMAGES, 0, 3, 1,
         IMAGES ": byte 0: expected the IDX magic 0x00000803 of images, found "
                "0x00000801"},
        {"magic of floats", OF_IMAGES, 0, 2, 13, "found 0x00000d03"},
        {"too many images", OF_IMAGES, 0, 4, 255, "the header speaks of 4278190083"},
        {"no images", OF_IMAGES, 0, 7, 0, IMAGES ": byte 4: holds no images"},
        {"no height", OF_IMAGES, 0, 11, 0,
         IMAGES ": byte 8: expected sides from 1 to 65535, found 0x2"},
        {"huge width", OF_IMAGES, 0, 12, 255, IMAGES ": byte 8: expected sides from 1"},
        {"fewer images", OF_IMAGES, 0, 7, 2, IMAGES ": goes on after byte 24"},
        {"label header cut", OF_LABELS, 3, 0, -1,
         LABELS ": ends at byte 3, expected 8 bytes of the header"},
        {"labels cut", OF_LABELS, 10, 0, -1,
         LABELS ": ends at byte 10, expected 3 bytes of the labels from byte 8"},
        {"label magic", OF_LABELS, 0, 3, 3,
         LABELS ": byte 0: expected the IDX magic 0x00000801 of labels, found "
                "0x00000803"},
        {"other count", OF_LABELS, 0, 7, 4,
         LABELS ": byte 4: 4 labels, where there are 3 images"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[2][sizeof images];
        size_t sizes[2] = {sizeof images, sizeof labels};
        memcpy(bytes[0], images, sizeof images);
        memcpy(bytes[1], labels, sizeof labels);
        if (rows[i].value >= 0) {
            bytes[rows[i].which][rows[i].at] = (unsigned char)rows[i].value;
        }
        if (rows[i].size) {
            sizes[rows[i].which] = rows[i].size;
        }
        scratch_write(LABELS, bytes[1], sizes[1]);
        ef_dataset_options options = {.data =
                                          scratch_write(IMAGES, bytes[0], sizes[0])};
        fails(&options, EF_ERR_INPUT, rows[i].expected, rows[i].name);
    }
}

Test(dataset_idx, more_labels_than_their_header_says_are_malformed)
{
    unsigned char bytes[sizeof labels + 1] = {0};
    memcpy(bytes, labels, sizeof labels);
    scratch_write(LABELS, bytes, sizeof bytes);
    ef_dataset_options options = {.data = scratch_write(IMAGES, images, sizeof images)};
    fails(&options, EF_ERR_INPUT, LABELS ": goes on after byte 11", "labels");
}

Test(dataset_idx, a_gzip_that_promises_too_much_is_refused_before_memory_is_taken)
{
    unsigned char bytes[sizeof images];
    memcpy(bytes, images, sizeof images);
    bytes[5] = 255;
    scratch_write(LABELS, labels, sizeof labels);
    ef_dataset_options options = {
        .data = scratch_write_gzip(IMAGES ".gz", bytes, sizeof bytes)};
    fails(&options, EF_ERR_INPUT, "more than the file can hold", "gzip");
}

Test(dataset_idx, missing_labels_are_named)
{
    ef_dataset_options options = {.data = scratch_write(IMAGES, images, sizeof images)};
    fails(&options, EF_ERR_IO, LABELS " or ", "plain");
    fails(&options, EF_ERR_IO, LABELS ".gz, are missing", "plain");
    options.data = scratch_write_gzip("g-images-idx3.gz", images, sizeof images);
    fails(&options, EF_ERR_IO, "g-labels-idx1 or ", "gzip");
}

Test(dataset_idx, the_labels_file_is_not_the_images)
{
    scratch_write(IMAGES, images, sizeof images);
    ef_dataset_options options = {.data = scratch_write(LABELS, labels, sizeof labels)};
    fails(&options, EF_ERR_USAGE, "name the file of the images", "labels");
}

Test(dataset_idx, folders_that_do_not_fit_together_are_refused)
{
    unsigned char tall[sizeof images];
    const char *folder = write_four();
    ef_dataset_options options = {.data = folder};
    memcpy(tall, images, sizeof images);
    tall[11] = 1;
    tall[15] = 4;
    scratch_write("four/t10k-images-idx3-ubyte", tall, sizeof tall);
    fails(&options, EF_ERR_INPUT, "images of 1x4, where the training images are 2x2",
          "other shape");
    scratch_write("four/train-images-idx3-ubyte.gz", images, sizeof images);
    fails(&options, EF_ERR_INPUT, "holds both train-images-idx3-ubyte and train-images",
          "two of them");
    scratch_write("three/t10k-images-idx3-ubyte", images, sizeof images);
    options.data = scratch_path("three");
    fails(&options, EF_ERR_INPUT, "has IDX images, but no train-images", "no training");
}

Test(dataset_idx, columns_mean_nothing_to_it)
{
    ef_dataset_options options = {.data = scratch_write(IMAGES, images, sizeof images),
                                  .label = "last"};
    scratch_write(LABELS, labels, sizeof labels);
    fails(&options, EF_ERR_USAGE, "--label means nothing to", "label");
}

Test(dataset_idx, each_failing_allocation_is_reported)
{
    ef_dataset_options options = {.data = write_four()};
    cr_assert_geq(fail_each_allocation(&options), 15);
    cr_assert_eq(loaded.n, 6);
    ef_dataset_clear(&loaded);
}

/* --- fashion ---------------------------------------------------------------- */

/* The sums of all values are those that numpy finds in the two files of images;
 * 7000 images of each class by arXiv:1708.07747. */
Test(dataset_fashion, fashion_is_debian_s_package)
{
    if (!ef_file_exists("/usr/share/datasets/fashion-mnist")) {
        cr_skip_test("dataset-fashion-mnist is not installed");
    }
    cr_assert_eq(load_path("fashion"), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 70000 && loaded.first_test == 60000 && loaded.height == 28 &&
              loaded.width == 28 && loaded.n_classes == 10 && loaded.is_named);
    cr_assert_str_eq(loaded.class_names[9], "ankle boot");
    uint64_t sum = 0;
    size_t counts[10] = {0};
    for (size_t i = 0; i < (size_t)60000 * 784; i++) {
        sum += loaded.bytes[i];
    }
    cr_assert_eq(sum, 3431114169);
    for (size_t i = (size_t)60000 * 784; i < (size_t)70000 * 784; i++) {
        sum += loaded.bytes[i];
    }
    cr_assert_eq(sum, 3431114169 + 573469082);
    for (size_t i = 0; i < 70000; i++) {
        counts[loaded.labels[i]]++;
    }
    for (size_t c = 0; c < 10; c++) {
        cr_assert_eq(counts[c], 7000);
    }
    ef_dataset_clear(&loaded);
}

Test(dataset_fashion, where_it_is_missing_the_package_is_named)
{
    ef_dataset_options options = {.data = "fashion", .system_dir = "/nowhere"};
    fails(
        &options, EF_ERR_IO,
        "fashion: /nowhere/fashion-mnist is missing: it comes with the Debian package "
        "dataset-fashion-mnist",
        "fashion");
}
