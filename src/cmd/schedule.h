/* evoflip score --schedule: what an accelerator does when, layer by layer. */
#ifndef EF_CMD_SCHEDULE_H
#define EF_CMD_SCHEDULE_H

#include "cmd/command.h"

/* Prints the schedule of the call's one operand on --hardware, and draws --svg.
 * EF_ERR_USAGE: no --hardware, more operands than one, a picture that exists or has
 * another ending; those of reading the files, of ef_tasks_create, of the outputs. */
EF_NODISCARD ef_status ef_schedule_print(const ef_call *call, ef_error *err);

#endif
