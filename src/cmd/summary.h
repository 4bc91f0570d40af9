/* What is in models, topologies and data: evoflip score --summary. */
#ifndef EF_CMD_SUMMARY_H
#define EF_CMD_SUMMARY_H

#include "cmd/command.h"

/* Prints a few lines on --data, where it is given, and on each operand.  What reading
 * these fails with. */
EF_NODISCARD ef_status ef_summary_print(const ef_call *call, ef_error *err);

#endif
