/* The data of a call, and models that run on a part of them. */
#ifndef EF_CMD_SUBJECT_H
#define EF_CMD_SUBJECT_H

#include "cmd/command.h"
#include "cmd/model.h"
#include "net/normalisation.h"
#include "net/split.h"
#include "onnx/onnx.h"

/* Of one call; --data is the digits where nothing is said. */
typedef struct ef_testbed {
    const ef_call *call;
    const ef_common *common;
    ef_dataset set;
    char hash[EF_MODEL_HASH_SIZE];
    ef_split split;
    ef_normalisation norm; /* where the call says one */
} ef_testbed;

/* What loading data and parsing their options fails with; to be cleared all the same.
 */
EF_NODISCARD ef_status ef_testbed_load(ef_testbed *bed, const ef_call *call,
                                       ef_error *err);
void ef_testbed_clear(ef_testbed *bed);
/* True where it depends on the seed which images the part has. */
int ef_testbed_is_drawn(const ef_testbed *bed);

/* One model on its part of the data. */
typedef struct ef_subject {
    const char *path;
    ef_net *net;
    ef_onnx_metadata metadata;
    const ef_normalisation *norm; /* NULL: the model takes raw values */
    uint64_t seed;                /* of the parts: the model's own where it names one */
    ef_parts *parts;
    ef_part part;    /* not empty */
    uint16_t *truth; /* (part.n) labels */
} ef_subject;

/* *subject is zeroed before, and cleared all the same where this fails.  Notes what a
 * user should know of the images on stderr.  purpose: what a model is needed for.
 * EF_ERR_USAGE: path is no model.  EF_ERR_INPUT: the data do not fit it, the part is
 * empty.  What reading a model fails with. */
EF_NODISCARD ef_status ef_subject_load(ef_subject *subject, const ef_testbed *bed,
                                       const char *path, const char *purpose,
                                       ef_error *err);
void ef_subject_clear(ef_subject *subject);
/* "digits, test part of seed 1" */
void ef_subject_describe(const ef_subject *subject, const ef_testbed *bed,
                         ef_text *text);

#endif
