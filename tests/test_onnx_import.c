/* What a model brings beside its operators: the order of its channels, names, what is
 * left out; what happens where it is too large, and where memory is short. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx_help.h"
#include "scratch.h"

TestSuite(onnx_import, .timeout = 120, .init = scratch_make, .fini = scratch_remove);

static ef_onnx_info info_of(const char *text)
{
    ef_error err = {0};
    ef_onnx_info info = {0};
    ef_net *net = NULL;
    packed m = pack_text(text);
    const char *path = scratch_write("m.onnx", m.bytes, m.size);
    must(ef_onnx_load_info(&net, NULL, &info, path, &err), &err);
    ef_net_destroy(net);
    ef_free(m.bytes);
    return info;
}

/* --- channels last ------------------------------------------------------------------
 */

#define TAIL                                                                           \
    "w = float 2 3 2 2; b = float 2; c = Conv t w b; r = Relu c;"                      \
    "g = GlobalAveragePool r; f = Flatten g; output f"
#define GREY_TAIL                                                                      \
    "w = float 2 1 2 2; b = float 2; c = Conv t w b; r = Relu c;"                      \
    "g = GlobalAveragePool r; f = Flatten g; output f"

/* name, the model, the same with channels first, whether images come channels last */
static const struct {
    const char *name, *text, *twin;
    int is_nhwc;
} turned[] = {
    {"Transpose", "x = input N 4 5 3; t = Transpose x perm=0,3,1,2; " TAIL,
     "t = input N 3 4 5; " TAIL, 1},
    {"Transpose of a fixed batch",
     "x = input 1 4 5 3; t = Transpose x perm=0,3,1,2; " TAIL,
     "t = input 1 3 4 5; " TAIL, 1},
    {"Reshape of one channel",
     "x = input N 4 5 1; s = int 4 : -1 1 4 5; t = Reshape x s; " GREY_TAIL,
     "t = input N 1 4 5; " GREY_TAIL, 1},
    {"Reshape of grey images",
     "x = input N 4 5; s = int 4 : -1 1 4 5; t = Reshape x s; " GREY_TAIL,
     "t = input N 1 4 5; " GREY_TAIL, 0},
    {"Transpose of what is no image",
     "x = input N 4 5 3; t = Transpose x perm=0,3,2,1; " TAIL,
     "x = input N 4 5 3; t = Transpose x perm=0,3,2,1; " TAIL, 0},
};

Test(onnx_import, takes_images_with_channels_first)
{
    for (size_t i = 0; i < sizeof turned / sizeof turned[0]; i++) {
        ef_net *net = read_text(turned[i].text), *twin = read_text(turned[i].twin);
        expect_twins(turned[i].name, net, twin);
        cr_expect_eq(info_of(turned[i].text).is_nhwc, turned[i].is_nhwc, "%s",
                     turned[i].name);
        ef_net_destroy(net);
        ef_net_destroy(twin);
    }
}

/* Two readers, one of which does not turn the images: nothing is turned. */
Test(onnx_import, turns_images_only_where_all_readers_do)
{
    const char *text = "x = input N 2 2 3; t = Transpose x perm=0,3,1,2;"
                       "u = Transpose x perm=0,3,2,1; y = Add t u; output y";
    ef_net *net = read_text(text);
    cr_expect_eq(info_of(text).is_nhwc, 0);
    /* numpy: a = arange(12).reshape(2, 2, 3); a.transpose(2, 0, 1) +
     * a.transpose(2, 1, 0) */
    expect_logits("two readers", net, "0 9 9 18 2 11 11 20 4 13 13 22");
    ef_net_destroy(net);
}

/* --- what was read
 * --------------------------------------------------------------------
 */

Test(onnx_import, tells_what_was_left_out)
{
    ef_onnx_info info =
        info_of("opset 11; x = input N 2; w = float 2 2;"
                "m = MatMul x w; probabilities: y = Softmax m; output y");
    cr_expect_str_eq(info.softmax, "probabilities");
    cr_expect_eq(info.opset, 11);
    cr_expect_eq(info.ir_version, 8);
    cr_expect_eq(info.n_nodes, 2);
    cr_expect_eq(info.n_folded, 0);
    info = info_of("x = input N 2; s = Softmax x; y = Relu s; output y");
    cr_expect_str_eq(info.softmax, "");
}

Test(onnx_import, counts_what_was_folded)
{
    ef_onnx_info info =
        info_of("x = input N 2 2 2; s = Shape x; i = int : 0; g = Gather s i;"
                "a = int 1 : 0; u = Unsqueeze g a; m = int 1 : -1;"
                "t = Concat u m axis=0; y = Reshape x t; output y");
    cr_expect_eq(info.n_nodes, 5);
    cr_expect_eq(info.n_folded, 3); /* Gather, Unsqueeze, Concat */
}

/* --- names
 * ------------------------------------------------------------------------------
 */

/* "conv1 relu ...": names of all nodes but the input. */
static void names_of(const ef_net *net, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 1; i < ef_topology_n_nodes(net->topology); i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", i > 1 ? " " : "",
                                 ef_topology_node(net->topology, i)->name);
        cr_assert_lt(used, size);
    }
}

/* Models and the names of the nodes that become of them, in their order; read again
 * after writing, they stay. */
static const struct {
    const char *text, *names;
} named[] = {
    {"x = input N 4; a: u = Relu x; b: y = Tanh u; output y", "a b"},
    {"x = input N 4; u = Relu x; y = Tanh u; output y", "u y"},
    {"x = input N 4; a: u = Relu x; a: v = Tanh u; a: y = Relu v; output y",
     "a a_2 a_3"},
    {"x = input N 4; a_2: u = Relu x; a: v = Tanh u; a: y = Relu v; output y",
     "a_2 a a_3"},
    {"x = input N 4; a[0]: u = Relu x; \xc3\xa4: y = Tanh u; output y", "a_0_ __"},
    {"x = input N 4; x: y = Relu x; output y", "x_2"},
    {"x = input N 2 2 2; w = float 2 2 1 1; b = float 2 1 1; conv: c = Conv x w;"
     "add: y = Add c b; output y",
     "conv"},
    {"x = input N 2; c = float 2; mul: m = Mul x c; add: y = Add m c; output y", "add"},
    {"x = input N 4; i = int 3 : 2 1 0; take: y = Gather x i axis=1; output y",
     "take.slice take.slice_2 take.slice_3 take"},
};

Test(onnx_import, keeps_names_or_makes_them_fit)
{
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        char names[1024], again[1024];
        ef_net *net = read_text(named[i].text);
        packed m = write_net(net, NULL);
        ef_net *back = read_net(m, NULL);
        names_of(net, names, sizeof names);
        names_of(back, again, sizeof again);
        cr_expect_str_eq(names, named[i].names);
        cr_expect_str_eq(again, named[i].names);
        ef_free(m.bytes);
        ef_net_destroy(net);
        ef_net_destroy(back);
    }
}

Test(onnx_import, cuts_names_that_are_too_long)
{
    char text[1024], name[300];
    memset(name, 'n', sizeof name);
    snprintf(text, sizeof text,
             "x = input N 4; %.299s: u = Relu x; %.299s: y = Tanh u; output y", name,
             name);
    ef_net *net = read_text(text);
    const char *first = ef_topology_node(net->topology, 1)->name;
    const char *second = ef_topology_node(net->topology, 2)->name;
    cr_expect_gt(strlen(first), 200);
    cr_expect_eq(strncmp(first, second, strlen(first)), 0);
    cr_expect_str_eq(second + strlen(first), "_2");
    ef_net_destroy(net);
}

Test(onnx_import, keeps_names_of_initialisers_that_layers_share)
{
    static const char *const names[] = {"w", "b", "w", "fc.weight"};
    ef_net *net = read_text("x = input N 2; w = float 2 2 : 1 2 3 4; b = float 2;"
                            "v = float 2 2; one: p = Gemm x w b; two: q = MatMul p w;"
                            "m = float : 2; n = Mul v m; fc: y = MatMul q n; output y");
    cr_assert_eq(net->n_params, 4);
    for (size_t p = 0; p < net->n_params; p++) {
        char name[EF_PARAM_NAME_SIZE];
        ef_net_param_name(net, &net->params[p], name);
        cr_expect_str_eq(name, names[p]);
    }
    /* [0 1] W + [0 1] = [3 5], [3 5] W = [18 26], [18 26] [[0 2] [4 6]] */
    expect_logits("shared", net, "104 192");
    ef_net_destroy(net);
}

/* --- bounds
 * -----------------------------------------------------------------------------
 */

/* head, then piece n times with the number of each for every %zu, then tail. */
static packed repeat(const char *head, const char *piece, size_t n, const char *tail)
{
    size_t size = strlen(head) + strlen(tail) + n * (strlen(piece) + 64) + 1, used;
    char *text = ef_calloc(size, 1);
    cr_assert_not_null(text);
    used = (size_t)snprintf(text, size, "%s", head);
    for (size_t i = 0; i < n; i++) {
        for (const char *at = piece; *at; at++) {
            if (*at == '#' || *at == '@') {
                used += (size_t)snprintf(text + used, size - used, "%zu",
                                         *at == '#' ? i : i + 1);
            } else {
                text[used++] = *at;
            }
        }
    }
    snprintf(text + used, size - used, "%s", tail);
    packed m = pack_text(text);
    ef_free(text);
    return m;
}

/* A small file that asks for much: head, piece repeated, tail, and why it is refused.
 */
static const struct {
    const char *head, *piece;
    size_t n;
    const char *tail, *why;
} large[] = {
    {"x0 = input N 4;", "x@ = Relu x#;", 5000, "output x5000",
     "the model has more than 4096 nodes"},
    {"x = input N 4; n = int 1 : 200000;", "c# = ConstantOfShape n;", 5000,
     "y = Sum x c0; output y", "its inputs do not fit each other"},
    {"x = input N 1 1 1024; n = int 1 : 200000000; c = ConstantOfShape n;"
     "a = Add x c;",
     "", 0, "output a", "the model computes too many constants"},
    {"w = float 512 512 : 1; x0 = input N 512;", "x@ = MatMul x# w;", 4000,
     "output x4000", "its constants spread to more values than are reasonable"},
    {"r = float 0; s = float 4 : 1 1 1 1000; x0 = input N 1 1 1024;",
     "x@ = Resize x# r s;", 2, "output x2", "elements along an axis"},
    {"s = float 4 : 1 1 1000 1; x0 = input N 1 1024 1024;", "x@ = Resize x# _ s;", 1,
     "output x1", "node x1 (Resize): "},
    {"x = input N 65; c = float 1;", "", 0,
     "d = Concat"
     " c c c c c c c c c c c c c"
     " c c c c c c c c c c c c c"
     " c c c c c c c c c c c c c"
     " c c c c c c c c c c c c c"
     " c c c c c c c c c c c c c"
     " axis=0;"
     "y = Add x d; output y",
     "it joins 65 constants, supported are 64"},
    {"x = input N 2 4096; i = int 2 2 : 0 1 1 0;", "x# = Gather x i axis=1;", 2000,
     "y = Concat x0 x1 axis=0; output y", "does not keep"},
};

Test(onnx_import, refuses_small_files_that_ask_for_much)
{
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        ef_error err;
        packed m = repeat(large[i].head, large[i].piece, large[i].n, large[i].tail);
        refuse(m.bytes, m.size, &err);
        cr_expect(strstr(err.text, large[i].why), "%s instead of %s", err.text,
                  large[i].why);
        ef_free(m.bytes);
    }
}

/* Names are found by hashing: a hundred thousand of them take no time to speak of. */
Test(onnx_import, reads_many_names)
{
    packed m = repeat("x = input N 4; c0 = float 4;", "c@ = Identity c#;", 100000,
                      "y = Mul x c100000; output y");
    ef_net *net = read_net(m, NULL);
    cr_expect_str_eq(ops_of(net), "scale");
    ef_net_destroy(net);
    ef_free(m.bytes);
}

/* --- memory
 * -----------------------------------------------------------------------------
 */

static const char *const hungry[] = {
    "x = input N 2 2 2; w = float 2 2 1 1; b = float 2 1 1; c = Conv x w;"
    "a = Add c b; g = GlobalAveragePool a; f = Flatten g; v = float 2 2;"
    "y = MatMul f v; output y",
    "x = input N 3 1 2; i = int 3 : 2 1 0; g = Gather x i axis=1;"
    "p = int 8 : 0 0 0 1 0 0 0 1; y = Pad g p mode=reflect; output y",
    "x = input N 2 2 2; c = float 1 2 1 2; a = Mul x c; d = float 1 2 2 2;"
    "y = Concat d a d axis=1; output y",
    "x = input 2 3; w = float 2 2; c = float 3 1; y = Gemm x w c transA=1 alpha=2.0;"
    "output y",
    "x = input N 2 2 2; s = Shape x; i = int : 0; g = Gather s i; a = int 1 : 0;"
    "u = Unsqueeze g a; m = int 1 : -1; t = Concat u m axis=0; y = Reshape x t;"
    "output y",
    "x = input N 1 1 5; s = float 4 : 1 1 1 1.7; r = float 0; y = Resize x r s;"
    "output y",
};

Test(onnx_import, says_so_when_memory_is_short)
{
    for (size_t i = 0; i < sizeof hungry / sizeof hungry[0]; i++) {
        packed m = pack_text(hungry[i]);
        long n = 0;
        for (ef_status status = EF_ERR_MEMORY; status != EF_OK; n++) {
            ef_error err = {0};
            ef_net *net = NULL;
            ef_mem_fail_after(n);
            status = ef_onnx_read(&net, NULL, "m.onnx", m.bytes, m.size, &err);
            ef_mem_fail_after(-1);
            cr_assert(status == EF_OK || (!net && err.text[0] != '\0'));
            cr_assert(status == EF_OK || status == EF_ERR_MEMORY, "%zu, %ld: %s", i, n,
                      err.text);
            ef_net_destroy(net);
        }
        cr_expect_gt(n, 20);
        ef_free(m.bytes);
    }
}
