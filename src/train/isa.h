/* The instruction set that training uses.  Its results depend on it: a run records
 * the name, and --isa caps it so that another machine can follow. */
#ifndef EF_TRAIN_ISA_H
#define EF_TRAIN_ISA_H

#include "base/status.h"

/* The one in effect: "avx2", "avx512_core", ...; "generic" where oneDNN knows none. */
const char *ef_isa_name(void);

/* Uses nothing beyond the one named: sse41, avx, avx2, avx2_vnni, avx512_core,
 * avx512_core_vnni, avx512_core_bf16, avx512_core_amx, or all.  A CPU that has less
 * uses what it has.  Only before the first training or ef_isa_name of the process.
 * EF_ERR_USAGE: no such name, or too late. */
EF_NODISCARD ef_status ef_isa_cap(const char *name, ef_error *err);

#endif
