/* What a search leaves behind beside its run file: front.csv and models. */
#ifndef EF_STUDY_OUTPUT_H
#define EF_STUDY_OUTPUT_H

#include "base/status.h"
#include "base/text.h"
#include "store/store.h"
#include "study/front.h"

/* The front as CSV behind lines that name version, seed and configuration; no path, no
 * time and no number of threads, so that equal runs give equal bytes. */
EF_NODISCARD ef_status ef_output_csv(const ef_front *front, ef_store *store, int all,
                                     ef_text *text, ef_error *err);

/* front.csv and models/ID.onnx for each member, replacing what an earlier state of the
 * run left there; a model that is no longer on the front is removed. */
EF_NODISCARD ef_status ef_output_front(const ef_front *front, ef_store *store,
                                       const char *dir, ef_error *err);

#endif
