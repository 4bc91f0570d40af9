"""The ONNX project's cases in the forms that evoflip takes.

evoflip reads networks of one float input, the image, and one float output.  A case may
have several of both, so each is edited: the image stays an input, all other inputs
become initialisers with the values of the case's data set, and one output is kept.
"""
import copy

import numpy as np
import onnx
import onnx.version_converter
from onnx import TensorProto, helper, numpy_helper

# They compute each element of the first axis from the same one of their first input.
BATCHWISE = {
    "Conv", "Gemm", "BatchNormalization", "Relu", "Clip", "LeakyRelu", "HardSwish",
    "Sigmoid", "HardSigmoid", "Tanh", "MaxPool", "AveragePool", "GlobalAveragePool",
    "GlobalMaxPool", "Flatten", "Dropout", "Identity"}
JOINS = {"Add", "Sub", "Mul", "Div", "Sum", "Concat"}

OPSET_LEAST = 7
OPSET_SLICE_INPUTS = 10  # Slice takes starts and ends as inputs from here on
IR_FREE_INITIALISERS = 4  # from here on an initialiser need not be an input as well

FLOAT = TensorProto.FLOAT
READ_TYPES = {FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}


class Form:
    """A model of one image and one output, and what it should give.

    reason: why evoflip need not take it; None: it must.
    n_images: how many images evoflip may take it for: one for each element of the first
    axis, or the whole as one, where operators mix the first axis.
    """

    def __init__(self, name, model, image, expected, reason):
        self.name = name
        self.model = model
        self.image = np.ascontiguousarray(image, dtype="<f4")
        with np.errstate(over="ignore"):  # out of float32's range is infinity
            self.expected = expected.astype(np.float32).ravel()
        self.reason = reason
        self.n_images = {1, self.image.shape[0] if self.image.ndim else 1}

    def free_batch(self, name):
        """The same with a first axis of unknown length."""
        form = copy.copy(self)
        form.name = name
        form.model = copy.deepcopy(self.model)
        graph = form.model.graph
        initialised = {tensor.name for tensor in graph.initializer}
        for value in [v for v in graph.input if v.name not in initialised] + [
                graph.output[0]]:
            value.type.tensor_type.shape.dim[0].dim_param = "N"
        form.n_images = {self.image.shape[0]}
        return form


def type_name(elem_type):
    return TensorProto.DataType.Name(elem_type).lower()


def tensor_type(value):
    """The element type of a graph's input or output; None: no tensor."""
    if value.type.WhichOneof("value") != "tensor_type":
        return None
    return value.type.tensor_type.elem_type


def opset_of(model):
    """Of the standard operators; 0 where a model has none."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")),
                0)


def raise_opset(model):
    """The model in opset 7 where it has an earlier one, by the project's converter."""
    if opset_of(model) >= OPSET_LEAST:
        return model
    raised = onnx.version_converter.convert_version(model, OPSET_LEAST)
    raised.ir_version = model.ir_version
    for node in raised.graph.node:
        if node.op_type == "PRelu":
            spread_slope(raised.graph, node)
    return raised


def spread_slope(graph, node):
    """Opset 6 has a slope per channel as (C); opset 7 aligns shapes at their ends.
    The converter overlooks it."""
    rank = next(len(v.type.tensor_type.shape.dim) for v in graph.input
                if v.name == node.input[0])
    for values in list(graph.initializer) + list(graph.input):
        if values.name != node.input[1]:
            continue
        if isinstance(values, TensorProto):
            values.dims.extend([1] * (rank - 2))
        else:
            for _ in range(rank - 2):
                values.type.tensor_type.shape.dim.add().dim_value = 1


class Editor:
    """A copy of a model that is being edited."""

    def __init__(self, model):
        self.model = copy.deepcopy(model)
        self.graph = self.model.graph

    def constant(self, name, values):
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        if self.model.ir_version < IR_FREE_INITIALISERS:
            tensor = self.graph.initializer[-1]
            self.graph.input.append(
                helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))
        return name

    def node(self, op_type, inputs, name, **attributes):
        """Appends a node whose output has its name."""
        self.graph.node.append(
            helper.make_node(op_type, inputs, [name], name=name, **attributes))
        return name

    def put_first(self, n):
        """Moves the last n nodes to the front: what they make is read by the others."""
        nodes = list(self.graph.node)
        del self.graph.node[:]
        self.graph.node.extend(nodes[-n:] + nodes[:-n])

    def bind(self, name, tensor):
        """Gives an input the values of the case's data set."""
        bound = TensorProto()
        bound.CopyFrom(tensor)
        bound.name = name
        declared = next(tensor_type(v) for v in self.graph.input if v.name == name)
        if (bound.data_type, declared) == (TensorProto.UINT16, TensorProto.BFLOAT16):
            bound.data_type = declared  # numpy has no bfloat16; the files keep its bits
        self.graph.initializer.append(bound)
        if self.model.ir_version >= IR_FREE_INITIALISERS:
            self.remove_input(name)

    def remove_input(self, name):
        kept = [value for value in self.graph.input if value.name != name]
        del self.graph.input[:]
        self.graph.input.extend(kept)

    def add_input(self, name, dims):
        self.graph.input.insert(0, helper.make_tensor_value_info(name, FLOAT, dims))

    def set_output(self, name, dims):
        del self.graph.output[:]
        self.graph.output.append(helper.make_tensor_value_info(name, FLOAT, dims))

    def reshape(self, data, dims, name):
        return self.node(
            "Reshape", [data, self.constant(name + "_dims", np.int64(dims))], name)

    def slice_row(self, data, begin, end, name):
        """Elements begin to end of axis 1."""
        if opset_of(self.model) < OPSET_SLICE_INPUTS:
            return self.node("Slice", [data], name, starts=[begin], ends=[end], axes=[1])
        bounds = [self.constant(f"{name}_{what}", np.int64([value]))
                  for what, value in (("begin", begin), ("end", end), ("axis", 1))]
        return self.node("Slice", [data] + bounds, name)


def live_tensors(graph, image):
    """Names of what depends on the values of the image."""
    live = {image}
    for node in graph.node:
        if node.op_type not in ("Shape", "Size") and live.intersection(node.input):
            live.update(node.output)
    return live


def made_for(graph, output):
    """Names of what the output is computed from, and its own."""
    wanted = {output}
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
    return wanted


class Case:
    """One data set of one model.

    inputs: TensorProto by name; outputs: expected arrays by name."""

    def __init__(self, name, model, inputs, outputs):
        self.name = name
        self.model = model
        self.inputs = inputs
        self.outputs = outputs
        self.floats = [v.name for v in model.graph.input
                       if v.name in inputs and tensor_type(v) == FLOAT]
        self.output_types = {v.name: tensor_type(v) for v in model.graph.output}

    def forms(self, find_reason):
        """Every form of every output; find_reason(model, output, form, names of what
        depends on the image in it) says why one need not be taken."""
        self.model = raise_opset(self.model)
        for output, expected in self.outputs.items():
            name = self.name
            if len(self.outputs) > 1:
                name += "/" + output
            form = self.make(name, output, expected, self.bound, find_reason)
            yield form
            if self.is_batchwise(expected.shape):
                yield form.free_batch(name + "/batch")
            if self.is_join():
                yield self.make(name + "/packed", output, expected, self.packed,
                                find_reason)
                for image in self.floats[1:]:
                    yield self.make(f"{name}/{image}", output, expected,
                                    lambda e, x=image: self.bound(e, x), find_reason)

    def is_batchwise(self, expected_shape):
        """Whether the case has as many outputs as inputs along the first axis, and each
        from its own input."""
        if not self.floats or not expected_shape:
            return False
        image = self.inputs[self.floats[0]]
        return image.dims[:1] == list(expected_shape[:1]) and all(
            n.op_type in BATCHWISE and not self.mixes(n) for n in self.model.graph.node)

    def mixes(self, node):
        """Whether a node of these operators has attributes or inputs that mix it."""
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Flatten":
            return attributes.get("axis", 1) != 1
        if node.op_type == "Gemm":
            biases = [self.inputs[name] for name in node.input[2:] if name in self.inputs]
            return bool(attributes.get("transA", 0)) or any(
                len(bias.dims) == 2 and bias.dims[0] > 1 for bias in biases)
        return False

    def is_join(self):
        return len(self.floats) > 1 and all(
            n.op_type in JOINS and set(n.input) <= set(self.floats)
            for n in self.model.graph.node)

    def bound(self, editor, image=None):
        """Binds all inputs but the image, by default the first float one."""
        if image is None and self.floats:
            image = self.floats[0]
        for name, tensor in self.inputs.items():
            if name != image:
                editor.bind(name, tensor)
        return image, image and numpy_helper.to_array(self.inputs[image])

    def packed(self, editor):
        """All float inputs are cut out of one image."""
        arrays = [numpy_helper.to_array(self.inputs[name]) for name in self.floats]
        begin, before = 0, len(editor.graph.node)
        for name, array in zip(self.floats, arrays):
            part = editor.slice_row("packed", begin, begin + array.size, name + "_part")
            editor.reshape(part, array.shape, name)
            editor.remove_input(name)
            begin += array.size
        editor.put_first(len(editor.graph.node) - before)
        editor.add_input("packed", [1, begin])
        return "packed", np.concatenate([array.ravel() for array in arrays])[np.newaxis]

    def make(self, name, given, expected, choose_image, find_reason):
        editor, output = Editor(self.model), given
        if expected.size == 0:
            image, values, expected = self.shape_only(editor, output, expected)
            output = "its_shape"
        else:
            image, values = choose_image(editor)
        if self.output_types.get(output) != FLOAT:
            output = editor.node("Cast", [output], "as_float", to=FLOAT)
        live = live_tensors(editor.graph, image) & made_for(editor.graph, output)
        if output in live:
            output, dims = self.keep_softmax(editor, output), expected.shape
        else:
            values = self.add_to_image(editor, image, values, output, expected.size)
            output, dims = "sum", [1, expected.size]
        editor.set_output(output, dims)
        return Form(name, editor.model, values, expected,
                    find_reason(self.model, given, editor.model, live))

    def shape_only(self, editor, output, expected):
        """A tensor without elements is known by its shape."""
        for name, tensor in self.inputs.items():
            editor.bind(name, tensor)
        editor.node("Shape", [output], "its_shape")
        return None, None, np.array(expected.shape)

    @staticmethod
    def keep_softmax(editor, output):
        """evoflip leaves out a last softmax; with a node behind it, it is kept."""
        if editor.graph.node[-1].op_type not in ("Softmax", "LogSoftmax"):
            return output
        one = editor.constant("one", np.float32(1))
        return editor.node("Mul", [output, one], "kept")

    @staticmethod
    def add_to_image(editor, image, values, output, n):
        """A constant output, added to zeros: those of the image times 0, or, where it
        is too small or there is none, of an input made for it."""
        if image is not None and values.size >= n:
            row = editor.reshape(image, [1, values.size], "row")
            part = editor.slice_row(row, 0, n, "part")
            zeros = editor.node(
                "Mul", [part, editor.constant("nothing", np.float32(0))], "zeros")
        else:
            if image is not None:
                editor.bind(image, numpy_helper.from_array(values, image))
            editor.add_input("zeros", [1, n])
            zeros, values = "zeros", np.zeros([1, n])
        flat = editor.reshape(output, [1, n], "flat")
        editor.node("Add", [zeros, flat], "sum")
        return values
