"""onnx_torch.py RUN_MODEL SCRATCH [NAME...]: small networks, exported by PyTorch in
several operator sets, with and without a symbolic batch axis and constant folding, give
the outputs that PyTorch gives.  Prints TAP.  NAME selects networks.
"""
import argparse
import itertools
import os
import sys
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from onnx_cases import run_jobs

OPSETS = (9, 11, 13, 16)
BATCH = 3
RTOL = 1e-4  # of the value where it is above 1: sums of another order


class Lenet(nn.Module):
    """Flattened by the size of the batch, as much code does it."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16, 24)
        self.fc2 = nn.Linear(24, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.max_pool2d(torch.sigmoid(self.conv2(x)), 2, ceil_mode=True)
        x = x.view(x.size(0), -1)
        return self.fc2(F.dropout(F.relu(self.fc1(x)), 0.5, self.training))


class PaddedShortcut(nn.Module):
    """ResNet's shortcut A, and a normalisation with buffers inside."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2, 0.3, 0.4]).view(1, 3, 1, 1))
        self.conv1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, 2, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(16)
        self.linear = nn.Linear(16, 5)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1((x - self.mean) / self.std)))
        shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4))
        x = F.relu(self.norm2(self.conv2(x)) + shortcut)
        x = F.avg_pool2d(x, int(x.size(3)))
        return self.linear(x.view(x.size(0), -1))


class SqueezeExcite(nn.Module):
    """MobileNetV3's block: depthwise, gated, hard activations."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(4, 12, 1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.depthwise = nn.Conv2d(12, 12, 5, 2, 2, groups=12)
        self.down = nn.Conv2d(12, 4, 1)
        self.up = nn.Conv2d(4, 12, 1)
        self.project = nn.Conv2d(12, 4, 1)
        self.head = nn.Linear(4, 6)

    def forward(self, x):
        x = F.hardswish(self.norm(self.expand(x)))
        x = F.relu6(self.depthwise(x))
        gate = F.adaptive_avg_pool2d(x, 1)
        x = x * F.hardsigmoid(self.up(F.relu(self.down(gate))))
        x = self.project(x).mean([2, 3])
        return self.head(x)


class Dense(nn.Module):
    """DenseNet's concatenations and transition."""

    def __init__(self):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(3)
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(7)
        self.conv2 = nn.Conv2d(7, 4, 3, padding=2, dilation=2)
        self.linear = nn.Linear(11, 4)

    def forward(self, x):
        x = torch.cat([x, self.conv1(F.relu(self.norm1(x)))], 1)
        x = torch.cat([x, self.conv2(F.relu(self.norm2(x)))], 1)
        x = F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False)
        x = torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1)
        return self.linear(x)


class Split(nn.Module):
    """Halves of the channels, an elementwise product, a softmax inside."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding=(1, 0))
        self.linear = nn.Linear(4 * 6 * 4, 7)

    def forward(self, x):
        a, b = self.conv(x).chunk(2, dim=1)
        x = F.softmax(a, dim=1) * torch.sigmoid(b) - 0.5 * a
        return self.linear(x.reshape(x.shape[0], -1))


class Upsampled(nn.Module):
    """An encoder and a decoder with a skip connection; an output of rank 4."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.conv3 = nn.Conv2d(10, 2, 1)

    def forward(self, x):
        a = F.leaky_relu(self.conv1(x), 0.1)
        b = F.leaky_relu(self.conv2(F.max_pool2d(a, 2)), 0.2)
        b = F.interpolate(b, scale_factor=2, mode="nearest")
        return self.conv3(torch.cat([a, b], 1))


class UpsampledToSize(Upsampled):
    """The same, its factor computed from shapes."""

    def forward(self, x):
        a = F.leaky_relu(self.conv1(x), 0.1)
        b = F.leaky_relu(self.conv2(F.max_pool2d(a, 2)), 0.2)
        b = F.interpolate(b, size=a.shape[2:], mode="nearest")
        return self.conv3(torch.cat([a, b], 1))


class Nhwc(nn.Module):
    """Images with their channels last; evoflip takes them as it takes all others."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.prelu = nn.PReLU(5)
        self.linear = nn.Linear(5 * 4 * 5, 3)

    def forward(self, x):
        x = self.prelu(self.conv(x.permute(0, 3, 1, 2)))
        return self.linear(x.permute(0, 2, 3, 1).flatten(1))


class Plain(nn.Module):
    """Matrix products by hand."""

    def __init__(self):
        super().__init__()
        self.weight1 = nn.Parameter(torch.randn(12, 9))
        self.bias1 = nn.Parameter(torch.randn(9))
        self.weight2 = nn.Parameter(torch.randn(9, 4))

    def forward(self, x):
        x = torch.clamp(torch.matmul(x, self.weight1) + self.bias1, min=-0.5)
        return 2.0 - torch.matmul(x / 3.0, self.weight2)


class OneAxis(nn.Module):
    """Convolutions over time."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(3, 8, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm1d(8)
        self.conv2 = nn.Conv1d(8, 8, 3, groups=4)
        self.linear = nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu(self.norm(self.conv1(x)))
        x = F.max_pool1d(self.conv2(x), 2)
        return self.linear(x.mean(2))


class Cropped(nn.Module):
    """Pads of other kinds, negative indices, a removed axis, maxima."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3)
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        x = self.conv(F.pad(x, (1, 2, 0, 1), value=0.25))[:, :, 1:-1, :-2]
        x = F.adaptive_max_pool2d(x, 1).squeeze(-1).squeeze(-1)
        return self.linear(x.unsqueeze(1).squeeze(1))


class Probabilities(nn.Module):
    """Ends in a softmax, which evoflip leaves out."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(20, 8), nn.Tanh(),
                                    nn.Linear(8, 3), nn.Softmax(1))

    def forward(self, x):
        return self.layers(x)


# network, shape of an image
NETWORKS = (
    (Lenet, (1, 12, 12)),
    (PaddedShortcut, (3, 8, 8)),
    (SqueezeExcite, (4, 7, 7)),
    (Dense, (3, 9, 9)),
    (Split, (2, 6, 6)),
    (Upsampled, (3, 8, 6)),
    (UpsampledToSize, (3, 8, 6)),
    (Nhwc, (6, 7, 3)),
    (Plain, (12,)),
    (OneAxis, (3, 20)),
    (Cropped, (4, 7, 8)),
    (Probabilities, (4, 5)),
)


def shake(net):
    """Statistics and scales as a training leaves them, not those of a fresh network."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)


def export(net, images, path, opset, is_free, is_folded):
    """is_free: the batch axis is symbolic; else images come one at a time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, images if is_free else images[:1], path,
                          opset_version=opset, do_constant_folding=is_folded,
                          input_names=["image"], output_names=["logits"],
                          dynamic_axes={"image": [0], "logits": [0]} if is_free else None)


def difference(net, images, path):
    """What is wrong with the output in a file; None: nothing."""
    values = torch.from_numpy(np.fromfile(path, dtype="<f4"))
    with torch.no_grad():
        expected = net(images)
    if values.numel() != expected.numel():
        return f"{values.numel()} elements instead of {expected.numel()}"
    values = values.reshape(expected.shape)
    if isinstance(net, Probabilities):
        values = torch.softmax(values, 1)
    worst = ((values - expected).abs() / expected.abs().clamp(min=1)).max().item()
    return None if worst <= RTOL else f"differs by {worst}"  # a NaN is not less


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("program")
    parser.add_argument("scratch")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    cases, lines = [], []
    for (kind, shape), opset, is_free, is_folded in itertools.product(
            NETWORKS, OPSETS, (False, True), (False, True)):
        if options.names and kind.__name__ not in options.names:
            continue
        name = (f"{kind.__name__}, operator set {opset}"
                f"{', symbolic batch' if is_free else ''}"
                f"{'' if is_folded else ', unfolded'}")
        paths = [os.path.join(options.scratch, f"{len(cases)}.{suffix}")
                 for suffix in ("onnx", "input", "output", "written.onnx")]
        net, images = kind(), torch.randn(BATCH, *shape)
        shake(net)
        net.eval()
        try:
            export(net, images, paths[0], opset, is_free, is_folded)
        except torch.onnx.errors.OnnxExporterError:
            print(f"# PyTorch cannot export {name}")
            continue
        planes = images.permute(0, 3, 1, 2) if kind is Nhwc else images
        np.ascontiguousarray(planes.numpy()).tofile(paths[1])
        cases.append((name, net, images))
        lines.append("\t".join(paths))
    print(f"1..{len(cases)}")
    answers = run_jobs(options.program, lines)
    for number, ((name, net, images), line, answer) in enumerate(
            zip(cases, lines, answers), 1):
        code, status, _, text = answer
        wrong = f"{status}: {text}"
        if code == 0:
            wrong = difference(net, images, line.split("\t")[2])
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        if wrong:
            print(f"# {wrong}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
