/* Where results go: standard output, checked, and tables in files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cmd/command.h"

/* A reader that went away (`| head`) needs no words. */
static ef_status write_failed(int number, ef_error *err)
{
    if (number == EPIPE) {
        return ef_error_set(err, EF_ERR_IO, "%s", "");
    }
    return ef_error_set(err, EF_ERR_IO, "standard output: cannot write: %s",
                        number ? strerror(number) : "unknown error");
}

ef_status ef_print_text(ef_text *text, ef_error *err)
{
    ef_status status = EF_OK;
    errno = 0;
    if (text->failed) {
        status = ef_error_memory(err);
    } else if (text->size > 0 &&
               fwrite(text->bytes, 1, text->size, stdout) != text->size) {
        status = write_failed(errno, err);
    }
    ef_text_clear(text);
    return status;
}

ef_status ef_stdout_close(ef_error *err)
{
    int failed = ferror(stdout);
    errno = 0;
    return fclose(stdout) != 0 || failed ? write_failed(errno, err) : EF_OK;
}

static ef_status write_csv(const char *path, int force, const ef_table *table,
                           ef_error *err)
{
    ef_text text = {0};
    ef_table_write_csv(table, &text);
    if (strcmp(path, "-") == 0) {
        return ef_print_text(&text, err);
    }
    ef_status status = text.failed
                           ? ef_error_memory(err)
                           : ef_file_write(path, force, text.bytes, text.size, err);
    ef_text_clear(&text);
    return status;
}

ef_status ef_call_print_report(const ef_call *call, const ef_table *table,
                               ef_text *text, ef_error *err)
{
    const ef_common *common = ef_call_common(call);
    ef_status status =
        common->csv ? write_csv(common->csv, common->force, table, err) : EF_OK;
    if (status || common->json || (common->csv && strcmp(common->csv, "-") == 0)) {
        ef_text_clear(text);
    }
    if (status == EF_OK && common->json) {
        ef_table_write_json(table, text);
    }
    return status ? status : ef_print_text(text, err);
}

ef_status ef_call_print_table(const ef_call *call, const ef_table *table, ef_error *err)
{
    ef_text text = {0};
    ef_table_print(table, &text);
    return ef_call_print_report(call, table, &text, err);
}
