/* The reader of models on bytes of any kind. */
#ifndef EF_TESTS_FUZZ_ONNX_H
#define EF_TESTS_FUZZ_ONNX_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

/* Reads size bytes as a model.  They are refused in one line, or make a network that
 * can be written, reads back as the same, and, where it is small, computes the same by
 * both executions.  Whatever else happens ends the program by abort().  Returns 0, as
 * libFuzzer asks; n_read_models counts the networks. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
extern size_t n_read_models;

/* Changes size bytes, of at most room, into those of a model that is a little
 * different, most often still one by its wire format; returns the new size.  As bytes:
 * bits, cuts, splices of its own parts, lengths.  As a model: numbers, names and
 * operators exchanged, fields and elements dropped, doubled and swapped. */
size_t mutate_bytes(unsigned char *bytes, size_t size, size_t room, ef_rng *rng);
size_t mutate_model(unsigned char *bytes, size_t size, size_t room, ef_rng *rng);

#endif
