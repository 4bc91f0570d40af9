#!/usr/bin/env python3
"""The peer of bench_train: PyTorch training the same shapes on one thread, in both
memory layouts.  Looks for a Python that has torch (Debian's python3-torch is seen by
/usr/bin/python3 only)."""
import os
import statistics
import subprocess
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    here = os.path.realpath(sys.executable)
    for python in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if "BENCH_TORCH" in os.environ or os.path.realpath(python) == here:
            continue
        if subprocess.run([python, "-c", "import torch"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            os.environ["BENCH_TORCH"] = python
            os.execv(python, [python, __file__])
    print("# training: no peer, since no Python here has torch (python3-torch)")
    sys.exit(0)

BATCH = 64
SECONDS = 3.0  # for each network and layout


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, as in data/topologies/resnet8.yaml."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet8(nn.Module):
    shape = (3, 32, 32)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16),
                                  nn.ReLU())
        self.blocks = nn.Sequential(Block(16, 16, 1), Block(16, 32, 2),
                                    Block(32, 64, 2))
        self.classes = nn.Linear(64, 10)

    def forward(self, x):
        return self.classes(self.blocks(self.stem(x)).mean((2, 3)))


class LeNet5(nn.Module):
    shape = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.dense = nn.Sequential(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
                                   nn.ReLU(), nn.Linear(84, 10))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c3(x)), 2)
        return self.dense(x.flatten(1))


def images_per_second(network, layout):
    torch.manual_seed(1)
    model = network().to(memory_format=layout).train()
    descent = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=5e-4)
    images = torch.randn(BATCH, *network.shape).to(memory_format=layout)
    labels = torch.randint(0, 10, (BATCH,))
    times = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < SECONDS or len(times) < 10:
        start = time.perf_counter()
        descent.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        descent.step()
        times.append(time.perf_counter() - start)
    return BATCH / statistics.median(times[3:])


torch.set_num_threads(1)
print(f"# training: the peer is torch {torch.__version__}, batches of {BATCH}")
for figure, network in (("training, ResNet-8, 3 x 32 x 32", ResNet8),
                        ("training, LeNet-5, 1 x 28 x 28", LeNet5)):
    for name, layout in (("torch", torch.contiguous_format),
                         ("torch, channels last", torch.channels_last)):
        print(figure, name, "images/s", f"{images_per_second(network, layout):.1f}",
              sep="\t", flush=True)
