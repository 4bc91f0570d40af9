/* An accelerator of small whole numbers, for sums by hand. */
#ifndef EF_TESTS_ACCELERATOR_HELP_H
#define EF_TESTS_ACCELERATOR_HELP_H

#include "objectives/accelerator.h"

/* 2 input by 4 output channels at a time, 4 lanes.  A cycle is 1 ns, and so is a byte
 * of external memory; the bus is twice as fast.  A transfer takes 5 ns of setup and
 * 10 ns of latency beside its bytes.  Nothing costs energy. */
ef_accelerator plain_accelerator(double buffer_bytes);

#endif
