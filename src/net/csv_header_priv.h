/* The comments at the head of a CSV data set that say what its columns are:
 *
 *     # shape: 1x8x8  label: last  range: 0..16  classes: 10
 *
 * A comment that does not begin with one of the keys is a remark. */
#ifndef EF_NET_CSV_HEADER_PRIV_H
#define EF_NET_CSV_HEADER_PRIV_H

#include "base/status.h"
#include "net/dataset_priv.h"

#define EF_CSV_HEADER_LIST(X)                                                          \
    X(SHAPE, "shape")                                                                  \
    X(LABEL, "label")                                                                  \
    X(GROUP, "group")                                                                  \
    X(RANGE, "range")                                                                  \
    X(CLASSES, "classes")                                                              \
    X(NAMES, "names")

typedef enum ef_csv_header_key {
#define X(key, name) EF_CSV_HEADER_##key,
    EF_CSV_HEADER_LIST(X)
#undef X
        EF_CSV_HEADER_COUNT
} ef_csv_header_key;

typedef struct ef_csv_header {
    char *texts[EF_CSV_HEADER_COUNT]; /* NULL: not given */
    ef_setting settings[EF_CSV_HEADER_COUNT];
} ef_csv_header;

/* EF_ERR_INPUT: an unknown key behind a known one, a key without a value, a key
 * given twice. */
EF_NODISCARD ef_status ef_csv_header_add(ef_csv_header *header, const char *comment,
                                         ef_place place, ef_error *err);
void ef_csv_header_clear(ef_csv_header *header);

#endif
