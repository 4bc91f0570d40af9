/* What a network that was read knows of its file: which value each output is, which
 * initialiser each parameter, and where their elements lie. */
#include "net/origin.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "net/fold_norm.h"
#include "onnx_help.h"

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
    ef_net *again = read_net(write_net(net, NULL), NULL);
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
