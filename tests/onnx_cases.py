"""onnx_cases.py RUN_MODEL SCRATCH [--list] [--data FOLDER] [NAME...]: runs the backend
tests of the ONNX project (Debian package libonnx-testdata) through evoflip.

Each case is brought into the forms of onnx_forms.py, read, run, and written and read
again by the program RUN_MODEL (run_model.c), and its output held against the expected
one.  A case passes when its numbers are right and what was written suits the project's
checker.  It may be refused, and is then skipped, only for an operator, a type or an
attribute outside the list below, for a tensor whose rank is not 2 to 4, and for a shape
known only at run time; these reasons are found here, from the model alone.  Numbers
that are wrong fail, whatever the reason.

--list prints a line for each case; without it only failures are shown.  NAME selects
the cases with it in their name.  Status 1 when one fails.
"""
import argparse
import glob
import os
import subprocess
import sys

import numpy as np
import onnx
import onnx.shape_inference
from onnx import helper, numpy_helper

from onnx_forms import FLOAT, READ_TYPES, Case, tensor_type, type_name

# Those with whole published networks (`real`) come without their models.
FOLDERS = ("node", "simple", "pytorch-operator", "pytorch-converted")

# onnx/backend/test/loader/__init__.py of ONNX 1.12
RTOL = 1e-3
ATOL = 1e-7

OPERATORS = set("""
    Conv Gemm MatMul BatchNormalization Relu Clip LeakyRelu PRelu HardSwish Sigmoid
    HardSigmoid Tanh Softmax MaxPool AveragePool GlobalAveragePool GlobalMaxPool
    ReduceMean Add Mul Sub Div Sum Concat Pad Slice Split Flatten Reshape Transpose
    Squeeze Unsqueeze Resize Dropout Identity Constant ConstantOfShape Cast Shape Gather
    """.split())

# operator, attribute, what it may be (its default first)
ATTRIBUTES = (
    ("BatchNormalization", "training_mode", (0,)),
    ("Resize", "mode", (b"nearest",)),
)

RANKS = (2, 3, 4)

# operator, the input that makes it train
TRAINING_INPUTS = (("Dropout", 2),)

EXIT_REFUSED = 3  # the exit status that evoflip(1) has for malformed input
TIMEOUT_S = 300


def operator_reason(graph):
    for node in graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
            return f"operator {node.op_type}"
    return None


def attribute_reason(graph):
    constants = {t.name: t for t in graph.initializer}
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for op_type, name, allowed in ATTRIBUTES:
            value = attributes.get(name, allowed[0])
            if node.op_type == op_type and value not in allowed:
                value = value.decode() if isinstance(value, bytes) else value
                return f"attribute {name}={value} of {op_type}"
        for op_type, index in TRAINING_INPUTS:
            given = node.input[index] if len(node.input) > index else ""
            if node.op_type == op_type and given in constants:
                if numpy_helper.to_array(constants[given]).any():
                    return f"attribute training mode of {op_type}"
    return None


def given_type_reason(graph, output):
    """Of the case as it came: one without float tensors is no float case."""
    types = [tensor_type(v) for v in graph.input]
    types += [tensor_type(v) for v in graph.output if v.name == output]
    others = [t for t in types if t not in READ_TYPES] if FLOAT in types else types[-1:]
    return f"type {type_name(others[0])}" if others else None


def shape_reason(model, live):
    """Of what depends on the image: types, ranks, shapes."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    values = {v.name: v.type.tensor_type
              for v in list(graph.value_info) + list(graph.input) + list(graph.output)}
    for name in sorted(live):
        if name not in values:
            return "shape known only at run time"
        if values[name].elem_type != FLOAT:
            return f"type {type_name(values[name].elem_type)}"
        if not all(d.HasField("dim_value") for d in values[name].shape.dim):
            return "shape known only at run time"
        if len(values[name].shape.dim) not in RANKS:
            return f"rank {len(values[name].shape.dim)}"
    return None


def find_reason(given, output, edited, live):
    """Why evoflip may refuse a form; None: it may not."""
    return (operator_reason(given.graph) or given_type_reason(given.graph, output) or
            attribute_reason(edited.graph) or shape_reason(edited, live))


def load_tensor(path):
    tensor = onnx.TensorProto()
    with open(path, "rb") as file:
        tensor.ParseFromString(file.read())
    return tensor


def load_set(folder, kind, values):
    """The tensors of a data set by the names that the graph has for them."""
    files = sorted(glob.glob(os.path.join(folder, kind + "_*.pb")),
                   key=lambda path: int(path.rsplit("_", 1)[1][:-3]))
    return {value.name: load_tensor(path) for value, path in zip(values, files)}


def load_cases(data, selected):
    """(name, Case) of every data set, or (name, reason) where it has no form."""
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(data, folder, "*", "model.onnx"))):
            name = os.path.join(folder, os.path.basename(os.path.dirname(path)))
            if selected and not any(word in name for word in selected):
                continue
            yield from load_model(name, path)


def load_model(name, path):
    model = onnx.load(path)
    graph = model.graph
    reason = operator_reason(graph)
    types = [tensor_type(v) for v in list(graph.input) + list(graph.output)]
    if None in types or onnx.TensorProto.STRING in types:
        yield name, reason or "type of a value that is no tensor of numbers"
        return
    initialised = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initialised]
    sets = sorted(glob.glob(os.path.join(os.path.dirname(path), "test_data_set_*")))
    for number, folder in enumerate(sets):
        outputs = {output: numpy_helper.to_array(tensor) for output, tensor in
                   load_set(folder, "output", graph.output).items()}
        label = name if number == 0 else f"{name}#{number}"
        yield label, Case(label, model, load_set(folder, "input", inputs), outputs)


def write_jobs(forms, scratch):
    """The files of each form and the lines that RUN_MODEL reads."""
    lines = []
    for number, form in enumerate(forms):
        paths = [os.path.join(scratch, f"{number}.{suffix}")
                 for suffix in ("onnx", "input", "output", "written.onnx")]
        onnx.save(form.model, paths[0])
        form.image.tofile(paths[1])
        lines.append("\t".join(paths))
    return lines


def run_jobs(program, lines):
    """The answer to each line: (exit status, its name, images, text)."""
    answers = []
    while len(answers) < len(lines):
        rest = "\n".join(lines[len(answers):]) + "\n"
        try:
            done = subprocess.run([program], input=rest, stdout=subprocess.PIPE,
                                  timeout=TIMEOUT_S, check=False,
                                  universal_newlines=True)
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            output, status = (late.stdout or b"").decode(), "no end"
        for line in filter(None, output.split("\n")):
            code, name, n_images, text = line.split("\t", 3)
            answers.append((int(code), name, int(n_images), text))
        if len(answers) < len(lines):
            answers.append((1, "crashed", 0, f"the program ended: {status}"))
    return answers


def difference(form, path, n_images):
    """What is wrong with an output; None: nothing."""
    values = np.fromfile(path, dtype="<f4")
    if n_images not in form.n_images:
        return f"taken as {n_images} images"
    if values.size != form.expected.size:
        return f"{values.size} elements instead of {form.expected.size}"
    close = np.isclose(values, form.expected, rtol=RTOL, atol=ATOL, equal_nan=True)
    if close.all():
        return None
    worst = int(np.argmin(close))
    return (f"element {worst} is {values[worst]:.9g} instead of "
            f"{form.expected[worst]:.9g}; {np.count_nonzero(~close)} of {close.size} differ")


def invalid(path):
    """What the project's checker says of a model that evoflip wrote; None: nothing."""
    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
    except Exception as error:  # whatever it raises is a finding
        return "written, it is refused: " + str(error).replace("\n", " ")[:500]
    return None


def judge(form, line, answer):
    """(passed, failed or skipped; why)"""
    code, name, n_images, text = answer
    model, _, output, written = line.split("\t")
    if code == 0:
        wrong = difference(form, output, n_images) or invalid(written)
        return ("failed", wrong) if wrong else ("passed", "")
    if form.reason and code == EXIT_REFUSED:
        return "skipped", form.reason
    return "failed", f"{name}: " + text.replace(model + ": ", "")


def collect(data, selected):
    """Every form, and results of the cases that have none."""
    forms, results = [], []
    for name, case in load_cases(data, selected):
        if isinstance(case, str):
            results.append((name, "skipped", case))
            continue
        try:
            forms.extend(case.forms(find_reason))
        except Exception as error:  # the project's own tools refuse what is exotic
            reason = operator_reason(case.model.graph)
            results.append((name, "skipped" if reason else "failed",
                            reason or f"cannot be brought into a form: {error}"))
    return forms, results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program")
    parser.add_argument("scratch")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--data", default="/usr/share/libonnx-testdata/data")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    forms, results = collect(options.data, options.names)
    lines = write_jobs(forms, options.scratch)
    answers = run_jobs(options.program, lines)
    results += [(form.name, *judge(form, line, answer))
                for form, line, answer in zip(forms, lines, answers)]
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for name, result, why in sorted(results):
        counts[result] += 1
        if options.list or result == "failed":
            print(f"{result:8}{name}" + (f": {why}" if why else ""))
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
