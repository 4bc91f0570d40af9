#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"

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
