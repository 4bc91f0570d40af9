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

static ef_status read_window(ef_reader *reader, ef_pool *pool)
{
    if (!ef_reader_attribute(reader->node, "kernel_shape")) {
        return ef_reader_refuse(reader, EF_ERR_INPUT, "it has no kernel_shape");
    }
    ef_status status = ef_reader_demand_text(reader, "auto_pad", "NOTSET");
    status = status ? status : ef_reader_demand_int(reader, "storage_order", 0);
    status = status ? status : ef_reader_uint(reader, "ceil_mode", &pool->ceil_mode);
    status =
        status ? status
               : ef_reader_uint(reader, "count_include_pad", &pool->count_include_pad);
    status = status ? status : ef_reader_uints(reader, "kernel_shape", pool->kernel, 2);
    status = status ? status : ef_reader_uints(reader, "strides", pool->stride, 2);
    status = status ? status : ef_reader_uints(reader, "pads", pool->pad, 4);
    return status ? status : ef_reader_uints(reader, "dilations", pool->dilation, 2);
}

/* Two numbers, as the writer notes them. */
static int parse_ends(const char *text, uint32_t ends[2])
{
    int used = 0;
    return sscanf(text, "%7" SCNu32 " %7" SCNu32 "%n", &ends[0], &ends[1], &used) ==
               2 &&
           text[used] == '\0';
}

/* Takes back what write_unusual did. */
static ef_status restore(ef_reader *reader, ef_pool *pool, const Onnx__NodeProto *part)
{
    const char *note = ef_reader_metadata(reader, EF_ONNX_CEIL_KEY, reader->node->name);
    if (!note) {
        return EF_OK;
    }
    int64_t pads[8] = {0};
    if (part) {
        const Onnx__NodeProto *own = reader->node;
        reader->node = part;
        ef_status status = ef_reader_integers(reader, 1, pads, 8);
        reader->node = own;
        if (status) {
            return status;
        }
        pool->pad[0] = (uint32_t)pads[2];
        pool->pad[1] = (uint32_t)pads[3];
        pool->count_include_pad = 1;
    }
    pool->ceil_mode = 1;
    if (!parse_ends(note, pool->pad + 2)) {
        return ef_reader_refuse(reader, EF_ERR_INPUT,
                                "%s%s holds '%.40s', not two numbers", EF_ONNX_CEIL_KEY,
                                reader->node->name, note);
    }
    return EF_OK;
}

static ef_status read_pool(ef_reader *reader, ef_op op)
{
    ef_node node = ef_node_default(op);
    node.u.pool = (ef_pool){.stride = {1, 1}, .dilation = {1, 1}};
    const Onnx__NodeProto *part = ef_reader_part(reader, 0);
    ef_status status = EF_OK;
    if (part) {
        const Onnx__NodeProto *own = reader->node;
        reader->node = part;
        status = ef_reader_source(reader, 0, &node.inputs[0]);
        reader->node = own;
    } else {
        status = ef_reader_source(reader, 0, &node.inputs[0]);
    }
    node.n_inputs = 1;
    status = status ? status : read_window(reader, &node.u.pool);
    status = status ? status : restore(reader, &node.u.pool, part);
    return status ? status : ef_reader_make(reader, &node);
}

ef_status ef_onnx_read_maxpool(ef_reader *reader)
{
    return read_pool(reader, EF_OP_MAXPOOL);
}

ef_status ef_onnx_read_avgpool(ef_reader *reader)
{
    return read_pool(reader, EF_OP_AVGPOOL);
}

static ef_status read_global(ef_reader *reader, ef_op op)
{
    ef_node node = ef_node_default(op);
    ef_status status = ef_reader_source(reader, 0, &node.inputs[0]);
    node.n_inputs = 1;
    return status ? status : ef_reader_make(reader, &node);
}

ef_status ef_onnx_read_globalavg(ef_reader *reader)
{
    return read_global(reader, EF_OP_GLOBALAVG);
}

ef_status ef_onnx_read_globalmax(ef_reader *reader)
{
    return read_global(reader, EF_OP_GLOBALMAX);
}

void ef_onnx_write_global(ef_writer *writer)
{
    int is_average = writer->node->op == EF_OP_GLOBALAVG;
    ef_writer_sources(
        writer,
        ef_writer_add(writer, is_average ? "GlobalAveragePool" : "GlobalMaxPool", ""));
}
