#include "base/text.h"

#include <criterion/criterion.h>
#include <float.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/rng.h"

Test(text_add, pieces_follow_each_other_past_every_capacity)
{
    ef_text text;
    ef_text_init(&text);
    for (int i = 0; i < 1000; i++) {
        ef_text_add(&text, "%03d,", i);
    }
    cr_assert_not(text.failed);
    cr_assert_eq(text.size, 4000);
    cr_assert_eq(strlen(text.bytes), 4000);
    cr_assert_str_eq(text.bytes + 3996, "999,");
    ef_text_clear(&text);
    cr_assert_null(text.bytes);
}

Test(text_add_quantity, people_read_it_and_the_same_bits_come_back)
{
    static const struct {
        double value;
        const char *unit, *expected;
    } rows[] = {
        {2e8, "Hz", "200 MHz"},
        {1e9 / 3, "Hz", "333.3333333333333 MHz"},
        {110592, "B", "108 KiB"},
        {64000, "B", "64 kB"},
        {1, "B", "1 B"},
        {160, "pJ/B", "160 pJ/B"},
        {0.0625, "pJ/B", "0.0625 pJ/B"},
        {4.8e8, "B/s", "480 MB/s"},
        {1e-7, "s", "100 ns"},
        {0, "s", "0 s"},
        {-1.5e-6, "s", "-1.5 us"},
        {4.1e-12, "J/MAC", "4.1 pJ/MAC"},
        {1e-20, "J", "1e-20 J"},
        {3e20, "J", "3e+20 J"},
        {250000, "J/MAC", "250 kJ/MAC"},
        {300, "B/cycle", "300 B/cycle"},
        {0.25, "B/cycle", "0.25 B/cycle"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ef_text text;
        double back = -1;
        ef_text_init(&text);
        ef_text_add_quantity(&text, rows[i].value, rows[i].unit);
        cr_expect_str_eq(text.bytes, rows[i].expected);
        cr_expect_eq(
            ef_parse_quantity(text.bytes, rows[i].unit, -DBL_MAX, DBL_MAX, &back, NULL),
            EF_OK);
        cr_expect_eq(back, rows[i].value, "%s", text.bytes);
        ef_text_clear(&text);
    }
}

/* Random bits, of numbers from 1e-14 to 1e14. */
Test(text_add_quantity, every_number_comes_back)
{
    ef_rng rng = ef_rng_stream(1, EF_PURPOSE_TEST, 0, 0, 0);
    for (size_t i = 0; i < 2000; i++) {
        double value = ef_rng_normal(&rng);
        for (uint64_t k = ef_rng_below(&rng, 15); k > 0; k--) {
            value = i % 2 ? value * 10 : value / 10;
        }
        ef_text text;
        double back = 0;
        ef_text_init(&text);
        ef_text_add_quantity(&text, value, "B/s");
        cr_assert_eq(
            ef_parse_quantity(text.bytes, "B/s", -DBL_MAX, DBL_MAX, &back, NULL), EF_OK,
            "%s", text.bytes);
        cr_expect_eq(back, value, "%s", text.bytes);
        ef_text_clear(&text);
    }
}

Test(text_add_bytes, bytes_may_be_nul)
{
    ef_text text;
    ef_text_init(&text);
    ef_text_add_bytes(&text, "a\0b", 3);
    ef_text_add_bytes(&text, "", 0);
    cr_assert_eq(text.size, 3);
    cr_assert_eq(memcmp(text.bytes, "a\0b", 4), 0);
    ef_text_clear(&text);
}

Test(text_add, a_failure_is_kept_until_the_end)
{
    ef_text text;
    ef_text_init(&text);
    ef_text_add(&text, "kept");
    ef_mem_fail_after(0);
    ef_text_add(&text, "%0500d", 1);
    ef_mem_fail_after(-1);
    ef_text_add(&text, "more");
    cr_assert(text.failed);
    cr_assert_str_eq(text.bytes, "kept");
    ef_text_clear(&text);
}
