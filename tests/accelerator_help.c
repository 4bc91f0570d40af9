#include "accelerator_help.h"

ef_accelerator plain_accelerator(double buffer_bytes)
{
    return (ef_accelerator){
        .name = "plain",
        .clock_hz = 1e9,
        .rows = {2, 1, {EF_LOOP_INPUT_CHANNEL}},
        .columns = {4, 1, {EF_LOOP_OUTPUT_CHANNEL}},
        .n_inner = 2,
        .inner = {EF_LOOP_OUTPUT_ROW, EF_LOOP_OUTPUT_COLUMN},
        .lanes = 4,
        .buffer_bytes = buffer_bytes,
        .buffer_bytes_per_cycle = 1000,
        .dram_bytes_per_s = 1e9,
        .dram_latency_s = 10e-9,
        .bus_bytes_per_s = 2e9,
        .dma_setup_s = 5e-9,
        .sync_s = 3e-9,
        .macs = {{8, 0, 0}, {16, 0, 0}, {32, 1, 0}},
        .n_macs = 3,
    };
}
