/* libFuzzer's part of the fuzz target: how it comes from one model to the next. */
#include "fuzz_onnx.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    ef_rng rng = ef_rng_stream(seed, EF_PURPOSE_TEST, 0, 0, 0);
    return size == 0 || ef_rng_below(&rng, 3) == 0
               ? LLVMFuzzerMutate(bytes, size, room)
               : mutate_model(bytes, size, room, &rng);
}
