/* Accelerators: what a file says, and one line for everything that it may not say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "objectives/accelerator.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Line by line, so that a row can exchange one. */
static const char *const lines[] = {
    /*  1 */ "name: 'it''s small: 2 x 3'",
    /*  2 */ "clock: 0.5 GHz",
    /*  3 */ "array:",
    /*  4 */ "  rows: {size: 2 PE, loops: [input_channel]}",
    /*  5 */ "  columns: {size: 3 PE, loops: [kernel_row, output_channel]}",
    /*  6 */ "  inner: [input_channel, kernel_column]",
    /*  7 */ "  vector: 4 op/cycle",
    /*  8 */ "buffer: {capacity: 2 KiB, bandwidth: 0.25 B/cycle, energy: 1 pJ/bit}",
    /*  9 */ "register: {energy: 0 pJ/B}",
    /* 10 */ "dram: {bandwidth: 0.1 GB/s, latency: 70 ns, energy: 0.16 nJ/B}",
    /* 11 */ "bus: {bandwidth: 8 Mbit/s}",
    /* 12 */ "dma: {setup: 3 us}",
    /* 13 */ "sync: 0 s",
    /* 14 */ "mac:",
    /* 15 */ "  - {width: 8 bit, kind: int, energy: 300 fJ/MAC}",
    /* 16 */ "  - {width: 32 bit, kind: float, energy: 4.6 pJ/MAC}",
    /* 17 */ "energy_model:",
    /* 18 */ "  conv: {mac: 0.1 pJ/MAC, byte: 0.3 nJ/B, launch: 1 uJ}",
    /* 19 */ "  depthwise: {mac: 3 pJ/MAC, byte: 0 J/B, launch: 1 uJ}",
    /* 20 */ "  dense: {mac: 1 pJ/MAC, byte: 5 nJ/B, launch: 0 J}",
    /* 21 */ "  pool: {mac: 0 J/MAC, byte: 7 nJ/B, launch: 2 uJ}",
    /* 22 */ "  elementwise: {mac: 0 J/MAC, byte: 9 nJ/B, launch: 3 uJ}",
};

/* The text with line `line` (from 1; 0: none) exchanged, left out where with is NULL.
 */
static ef_status read_with(size_t line, const char *with, ef_accelerator *accelerator,
                           ef_error *err)
{
    ef_text text;
    ef_text_init(&text);
    for (size_t i = 0; i < COUNT(lines); i++) {
        const char *use = i + 1 == line ? with : lines[i];
        ef_text_add(&text, "%s%s", use ? use : "", use ? "\n" : "");
    }
    ef_status status =
        ef_accelerator_parse(accelerator, "hw.yaml", text.bytes, text.size, err);
    ef_text_clear(&text);
    return status;
}

static ef_accelerator read_small(void)
{
    ef_accelerator accelerator = {.clock_hz = 0};
    ef_error err = {0};
    cr_assert_eq(read_with(0, NULL, &accelerator, &err), EF_OK, "%s", err.text);
    return accelerator;
}

Test(accelerator_parse, every_number_arrives_in_the_unit_of_its_field)
{
    ef_accelerator a = read_small();
    cr_expect_str_eq(a.name, "it's small: 2 x 3");
    cr_expect_eq(a.clock_hz, 5e8);
    cr_expect_eq(a.rows.size, 2);
    cr_expect_eq(a.rows.n_loops, 1);
    cr_expect_eq(a.rows.loops[0], EF_LOOP_INPUT_CHANNEL);
    cr_expect_eq(a.columns.size, 3);
    cr_expect_eq(a.columns.n_loops, 2);
    cr_expect_eq(a.columns.loops[0], EF_LOOP_KERNEL_ROW);
    cr_expect_eq(a.columns.loops[1], EF_LOOP_OUTPUT_CHANNEL);
    cr_expect_eq(a.n_inner, 2);
    cr_expect_eq(a.inner[0], EF_LOOP_INPUT_CHANNEL);
    cr_expect_eq(a.inner[1], EF_LOOP_KERNEL_COLUMN);
    cr_expect_eq(a.lanes, 4);
    cr_expect_eq(a.buffer_bytes, 2048);
    cr_expect_eq(a.buffer_bytes_per_cycle, 0.25);
    cr_expect_eq(a.buffer_pj_per_byte, 8);
    cr_expect_eq(a.register_pj_per_byte, 0);
    cr_expect_eq(a.dram_bytes_per_s, 1e8);
    cr_expect_eq(a.dram_latency_s, 70e-9);
    cr_expect_eq(a.dram_pj_per_byte, 160);
    cr_expect_eq(a.bus_bytes_per_s, 1e6);
    cr_expect_eq(a.dma_setup_s, 3e-6);
    cr_expect_eq(a.sync_s, 0);
    cr_expect_eq(a.n_macs, 2);
    cr_expect_eq(a.macs[0].bits, 8);
    cr_expect_eq(a.macs[0].is_float, 0);
    cr_expect_eq(a.macs[0].energy_pj, 0.3);
    cr_expect_eq(a.macs[1].bits, 32);
    cr_expect_eq(a.macs[1].is_float, 1);
    cr_expect_eq(a.macs[1].energy_pj, 4.6);
    cr_expect_eq(a.has_latency_model, 0);
    cr_expect_eq(a.has_energy_model, 1);
    cr_expect_eq(a.energy_model[EF_CLASS_CONV].per_mac, 1e-13);
    cr_expect_eq(a.energy_model[EF_CLASS_DENSE].per_byte, 5e-9);
    cr_expect_eq(a.energy_model[EF_CLASS_ELEMENTWISE].per_launch, 3e-6);
}

typedef struct bad_row {
    size_t line;
    const char *with;     /* NULL: the line is missing */
    const char *expected; /* the whole sentence */
} bad_row;

static const bad_row bad_rows[] = {
    {2, NULL, "hw.yaml:1:1: an accelerator lacks the key 'clock'"},
    {2, "clock: 200",
     "hw.yaml:2:8: clock: expected a quantity in Hz of at least 1, found '200'"},
    {2, "clock: -200 MHz",
     "hw.yaml:2:8: clock: expected a quantity in Hz of at least 1, found '-200 MHz'"},
    {2, "clock: 5 ns",
     "hw.yaml:2:8: clock: expected a quantity in Hz of at least 1, found '5 ns'"},
    {2, "clocks: 200 MHz",
     "hw.yaml:2:1: unknown key 'clocks' in an accelerator; known are name, clock, "
     "array, buffer, register, dram, bus, dma, sync, mac, latency_model, energy_model"},
    {1, "name: ''", "hw.yaml:1:7: name: expected 1 to 63 bytes, found 0"},
    {1, "name: 0123456789012345678901234567890123456789012345678901234567890123",
     "hw.yaml:1:7: name: expected 1 to 63 bytes, found 64"},
    {1, "name: \"bell\\a\"", "hw.yaml:1:7: name: a control character stands in it"},
    {4, "  rows: {size: 2.5 PE, loops: []}",
     "hw.yaml:4:16: size: expected a whole number, found '2.5 PE'"},
    {4, "  rows: {size: 0 PE, loops: []}",
     "hw.yaml:4:16: size: expected a quantity in PE from 1 to 65536, found '0 PE'"},
    {4, "  rows: {size: 2, loops: []}",
     "hw.yaml:4:16: size: expected a quantity in PE from 1 to 65536, found '2'"},
    {4, "  rows: {size: 2 PE}", "hw.yaml:4:9: rows lacks the key 'loops'"},
    {4, "  rows: {size: 2 PE, loops: row}", "hw.yaml:4:29: expected a list of loops"},
    {4, "  rows: {size: 2 PE, loops: [row]}",
     "hw.yaml:4:30: loops: expected one of output_channel, input_channel, group, "
     "output_row, output_column, kernel_row, kernel_column, found 'row'"},
    {4, "  rows: {size: 2 PE, loops: [[group]]}",
     "hw.yaml:4:30: loops: expected one of output_channel, input_channel, group, "
     "output_row, output_column, kernel_row, kernel_column, found nothing"},
    {4, "  rows: {size: 2 PE, loops: [group, group]}",
     "hw.yaml:4:37: loops: group stands there twice"},
    {4, "  rows: {size: 2 PE, loops: [kernel_row]}",
     "hw.yaml:5:33: loops: kernel_row stands there twice"},
    {6, "  inner: [group, group]", "hw.yaml:6:18: loops: group stands there twice"},
    {6, NULL, "hw.yaml:4:3: array lacks the key 'inner'"},
    {7, "  vector: 1.5 op/cycle",
     "hw.yaml:7:11: vector: expected a whole number, found '1.5 op/cycle'"},
    {8, "buffer: {capacity: 2 KiB, energy: 1 pJ/B}",
     "hw.yaml:8:9: buffer lacks the key 'bandwidth'"},
    {8, "buffer: {capacity: 0 B, bandwidth: 1 B/cycle, energy: 1 pJ/B}",
     "hw.yaml:8:20: capacity: expected a quantity in B of at least 1, found '0 B'"},
    {9, "register: {energy: -1 pJ/B}",
     "hw.yaml:9:20: energy: expected a quantity in pJ/B of at least 0, found '-1 "
     "pJ/B'"},
    {9, "register: 1 pJ/B",
     "hw.yaml:9:11: expected the keys of register, found a single value"},
    {15, "  - {width: 8 bit, kind: integer, energy: 1 pJ/MAC}",
     "hw.yaml:15:26: kind: expected one of int, float, found 'integer'"},
    {15, "  - {width: 8 bit, kind: int, energy: 1 pJ}",
     "hw.yaml:15:39: energy: expected a quantity in pJ/MAC of at least 0, found '1 "
     "pJ'"},
    {16, "  - {width: 8 bit, kind: int, energy: 1 pJ/MAC}",
     "hw.yaml:16:5: mac: int of 8 bit stands there twice"},
    {20, NULL, "hw.yaml:18:3: energy_model lacks the key 'dense'"},
    {20, "  dense: {mac: 1 pJ/MAC, byte: 5 nJ/B}",
     "hw.yaml:20:10: dense lacks the key 'launch'"},
};

Test(accelerator_parse, what_is_wrong_is_told_in_one_line_with_its_place)
{
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        ef_accelerator accelerator = {.lanes = 77};
        ef_error err = {0};
        ef_status status =
            read_with(bad_rows[i].line, bad_rows[i].with, &accelerator, &err);
        cr_expect_eq(status, EF_ERR_INPUT, "%s", bad_rows[i].expected);
        cr_expect_str_eq(err.text, bad_rows[i].expected);
        cr_expect_eq(accelerator.lanes, 77);
    }
}

Test(accelerator_parse, a_list_of_macs_has_one_to_sixteen)
{
    ef_text text;
    ef_text_init(&text);
    for (size_t i = 0; i < 16; i++) {
        ef_text_add(&text, "%s%s", lines[i], i < 15 ? "\n" : "");
    }
    for (unsigned bits = 1; bits < 16; bits++) {
        ef_text_add(&text, "\n  - {width: %u bit, kind: float, energy: 1 pJ/MAC}",
                    bits);
    }
    ef_accelerator accelerator;
    ef_error err = {0};
    cr_expect_eq(
        ef_accelerator_parse(&accelerator, "hw.yaml", text.bytes, text.size, &err),
        EF_ERR_INPUT);
    cr_expect_str_eq(err.text, "hw.yaml:15:3: mac: expected a list of 1 to 16 maps of "
                               "width, kind and energy");
    ef_text_clear(&text);
}

static void expect_equal(const ef_accelerator *a, const ef_accelerator *b)
{
    ef_text left, right;
    ef_text_init(&left);
    ef_text_init(&right);
    ef_accelerator_write(a, &left);
    ef_accelerator_write(b, &right);
    cr_assert(!left.failed && !right.failed);
    cr_expect_str_eq(left.bytes, right.bytes);
    ef_text_clear(&left);
    ef_text_clear(&right);
}

/* Fields alone: padding has no value. */
static void expect_same_costs(const ef_layer_cost *a, const ef_layer_cost *b)
{
    for (size_t i = 0; i < EF_CLASS_COUNT; i++) {
        cr_expect_eq(a[i].per_mac, b[i].per_mac);
        cr_expect_eq(a[i].per_byte, b[i].per_byte);
        cr_expect_eq(a[i].per_launch, b[i].per_launch);
    }
}

Test(accelerator_write, reading_it_back_gives_the_same_bits)
{
    ef_accelerator a = read_small(), b = {.clock_hz = 0};
    a.clock_hz = 1e9 / 3;
    a.dram_latency_s = 1e-7 / 7;
    a.has_latency_model = 1;
    for (size_t i = 0; i < EF_CLASS_COUNT; i++) {
        a.latency_model[i] =
            (ef_layer_cost){1e-12 / (double)(i + 3), 1e-9 / 7, (double)i / 11};
    }
    ef_text text;
    ef_error err = {0};
    ef_text_init(&text);
    ef_accelerator_write(&a, &text);
    cr_assert(!text.failed);
    ef_status status = ef_accelerator_parse(&b, "back", text.bytes, text.size, &err);
    cr_assert_eq(status, EF_OK, "%s\n%s", err.text, text.bytes);
    ef_text_clear(&text);
    expect_equal(&a, &b);
    cr_expect_eq(a.clock_hz, b.clock_hz);
    cr_expect_eq(a.dram_latency_s, b.dram_latency_s);
    cr_expect_eq(b.n_inner, 2);
    cr_expect_eq(b.has_latency_model, 1);
    expect_same_costs(a.latency_model, b.latency_model);
    expect_same_costs(a.energy_model, b.energy_model);
}

Test(accelerator_write, people_can_read_it)
{
    static const char *const expected[] = {
        "name: 'it''s small: 2 x 3'\nclock: 500 MHz\narray:\n",
        "  columns: {size: 3 PE, loops: [kernel_row, output_channel]}\n",
        "  inner: [input_channel, kernel_column]\n  vector: 4 op/cycle\n",
        "buffer: {capacity: 2 KiB, bandwidth: 0.25 B/cycle, energy: 8 pJ/B}\n",
        "dram: {bandwidth: 100 MB/s, latency: 70 ns, energy: 160 pJ/B}\n",
        "sync: 0 s\nmac:\n  - {width: 8 bit, kind: int, energy: 0.3 pJ/MAC}\n",
        "  dense: {mac: 1 pJ/MAC, byte: 5 nJ/B, launch: 0 J}\n",
    };
    ef_accelerator a = read_small();
    ef_text text;
    ef_text_init(&text);
    ef_accelerator_write(&a, &text);
    for (size_t i = 0; i < COUNT(expected); i++) {
        cr_expect(strstr(text.bytes, expected[i]), "%s\n%s", expected[i], text.bytes);
    }
    ef_text_clear(&text);
}

Test(accelerator_load, the_accelerators_that_come_along_can_be_read)
{
    static const char *const names[] = {"edge-systolic", "eyeriss-like", "mcu-simd",
                                        "tpu-like"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[512];
        ef_accelerator a;
        ef_error err = {0};
        snprintf(path, sizeof path, "%s/data/hardware/%s.yaml", getenv("EF_SRCDIR"),
                 names[i]);
        cr_expect_eq(ef_accelerator_load(&a, path, &err), EF_OK, "%s", err.text);
    }
}

/* The first literal display of the page, without its troff escapes, of which it has
 * none.
 */
Test(accelerator_load, the_example_of_the_man_page_can_be_read)
{
    char path[512], page[65536];
    ef_accelerator a;
    ef_error err = {0};
    snprintf(path, sizeof path, "%s/man/evoflip-hardware.5", getenv("EF_SRCDIR"));
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    const char *begin = strchr(strstr(page, ".Bd -literal"), '\n') + 1;
    size_t size = (size_t)(strstr(begin, ".Ed") - begin);
    cr_assert_eq(ef_accelerator_parse(&a, path, begin, size, &err), EF_OK, "%s",
                 err.text);
    cr_expect_str_eq(a.name, "Small array");
}

Test(accelerator_load, a_file_that_is_not_there_is_named)
{
    ef_accelerator a;
    ef_error err = {0};
    cr_expect_eq(ef_accelerator_load(&a, "no/such.yaml", &err), EF_ERR_IO);
    cr_expect(strstr(err.text, "no/such.yaml"), "%s", err.text);
}

Test(accelerator_parse, short_memory_is_an_error)
{
    for (long n = 0; n < 3; n++) {
        ef_accelerator a = {.lanes = 77};
        ef_error err = {0};
        ef_mem_fail_after(n);
        ef_status status = ef_accelerator_parse(&a, "hw.yaml", "name: x", 7, &err);
        ef_mem_fail_after(-1);
        cr_expect_eq(status, EF_ERR_MEMORY, "allocation %ld", n);
        cr_expect_eq(a.lanes, 77);
    }
}

/* 12 elements: a kernel of 3 rows leaves room for 4 channels, one of 5 for 2 (and two
 * elements idle), one of 1 for 12; a loop that is longer than the axis takes all. */
Test(array_spread, a_loop_fills_what_the_one_before_leaves)
{
    static const struct {
        uint32_t rows, channels, spread_rows, spread_channels;
    } rows[] = {{3, 16, 3, 4}, {5, 16, 5, 2}, {1, 16, 1, 12},
                {1, 5, 1, 5},  {7, 16, 7, 1}, {20, 9, 12, 1}};
    ef_array_axis axis = {
        .size = 12, .n_loops = 2, .loops = {EF_LOOP_KERNEL_ROW, EF_LOOP_INPUT_CHANNEL}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t extents[EF_LOOP_COUNT], spread[EF_LOOP_COUNT];
        for (size_t k = 0; k < EF_LOOP_COUNT; k++) {
            extents[k] = 9;
        }
        extents[EF_LOOP_KERNEL_ROW] = rows[i].rows;
        extents[EF_LOOP_INPUT_CHANNEL] = rows[i].channels;
        ef_array_spread(&axis, extents, spread);
        cr_expect_eq(spread[EF_LOOP_KERNEL_ROW], rows[i].spread_rows, "row %zu", i);
        cr_expect_eq(spread[EF_LOOP_INPUT_CHANNEL], rows[i].spread_channels, "row %zu",
                     i);
        cr_expect_eq(spread[EF_LOOP_OUTPUT_COLUMN], 1);
    }
}
