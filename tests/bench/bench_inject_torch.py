#!/usr/bin/env python3
"""The peer of bench_inject: PyTorch flips a bit in place, runs the batch again,
compares classes, and restores; ResNet-20 in float32, 100 images, two threads, in both
memory layouts.  Looks for a Python that has torch and onnx (Debian's python3-torch is
seen by /usr/bin/python3 only)."""
import os
import subprocess
import sys
import time

MODELS = os.environ.get("EF_TEST_MODELS", "")
MODEL = os.path.join(MODELS, "models", "resnet20-cifar10-bn.onnx")
DATA = os.path.join(MODELS, "data", "cifar10-test-1000.bin")

if not os.path.exists(MODEL) or not os.path.exists(DATA):
    print("# faults: no peer, since the test models are not there")
    sys.exit(0)
try:
    import numpy
    import onnx
    import onnx.numpy_helper
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    here = os.path.realpath(sys.executable)
    for python in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if "BENCH_TORCH" in os.environ or os.path.realpath(python) == here:
            continue
        if subprocess.run([python, "-c", "import numpy, onnx, torch"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            os.environ["BENCH_TORCH"] = python
            os.execv(python, [python, __file__])
    print("# faults: no peer, since no Python here has torch and onnx "
          "(python3-torch, python3-onnx)")
    sys.exit(0)

N_IMAGES = 100
SECONDS = 5.0  # for each target and layout


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut without weights."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.grows = stride > 1
        self.pad = (outputs - inputs) // 2

    def forward(self, x):
        y = self.relu1(self.bn1(self.conv1(x)))
        if self.grows:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return self.relu2(self.bn2(self.conv2(y)) + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(*[Block(16, 16, 1) for _ in range(3)])
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def load():
    """The network with the file's parameters, and what it does to images first."""
    values = {tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
              for tensor in onnx.load(MODEL).graph.initializer}
    net = ResNet20().eval()
    names = [name for name in net.state_dict() if "num_batches" not in name]
    net.load_state_dict({name: values["net." + name] for name in names}, strict=False)
    return net, values["m"], values["d"]


def read(mean, deviation):
    rows = numpy.fromfile(DATA, dtype=numpy.uint8).reshape(-1, 3073)
    images = torch.from_numpy(rows[:, 1:].astype(numpy.float32)).reshape(-1, 3, 32, 32)
    return (images - mean) / deviation, torch.from_numpy(rows[:, 0].astype(numpy.int64))


def words(tensor, rows):
    """Its elements as words of 32 bits, in the order in which they lie in memory:
    (rows, elements of one).  Shares the memory."""
    row = tensor.numel() // rows
    return tensor.detach().as_strided((rows, row), (row, 1)).view(torch.int32)


def flip(bits, index, bit):
    bits[:, index] ^= 1 << bit if bit < 31 else -1 << 31


def places(tensors, sizes):
    """Elements and bits drawn uniformly: (tensor, element, bit)."""
    draw = numpy.random.default_rng(1)
    ends = numpy.cumsum(sizes)
    while True:
        at = int(draw.integers(ends[-1]))
        i = int(numpy.searchsorted(ends, at, side="right"))
        yield tensors[i], at - int(ends[i]) + sizes[i], int(draw.integers(32))


def weight_faults(net):
    """What each yields runs a batch with one fault."""
    weights = [m.weight for m in net.modules()
               if isinstance(m, (nn.Conv2d, nn.Linear))]
    for weight, index, bit in places(weights, [w.numel() for w in weights]):
        def strike(x, bits=words(weight, 1), index=index, bit=bit):
            flip(bits, index, bit)
            logits = net(x)
            flip(bits, index, bit)
            return logits
        yield strike


def activation_faults(net, images):
    """The same where a convolution's output, or a sum, has passed its ReLU."""
    modules = [m for m in net.modules() if isinstance(m, nn.ReLU)]
    sizes = []
    hooks = [m.register_forward_hook(lambda _m, _in, out: sizes.append(out[0].numel()))
             for m in modules]
    net(images)
    for hook in hooks:
        hook.remove()
    for module, index, bit in places(modules, sizes):
        def strike(x, module=module, index=index, bit=bit):
            hook = module.register_forward_hook(
                lambda _module, _inputs, output: flip(words(output, len(x)), index, bit))
            logits = net(x)
            hook.remove()
            return logits
        yield strike


def faults_per_second(net, images, faults):
    classes = net(images).argmax(1)
    n = 0
    for strike in faults:
        if n == 3:  # the first prepare caches
            begin = time.perf_counter()
        (strike(images).argmax(1) != classes).sum().item()
        n += 1
        if n > 10 and time.perf_counter() - begin > SECONDS:
            break
    rate = (n - 3) / (time.perf_counter() - begin)
    assert torch.equal(net(images).argmax(1), classes), "a fault stayed"
    return rate


torch.set_num_threads(2)
print(f"# faults: the peer is torch {torch.__version__}, float32, two threads")
with torch.inference_mode():
    for layout_name, layout in (("torch", torch.contiguous_format),
                                ("torch, channels last", torch.channels_last)):
        network, mean, deviation = load()
        network = network.to(memory_format=layout)
        inputs, labels = read(mean, deviation)
        right = int((network(inputs).argmax(1) == labels).sum())
        assert right > 900, f"the network has only {right} of 1000 images right"
        inputs = inputs[:N_IMAGES].contiguous(memory_format=layout)
        for target, drawn in (("weights", weight_faults(network)),
                              ("activations", activation_faults(network, inputs))):
            rate = faults_per_second(network, inputs, drawn)
            for figure in ("int8", "float32"):
                if (figure, target) != ("float32", "activations"):
                    print(f"faults in {figure} {target}", layout_name, "faults/s",
                          f"{rate:.2f}", sep="\t", flush=True)
