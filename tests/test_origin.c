/* What a network that was read knows of its file: which value each output is, which
 * initialiser each parameter, and where their elements lie. */
#include "net/origin.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "faultsim/fault_list.h"
#include "faultsim/floating.h"
#include "net/fold_norm.h"
#include "onnx_help.h"
#include "scratch.h"

typedef struct file_case {
    const char *name;
    const char *outputs; /* of all nodes in their order; "@" where the layout differs */
    const char *params;  /* likewise */
    const char *text;
} file_case;

static void add(char *to, size_t size, const char *name, const ef_layout *layout)
{
    size_t n = strlen(to);
    snprintf(to + n, size - n, "%s%s%s", n > 0 ? " " : "", name,
             layout->n_dims > 0 ? "@" : "");
}

static void list(const ef_net *net, char *outputs, char *params, size_t size)
{
    char buffer[EF_PARAM_NAME_SIZE];
    outputs[0] = params[0] = '\0';
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        ef_layout layout = ef_net_output_layout(net, i);
        add(outputs, size, ef_net_output_name(net, i, buffer), &layout);
    }
    for (size_t i = 0; i < net->n_params; i++) {
        ef_layout layout = ef_net_param_layout(net, &net->params[i]);
        ef_net_param_name(net, &net->params[i], buffer);
        add(params, size, buffer, &layout);
    }
}

static const file_case cases[] = {
    {"operators one by one", "x c r f y", "w b v y.bias",
     "x = input N 2 3 3; w = float 4 2 3 3; b = float 4; c = Conv x w b;"
     "r = Relu c; f = Flatten r; v = float 5 4; d = float 5;"
     "y = Gemm f v d alpha=1.0 beta=2.0 transB=1; output y"},
    {"a Gemm that is not transposed", "x y", "v@ d",
     "x = input N 4; v = float 4 5; d = float 5; y = Gemm x v d; output y"},
    {"MatMul and Add are the sum", "x h y", "v@ d",
     "x = input N 4; v = float 4 5; d = float 5; m = MatMul x v; h = Add m d;"
     "y = Relu h; output y"},
    {"a matrix that the file turns", "x m y", "v",
     "x = input N 4; v = float 5 4; t = Transpose v; m = MatMul x t; y = Relu m;"
     "output y"},
    {"a matrix that is scaled is not the file's", "x y", "y.weight d",
     "x = input N 4; v = float 4 5; d = float 5; y = Gemm x v d alpha=0.5; output y"},
    {"what is only called otherwise has its first name", "x a f y", "w",
     "x = input N 2 3 3; a = Relu x; i = Identity a; f = Flatten i; w = float 5 18;"
     "y = Gemm f w transB=1; output y"},
    {"a hard swish is the product", "x p y", "w",
     "x = input N 2 3 3; s = HardSigmoid x alpha=0.16666667 beta=0.5; p = Mul x s;"
     "w = float 4 2 1 1; y = Conv p w; output y"},
    {"a scale is the sum", "x s y", "m a w",
     "x = input N 2 3 3; m = float 2 1 1; a = float 2 1 1; p = Mul x m;"
     "s: s = Add p a; w = float 4 2 1 1; y = Conv s w; output y"},
    {"a kernel that the file turns", "x y", "w@",
     "x = input N 2 4 4; w = float 3 3 2 5; k = Transpose w perm=3,2,0,1;"
     "y = Conv x k; output y"},
    {"images with channels last", "x@ c y", "w",
     "x = input N 4 5 3; t = Transpose x perm=0,3,1,2; w = float 2 3 1 1;"
     "c = Conv t w; y = Relu c; output y"},
    {"a product over rows", "x m.transpose_output m@ m", "w@",
     "x = input N 3 4; w = float 4 5; m = MatMul x w; y = Identity m; output y"},
};

Test(origin_read, outputs_and_parameters_are_those_of_the_file)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char outputs[512], params[512];
        ef_net *net = read_text(cases[i].text);
        list(net, outputs, params, sizeof outputs);
        cr_expect_str_eq(outputs, cases[i].outputs, "%s: %s", cases[i].name, outputs);
        cr_expect_str_eq(params, cases[i].params, "%s: %s", cases[i].name, params);
        ef_net_destroy(net);
    }
}

/* Constants of these texts hold 0, 1, 2, ...: each its own place in the file. */
Test(origin_read, values_lie_where_the_layout_says)
{
    size_t n_checked = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ef_net *net = read_text(cases[i].text);
        for (size_t p = 0; p < net->n_params; p++) {
            const ef_param *param = &net->params[p];
            ef_layout layout = ef_net_param_layout(net, param);
            int is_named = net->names && net->names[p];
            for (uint64_t k = 0; k < param->count && is_named; k++) {
                cr_assert_eq(net->values[param->offset + k],
                             (float)ef_layout_to_file(&layout, k),
                             "%s: %s, element %zu", cases[i].name, net->names[p],
                             (size_t)k);
                n_checked++;
            }
        }
        ef_net_destroy(net);
    }
    cr_expect_gt(n_checked, 300);
}

/* A sum over 4 channels of 5 rows and 6 columns, by their places. */
static void expect_turned(const ef_layout *layout)
{
    for (uint64_t c = 0; c < 4; c++) {
        for (uint64_t y = 0; y < 5; y++) {
            for (uint64_t x = 0; x < 6; x++) {
                cr_expect_eq(ef_layout_to_file(layout, (c * 5 + y) * 6 + x),
                             (y * 6 + x) * 4 + c);
            }
        }
    }
}

Test(origin_read, images_with_channels_last_lie_so)
{
    static const char *const texts[] = {
        "x = input N 5 6 4; t = Transpose x perm=0,3,1,2; y = Relu t; output y",
        "x = input N 5 6 4; f = float 4 : 2; m = Mul x f; t = Transpose m perm=0,3,1,2;"
        "y = Relu t; output y"};
    for (size_t i = 0; i < 2; i++) {
        ef_net *net = read_text(texts[i]);
        char buffer[EF_PARAM_NAME_SIZE];
        ef_layout layout = ef_net_output_layout(net, 0);
        cr_expect_str_eq(ef_net_output_name(net, 0, buffer), "x");
        expect_turned(&layout);
        ef_net_destroy(net);
    }
}

Test(origin_read, outputs_that_the_file_turns_lie_so)
{
    ef_net *net = read_text("x = input N 4 5 6; w = float 4 4 1 1; c = Conv x w;"
                            "s = Sigmoid c; t = Transpose s perm=0,2,3,1;"
                            "v = float 4 2; m = MatMul t v; y = Relu m; output y");
    char buffer[EF_PARAM_NAME_SIZE];
    size_t n = 0;
    for (size_t i = 0; i < ef_topology_n_nodes(net->topology); i++) {
        ef_layout layout = ef_net_output_layout(net, i);
        const char *name = ef_net_output_name(net, i, buffer);
        int is_turned = !strcmp(name, "m") || !strcmp(name, "y");
        n += is_turned && layout.n_dims == 3;
        for (uint64_t k = 0; k < 60 && is_turned && layout.n_dims; k++) {
            uint64_t c = k / 30, at = k % 30;
            cr_expect_eq(ef_layout_to_file(&layout, k), at * 2 + c, "%s", name);
        }
    }
    cr_expect_geq(n, 2, "the product and its activation are channels first here");
    ef_net_destroy(net);
}

Test(origin_read, two_layers_of_one_initialiser_share_it)
{
    ef_net *net = read_text("x = input N 4; w = float 4 4; a = Gemm x w transB=1;"
                            "v = float 4 4; b = Gemm a w transB=1;"
                            "y = Gemm b v transB=1; output y");
    cr_assert_eq(net->n_params, 3);
    cr_expect(ef_net_is_shared(net, &net->params[0]));
    cr_expect(ef_net_is_shared(net, &net->params[1]));
    cr_expect_not(ef_net_is_shared(net, &net->params[2]));
    ef_net_destroy(net);
}

Test(origin_write, files_of_evoflip_have_the_default)
{
    static const char *const text =
        "x = input N 5 6 4; t = Transpose x perm=0,3,1,2; w = float 3 4 1 1;"
        "one: c = Conv t w; two: r = Relu c; m = GlobalAveragePool r;"
        "f = Flatten m; v = float 3 2; five: y = MatMul f v; output y";
    char outputs[512], params[512], theirs[512], same[512];
    ef_net *net = read_text(text);
    packed written = write_net(net, NULL);
    ef_net *again = read_net(written, NULL);
    list(net, theirs, params, sizeof theirs);
    cr_expect_str_eq(theirs, "x@ c r m f y", "%s", theirs);
    cr_expect_str_eq(params, "w v@", "%s", params);
    list(again, outputs, params, sizeof outputs);
    cr_expect_str_eq(outputs, "input one_output two_output m_output f_output logits",
                     "%s", outputs);
    cr_expect_str_eq(params, "w v", "%s", params);
    cr_expect_null(again->origin);
    ef_net *copy = NULL;
    cr_assert_eq(ef_net_dup(&copy, net), EF_OK);
    list(copy, outputs, params, sizeof outputs);
    cr_expect_str_eq(outputs, theirs);
    list(net, outputs, same, sizeof outputs);
    cr_expect_str_eq(params, same);
    ef_net_destroy(copy);
    ef_net_destroy(again);
    ef_free(written.bytes);
    ef_net_destroy(net);
}

Test(origin_fold, a_layer_gives_what_its_norm_gave)
{
    ef_net *net = read_text(
        "x = input N 3 2 2; w = float 4 3 1 1; c = Conv x w; g = float 4 : 1;"
        "b = float 4; m = float 4; v = float 4 : 1; n = BatchNormalization c g b m v;"
        "r = Relu n; f = Flatten r; k = float 16 2; y = MatMul f k; output y");
    ef_net *folded = NULL;
    size_t n = 0;
    ef_error err = {0};
    char outputs[512], params[512];
    must(ef_net_fold_norms(&folded, net, &n, &err), &err);
    list(folded, outputs, params, sizeof outputs);
    cr_expect_str_eq(outputs, "x n r f y", "%s", outputs);
    cr_expect_str_eq(params, "w c.bias k@", "%s", params);
    ef_net_destroy(folded);
    ef_net_destroy(net);
}

Test(origin_read, each_failing_allocation_is_reported)
{
    packed m = pack_text(cases[9].text);
    ef_status status = EF_ERR_MEMORY;
    for (long n = 0; status == EF_ERR_MEMORY; n++) {
        ef_net *net = NULL, *copy = NULL;
        ef_error err = {0};
        ef_mem_fail_after(n);
        status = ef_onnx_read(&net, NULL, "m.onnx", m.bytes, m.size, &err);
        status = status ? status : ef_net_dup(&copy, net);
        ef_mem_fail_after(-1);
        ef_net_destroy(copy);
        ef_net_destroy(net);
    }
    cr_expect_eq(status, EF_OK);
    ef_free(m.bytes);
}

/* --- a list that another injector could have written -------------------------------
 */

#define N_LISTED 2 /* images */

typedef struct float_run {
    ef_net *net;
    ef_fnet *fnet;
    ef_rerun *rerun;
} float_run;

static float_run run_floats(const char *text, const float *images)
{
    float_run run = {.net = read_text(text)};
    ef_fnet_options options = EF_FNET_OPTIONS_FP32;
    ef_rerun_images of = {.images = images, .n = N_LISTED, .n_threads = 1};
    ef_error err = {0};
    must(ef_fnet_create(&run.fnet, run.net, NULL, &options, &err), &err);
    must(ef_rerun_create_float(&run.rerun, run.fnet, &of, &err), &err);
    return run;
}

static void end_run(float_run *run)
{
    ef_rerun_destroy(run->rerun);
    ef_fnet_destroy(run->fnet);
    ef_net_destroy(run->net);
}

static void strike_list(const float_run *run, const char *rows, double *logits)
{
    char text[512];
    ef_error err = {0};
    ef_fault_list faults;
    ef_outcomes counts;
    ef_rerun_worker *worker = NULL;
    size_t n;
    const ef_site *sites = ef_rerun_sites(run->rerun, &n);
    snprintf(text, sizeof text, "fault,target,tensor,index,bit,kind,image\n%s", rows);
    const char *path = scratch_write_text("list.csv", text);
    must(ef_fault_list_read(&faults, path, sites, n, N_LISTED, &err), &err);
    must(ef_rerun_worker_create(&worker, run->rerun, &err), &err);
    ef_struck to = {.counts = &counts, .logits = logits};
    cr_assert_eq(ef_rerun_strike(worker, faults.faults, 1, &to), EF_OK);
    ef_rerun_worker_destroy(worker);
    ef_fault_list_clear(&faults);
}

/* text: a model, $ in front of an element; rows: a list that flips its sign. */
typedef struct listed {
    const char *name, *text, *rows;
} listed;

static const listed lists[] = {
    {"a matrix (in, out)",
     "x = input N 3; w = float 3 2 : 1 2 3 $4 5 6; b = float 2; y = Gemm x w b; "
     "output y",
     "0,weights,w,3,31,flip,\n"},
    {"a kernel that is turned",
     "x = input N 2 3 3; w = float 2 1 2 2 : 1 2 3 4 $5 6 7 8;"
     "k = Transpose w perm=3,2,0,1; y = Conv x k; f = Flatten y; output f",
     "0,weights,w,4,31,flip,\n"},
    {"an addend behind a product",
     "x = input N 3; w = float 3 2; b = float 2 : 1 $7; m = MatMul x w; y = Add m b;"
     "output y",
     "0,biases,b,1,31,flip,\n"},
};

static void set_sign(const char *text, char sign, char *to)
{
    strcpy(to, text);
    *strchr(to, '$') = sign;
}

Test(origin_list, strikes_the_element_of_the_file, .init = scratch_make,
     .fini = scratch_remove)
{
    static float images[64];
    static double struck[256];
    for (size_t i = 0; i < 64; i++) {
        images[i] = 1 + (float)(i * i % 7);
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char plain[256], negated[256];
        set_sign(lists[i].text, ' ', plain);
        set_sign(lists[i].text, '-', negated);
        float_run before = run_floats(plain, images),
                  after = run_floats(negated, images);
        size_t n = N_LISTED * ef_rerun_n_classes(before.rerun);
        strike_list(&before, lists[i].rows, struck);
        for (size_t k = 0; k < n; k++) {
            cr_expect_eq(struck[k], ef_rerun_logits(after.rerun)[k], "%s, logit %zu",
                         lists[i].name, k);
        }
        cr_expect_neq(memcmp(struck, ef_rerun_logits(before.rerun), n * sizeof *struck),
                      0, "%s", lists[i].name);
        end_run(&after);
        end_run(&before);
    }
}

/* Element (1, 0, 2) of images with channels last, 18 numbers, is element (2, 1, 0) of
 * those that the network takes. */
Test(origin_list, strikes_images_with_channels_last, .init = scratch_make,
     .fini = scratch_remove)
{
    static double struck[2 * 18];
    float images[2 * 18];
    for (size_t i = 0; i < 36; i++) {
        images[i] = 1 + (float)i;
    }
    float_run before = run_floats("x = input N 3 2 3; t = Transpose x perm=0,3,1,2;"
                                  "r = Relu t; y = Flatten r; output y",
                                  images);
    strike_list(&before, "0,inputs,x,8,31,flip,1\n", struck);
    for (size_t k = 0; k < 36; k++) {
        int is_struck = k == 18 + 2 * 6 + 1 * 2 + 0;
        cr_expect_eq(struck[k], is_struck ? 0 : (double)images[k], "logit %zu", k);
    }
    end_run(&before);
}
