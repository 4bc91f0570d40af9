/* What the command line says of how objectives are computed. */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/common.h"

ef_status ef_common_read_text(const char *path, char **text, ef_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    ef_status status = ef_file_read(path, (size_t)1 << 24, &bytes, &size, err);
    if (!status && strlen((char *)bytes) != size) {
        ef_free(bytes);
        return ef_error_set(err, EF_ERR_INPUT, "%s: not a text: a byte 0 in it", path);
    }
    *text = status ? *text : (char *)bytes;
    return status;
}

ef_status ef_common_scoring(const ef_common *common, ef_scoring *scoring, ef_error *err)
{
    char *hardware = NULL, *constants = NULL;
    ef_status status = EF_OK;
    if (common->hardware) {
        status = ef_common_read_text(common->hardware, &hardware, err);
    }
    if (!status && common->constants) {
        status = ef_common_read_text(common->constants, &constants, err);
    }
    if (!status) {
        ef_scoring_texts texts = {common->hardware, hardware, common->constants,
                                  constants};
        status = ef_scoring_init(scoring, &common->format, &texts, err);
    }
    ef_free(hardware);
    ef_free(constants);
    return status;
}
