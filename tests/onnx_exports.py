"""onnx_exports.py RUN_MODEL SCRATCH [--list] [NAME...]: what PyTorch's exporter writes of
small networks gives the same numbers in evoflip.

Each network of the folder exports is exported in several ways (WAYS), read, run, and
written and read again by the program RUN_MODEL (run_model.c), and its output held
against PyTorch's own.  A network may not have more nodes than the exports' tables say,
where they do: exporter debris has to go.

--list prints a line for each model, with its nodes in the file and in the topology.
NAME selects the models with it in their name.  Status 1 when one fails.
"""
import argparse
import os
import sys
import warnings
import zlib

import numpy as np
import onnx
import torch
from torch import nn

from exports.blocks import randomise
from exports.networks import NETWORKS
from exports.operations import OPERATIONS
from onnx_cases import run_jobs

N_IMAGES = 4
RTOL = 1e-3
ATOL = 1e-4  # of the largest number that comes out

# name, the batch as the file says it (None: open), options of torch.onnx.export
WAYS = tuple(
    (f"opset{opset}", None, {"opset_version": opset}) for opset in (7, 9, 11, 13, 16)
) + (
    ("batch1", 1, {"opset_version": 13}),
    ("batch4", N_IMAGES, {"opset_version": 11}),
    ("inputs", None, {"opset_version": 13, "keep_initializers_as_inputs": True}),
    ("unfolded", None, {"opset_version": 11, "do_constant_folding": False}),
    ("unfolded16", None, {"opset_version": 16, "do_constant_folding": False}),
    ("preserved", None, {"opset_version": 13, "do_constant_folding": False,
                         "training": torch.onnx.TrainingMode.PRESERVE}),
)


def without_softmax(net):
    """evoflip leaves one at the end out."""
    ends = isinstance(net, nn.Sequential) and isinstance(net[-1], (nn.Softmax, nn.LogSoftmax))
    return net[:-1] if ends else net


class Export:
    """A model in a file, images, and what PyTorch makes of them."""

    def __init__(self, name, folder, most_nodes):
        self.name = name
        self.most_nodes = most_nodes
        self.paths = [os.path.join(folder, name.replace("/", ".") + suffix)
                      for suffix in (".onnx", ".input", ".output", ".written.onnx")]
        self.expected = None

    def write(self, net, images, batch, options):
        """Raises what the exporter raises where it cannot say it in this way."""
        axes = {"input": {0: "N"}, "output": {0: "N"}} if batch is None else None
        example = images[:batch or 2]
        torch.onnx.export(net, example, self.paths[0], input_names=["input"],
                          output_names=["output"], dynamic_axes=axes, **options)
        with torch.no_grad():
            self.expected = without_softmax(net)(images).numpy()
        images.numpy().astype("<f4").tofile(self.paths[1])


def write_exports(folder, selected):
    """The exports, and (name, reason) of those that PyTorch cannot write."""
    exports, others = [], []
    for name, make, shape, most_nodes in NETWORKS + OPERATIONS:
        torch.manual_seed(zlib.crc32(name.encode()))
        net = randomise(make()).eval()
        images = torch.rand(N_IMAGES, *shape)
        for way, batch, options in WAYS:
            label = f"{name}/{way}"
            if selected and not any(word in label for word in selected):
                continue
            export = Export(label, folder, most_nodes)
            try:
                export.write(net, images, batch, options)
                exports.append(export)
            except Exception as error:  # of many classes
                others.append((label, str(error).strip().split("\n")[0][:160]))
    return exports, others


def difference(export):
    """What is wrong with the numbers; None: nothing."""
    values = np.fromfile(export.paths[2], dtype="<f4")
    expected = export.expected.ravel()
    if values.size != expected.size:
        return f"{values.size} elements instead of {expected.size}"
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    close = np.isclose(values, expected, rtol=RTOL, atol=ATOL * scale)
    worst = int(np.argmin(close))
    return None if close.all() else (
        f"element {worst} is {values[worst]:.9g} instead of {expected[worst]:.9g}")


def count_nodes(path):
    """Nodes, where those that are written as two count as one; the input is one."""
    nodes = onnx.load(path, load_external_data=False).graph.node
    return 1 + sum("#" not in node.name for node in nodes)


def judge(export, answer):
    """(passed or failed; nodes before and after, or what is wrong)"""
    code, status, _, text = answer
    if code != 0:
        return "failed", f"{status}: " + text.replace(export.paths[0] + ": ", "")
    wrong = difference(export)
    if wrong:
        return "failed", wrong
    before = len(onnx.load(export.paths[0]).graph.node)
    after = count_nodes(export.paths[3])
    text = f"{before} nodes -> {after}"
    if export.most_nodes and after > export.most_nodes:
        return "failed", f"{text}, more than {export.most_nodes}"
    return "passed", text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program")
    parser.add_argument("scratch")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    warnings.simplefilter("ignore")  # of the exporter, on what it is given
    torch.set_num_threads(1)
    exports, others = write_exports(options.scratch, options.names)
    answers = run_jobs(options.program, ["\t".join(e.paths) for e in exports])
    results = [(export.name, *judge(export, answer))
               for export, answer in zip(exports, answers)]
    results += [(name, "skipped", why) for name, why in others]
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for name, result, text in results:
        counts[result] += 1
        if options.list or result == "failed":
            print(f"{result:8}{name}: {text}")
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
