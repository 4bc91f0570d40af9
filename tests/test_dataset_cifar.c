#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dataset_help.h"
#include "scratch.h"

TestSuite(dataset_cifar, .init = scratch_make, .fini = scratch_remove);

static unsigned char records[4 * 3074];

/* n records with labels of n_labels bytes, the fine one 9 - i; pixels count up. */
static size_t make_records(size_t n_labels, size_t n)
{
    unsigned char *to = records;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n_labels; k++) {
            *to++ = (unsigned char)(k + 1 < n_labels ? 19 : 9 - i);
        }
        for (size_t k = 0; k < 3072; k++) {
            *to++ = (unsigned char)(i + k * 7);
        }
    }
    return (size_t)(to - records);
}

static void assert_pixels(size_t image, size_t i)
{
    for (size_t k = 0; k < 3072; k++) {
        cr_assert_eq(loaded.bytes[image * 3072 + k], (unsigned char)(i + k * 7));
    }
}

Test(dataset_cifar, records_of_one_label_byte_are_cifar_10)
{
    size_t size = make_records(1, 3);
    cr_assert_eq(load_path(scratch_write("x.bin", records, size)), EF_OK, "%s",
                 load_error.text);
    cr_assert_str_eq(loaded.format, "CIFAR");
    cr_assert(loaded.n == 3 && loaded.channels == 3 && loaded.height == 32 &&
              loaded.width == 32 && loaded.n_classes == 10 && loaded.first_test == 3);
    cr_assert(loaded.labels[0] == 9 && loaded.labels[2] == 7);
    assert_pixels(2, 2);
    ef_dataset_clear(&loaded);
}

Test(dataset_cifar, records_of_two_label_bytes_are_cifar_100)
{
    size_t size = make_records(2, 3);
    cr_assert_eq(load_path(scratch_write("x.bin", records, size)), EF_OK, "%s",
                 load_error.text);
    cr_assert(loaded.n == 3 && loaded.n_classes == 100);
    cr_assert(loaded.labels[0] == 9 && loaded.labels[2] == 7);
    assert_pixels(2, 2);
    ef_dataset_clear(&loaded);
}

Test(dataset_cifar, a_folder_holds_training_and_test_images_and_names)
{
    size_t size = make_records(1, 2);
    scratch_write("c/data_batch_1.bin", records, size);
    scratch_write("c/test_batch.bin", records, size / 2);
    scratch_write("c/data_batch_2.bin", records, size);
    scratch_write_text("c/batches.meta.txt",
                       "airplane\nb\nc\nd\ne\nf\ng\nh\ni\ntruck\n\n");
    cr_assert_eq(load_path(scratch_path("c")), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 5 && loaded.first_test == 4);
    cr_assert_str_eq(loaded.class_names[0], "airplane");
    cr_assert_str_eq(loaded.class_names[9], "truck");
    assert_pixels(3, 1);
    assert_pixels(4, 0);
    ef_dataset_clear(&loaded);
}

Test(dataset_cifar, a_folder_of_cifar_100_has_two_files)
{
    size_t size = make_records(2, 2);
    scratch_write("c/train.bin", records, size);
    scratch_write("c/test.bin", records, size);
    cr_assert_eq(load_path(scratch_path("c")), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 4 && loaded.first_test == 2 && loaded.n_classes == 100);
    cr_assert_null(loaded.class_names);
    ef_dataset_clear(&loaded);
}

Test(dataset_cifar, truncated_records_are_malformed)
{
    size_t size = make_records(1, 3);
    ef_dataset_options options = {.data = scratch_write("x.bin", records, size - 5)};
    fails(&options, EF_ERR_INPUT,
          "x.bin: expected whole records of 3073 bytes (CIFAR-10), found 3068 bytes "
          "behind the last",
          "cut");
    options.data = scratch_write("train.bin", records, 100);
    fails(&options, EF_ERR_INPUT, "records of 3074 bytes (CIFAR-100), found 100",
          "100");
    options.data = scratch_write("empty.bin", records, 0);
    fails(&options, EF_ERR_INPUT, "empty.bin: is empty", "empty");
}

Test(dataset_cifar, labels_out_of_range_are_named_by_their_byte)
{
    size_t size = make_records(1, 3);
    records[2 * 3073] = 10;
    ef_dataset_options options = {.data = scratch_write("x.bin", records, size)};
    fails(&options, EF_ERR_INPUT,
          "x.bin: byte 6146: expected a CIFAR-10 label from 0 to 9, found 10", "10");
    size = make_records(2, 3);
    records[3074] = 20;
    options.data = scratch_write("x.bin", records, size);
    fails(&options, EF_ERR_INPUT,
          "x.bin: byte 3074: expected a CIFAR-100 label from 0 to 19, found 20",
          "coarse");
    make_records(2, 3);
    records[1] = 100;
    options.data = scratch_write("x.bin", records, size);
    fails(&options, EF_ERR_INPUT,
          "x.bin: byte 1: expected a CIFAR-100 label from 0 to 99, found 100", "fine");
}

Test(dataset_cifar, folders_that_lack_something_are_refused)
{
    size_t size = make_records(1, 1);
    ef_dataset_options options = {.data = scratch_path("c")};
    scratch_write("c/test_batch.bin", records, size);
    fails(&options, EF_ERR_INPUT, "has CIFAR's test images, but no training images",
          "test only");
    scratch_write("c/data_batch_1.bin", records, size);
    scratch_write_text("c/batches.meta.txt", "cat\ndog\n");
    fails(&options, EF_ERR_INPUT, "10 classes, but names for 2", "names");
    scratch_write("c/data_batch_2.bin", records, 0);
    fails(&options, EF_ERR_INPUT, "data_batch_2.bin: expected whole records", "empty");
}

Test(dataset_cifar, each_failing_allocation_is_reported)
{
    size_t size = make_records(1, 2);
    scratch_write("c/data_batch_1.bin", records, size);
    scratch_write("c/test_batch.bin", records, size);
    scratch_write_text("c/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    ef_dataset_options options = {.data = scratch_path("c")};
    cr_assert_geq(fail_each_allocation(&options), 20);
    cr_assert_eq(loaded.n, 4);
    ef_dataset_clear(&loaded);
}

/* Counts of the labels and sum of all values as numpy.fromfile reads them. */
Test(dataset_cifar, real_test_images_are_read)
{
    static const size_t expected[10] = {103, 89, 100, 103, 90, 86, 112, 102, 106, 109};
    const char *models = getenv("EF_TEST_MODELS");
    char path[1024];
    snprintf(path, sizeof path, "%s/data/cifar10-test-1000.bin", models ? models : "");
    if (!ef_file_exists(path)) {
        cr_skip_test("cifar10-test-1000.bin is not there");
    }
    cr_assert_eq(load_path(path), EF_OK, "%s", load_error.text);
    cr_assert(loaded.n == 1000 && loaded.n_classes == 10);
    size_t counts[10] = {0}, sum = 0;
    for (size_t i = 0; i < 1000; i++) {
        counts[loaded.labels[i]]++;
    }
    for (size_t i = 0; i < 1000 * 3072; i++) {
        sum += loaded.bytes[i];
    }
    cr_assert_eq(memcmp(counts, expected, sizeof counts), 0);
    cr_assert_eq(sum, 374560331);
    cr_assert_eq(memcmp(loaded.bytes + 999 * 3072, "\xaf\xb0\xb5\xb8", 4), 0);
    ef_dataset_clear(&loaded);
}
