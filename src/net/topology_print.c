/* A topology as a table for people. */
#include "net/topology.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "net/topology_keys_priv.h"

enum { NODE, OPERATION, FROM, OUTPUT, PARAMS, MACS, FORMATS, N_COLUMNS };

#define CELL_SIZE 128
#define WIDEST 48 /* of a column; a longer text moves the rest of its row */

static const struct {
    const char *head;
    int is_number;
} columns[N_COLUMNS] = {
    {"node", 0},    {"operation", 0},  {"from, if not above", 0},
    {"output", 0},  {"parameters", 1}, {"MACs", 1},
    {"formats", 0},
};

typedef struct row {
    char cells[N_COLUMNS][CELL_SIZE];
} row;

static void add(char cell[CELL_SIZE], const char *format, ...) EF_PRINTF(2, 3);

/* Adds to a cell; what does not fit is cut. */
static void add(char cell[CELL_SIZE], const char *format, ...)
{
    size_t used = strlen(cell);
    va_list args;
    va_start(args, format);
    vsnprintf(cell + used, CELL_SIZE - used, format, args);
    va_end(args);
}

/* A name and one number, or two that differ. */
static void add_pair(char *cell, const char *what, const uint32_t pair[2])
{
    add(cell, " %s %u", what, pair[0]);
    if (pair[0] != pair[1]) {
        add(cell, "x%u", pair[1]);
    }
}

static void add_sides(char *cell, const uint32_t pad[4])
{
    if (pad[0] == pad[2] && pad[1] == pad[3]) {
        if (pad[0] || pad[1]) {
            add_pair(cell, "pad", pad);
        }
    } else {
        add(cell, " pad %u,%u,%u,%u", pad[0], pad[1], pad[2], pad[3]);
    }
}

static void add_window(char *cell, const uint32_t kernel[2], const uint32_t stride[2],
                       const uint32_t dilation[2], const uint32_t pad[4])
{
    add(cell, " %ux%u", kernel[0], kernel[1]);
    if (stride[0] != 1 || stride[1] != 1) {
        add_pair(cell, "stride", stride);
    }
    if (dilation[0] != 1 || dilation[1] != 1) {
        add_pair(cell, "dilation", dilation);
    }
    add_sides(cell, pad);
}

static void describe_conv(const ef_node *node, ef_shape in, char *cell)
{
    (void)in;
    const ef_conv *conv = &node->u.conv;
    add_window(cell, conv->kernel, conv->stride, conv->dilation, conv->pad);
    if (conv->groups != 1) {
        add(cell, " groups %u", conv->groups);
    }
}

static void describe_pool(const ef_node *node, ef_shape in, char *cell)
{
    (void)in;
    const ef_pool *pool = &node->u.pool;
    add_window(cell, pool->kernel, pool->stride, pool->dilation, pool->pad);
    add(cell, "%s%s", pool->ceil_mode ? " ceil" : "",
        pool->count_include_pad ? " count-pad" : "");
}

static void describe_activation(const ef_node *node, ef_shape in, char *cell)
{
    (void)in;
    const ef_word *word = ef_word_of(node);
    cell[0] = '\0';
    add(cell, "%s", word->name);
    if (word->value.layout) {
        for (size_t i = 0; i < word->value.layout->n; i++) {
            add(cell, " %g",
                (double)(i ? node->u.activation.high : node->u.activation.low));
        }
    }
}

static const char axis_letters[3] = {'c', 'h', 'w'};

static void describe_pad(const ef_node *node, ef_shape in, char *cell)
{
    (void)in;
    const ef_pad *pad = &node->u.pad;
    for (size_t i = 0; i < 3; i++) {
        if (pad->before[i] || pad->after[i]) {
            add(cell, " %c %u+%u", axis_letters[i], pad->before[i], pad->after[i]);
        }
    }
}

static void describe_slice(const ef_node *node, ef_shape in, char *cell)
{
    const ef_slice *slice = &node->u.slice;
    const uint32_t axes[3] = {in.channels, in.height, in.width};
    for (size_t i = 0; i < 3; i++) {
        if (slice->begin[i] == 0 && slice->end[i] == axes[i] && slice->step[i] == 1) {
            continue;
        }
        add(cell, " %c %u:%u", axis_letters[i], slice->begin[i], slice->end[i]);
        if (slice->step[i] != 1) {
            add(cell, ":%u", slice->step[i]);
        }
    }
}

static void describe_transpose(const ef_node *node, ef_shape in, char *cell)
{
    (void)in;
    const uint32_t *order = node->u.transpose.order;
    add(cell, " %u,%u,%u", order[0], order[1], order[2]);
}

static void describe_upsample(const ef_node *node, ef_shape in, char *cell)
{
    (void)in;
    add_pair(cell, "by", node->u.upsample.factor);
}

static void describe_softmax(const ef_node *node, ef_shape in, char *cell)
{
    (void)in;
    if (node->u.softmax.axis > 0) {
        add(cell, " over %s", node->u.softmax.axis == 1 ? "height" : "width");
    }
}

static void (*const describe[EF_OP_COUNT])(const ef_node *, ef_shape in, char *) = {
    [EF_OP_CONV] = describe_conv,
    [EF_OP_MAXPOOL] = describe_pool,
    [EF_OP_AVGPOOL] = describe_pool,
    [EF_OP_ACTIVATION] = describe_activation,
    [EF_OP_PAD] = describe_pad,
    [EF_OP_SLICE] = describe_slice,
    [EF_OP_TRANSPOSE] = describe_transpose,
    [EF_OP_UPSAMPLE] = describe_upsample,
    [EF_OP_SOFTMAX] = describe_softmax,
};

/* 12,345,678 */
static void add_count(char *cell, uint64_t count)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    for (int i = 0; i < n; i++) {
        add(cell, "%s%c", i > 0 && (n - i) % 3 == 0 ? "," : "", digits[i]);
    }
}

static void add_shape(char *cell, ef_shape shape)
{
    add(cell, "%u", shape.channels);
    if (shape.rank == 4) {
        add(cell, "x%ux%u", shape.height, shape.width);
    }
}

static void add_format(char *cell, const char *what, const ef_format *format)
{
    char name[EF_FORMAT_NAME];
    if (ef_format_is_stated(format)) {
        ef_format_name(format, name);
        add(cell, "%s%s %s", cell[0] ? ", " : "", what, name);
    }
}

static void fill_row(const ef_topology *topology, size_t index, row *r)
{
    const ef_node *node = ef_topology_node(topology, index);
    memset(r, 0, sizeof *r);
    add(r->cells[NODE], "%s", node->name);
    add(r->cells[OPERATION], "%s", ef_op_name(node->op));
    if (describe[node->op]) {
        size_t from = node->n_inputs ? node->inputs[0] : index;
        describe[node->op](node, ef_topology_shape(topology, from),
                           r->cells[OPERATION]);
    }
    if (node->n_inputs > 1 || (node->n_inputs == 1 && node->inputs[0] + 1 != index)) {
        for (uint32_t k = 0; k < node->n_inputs; k++) {
            add(r->cells[FROM], "%s%s", k ? " " : "",
                ef_topology_node(topology, node->inputs[k])->name);
        }
    }
    add_shape(r->cells[OUTPUT], ef_topology_shape(topology, index));
    uint64_t params = ef_topology_node_params(topology, index);
    uint64_t macs = ef_topology_node_macs(topology, index);
    if (params) {
        add_count(r->cells[PARAMS], params);
    }
    if (macs) {
        add_count(r->cells[MACS], macs);
    }
    add_format(r->cells[FORMATS], "weights", &node->weight_format);
    add_format(r->cells[FORMATS], "activations", &node->activation_format);
}

static void fill_head(row *r)
{
    memset(r, 0, sizeof *r);
    for (size_t c = 0; c < N_COLUMNS; c++) {
        add(r->cells[c], "%s", columns[c].head);
    }
}

static void fill_totals(const ef_topology *topology, row *r)
{
    memset(r, 0, sizeof *r);
    add(r->cells[NODE], "total");
    add(r->cells[OPERATION], "%zu nodes", ef_topology_n_nodes(topology));
    add_count(r->cells[PARAMS], ef_topology_params(topology));
    add_count(r->cells[MACS], ef_topology_macs(topology));
}

static void widen(size_t widths[N_COLUMNS], const row *r)
{
    for (size_t c = 0; c < N_COLUMNS; c++) {
        size_t n = strlen(r->cells[c]);
        n = n > WIDEST && !columns[c].is_number ? WIDEST : n;
        widths[c] = n > widths[c] ? n : widths[c];
    }
}

static void print_row(const row *r, const size_t widths[N_COLUMNS], ef_text *text)
{
    size_t n_columns = N_COLUMNS;
    while (n_columns > 1 && r->cells[n_columns - 1][0] == '\0') {
        n_columns--;
    }
    for (size_t c = 0; c < n_columns; c++) {
        int width = (int)widths[c];
        const char *gap = c ? "  " : "";
        if (columns[c].is_number) {
            ef_text_add(text, "%s%*s", gap, width, r->cells[c]);
        } else if (c + 1 < n_columns) {
            ef_text_add(text, "%s%-*s", gap, width, r->cells[c]);
        } else {
            ef_text_add(text, "%s%s", gap, r->cells[c]);
        }
    }
    ef_text_add(text, "\n");
}

void ef_topology_print(const ef_topology *topology, ef_text *text)
{
    row head, totals, r;
    size_t widths[N_COLUMNS] = {0};
    size_t n = ef_topology_n_nodes(topology);
    int has_formats = 0;
    fill_head(&head);
    fill_totals(topology, &totals);
    widen(widths, &head);
    widen(widths, &totals);
    for (size_t i = 0; i < n; i++) {
        fill_row(topology, i, &r);
        widen(widths, &r);
        has_formats |= r.cells[FORMATS][0] != '\0';
    }
    if (!has_formats) {
        head.cells[FORMATS][0] = '\0';
    }
    print_row(&head, widths, text);
    for (size_t i = 0; i < n; i++) {
        fill_row(topology, i, &r);
        print_row(&r, widths, text);
    }
    print_row(&totals, widths, text);
}
