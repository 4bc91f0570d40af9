"""Small networks in the manner of published ones, untrained."""
import torch
from torch import nn
from torch.nn import functional as F

from .blocks import Apply, Branches, Excite, Residual, classifier, conv_bn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(16 * 25, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
        nn.Linear(84, 10))


class Vgg(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv_bn(3, 16), conv_bn(16, 16), nn.MaxPool2d(2), conv_bn(16, 32),
            nn.MaxPool2d(2, 2), conv_bn(32, 32), nn.MaxPool2d(2, 2))
        self.pool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(
            nn.Linear(128, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, 10))

    def forward(self, x):
        x = self.pool(self.features(x))
        return self.classifier(x.view(x.size(0), -1))


class PaddedShortcut(nn.Module):
    """Every second row and column, and zeros for the new channels (option A)."""

    def __init__(self, more):
        super().__init__()
        self.more = more

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))


def basic(c_in, c_out, stride, option):
    body = nn.Sequential(conv_bn(c_in, c_out, stride=stride),
                         conv_bn(c_out, c_out, act=False))
    shortcut = None
    if stride > 1:
        shortcut = (PaddedShortcut(c_out - c_in) if option == "a" else
                    conv_bn(c_in, c_out, 1, act=False, stride=stride))
    return Residual(body, shortcut, nn.ReLU(inplace=True))


def resnet(option):
    return nn.Sequential(conv_bn(3, 8), basic(8, 8, 1, option), basic(8, 16, 2, option),
                         basic(16, 32, 2, option), classifier(32))


def bottleneck(c_in, c_mid, stride=1):
    body = nn.Sequential(conv_bn(c_in, c_mid, 1), conv_bn(c_mid, c_mid, stride=stride),
                         conv_bn(c_mid, 4 * c_mid, 1, act=False))
    change = stride > 1 or c_in != 4 * c_mid
    shortcut = conv_bn(c_in, 4 * c_mid, 1, act=False, stride=stride) if change else None
    return Residual(body, shortcut, nn.ReLU())


def resnet_bottleneck():
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.MaxPool2d(3, 2, 1), bottleneck(8, 4), bottleneck(16, 4),
        bottleneck(16, 8, 2), classifier(32))


def resnext():
    body = nn.Sequential(conv_bn(16, 16, 1), conv_bn(16, 16, groups=4),
                         conv_bn(16, 16, 1, act=False))
    return nn.Sequential(conv_bn(3, 16, stride=2), Residual(body, after=nn.ReLU()),
                         classifier(16))


def preact_resnet():
    body = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1),
                         nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    return nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), Residual(body), nn.BatchNorm2d(8),
                         nn.ReLU(), classifier(8))


def mobilenet_v1():
    def separable(c_in, c_out, stride):
        return nn.Sequential(conv_bn(c_in, c_in, stride=stride, groups=c_in),
                             conv_bn(c_in, c_out, 1))
    return nn.Sequential(conv_bn(3, 8, stride=2), separable(8, 16, 1),
                         separable(16, 32, 2), separable(32, 32, 1), classifier(32))


def inverted(c_in, c_mid, c_out, stride, act, kernel=3, excite=None):
    layers = [conv_bn(c_in, c_mid, 1, act),
              conv_bn(c_mid, c_mid, kernel, act, stride=stride, groups=c_mid)]
    if excite:
        layers.append(excite)
    layers.append(conv_bn(c_mid, c_out, 1, False))
    body = nn.Sequential(*layers)
    return Residual(body) if stride == 1 and c_in == c_out else body


def mobilenet_v2():
    act = nn.ReLU6()
    return nn.Sequential(
        conv_bn(3, 8, 3, act, stride=2), inverted(8, 16, 8, 1, act),
        inverted(8, 24, 12, 2, act), inverted(12, 24, 12, 1, act),
        conv_bn(12, 32, 1, act), Apply(lambda x: x.mean((2, 3))), nn.Dropout(0.2),
        nn.Linear(32, 10))


def mobilenet_v3():
    act = nn.Hardswish()

    def excite(c):
        return Excite(c, c // 4, nn.Hardsigmoid())
    return nn.Sequential(
        conv_bn(3, 8, 3, act, stride=2), inverted(8, 16, 8, 1, nn.ReLU(), 3, excite(16)),
        inverted(8, 24, 12, 2, act, 5, excite(24)), inverted(12, 32, 12, 1, act, 5, excite(32)),
        conv_bn(12, 32, 1, act), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(32, 48),
        nn.Hardswish(), nn.Dropout(0.2), nn.Linear(48, 10))


def mobilenet_v3_by_relu6():
    """Hard swish and sigmoid as they were written before frameworks had them."""
    sigmoid = Apply(lambda x: F.relu6(x + 3) / 6)
    swish = Apply(lambda x: x * F.relu6(x + 3) / 6)
    return nn.Sequential(
        conv_bn(3, 8, 3, swish, stride=2),
        inverted(8, 16, 8, 1, swish, 3, Excite(16, 4, sigmoid)), classifier(8))


class ExciteLinear(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, 4, bias=False), nn.ReLU(),
                                nn.Linear(4, channels, bias=False), nn.Sigmoid())

    def forward(self, x):
        n, c, _, _ = x.size()
        y = F.adaptive_avg_pool2d(x, 1).view(n, c)
        return x * self.fc(y).view(n, c, 1, 1).expand_as(x)


def senet():
    body = nn.Sequential(conv_bn(8, 8), conv_bn(8, 8, act=False), ExciteLinear(8))
    return nn.Sequential(conv_bn(3, 8), Residual(body, after=nn.ReLU()), classifier(8))


class SpatialGate(nn.Module):
    """CBAM's attention over places: mean and maximum of the channels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x):
        most, _ = x.max(1, keepdim=True)
        both = torch.cat([x.mean(1, keepdim=True), most], 1)
        return x * torch.sigmoid(self.conv(both))


def cbam():
    return nn.Sequential(conv_bn(3, 8), SpatialGate(), classifier(8))


class Fire(nn.Module):
    def __init__(self, c_in, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(c_in, squeezed, 1)
        self.expand = Branches(
            nn.Sequential(nn.Conv2d(squeezed, expanded, 1), nn.ReLU(inplace=True)),
            nn.Sequential(nn.Conv2d(squeezed, expanded, 3, padding=1), nn.ReLU(inplace=True)))

    def forward(self, x):
        return self.expand(F.relu(self.squeeze(x), inplace=True))


def squeezenet():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2), nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, ceil_mode=True), Fire(16, 4, 8), Fire(16, 4, 8),
        nn.MaxPool2d(3, 2, ceil_mode=True), Fire(16, 6, 12), nn.Dropout(0.5),
        nn.Conv2d(24, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten())


def densenet():
    layers, channels = [nn.Conv2d(3, 8, 3, padding=1, bias=False)], 8
    for _ in range(3):
        body = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=False),
                             nn.Conv2d(channels, 4, 3, padding=1, bias=False))
        layers.append(Branches(nn.Identity(), body))
        channels += 4
    layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 10, 1),
               nn.AvgPool2d(2, stride=2), nn.BatchNorm2d(10), nn.ReLU(), classifier(10)]
    return nn.Sequential(*layers)


def inception():
    block = Branches(
        conv_bn(8, 4, 1),
        nn.Sequential(conv_bn(8, 4, 1), conv_bn(4, 6, 3)),
        nn.Sequential(conv_bn(8, 4, 1), nn.Conv2d(4, 4, (1, 7), padding=(0, 3)),
                      nn.Conv2d(4, 6, (7, 1), padding=(3, 0))),
        nn.Sequential(nn.AvgPool2d(3, 1, 1), conv_bn(8, 4, 1)))
    reduce = Branches(conv_bn(20, 8, 3, stride=2, padding=0), nn.MaxPool2d(3, stride=2))
    return nn.Sequential(conv_bn(3, 8), block, reduce, classifier(28))


def shuffle(x, groups=2):
    n, c, h, w = x.size()
    x = x.view(n, groups, c // groups, h, w)
    return torch.transpose(x, 1, 2).contiguous().view(n, -1, h, w)


class ShuffleUnit(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.branch = nn.Sequential(
            conv_bn(c, c, 1), conv_bn(c, c, act=False, groups=c), conv_bn(c, c, 1))

    def forward(self, x):
        x1, x2 = x.chunk(2, dim=1)
        return shuffle(torch.cat((x1, self.branch(x2)), dim=1))


def shufflenet():
    def branch(first):
        return nn.Sequential(*first, conv_bn(16, 16, act=False, stride=2, groups=16),
                             conv_bn(16, 16, 1))
    down = nn.Sequential(Branches(branch([]), branch([conv_bn(16, 16, 1)])),
                         Apply(shuffle))
    return nn.Sequential(conv_bn(3, 16, stride=2), down, ShuffleUnit(16), ShuffleUnit(16),
                         classifier(32))


def efficientnet():
    act = nn.SiLU()
    return nn.Sequential(
        conv_bn(3, 8, 3, act, stride=2),
        inverted(8, 16, 8, 1, act, 3, Excite(16, 2, nn.Sigmoid())),
        inverted(8, 24, 12, 2, act, 5, Excite(24, 2, nn.Sigmoid())),
        conv_bn(12, 32, 1, act), classifier(32))


def convmixer():
    def depthwise():
        return Residual(nn.Sequential(nn.Conv2d(12, 12, 5, groups=12, padding=2),
                                      nn.ReLU(), nn.BatchNorm2d(12)))

    def pointwise():
        return nn.Sequential(nn.Conv2d(12, 12, 1), nn.ReLU(), nn.BatchNorm2d(12))
    return nn.Sequential(
        nn.Conv2d(3, 12, 4, stride=4), nn.ReLU(), nn.BatchNorm2d(12), depthwise(),
        pointwise(), depthwise(), pointwise(), classifier(12))


class Mixer(nn.Module):
    """MLPs over the patches and over the channels in turn; batch norm for layer norm."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 12, 4, stride=4)
        self.norm = nn.BatchNorm1d(12)
        self.tokens = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 16))
        self.channels = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 12))
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        y = self.norm(x.transpose(1, 2))
        x = x + self.tokens(y).transpose(1, 2)
        x = x + self.channels(x)
        return self.head(x.mean(dim=1))


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(),
        nn.Dropout(0.3), nn.Linear(32, 24), nn.Sigmoid(), nn.Linear(24, 10), nn.Softmax(1))


def mlp_of_vectors():
    return nn.Sequential(nn.Linear(20, 32), nn.LeakyReLU(0.1), nn.Linear(32, 16),
                         nn.PReLU(16), nn.Linear(16, 3, bias=False))


def conv1d():
    return nn.Sequential(
        nn.Conv1d(2, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(8, 16, 3, dilation=2, groups=2), nn.ReLU(), nn.AvgPool1d(3, 2, 1),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 5))


class Highway(nn.Module):
    """A U: down, up again by nearest neighbours, joined with what was there before."""

    def __init__(self):
        super().__init__()
        self.first = conv_bn(3, 8)
        self.down = conv_bn(8, 16, stride=2)
        self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), conv_bn(16, 8))
        self.head = classifier(16)

    def forward(self, x):
        x = self.first(x)
        return self.head(torch.cat([x, self.up(self.down(x))], 1))


class Normalised(nn.Module):
    """A network on raw pixels: what the data set's mean and deviation do is inside."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1))
        self.net = nn.Sequential(conv_bn(3, 8), classifier(8))

    def forward(self, x):
        return self.net((x * 255 - self.mean) / self.std)


# name, network, shape of an image, most nodes that its topology may have
NETWORKS = (
    ("lenet", lenet, (1, 28, 28), 14),
    ("vgg", Vgg, (3, 32, 32), 0),
    ("resnet_a", lambda: resnet("a"), (3, 32, 32), 32),
    ("resnet_b", lambda: resnet("b"), (3, 32, 32), 0),
    ("resnet_bottleneck", resnet_bottleneck, (3, 32, 32), 0),
    ("resnext", resnext, (3, 16, 16), 0),
    ("preact_resnet", preact_resnet, (3, 16, 16), 0),
    ("mobilenet_v1", mobilenet_v1, (3, 32, 32), 0),
    ("mobilenet_v2", mobilenet_v2, (3, 32, 32), 0),
    ("mobilenet_v3", mobilenet_v3, (3, 32, 32), 56),
    ("mobilenet_v3_by_relu6", mobilenet_v3_by_relu6, (3, 16, 16), 0),
    ("senet", senet, (3, 16, 16), 0),
    ("cbam", cbam, (3, 16, 16), 0),
    ("squeezenet", squeezenet, (3, 32, 32), 0),
    ("densenet", densenet, (3, 16, 16), 0),
    ("inception", inception, (3, 17, 17), 0),
    ("shufflenet", shufflenet, (3, 32, 32), 52),
    ("efficientnet", efficientnet, (3, 32, 32), 0),
    ("convmixer", convmixer, (3, 16, 16), 0),
    ("mixer", Mixer, (3, 16, 16), 20),
    ("mlp", mlp, (1, 8, 8), 0),
    ("mlp_of_vectors", mlp_of_vectors, (20,), 0),
    ("conv1d", conv1d, (2, 40), 0),
    ("u_shape", Highway, (3, 16, 16), 0),
    ("normalised", Normalised, (3, 16, 16), 9),
)
