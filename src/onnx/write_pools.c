/* Pooling.  ONNX's ceil mode adds a window even where it would begin in the padding
 * behind the input, which a topology's does not, and runtimes differ in what an
 * average that counts padding divides by where its window hangs over the padding.
 * Such pools are written without ceil mode, their padding at the end widened by as
 * much as windows hang over; where padding counts, it becomes a node of its own.  The
 * metadata keep the padding that they had. */
#include "onnx/operators.h"

#include <inttypes.h>
#include <stdio.h>

/* How far the last window hangs over the padded input; negative: rows that no window
 * reaches. */
static int64_t overhang(const ef_pool *pool, size_t axis, uint32_t size, uint32_t out)
{
    int64_t reach = (int64_t)pool->dilation[axis] * (pool->kernel[axis] - 1) + 1;
    int64_t padded = (int64_t)size + pool->pad[axis] + pool->pad[axis + 2];
    return (int64_t)(out - 1) * pool->stride[axis] + reach - padded;
}

/* In ONNX's ceil mode the windows reach to the end of the padded input. */
static int is_usual(const ef_pool *pool, const int64_t over[2])
{
    return !pool->ceil_mode ||
           (over[0] >= 0 && over[1] >= 0 &&
            !(pool->count_include_pad && (over[0] > 0 || over[1] > 0)));
}

static void write_window(ef_writer *writer, Onnx__NodeProto *to, const ef_pool *pool)
{
    ef_writer_int(writer, to, "ceil_mode", pool->ceil_mode);
    if (writer->node->op == EF_OP_AVGPOOL) {
        ef_writer_int(writer, to, "count_include_pad", pool->count_include_pad);
    } else {
        ef_writer_ints(writer, to, "dilations", pool->dilation, 2);
    }
    ef_writer_ints(writer, to, "kernel_shape", pool->kernel, 2);
    ef_writer_ints(writer, to, "pads", pool->pad, 4);
    ef_writer_ints(writer, to, "strides", pool->stride, 2);
}

/* The padding as a node; returns the value to pool. */
static char *write_padding(ef_writer *writer, const ef_pool *pool)
{
    const float zero = 0;
    const int64_t pads[8] = {0, 0, pool->pad[0], pool->pad[1],
                             0, 0, pool->pad[2], pool->pad[3]};
    Onnx__NodeProto *pad = ef_writer_add(writer, "Pad", "#pad");
    ef_writer_sources(writer, pad);
    ef_writer_integers(writer, pad, "pads", pads, 8);
    ef_writer_floats(writer, pad, "value", &zero, NULL, 0);
    ef_writer_text(writer, pad, "mode", "constant");
    return ef_writer_output(pad);
}

/* Writes what reads the pool's input and changes pool to what remains. */
static char *write_unusual(ef_writer *writer, ef_pool *pool, const int64_t over[2])
{
    char ends[32];
    int hangs = over[0] > 0 || over[1] > 0;
    char *source = ef_writer_source(writer, 0);
    snprintf(ends, sizeof ends, "%" PRIu32 " %" PRIu32, pool->pad[2], pool->pad[3]);
    ef_writer_note(writer, EF_ONNX_CEIL_KEY, ends);
    pool->ceil_mode = 0;
    if (pool->count_include_pad && hangs) {
        source = write_padding(writer, pool);
        pool->count_include_pad = 0;
        pool->pad[0] = pool->pad[1] = pool->pad[2] = pool->pad[3] = 0;
    }
    for (size_t axis = 0; axis < 2; axis++) {
        pool->pad[axis + 2] += over[axis] > 0 ? (uint32_t)over[axis] : 0;
    }
    return source;
}

void ef_onnx_write_pool(ef_writer *writer)
{
    ef_pool pool = writer->node->u.pool;
    const int64_t over[2] = {overhang(&pool, 0, writer->in.height, writer->out.height),
                             overhang(&pool, 1, writer->in.width, writer->out.width)};
    char *source = is_usual(&pool, over) ? ef_writer_source(writer, 0)
                                         : write_unusual(writer, &pool, over);
    const char *op_type = writer->node->op == EF_OP_AVGPOOL ? "AveragePool" : "MaxPool";
    Onnx__NodeProto *to = ef_writer_add(writer, op_type, "");
    ef_writer_input(writer, to, source);
    write_window(writer, to, &pool);
}

void ef_onnx_write_global(ef_writer *writer)
{
    int is_average = writer->node->op == EF_OP_GLOBALAVG;
    ef_writer_sources(
        writer,
        ef_writer_add(writer, is_average ? "GlobalAveragePool" : "GlobalMaxPool", ""));
}
