"""Parts that the networks of this folder share."""
import torch
from torch import nn
from torch.nn import functional as F


class Apply(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Residual(nn.Module):
    """x on its way through a body, plus x on its shortcut."""

    def __init__(self, body, shortcut=None, after=None):
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()
        self.after = after or nn.Identity()

    def forward(self, x):
        return self.after(self.body(x) + self.shortcut(x))


class Branches(nn.Module):
    """The same x through each of them, joined along an axis."""

    def __init__(self, *branches, axis=1):
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.axis = axis

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], self.axis)


class Excite(nn.Module):
    """Squeeze and excitation: each channel times what its mean says."""

    def __init__(self, channels, squeezed, gate, pool=None):
        super().__init__()
        self.pool = pool or nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.gate = gate

    def forward(self, x):
        return x * self.gate(self.fc2(F.relu(self.fc1(self.pool(x)))))


def conv_bn(c_in, c_out, kernel=3, act=None, **options):
    """Convolution, batch norm and, unless act is False, an activation (ReLU)."""
    options.setdefault("padding", kernel // 2)
    layers = [nn.Conv2d(c_in, c_out, kernel, bias=False, **options),
              nn.BatchNorm2d(c_out)]
    if act is not False:
        layers.append(act or nn.ReLU())
    return nn.Sequential(*layers)


def classifier(c_in, n_classes=10):
    """The mean over the image, and a dense layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, n_classes))


def randomise(module):
    """Weights that keep the size of what passes, and batch norms that have seen data."""
    for part in module.modules():
        if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(part.weight)
            if part.bias is not None:
                nn.init.uniform_(part.bias, -0.2, 0.2)
        elif isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            if part.affine:
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.uniform_(part.bias, -0.3, 0.3)
            nn.init.uniform_(part.running_mean, -0.3, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 2)
        elif isinstance(part, nn.PReLU):
            nn.init.uniform_(part.weight, 0.05, 0.5)
    return module
