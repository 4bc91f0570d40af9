#include "objectives/scoring.h"

#include <string.h>

ef_status ef_scoring_init(ef_scoring *scoring, const ef_format *format,
                          const ef_scoring_texts *texts, ef_error *err)
{
    ef_scoring read = {.context.format = *format};
    ef_status status = EF_OK;
    if (texts->hardware) {
        status = ef_accelerator_parse(&read.accelerator, texts->hardware_name,
                                      texts->hardware, strlen(texts->hardware), err);
    }
    if (!status && texts->constants) {
        status = ef_constants_parse(&read.constants, texts->constants_name,
                                    texts->constants, strlen(texts->constants), err);
    }
    if (status) {
        return status;
    }
    *scoring = read;
    scoring->context.accelerator = texts->hardware ? &scoring->accelerator : NULL;
    scoring->context.constants = texts->constants ? &scoring->constants : NULL;
    return EF_OK;
}
