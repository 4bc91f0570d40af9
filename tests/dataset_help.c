#include "dataset_help.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"

ef_dataset loaded;
ef_error load_error;

ef_status load(const ef_dataset_options *options)
{
    ef_dataset_clear(&loaded);
    ef_error_clear(&load_error);
    return ef_dataset_load(&loaded, options, &load_error);
}

ef_status load_path(const char *path)
{
    ef_dataset_options options = {.data = path};
    return load(&options);
}

static int is_zero(const ef_dataset *set)
{
    static const ef_dataset zero;
    return memcmp(set, &zero, sizeof zero) == 0;
}

void fails(const ef_dataset_options *options, ef_status status, const char *text,
           const char *row)
{
    ef_status found = load(options);
    cr_assert_eq(found, status, "%s: %s: %s", row, ef_status_name(found),
                 load_error.text);
    cr_assert(strstr(load_error.text, text), "%s: expected `%s`, found `%s`", row, text,
              load_error.text);
    cr_assert_null(strchr(load_error.text, '\n'));
    cr_assert(is_zero(&loaded), "%s", row);
}

long fail_each_allocation(const ef_dataset_options *options)
{
    for (long n = 0;; n++) {
        ef_mem_fail_after(n);
        ef_status status = load(options);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            return n;
        }
        cr_assert_eq(status, EF_ERR_MEMORY, "allocation %ld: %s", n, load_error.text);
        cr_assert(is_zero(&loaded));
    }
}
