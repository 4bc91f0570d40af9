/* Tiles of a layer: what fits the buffer, how long it takes, which is best.  What a
 * tile is, and which are compared, is told in objectives/tasks.h. */
#ifndef EF_OBJECTIVES_TILING_H
#define EF_OBJECTIVES_TILING_H

#include <stddef.h>
#include <stdint.h>

#include "objectives/accelerator.h"
#include "objectives/workload.h"

/* Times are whole numbers of these. */
#define EF_PS_PER_S 1e12

typedef struct ef_tile {
    uint32_t groups, outputs, inputs, rows; /* g, k, c, r */
    int rows_inside;                        /* weights stay */
} ef_tile;

/* A layer, once it is known what is kept. */
typedef struct ef_tiling {
    const ef_accelerator *accelerator;
    const ef_layer *layer;
    double operand_bits;   /* ef_operand_bits */
    uint32_t n_loads;      /* inputs that are not kept */
    double input_bits;     /* of these */
    uint32_t output_width; /* bits of an element; 0: kept */
    double room;           /* bits of the buffer */
} ef_tiling;

typedef struct ef_tile_cost {
    double time_ps; /* an estimate */
    double bits;    /* of traffic */
} ef_tile_cost;

/* The least cost; 0 where no tile fits. */
int ef_tiling_choose(const ef_tiling *tiling, ef_tile *tile, ef_tile_cost *cost);
/* Bits of the buffer that the tile takes. */
double ef_tiling_needs(const ef_tiling *tiling, const ef_tile *tile);

/* Input rows that output rows [begin, end) need, without those of the padding and those
 * that a stride longer than the kernel skips. */
double ef_tile_rows(const ef_layer *layer, uint32_t begin, uint32_t end);
/* Those that all bands of r output rows fetch: what two bands need, twice. */
double ef_tile_rows_fetched(const ef_layer *layer, uint32_t r);
/* The cycles of the array. */
double ef_tile_cycles(const ef_accelerator *accelerator, const ef_layer *layer,
                      const ef_tile *tile);
/* Whole ps of the unit that computes the layer, and of the buffer. */
double ef_tile_unit_ps(const ef_tiling *tiling, const ef_tile *tile);
double ef_tile_buffer_ps(const ef_tiling *tiling, const ef_tile *tile);

/* Whole ps, rounded up; what lies above a whole number by rounding alone is that. */
double ef_whole_ps(double time_s);

/* ps of a transfer: all three whole. */
typedef struct ef_transfer_ps {
    double setup, dram, bus;
} ef_transfer_ps;
/* n transfers of bits in all. */
ef_transfer_ps ef_transfer_time(const ef_accelerator *accelerator, double n,
                                double bits);

#endif
