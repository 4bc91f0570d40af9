/* Lists of faults: written, read, refused. */
#include "faultsim/fault_list.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "scratch.h"

TestSuite(fault_list_read, .init = scratch_make, .fini = scratch_remove);

static ef_error err;

#define SITE(target, node, name, count, bits, n_moments, ...)                          \
    {                                                                                  \
        EF_TARGET_##target, node, node, name, count, bits, n_moments, __VA_ARGS__      \
    }
#define AS_HERE                                                                        \
    {                                                                                  \
        0, {0},                                                                        \
        {                                                                              \
            0                                                                          \
        }                                                                              \
    }

static const ef_site sites[] = {
    SITE(WEIGHTS, 1, "conv1.weight", 72, 8, 1, AS_HERE),
    SITE(BIASES, 1, "conv1.bias", 4, 32, 1, AS_HERE),
    SITE(WEIGHTS, 2, " odd, \"name\"", 24, 8, 1, AS_HERE),
    SITE(ACTIVATIONS, 2, "relu", 100, 8, 1, AS_HERE),
    SITE(ACTIVATIONS, 3, "twin", 10, 8, 1, AS_HERE),
    SITE(ACTIVATIONS, 4, "twin", 10, 8, 1, AS_HERE),
    /* (2, 3) in the file, (3, 2) here */
    SITE(WEIGHTS, 5, "turned", 6, 16, 1, {2, {3, 2}, {1, 0}}),
    SITE(ACCUMULATORS, 5, "sum", 3, 64, 28, AS_HERE),
    SITE(SCALES, 5, "turned", 1, 32, 1, AS_HERE),
    SITE(NORM, 6, "bn.mean", 2, 32, 1, AS_HERE),
};

#define N_SITES (sizeof sites / sizeof *sites)
#define HEAD "fault,target,tensor,index,bit,kind,image,step,member\n"

static ef_status read_text(ef_fault_list *list, const char *text)
{
    ef_error_clear(&err);
    return ef_fault_list_read(list, scratch_write_text("f.csv", text), sites, N_SITES,
                              50, &err);
}

static const ef_flip flips[] = {
    {0, 71, 0x81, EF_FAULT_FLIP, -1, 0},
    {1, 3, 0x80000000, EF_FAULT_STUCK0, -1, 0},
    {2, 5, 0x0e, EF_FAULT_FLIP, -1, 0},
    {3, 99, 0x01, EF_FAULT_STUCK1, 0, 0},
    {3, 99, 0xff, EF_FAULT_FLIP, 49, 0},
    {0, 0, 0x01, EF_FAULT_FLIP, -1, 0},
    {0, 0, 0x02, EF_FAULT_STUCK1, -1, 0},
    {6, 1, 0x8000, EF_FAULT_FLIP, -1, 0},
    {6, 4, 0x01, EF_FAULT_FLIP, -1, 0},
    {7, 2, UINT64_C(0x8000000000000001), EF_FAULT_FLIP, -1, 0},
    {7, 2, 0x01, EF_FAULT_FLIP, -1, 27},
    {8, 0, 0x40000000, EF_FAULT_FLIP, -1, 0},
    {9, 1, 0x10, EF_FAULT_STUCK1, 3, 0},
};

/* Faults 3, 4, 10, 2^40 and the next two; 4 strikes nothing. */
static const ef_fault faults[] = {{flips, 3},     {NULL, 0},      {flips + 3, 2},
                                  {flips + 5, 2}, {flips + 7, 4}, {flips + 11, 2}};
static const uint64_t numbers[] = {
    3, 4, 10, UINT64_C(1) << 40, (UINT64_C(1) << 40) + 1, (UINT64_C(1) << 40) + 2};

#define N_FAULTS (sizeof faults / sizeof *faults)

static void write_all(ef_text *text)
{
    ef_text_init(text);
    ef_fault_list_write_head(text);
    for (size_t i = 0; i < N_FAULTS; i++) {
        ef_fault_list_write(text, numbers[i], &faults[i], sites);
    }
}

Test(fault_list_write, a_row_for_each_bit)
{
    ef_text text;
    ef_text_init(&text);
    ef_fault_list_write_head(&text);
    ef_fault_list_write(&text, 3, &faults[0], sites);
    ef_fault_list_write(&text, 4, &faults[1], sites);
    ef_fault fault = {flips + 3, 1};
    ef_fault_list_write(&text, 5, &fault, sites);
    cr_expect_str_eq(text.bytes, HEAD "3,weights,conv1.weight,71,0,flip,,,\n"
                                      "3,weights,conv1.weight,71,7,flip,,,\n"
                                      "3,biases,conv1.bias,3,31,stuck0,,,\n"
                                      "3,weights,\" odd, \"\"name\"\"\",5,1,flip,,,\n"
                                      "3,weights,\" odd, \"\"name\"\"\",5,2,flip,,,\n"
                                      "3,weights,\" odd, \"\"name\"\"\",5,3,flip,,,\n"
                                      "4,,,,,,,,\n"
                                      "5,activations,relu,99,0,stuck1,0,,\n");
    ef_text_clear(&text);
}

/* Element (1, 0) of (3, 2) is element (0, 1) of (2, 3); element (2, 0) is (0, 2). */
Test(fault_list_write, elements_are_where_the_file_has_them)
{
    ef_text text;
    ef_text_init(&text);
    ef_fault_list_write(&text, 0, &faults[4], sites);
    cr_expect_str_eq(text.bytes, "0,weights,turned,3,15,flip,,,\n"
                                 "0,weights,turned,2,0,flip,,,\n"
                                 "0,accumulators,sum,2,0,flip,,0,\n"
                                 "0,accumulators,sum,2,63,flip,,0,\n"
                                 "0,accumulators,sum,2,0,flip,,27,\n");
    ef_text_clear(&text);
}

Test(fault_list_read, what_was_written_comes_back)
{
    ef_fault_list list;
    ef_text text;
    write_all(&text);
    cr_assert_eq(read_text(&list, text.bytes), EF_OK, "%s", err.text);
    cr_assert_eq(list.n, N_FAULTS);
    for (size_t i = 0; i < N_FAULTS; i++) {
        cr_expect_eq(list.numbers[i], numbers[i]);
        cr_assert_eq(list.faults[i].n, faults[i].n);
        for (size_t k = 0; k < faults[i].n; k++) {
            const ef_flip *a = &list.faults[i].flips[k], *b = &faults[i].flips[k];
            cr_expect(a->site == b->site && a->index == b->index &&
                          a->mask == b->mask && a->kind == b->kind &&
                          a->image == b->image && a->moment == b->moment,
                      "fault %zu, flip %zu", i, k);
        }
    }
    ef_fault_list_clear(&list);
    ef_text_clear(&text);
}

Test(fault_list_read, columns_and_rows_stand_in_any_order)
{
    ef_fault_list list;
    cr_assert_eq(read_text(&list, "# another injector\n"
                                  "kind,bit,index,tensor,target,fault\n"
                                  "flip,1,7,relu,activations,9\n"
                                  "flip,2,6,conv1.weight,weights,2\n"
                                  "flip,0,7,relu,activations,9\n"),
                 EF_OK, "%s", err.text);
    cr_assert_eq(list.n, 2);
    cr_expect(list.numbers[0] == 2 && list.numbers[1] == 9);
    cr_expect(list.faults[1].n == 1 && list.faults[1].flips[0].mask == 3);
    ef_fault_list_clear(&list);
}

/* Other images, other bits, other faults. */
Test(fault_list_read, a_bit_may_be_struck_in_one_image_and_another)
{
    ef_fault_list list;
    cr_assert_eq(read_text(&list, HEAD "1,activations,relu,3,2,flip,7,,\n"
                                       "1,activations,relu,3,2,flip,8,,\n"
                                       "1,activations,relu,3,1,flip,,,\n"
                                       "2,activations,relu,3,2,flip,,,\n"),
                 EF_OK, "%s", err.text);
    cr_expect(list.n == 2 && list.faults[0].n == 3 && list.faults[1].n == 1);
    ef_fault_list_clear(&list);
}

Test(fault_list_read, what_is_not_there_is_named_with_its_line)
{
    static const struct {
        const char *rows, *text;
    } bad[] = {
        {"1,weights,conv7,0,0,flip,,,\n",
         "f.csv:2: the network stores no weights called 'conv7'; there are "
         " odd, \"name\", conv1.weight, turned"},
        {"1,biases,conv1.weight,0,0,flip,,,\n",
         "f.csv:2: the network stores no biases called 'conv1.weight'"},
        {"1,activations,twin,0,0,flip,,,\n",
         "f.csv:2: several activations are called 'twin'"},
        {"1,weights,conv1.weight,0,0,flip,,,\n2,weights,conv1.weight,72,0,flip,,,\n",
         "f.csv:3: index: expected a whole number from 0 to 71, found '72'"},
        {"1,weights,conv1.weight,-1,0,flip,,,\n",
         "f.csv:2: index: expected a whole number from 0 to 71, found '-1'"},
        {"1,weights,conv1.weight,0,8,flip,,,\n",
         "f.csv:2: bit: expected a whole number from 0 to 7, found '8'"},
        {"1,weights,conv1.weight,0,,flip,,,\n",
         "f.csv:2: bit: expected a whole number from 0 to 7, found nothing"},
        {"1,activations,relu,0,0,flip,50,,\n",
         "f.csv:2: image: expected a whole number from 0 to 49, found '50'"},
        {"1,weights,conv1.weight,0,0,flip,,4,\n",
         "f.csv:2: step: only faults in accumulators have one"},
        {"1,accumulators,sum,0,0,flip,,,\n",
         "f.csv:2: step: expected a whole number from 0 to 27, found nothing"},
        {"1,accumulators,sum,0,0,flip,,28,\n",
         "f.csv:2: step: expected a whole number from 0 to 27, found '28'"},
        {"1,accumulators,sum,0,64,flip,,0,\n",
         "f.csv:2: bit: expected a whole number from 0 to 63, found '64'"},
        {"1,norm,bn.mean,0,0,flip,,0,\n",
         "f.csv:2: step: only faults in accumulators have one"},
        {"1,weights,bn.mean,0,0,flip,,,\n",
         "f.csv:2: the network stores no weights called 'bn.mean'"},
        {"1,weights,turned,6,0,flip,,,\n",
         "f.csv:2: index: expected a whole number from 0 to 5, found '6'"},
        {"1,accumulators,sum,0,5,flip,,7,\n1,accumulators,sum,0,5,stuck0,,7,\n",
         "f.csv:3: the bit is struck by line 2 already"},
        {"1,weights,conv1.weight,0,0,flip,,,1\n",
         "f.csv:2: member: the network is no ensemble"},
        {"1,weights,conv1.weight,0,0,flip\n", "f.csv:2: expected 9 fields, found 6"},
        {"1,weights,conv1.weight,0,3,flip,,,\n2,,,,,,,,\n"
         "1,weights,conv1.weight,0,3,stuck1,,,\n",
         "f.csv:4: the bit is struck by line 2 already"},
        {"1,activations,relu,3,2,flip,7,,\n1,activations,relu,3,1,flip,,,\n"
         "1,activations,relu,2,2,flip,,,\n1,activations,relu,3,2,flip,,,\n",
         "f.csv:5: the bit is struck by line 2 already"},
        {"1,accumulators,sum,0,5,stuck1,,7,\n1,accumulators,sum,0,5,flip,49,7,\n",
         "f.csv:3: the bit is struck by line 2 already"},
        {"1,weights,conv1.weight,0,3,stuck0,,,\n1,weights,conv1.weight,0,3,flip,,,\n",
         "f.csv:3: the bit is struck by line 2 already"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[512] = HEAD;
        ef_fault_list list;
        cr_expect_eq(read_text(&list, strcat(text, bad[i].rows)), EF_ERR_INPUT);
        cr_expect(strstr(err.text, bad[i].text), "%s", err.text);
    }
}

Test(fault_list_read, heads_are_checked)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", "f.csv: holds no line of column names"},
        {"fault,target,tensor,index,bit,kind,colour\n",
         "f.csv:1: a fault list has no column 'colour'"},
        {"fault,target,tensor,index,bit,kind,bit\n",
         "f.csv:1: two columns are called 'bit'"},
        {"fault,target,tensor,index,bit\n", "f.csv:1: no column is called 'kind'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ef_fault_list list;
        cr_expect_eq(read_text(&list, bad[i].text), EF_ERR_INPUT);
        cr_expect(strstr(err.text, bad[i].error), "%s", err.text);
    }
    ef_fault_list list;
    const char *none = scratch_path("none.csv");
    cr_expect_eq(ef_fault_list_read(&list, none, sites, N_SITES, 1, &err), EF_ERR_IO);
    cr_assert_eq(read_text(&list, HEAD), EF_OK);
    cr_expect_eq(list.n, 0);
    ef_fault_list_clear(&list);
}

Test(fault_list_read, each_failing_allocation_is_reported)
{
    ef_text text;
    write_all(&text);
    const char *path = scratch_write_text("f.csv", text.bytes);
    ef_status status = EF_ERR_MEMORY;
    long n = 0;
    for (; status == EF_ERR_MEMORY; n++) {
        ef_fault_list list;
        ef_error_clear(&err);
        ef_mem_fail_after(n);
        status = ef_fault_list_read(&list, path, sites, N_SITES, 50, &err);
        ef_mem_fail_after(-1);
        if (status == EF_OK) {
            ef_fault_list_clear(&list);
        }
    }
    cr_expect_eq(status, EF_OK, "%s", err.text);
    cr_expect_geq(n, 8);
    ef_text_clear(&text);
}
