"""faults_torch.py MODEL CIFAR RUN_FAULTS SCRATCH: faults that evoflip draws give the
same classes in PyTorch with the same bits flipped.

RUN_FAULTS (run_faults.c) draws single flips of what MODEL stores in float32, writes them
as a list of faults (evoflip-faults(5)), and strikes them.  Here the list is read, the
same bits of the initialisers and outputs that it names are flipped, and the graph is run
by PyTorch's operators.  The classes have to agree for every (fault, image) where the
logits of both are finite and the largest is above the next by more than MARGIN of the
largest size of one: below that the order of a sum decides.  The other pairs are counted.
Prints TAP.
"""
import collections
import csv
import os
import subprocess
import sys

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

# Targets, faults drawn uniformly among their bits.
LOTS = (("weights", 256), ("activations", 48), ("inputs", 16), ("biases,norm", 48))
SEED = 1
N_IMAGES = 48
MARGIN = 1e-3
# Of all pairs, those in which one of the two is finite and the other is not, and those
# of finite logits that are too near to each other to be compared.
MOST_HALF_FINITE = 0.002
MOST_NEAR = 0.01
# The highest bit of the exponent, a 32nd of all, is the one that overflows mostly.
LEAST_COMPARED = 0.97
LEAST_CHANGED = 50  # pairs whose class a fault changes, or little would be compared

IMAGE_SIZE = 3 * 32 * 32


def read_images(path):
    """The first images, raw values as floats, and their labels."""
    records = np.fromfile(path, dtype=np.uint8).reshape(-1, 1 + IMAGE_SIZE)[:N_IMAGES]
    return records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32)


# --- the graph by PyTorch's operators ---


def conv(node, x, weight, bias=None):
    top, left, bottom, right = node.get("pads", [0, 0, 0, 0])
    padded = functional.pad(x, (left, right, top, bottom)) if (top, left) != (
        bottom, right) else x
    return functional.conv2d(padded, weight, bias, tuple(node["strides"]),
                             (top, left) if padded is x else 0,
                             tuple(node.get("dilations", [1, 1])), node.get("group", 1))


def batch_norm(node, x, gamma, beta, mean, var):
    return functional.batch_norm(x, mean, var, gamma, beta, eps=node.get("epsilon", 1e-5))


def slices(node, x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps):
        places = range(x.shape[axis])[start:end:step]
        x = x.index_select(axis, torch.tensor(places, dtype=torch.int64))
    return x


def pad(node, x, pads, value=None):
    n = x.dim()
    pads = pads.tolist()
    pairs = [(pads[i], pads[i + n]) for i in reversed(range(n))]
    return functional.pad(x, [size for pair in pairs for size in pair])


def gemm(node, a, b, c):
    b = b.t() if node.get("transB", 0) else b
    return node.get("alpha", 1.0) * (a @ b) + node.get("beta", 1.0) * c


def reshape(node, x, shape):
    # the batch is written as 1 in the file
    return x.reshape([int(size) for size in shape])


TYPES = {onnx.TensorProto.FLOAT: torch.float32, onnx.TensorProto.INT64: torch.int64}

OPERATORS = {
    "Conv": conv,
    "BatchNormalization": batch_norm,
    "Relu": lambda node, x: torch.relu(x),
    "Add": lambda node, a, b: a + b,
    "Sub": lambda node, a, b: a - b,
    "Mul": lambda node, a, b: a * b,
    "Div": lambda node, a, b: a / b,
    "Slice": slices,
    "Pad": pad,
    "Gemm": gemm,
    "Reshape": reshape,
    "ReduceMean": lambda node, x: x.mean(node["axes"], keepdim=bool(node["keepdims"])),
    "Shape": lambda node, x: torch.tensor(x.shape, dtype=torch.int64),
    "Gather": lambda node, x, at: x[at],
    "Cast": lambda node, x: x.to(TYPES[node["to"]]),
    "Concat": lambda node, *xs: torch.cat(xs, node["axis"]),
    "Transpose": lambda node, x: x.permute(*node["perm"]),
    "ConstantOfShape": lambda node, shape: torch.zeros(shape.tolist(), dtype=torch.int64),
    "Constant": lambda node: torch.from_numpy(numpy_helper.to_array(node["value"]).copy()),
}


def flipped(tensor, rows, is_by_image):
    """A copy with the bits of rows flipped; index is flat, of one image where the first
    axis is that of the images."""
    tensor = tensor.clone(memory_format=torch.contiguous_format)
    codes = tensor.view(torch.int32).numpy().view(np.uint32)
    codes = codes.reshape(len(codes) if is_by_image else 1, -1)
    for row in rows:
        images = slice(None) if row["image"] == "" else int(row["image"])
        codes[images, int(row["index"])] ^= np.uint32(1 << int(row["bit"]))
    return tensor


class Graph:
    """Runs the nodes that depend on what was changed; the rest is kept from before."""

    def __init__(self, path, images):
        graph = onnx.load(path).graph
        self.values = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
                       for tensor in graph.initializer}
        self.initialisers = set(self.values)
        self.values[graph.input[0].name] = torch.from_numpy(images)
        self.output = graph.output[0].name
        self.nodes = [(OPERATORS[node.op_type],
                       {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
                       list(node.input), node.output[0]) for node in graph.node]
        self.logits = self.run(self.values, None, {})

    def run(self, values, changed, struck):
        """values is filled; changed: names of those that are not as before, or None;
        struck: rows by the name of the output."""
        for operator, attributes, inputs, output in self.nodes:
            if changed is not None and changed.isdisjoint(inputs):
                values[output] = self.values[output]
            else:
                values[output] = operator(attributes, *(values[name] if name else None
                                                        for name in inputs))
                if changed is not None:
                    changed.add(output)
            if output in struck:
                values[output] = flipped(values[output], struck[output], True)
                changed.add(output)
        return values[self.output]

    def strike(self, rows):
        values, struck = dict(self.values), {}
        for row in rows:
            struck.setdefault(row["tensor"], []).append(row)
        unknown = set(struck) - set(values)
        if unknown:
            raise ValueError(f"the file has no {unknown}")
        given = [name for name in struck if name not in
                 {output for _, _, _, output in self.nodes}]
        for name in given:
            values[name] = flipped(values[name], struck[name],
                                   name not in self.initialisers)
        return self.run(values, set(given), struck)


def read_list(path):
    faults = collections.OrderedDict()
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] != "flip" or row["step"] or row["member"]:
                raise ValueError(f"{row} is no flip of something stored")
            faults.setdefault(int(row["fault"]), []).append(row)
    return faults


# --- both held against each other ---


class Tally:
    def __init__(self, before):
        self.before = before  # (n) classes without a fault
        self.counts = collections.Counter()
        self.n_changed = 0  # compared, of another class than without the fault
        self.wrong = []

    def compare(self, ours, logits, fault):
        """ours: (n, 4) class, finite, margin, largest; logits: (n, classes)."""
        finite = np.isfinite(logits).all(1)
        classes = logits.argmax(1)
        ordered = np.sort(np.where(np.isfinite(logits), logits, 0), 1)
        margin = (ordered[:, -1] - ordered[:, -2]) / np.abs(ordered).max(1).clip(1e-30)
        with np.errstate(invalid="ignore"):
            our_margin = ours[:, 2] / ours[:, 3].clip(1e-30)
        for image in range(len(logits)):
            if not finite[image] or not ours[image, 1]:
                kind = "half finite" if finite[image] != ours[image, 1] else "not finite"
            elif max(margin[image], our_margin[image]) <= MARGIN:
                kind = "near"
            else:
                kind = "compared"
                self.n_changed += classes[image] != self.before[image]
                if classes[image] != ours[image, 0]:
                    self.wrong.append((fault, image, classes[image], int(ours[image, 0])))
            self.counts[kind] += 1


class Report:
    def __init__(self):
        self.n = 0

    def say(self, is_right, sentence, detail=""):
        self.n += 1
        print(f"{'ok' if is_right else 'not ok'} {self.n} - {sentence}")
        if not is_right:
            print("# " + " ".join(str(detail).split("\n")))


def check_lot(report, graph, targets, n_faults, images, command, paths):
    """Draws faults and strikes them here and there; how many pairs change class."""
    told = subprocess.run(command + [targets, str(n_faults), str(SEED)],
                          capture_output=True, text=True, check=False)
    report.say(told.returncode == 0, f"{targets}: evoflip strikes faults", told.stderr)
    if told.returncode != 0:
        return 0
    faults = read_list(paths[1])
    ours = np.loadtxt(paths[2]).reshape(len(faults), len(images), 6)
    tally, bits = Tally(graph.logits.numpy().argmax(1)), collections.Counter()
    for at, (number, rows) in enumerate(faults.items()):
        if (ours[at, :, 0] != number).any():
            raise ValueError("the faults come in another order")
        bits.update(int(row["bit"]) for row in rows)
        tally.compare(ours[at, :, 2:], graph.strike(rows).numpy(), number)
    n = len(faults) * len(images)
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.counts.items()))
    print(f"# {targets}: {len(faults)} faults on {len(images)} images: {told}; "
          f"{tally.n_changed} changed")
    report.say(len(faults) == n_faults and len(bits) >= min(32, n_faults // 4),
               f"{targets}: bits everywhere are struck", bits)
    report.say(not tally.wrong, f"{targets}: the classes are those of PyTorch",
               f"fault, image, theirs, ours: {tally.wrong[:10]}")
    few = (tally.counts["near"] <= MOST_NEAR * n and
           tally.counts["half finite"] <= MOST_HALF_FINITE * n and
           tally.counts["compared"] >= LEAST_COMPARED * n)
    report.say(few, f"{targets}: few pairs are left out", told)
    return tally.n_changed


def main():
    model, cifar, program, scratch = sys.argv[1:]
    torch.set_num_threads(min(2, torch.get_num_threads()))
    images = read_images(cifar)
    paths = [os.path.join(scratch, name) for name in ("images", "faults.csv", "struck")]
    images.astype("<f4").tofile(paths[0])
    report = Report()
    with torch.no_grad():
        graph = Graph(model, images)
        n_changed = sum(check_lot(report, graph, targets, n_faults, images,
                                  [program, model, *paths], paths)
                        for targets, n_faults in LOTS)
    report.say(n_changed >= LEAST_CHANGED, "faults change classes", n_changed)
    print(f"1..{report.n}")


if __name__ == "__main__":
    main()
