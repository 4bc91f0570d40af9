/* ONNX models for tests, written as text: a line (or what a semicolon ends) for each
 * value.
 *
 *     opset 13                       this is the default
 *     x = input N 2 3 3              float; a letter is a symbolic size
 *     w = float 2 2 1 1 : 1 -1       its dims and values, which begin anew where they
 *                                    are too few; without values 0, 1, 2, ...
 *     s = int 2 : 0 -1               int64
 *     conv1: y = Conv x w pads=1,1,1,1
 *     a b = Split y axis=1           several outputs
 *     z = Clip a _ high              _ is no input (or no output)
 *     output z
 *
 * A node may have a name in front.  Attributes: k=1 is an integer, k=1, a list of one,
 * k=1.5 a float, k=1.0,2.0 a list of floats, k=word a string.  What does not look so
 * fails the test. */
#ifndef EF_TESTS_ONNX_HELP_H
#define EF_TESTS_ONNX_HELP_H

#include "net/net.h"
#include "onnx/onnx.h"
#include "onnx/onnx.pb-c.h"

typedef struct packed {
    unsigned char *bytes; /* released with ef_free */
    size_t size;
} packed;

/* Fails the test, with the reason, unless status is EF_OK. */
void must(ef_status status, const ef_error *err);

/* Released with onnx__model_proto__free_unpacked, or by pack. */
Onnx__ModelProto *onnx_model(const char *text);
packed pack(Onnx__ModelProto *model);
packed pack_text(const char *text);
Onnx__ModelProto *unpack(packed m); /* releases m */

packed write_net(const ef_net *net, const ef_onnx_metadata *metadata);
ef_net *read_net(packed m, ef_onnx_metadata *metadata);
ef_net *read_text(const char *text);

/* The status and text of bytes that are refused; the text begins with "m.onnx: ". */
ef_status refuse(const void *bytes, size_t size, ef_error *err);
ef_status refuse_text(const char *text, ef_error *err);

/* Operations of all nodes but the input, in their order: "conv activation dense". */
const char *ops_of(const ef_net *net);

/* What the network makes of n images whose values are 0, 1, 2, ..., by definition;
 * released with ef_free. */
float *logits_of_ramp(const ef_net *net, size_t n, size_t *n_logits);

/* Holds what a network makes of one such image against numbers written as text, each
 * within 1e-5 of its size or of 1; name is told on failure. */
void expect_logits(const char *name, const ef_net *net, const char *expected);

/* The same topology up to names, the same values, the same logits. */
void expect_twins(const char *name, const ef_net *a, const ef_net *b);

#endif
