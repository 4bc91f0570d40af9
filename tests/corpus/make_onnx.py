"""make_onnx.py WRITTEN FOLDER: the corpus of the fuzz target on models (python3-onnx).

WRITTEN is what tests/write_models wrote: the smallest of its models that show every
operator go into FOLDER, beside models as other exporters write them and hostile ones.
The same files each time, by the same version of python3-onnx."""
import os
import struct
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
written, folder = sys.argv[1:]
rng = np.random.RandomState(1)


def save(name, data):
    with open(os.path.join(folder, name + ".onnx"), "wb") as stream:
        stream.write(data)


# --- what evoflip writes ---------------------------------------------------------


def take_written():
    seen = set()
    paths = [os.path.join(written, name) for name in os.listdir(written)
             if name.endswith(".onnx")]
    for path in sorted(paths, key=lambda p: (os.path.getsize(p), p)):
        with open(path, "rb") as stream:
            data = stream.read()
        model = onnx.load_from_string(data)
        shows = {node.op_type for node in model.graph.node}
        shows |= {entry.key.split(".")[1] for entry in model.metadata_props}
        if not shows <= seen:
            seen |= shows
            save("written-" + os.path.basename(path)[:-5], data)


# --- what others write -----------------------------------------------------------


def values(name, *dims):
    array = rng.randint(-16, 16, dims).astype(np.float32) / 8
    return numpy_helper.from_array(array, name)


def ints(name, *numbers):
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


def floats(name, *numbers):
    return numpy_helper.from_array(np.array(numbers, np.float32), name)


def scalar(name, number, kind=np.int64):
    return numpy_helper.from_array(np.array(number, kind), name)


def node(op, inputs, output, **attributes):
    outputs = output.split()
    return helper.make_node(op, inputs.split(), outputs, outputs[0] + "_node",
                            **attributes)


def model_of(nodes, constants=(), opset=13, shape=("N", 3, 6, 6), output="y"):
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info(output, FLOAT, None)],
        constants)
    return helper.make_model(graph, producer_name="corpus", ir_version=8,
                             opset_imports=[helper.make_opsetid("", opset)])


def write(name, *arguments, **keywords):
    save(name, model_of(*arguments, **keywords).SerializeToString(deterministic=True))


def take_convs():
    w, b = values("w", 4, 3, 3, 3), values("b", 4)
    for auto in "SAME_UPPER", "SAME_LOWER", "VALID":
        write("conv-" + auto.lower(),
              [node("Conv", "x w", "y", auto_pad=auto, strides=[2, 2])], [w])
    write("conv-uneven",
          [node("Conv", "x w b", "y", pads=[0, 1, 2, 1], dilations=[2, 1],
                kernel_shape=[3, 3])], [w, b], opset=7)
    write("conv-depthwise",
          [node("Conv", "x w", "y", group=3, pads=[1, 1, 1, 1])],
          [values("w", 6, 1, 3, 3)], opset=17)
    write("conv-batchnorm",
          [node("Conv", "x w", "a"),
           node("BatchNormalization", "a s b m v", "y", epsilon=1e-3)],
          [w, values("s", 4), b, values("m", 4), floats("v", 1, 2, 3, 4)], opset=9)


def take_dense():
    flat = ("N", 6)
    w, b = values("w", 6, 4), values("b", 4)
    write("gemm", [node("Gemm", "x w b", "y", transB=1, alpha=0.5, beta=2.0)],
          [values("w", 4, 6), b], shape=flat)
    write("gemm-alone", [node("Gemm", "x w", "y")], [w], shape=flat, opset=11)
    write("matmul", [node("MatMul", "x w", "a"), node("Add", "b a", "y")], [w, b],
          shape=flat)
    write("mlp",
          [node("Flatten", "x", "f"), node("Gemm", "f w b", "a"), node("Relu", "a", "r"),
           node("Softmax", "r", "y", axis=-1)], [values("w", 108, 4), b])


def take_activations():
    for op, attributes in [
            ("Relu", {}), ("LeakyRelu", {"alpha": 0.1}), ("HardSwish", {}),
            ("Sigmoid", {}), ("HardSigmoid", {"alpha": 0.2, "beta": 0.5}), ("Tanh", {}),
            ("Softmax", {"axis": 1}), ("Identity", {}), ("Dropout", {})]:
        write("act-" + op.lower(), [node(op, "x", "y", **attributes)], opset=14)
    write("act-clip6", [node("Clip", "x", "y", min=0.0, max=6.0)], opset=7)
    write("act-clip", [node("Clip", "x low high", "y")],
          [scalar("low", 0, np.float32), scalar("high", 6, np.float32)])
    write("act-clip-low", [node("Clip", "x low", "y")], [scalar("low", 0, np.float32)])
    write("act-prelu", [node("PRelu", "x s", "y")], [values("s", 3, 1, 1)])
    write("act-softmax-flat", [node("Softmax", "x", "y")], shape=("N", 6), opset=9)


def take_pools():
    write("pool-max",
          [node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)])
    write("pool-max-dilated",
          [node("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2])])
    write("pool-average",
          [node("AveragePool", "x", "y", kernel_shape=[3, 2], pads=[1, 1, 1, 0],
                count_include_pad=1)])
    write("pool-average-same",
          [node("AveragePool", "x", "y", kernel_shape=[3, 3], strides=[2, 2],
                auto_pad="SAME_UPPER")])
    write("pool-global", [node("GlobalAveragePool", "x", "y")])
    write("pool-globalmax", [node("GlobalMaxPool", "x", "y")])
    write("pool-mean", [node("ReduceMean", "x", "y", axes=[2, 3], keepdims=0)])
    write("pool-mean18", [node("ReduceMean", "x a", "y", keepdims=1)],
          [ints("a", -1, -2)], opset=18)


def take_elementwise():
    c = values("c", 3, 1, 1)
    for op in "Add", "Sub", "Mul", "Div":
        write("const-" + op.lower(), [node(op, "x c", "y")], [c])
        write("const-back-" + op.lower(), [node(op, "c x", "y")], [c])
        write("two-" + op.lower(),
              [node("Relu", "x", "a"), node("Tanh", "x", "b"), node(op, "a b", "y")])
    write("const-normalise",
          [node("Sub", "x m", "a"), node("Div", "a s", "y")],
          [values("m", 1, 3, 1, 1), floats("s", 2.0)])
    write("gate",
          [node("GlobalAveragePool", "x", "a"), node("Sigmoid", "a", "b"),
           node("Mul", "x b", "y")])


def take_moves():
    write("concat", [node("Relu", "x", "a"), node("Concat", "x a x", "y", axis=1)])
    write("pad2", [node("Pad", "x", "y", pads=[0, 1, 0, 2, 0, 1, 1, 0], value=0.5)],
          opset=2 + 5)
    write("pad", [node("Pad", "x p v", "y")],
          [ints("p", 0, 0, 1, 1, 0, 0, 1, 1), scalar("v", 0.5, np.float32)])
    write("slice1", [node("Slice", "x", "y", starts=[0, 1], ends=[2, 100],
                          axes=[1, 2])], opset=9)
    write("slice", [node("Slice", "x b e a s", "y")],
          [ints("b", 0, -5), ints("e", 2**31 - 1, -1), ints("a", 1, -1), ints("s", 2, 2)])
    write("split2", [node("Split", "x", "a b", axis=1, split=[1, 2]),
                     node("Concat", "b a", "y", axis=1)], opset=11)
    write("split", [node("Split", "x s", "a b", axis=2),
                    node("Add", "a b", "y")], [ints("s", 3, 3)])
    write("split18", [node("Split", "x", "a b c", axis=1, num_outputs=3),
                      node("Concat", "c a b", "y", axis=1)], opset=18)
    write("reshape", [node("Reshape", "x s", "y")], [ints("s", 0, -1)])
    write("reshape4", [node("Reshape", "x s", "y")], [ints("s", -1, 2, 54, 1)])
    write("shuffle", [node("Reshape", "x s", "a"), node("Transpose", "a", "b",
                                                        perm=[0, 2, 1, 3]),
                      node("Reshape", "b t", "y")],
          [ints("s", 0, 3, 6, 6), ints("t", 0, 3, 6, 6)])
    write("nhwc", [node("Transpose", "x", "a", perm=[0, 3, 1, 2]),
                   node("Conv", "a w", "b"),
                   node("Transpose", "b", "y", perm=[0, 2, 3, 1])],
          [values("w", 2, 3, 1, 1)], shape=("N", 6, 6, 3))
    write("squeeze11", [node("GlobalAveragePool", "x", "a"),
                        node("Squeeze", "a", "b", axes=[2, 3]),
                        node("Unsqueeze", "b", "y", axes=[2, 3])], opset=11)
    write("squeeze", [node("GlobalAveragePool", "x", "a"), node("Squeeze", "a i", "b"),
                      node("Unsqueeze", "b i", "y")], [ints("i", 2, 3)])
    write("resize", [node("Resize", "x r s", "y", mode="nearest",
                          coordinate_transformation_mode="asymmetric",
                          nearest_mode="floor")],
          [floats("r"), floats("s", 1, 1, 2, 2)])
    write("resize-sizes", [helper.make_node("Resize", ["x", "", "", "s"], ["y"],
                                            mode="nearest")],
          [ints("s", 1, 3, 12, 12)])
    write("upsample", [node("Upsample", "x s", "y", mode="nearest")],
          [floats("s", 1, 1, 2, 3)], opset=9)


def take_debris():
    write("view",
          [node("Shape", "x", "a"), node("Constant", "", "i", value=scalar("", 0)),
           node("Gather", "a i", "b", axis=0),
           node("Unsqueeze", "b z", "c"),
           node("Constant", "", "m", value=ints("", -1)),
           node("Concat", "c m", "d", axis=0), node("Reshape", "x d", "y")],
          [ints("z", 0)])
    write("shortcut",
          [node("Constant", "", "p0", value_ints=[1, 1]),
           node("Cast", "p0", "p1", to=INT64),
           node("Shape", "p1", "n"),
           node("Sub", "eight n", "m"),
           node("ConstantOfShape", "m", "z", value=ints("", 0)),
           node("Concat", "p1 z", "p2", axis=0),
           node("Slice", "p2 b0 e0 a0", "p3"),
           node("Reshape", "p3 flat", "p4"),
           node("Cast", "p4", "p5", to=INT64),
           node("Pad", "x p", "a"),
           node("Gather", "p5 i", "unread"),
           node("Relu", "a", "y")],
          [ints("eight", 8), ints("b0", 0), ints("e0", 8), ints("a0", 0),
           ints("flat", -1), ints("i", 0), ints("p", 0, 1, 0, 0, 0, 1, 0, 0)])
    write("cast-round", [node("Cast", "x", "a", to=FLOAT), node("Relu", "a", "y")])
    for kind in np.float16, np.float64:
        write("cast-" + np.dtype(kind).name,
              [node("Cast", "c", "d", to=FLOAT), node("Mul", "x d", "y")],
              [numpy_helper.from_array(np.array([0.5], kind), "c")])
    write("typed",
          [node("Conv", "x w", "y")],
          [helper.make_tensor("w", FLOAT, (1, 3, 1, 1), [1.0, 2.0, 3.0])])


# --- what nobody should write ------------------------------------------------------


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def take_damaged():
    data = model_of([node("Conv", "x w b", "a"), node("Relu", "a", "y")],
                    [values("w", 2, 3, 3, 3), values("b", 2)]).SerializeToString()
    save("hostile-none", b"")
    save("hostile-gzip", b"\x1f\x8b\x08\x00")
    for part in 1, 10, 25, 50, 75, 90, 99:
        save("hostile-cut-%02d" % part, data[:len(data) * part // 100])
    save("hostile-cut-last", data[:-1])
    at = data.index(b"Conv") - 1
    for name, length in ("short", 3), ("long", 5), ("far", 127):
        save("hostile-length-" + name,
             data[:at] + bytes([length]) + data[at + 1:])
    save("hostile-length-endless", data[:at] + b"\xff" * 12 + data[at:])
    save("hostile-twice", data + data)
    save("hostile-behind", data + b"\xfa\x7f\x05hello")
    nested = b""
    for _ in range(3000):  # a type of sequences of sequences of ...
        nested = field(4, field(1, nested))
    save("hostile-nested", field(7, field(11, field(2, nested))))
    nested = b""
    for _ in range(25):  # graphs inside nodes
        nested = field(1, field(5, field(6, nested)))
    save("hostile-graphs", field(7, nested))
    save("hostile-empty-nodes", field(7, field(1, b"") * 3000))
    save("hostile-empty-tensors", field(7, field(5, b"") * 1000))
    save("hostile-no-graph", field(8, b"\x10\x0d"))


def relus(*pairs):
    return [node("Relu", before, behind) for before, behind in pairs]


def take_graphs():
    write("hostile-cycle", relus(("a", "b"), ("b", "a"), ("x", "y")))
    write("hostile-cycle-out", relus(("x", "a"), ("b", "y"), ("y", "b")))
    write("hostile-self", relus(("x", "a"), ("y", "y")))
    write("hostile-backwards", relus(("a", "y"), ("x", "a")))
    write("hostile-same-outputs", relus(("x", "a"), ("x", "a"), ("a", "y")))
    write("hostile-same-constants", [node("Conv", "x w", "y")],
          [values("w", 2, 3, 1, 1), values("w", 2, 3, 1, 1)])
    same = model_of(relus(("x", "a"), ("a", "b"), ("b", "y")))
    for each in same.graph.node:
        each.name = "same"
    save("hostile-same-names", same.SerializeToString())
    for each in same.graph.node:
        each.name = ""
    save("hostile-no-names", same.SerializeToString())
    write("hostile-input-is-output", relus(("x", "a")), output="x")
    write("hostile-no-output", relus(("x", "a")), output="elsewhere")
    write("hostile-empty-output", [helper.make_node("Relu", ["x"], [""])])
    write("hostile-empty-input", [helper.make_node("Relu", [""], ["y"])])
    write("hostile-no-inputs", [helper.make_node("Relu", [], ["y"])])
    write("hostile-many-inputs", [helper.make_node("Add", ["x"] * 500, ["y"])])
    write("hostile-output-is-constant", relus(("x", "w")), [values("w", 1)])
    write("hostile-newline", [node("Re\nlu", "x", "y")])
    write("hostile-bytes", [node("Relu", "x", "y", **{"a\x01\x7f": 1})])
    write("hostile-chain",
          relus(("x", "v0"), *(("v%d" % i, "v%d" % (i + 1)) for i in range(150)),
                ("v150", "y")))
    for opset in 0, 1, 6, 9999:
        write("hostile-opset-%d" % opset, relus(("x", "y")), opset=opset)
    for name, shape in [("negative", ("N", 3, -6, 6)), ("zero", ("N", 0, 6, 6)),
                        ("huge", ("N", 2**31, 2**31, 2**31)), ("rank", ("N",) * 9),
                        ("scalar", ()), ("large", ("N", 1, 16384, 16384)),
                        ("unknown", ("N", "C", "H", "W"))]:
        write("hostile-shape-" + name, relus(("x", "y")), shape=shape)


def tensor(dims, data, kind=FLOAT):
    made = TensorProto(name="w", data_type=kind, raw_data=data)
    made.dims.extend(dims)
    return made


def external(**entries):
    made = tensor([2, 3, 1, 1], b"")
    made.ClearField("raw_data")
    made.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        made.external_data.add(key=key, value=value)
    return made


def take_tensors():
    conv = [node("Conv", "x w", "y")]
    for name, made in [
            ("negative", tensor([2, -3, 1, 1], bytes(24))),
            ("both-negative", tensor([-2, -3, 1, 1], bytes(24))),
            ("huge", tensor([2**62, 2**62, 1, 1], bytes(24))),
            ("wraps", tensor([2**32, 2**32, 1, 1], b"")),
            ("zero", tensor([0, 3, 1, 1], b"")),
            ("short", tensor([2, 3, 1, 1], bytes(23))),
            ("long", tensor([2, 3, 1, 1], bytes(28))),
            ("scalar", tensor([], bytes(4))),
            ("rank", tensor([1] * 64, bytes(4))),
            ("type", tensor([2, 3, 1, 1], bytes(24), 99)),
            ("nan", tensor([2, 3, 1, 1], struct.pack("<6f", *[float("nan")] * 6))),
            ("outside", external(location="../secret")),
            ("absolute", external(location="/etc/passwd")),
            ("nowhere", external(offset="0")),
            ("beside", external(location="weights", offset="-1", length="24"))]:
        write("hostile-tensor-" + name, conv, [made])


def take_attributes():
    w = values("w", 3, 3, 3, 3)
    huge = 2**63 - 1
    for name, attributes in [
            ("group-zero", {"group": 0}), ("group-negative", {"group": -1}),
            ("group-huge", {"group": huge}), ("stride-zero", {"strides": [0, 0]}),
            ("stride-huge", {"strides": [huge, huge]}),
            ("dilation-zero", {"dilations": [0, 1]}),
            ("dilation-huge", {"dilations": [2**31, 2**31]}),
            ("pads-huge", {"pads": [huge, huge, huge, huge]}),
            ("pads-large", {"pads": [2**13, 2**13, 2**13, 2**13]}),
            ("pads-negative", {"pads": [-1, -1, -1, -1]}),
            ("pads-few", {"pads": [1]}), ("auto", {"auto_pad": "ELSEWHERE"}),
            ("kernel", {"kernel_shape": [5, 5]})]:
        write("hostile-conv-" + name, [node("Conv", "x w", "y", **attributes)], [w])
    for name, attributes in [
            ("zero", {"kernel_shape": [0, 0]}), ("none", {}),
            ("huge", {"kernel_shape": [huge, huge]}),
            ("hangs", {"kernel_shape": [2, 2], "pads": [5, 5, 5, 5]})]:
        write("hostile-pool-" + name, [node("MaxPool", "x", "y", **attributes)])
    for axis in -5, 4, huge:
        for op in "Concat", "Softmax", "Flatten":
            write("hostile-%s-%d" % (op.lower(), axis % 9),
                  [node(op, "x", "y", axis=axis)])
    write("hostile-perm", [node("Transpose", "x", "y", perm=[0, 1, 1, 9])])
    write("hostile-slice-step", [node("Slice", "x b e a s", "y")],
          [ints("b", 0), ints("e", 2), ints("a", 1), ints("s", 0)])
    write("hostile-slice-least", [node("Slice", "x b e a s", "y")],
          [ints("b", -huge - 1), ints("e", huge), ints("a", 1), ints("s", -huge - 1)])
    write("hostile-split", [node("Split", "x s", "y z", axis=1)], [ints("s", -1, 4)])
    write("hostile-split-huge", [node("Split", "x s", "y z", axis=1)],
          [ints("s", huge, 5)])
    write("hostile-reshape", [node("Reshape", "x s", "y")], [ints("s", 0, -1, -1)])
    write("hostile-reshape-huge", [node("Reshape", "x s", "y")],
          [ints("s", 1, 2**32, 2**32, 0)])
    write("hostile-pad-huge", [node("Pad", "x p", "y")],
          [ints("p", 0, huge, 0, 0, 0, huge, 0, 0)])
    write("hostile-resize", [node("Resize", "x r s", "y", mode="nearest")],
          [floats("r"), floats("s", 1, 1, 1e30, -1)])
    write("hostile-cast", [node("Cast", "x", "y", to=77)])
    write("hostile-batchnorm", [node("BatchNormalization", "x s s s s", "y")],
          [floats("s", -1, 0, float("nan"))])


def take_bombs():
    """Few bytes that ask for much, where constants are folded."""
    mul = node("Mul", "x d", "y")
    write("hostile-fill-huge", [node("ConstantOfShape", "s", "d"), mul],
          [ints("s", 2**31, 2**31)])
    write("hostile-fill-large", [node("ConstantOfShape", "s", "d"), mul],
          [ints("s", 1, 3, 2**13, 2**13)])
    write("hostile-fill-negative", [node("ConstantOfShape", "s", "d"), mul],
          [ints("s", -1, 3)])
    fills = [node("ConstantOfShape", "s", "d%d" % i) for i in range(200)]
    write("hostile-fill-many", fills + relus(("x", "y")), [ints("s", 2**22)])
    doubling = [node("Concat", "d%d d%d" % (i, i), "d%d" % (i + 1), axis=0)
                for i in range(64)]
    write("hostile-doubling", doubling + relus(("x", "y")), [ints("d0", 1, 2)])
    growing = [node("Mul", "d%d d%d" % (i, i), "d%d" % (i + 1)) for i in range(70)]
    write("hostile-squares", growing + relus(("x", "y")), [ints("d0", 3)])
    outer = [node("Mul", "a b", "d"), node("Mul", "x d", "y")]
    write("hostile-outer", outer, [values("a", 1000, 1), values("b", 1, 1000)])
    gather = [node("Gather", "a i", "d"), mul]
    write("hostile-gather", gather, [floats("a", 1, 2), ints("i", 2)])
    write("hostile-gather-least", gather, [floats("a", 1, 2), ints("i", -2**63)])
    for op in "Div", "Sub":
        write("hostile-int-" + op.lower(),
              [node(op, "a b", "c"), node("Reshape", "x c", "y")],
              [ints("a", -2**63, 5), ints("b", -1, 0)])


for take in (take_written, take_convs, take_dense, take_activations, take_pools,
             take_elementwise, take_moves, take_debris, take_damaged, take_graphs,
             take_tensors, take_attributes, take_bombs):
    take()
