/* Standard output: written, flushed, checked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

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
