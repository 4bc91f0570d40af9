/* What models get wrong: evoflip score --accuracy. */
#ifndef EF_CMD_ACCURACY_H
#define EF_CMD_ACCURACY_H

#include "cmd/command.h"

/* Runs the call's operands over --data and prints what came out.  EF_ERR_USAGE: an
 * operand without weights, an output that exists.  EF_ERR_INPUT: the data do not fit a
 * model, or the part is empty.  What reading models and data fails with. */
EF_NODISCARD ef_status ef_accuracy_print(const ef_call *call, ef_error *err);

#endif
