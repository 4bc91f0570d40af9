/* Tables of confusion, counted by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "report/confusion.h"

static void expect(const uint16_t *truth, const uint16_t *predicted, size_t n,
                   size_t n_classes, char *const *names, const char *expected)
{
    ef_text text = {0};
    ef_confusion_print(truth, predicted, n, n_classes, names, &text);
    cr_assert_not(text.failed);
    cr_expect_str_eq(text.bytes, expected);
    ef_text_clear(&text);
}

Test(confusion_print, a_row_is_a_true_class_and_a_column_the_class_it_was_given)
{
    static const uint16_t truth[] = {2, 0, 0, 2, 2, 0, 2, 0};
    static const uint16_t predicted[] = {2, 0, 1, 0, 2, 0, 2, 0};
    expect(truth, predicted, 8, 3, NULL,
           "true class  0  1  2  images  recall (%)\n"
           "0           3  1  0       4          75\n"
           "1           0  0  0       0           -\n"
           "2           1  0  3       4          75\n");
}

Test(confusion_print, classes_have_their_names)
{
    static char cat[] = "cat", dog[] = "dog";
    static char *const names[] = {cat, dog};
    static const uint16_t truth[] = {1, 1, 1}, predicted[] = {0, 1, 1};
    expect(truth, predicted, 3, 2, names,
           "true class  cat  dog  images  recall (%)\n"
           "cat           0    0       0           -\n"
           "dog           1    2       3       66.67\n");
}

/* Class 3 of 21: once right, twice taken for 20, twice for 4. */
Test(confusion_print, many_classes_tell_their_most_frequent_error)
{
    static const uint16_t truth[] = {3, 3, 3, 3, 3, 20};
    static const uint16_t predicted[] = {20, 4, 3, 20, 4, 20};
    ef_text text = {0};
    ef_confusion_print(truth, predicted, 6, EF_CONFUSION_COLUMNS + 1, NULL, &text);
    cr_assert_not(text.failed);
    cr_expect(strstr(text.bytes, "true class  most often mistaken for  times  images  "
                                 "recall (%)\n"));
    cr_expect(strstr(text.bytes,
                     "\n2           -                            0       0  "
                     "         -\n"));
    cr_expect(strstr(text.bytes,
                     "\n3           4                            2       5  "
                     "        20\n"));
    cr_expect(strstr(text.bytes,
                     "\n20          -                            0       1  "
                     "       100\n"));
    ef_text_clear(&text);
}

Test(confusion_print, as_many_classes_as_there_can_be_take_memory_for_the_images_only)
{
    static const uint16_t truth[] = {65534}, predicted[] = {0};
    ef_text text = {0};
    ef_confusion_print(truth, predicted, 1, 65535, NULL, &text);
    cr_assert_not(text.failed);
    cr_expect(strstr(text.bytes,
                     "\n65534       0                            1       1  "
                     "         0\n"));
    ef_text_clear(&text);
}

/* Of 8 changes 5 are of the dog; the diagonal is not read. */
Test(confusion_print_changes, a_row_is_a_class_and_a_column_what_it_became)
{
    static char cat[] = "cat", dog[] = "dog", eel[] = "eel";
    static char *const names[] = {cat, dog, eel};
    static const uint64_t changes[] = {99, 2, 1, 5, 0, 0, 0, 0, 7};
    ef_text text = {0};
    ef_confusion_print_changes(changes, 3, names, &text);
    cr_assert_not(text.failed);
    cr_expect_str_eq(text.bytes, "class  cat  dog  eel  changes  share (%)\n"
                                 "cat      -    2    1        3       37.5\n"
                                 "dog      5    -    0        5       62.5\n"
                                 "eel      0    0    -        0          0\n");
    ef_text_clear(&text);
}

Test(confusion_print_changes, of_many_classes_those_that_change_tell_what_they_become)
{
    enum { N = EF_CONFUSION_COLUMNS + 1 };
    static uint64_t changes[N * N];
    ef_text text = {0};
    changes[3 * N + 4] = 2;
    changes[3 * N + 20] = 2;
    changes[20 * N] = 4;
    ef_confusion_print_changes(changes, N, NULL, &text);
    cr_assert_not(text.failed);
    cr_expect_str_eq(text.bytes,
                     "class  most often becomes  times  changes  share (%)\n"
                     "3      4                       2        4         50\n"
                     "20     0                       4        4         50\n");
    ef_text_clear(&text);
}

Test(confusion_print_changes, without_changes_no_share_is_known)
{
    static const uint64_t changes[4] = {0};
    ef_text text = {0};
    ef_confusion_print_changes(changes, 2, NULL, &text);
    cr_assert_not(text.failed);
    cr_expect(strstr(text.bytes, "1      0  -        0          -\n"), "%s",
              text.bytes);
    ef_text_clear(&text);
    ef_mem_fail_after(0);
    ef_confusion_print_changes(changes, 2, NULL, &text);
    ef_mem_fail_after(-1);
    cr_expect(text.failed);
    ef_text_clear(&text);
}

Test(confusion_print, short_memory_is_told)
{
    static const uint16_t truth[] = {0, 1}, predicted[] = {0, 0};
    int failures = 0;
    for (long n = 0; n < 60; n++) {
        ef_text text = {0};
        ef_mem_fail_after(n);
        ef_confusion_print(truth, predicted, 2, 2, NULL, &text);
        ef_mem_fail_after(-1);
        failures += text.failed;
        ef_text_clear(&text);
    }
    cr_expect(failures > 10 && failures < 60, "%d", failures);
}
