"""Single operations as people write them in PyTorch, between two convolutions or on the
input itself."""
import torch
from torch import nn
from torch.nn import functional as F

from .blocks import Apply


def between(function, channels=8):
    """A convolution to that many channels, and the function on what it gives."""
    return lambda: nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), function())


def apply(function):
    return between(lambda: Apply(function))


def slices_joined(x):
    """Patches brought into the channels (the stem of some detectors)."""
    return torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2],
                      x[..., 1::2, 1::2]], 1)


def pixel_unshuffle(x):
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // 2, 2, w // 2, 2)
    return x.permute(0, 1, 3, 5, 2, 4).reshape(n, c * 4, h // 2, w // 2)


def gated(x):
    a, b = x.split([4, 4], dim=1)
    return a * torch.sigmoid(b)


def normalise_by_constants(x):
    mean = torch.tensor([0.49, 0.48, 0.45, 0.4, 0.3, 0.2, 0.1, 0.5]).view(1, -1, 1, 1)
    std = torch.tensor([0.25, 0.24, 0.26, 0.3, 0.2, 0.5, 0.7, 0.9]).view(1, -1, 1, 1)
    return (x - mean) / std


# name, network, shape of an image, most nodes that its topology may have
OPERATIONS = (
    ("prelu", between(nn.PReLU), (3, 8, 8), 3),
    ("prelu_by_channel", between(lambda: nn.PReLU(8)), (3, 8, 8), 3),
    ("leaky_relu", between(lambda: nn.LeakyReLU(0.2)), (3, 8, 8), 3),
    ("relu6", between(nn.ReLU6), (3, 8, 8), 3),
    ("hardtanh", between(nn.Hardtanh), (3, 8, 8), 3),
    ("hardswish", between(nn.Hardswish), (3, 8, 8), 3),
    ("hardsigmoid", between(nn.Hardsigmoid), (3, 8, 8), 3),
    ("silu", between(nn.SiLU), (3, 8, 8), 4),
    ("tanh", between(nn.Tanh), (3, 8, 8), 3),
    ("clamp_below", apply(lambda x: x.clamp(min=0.1)), (3, 8, 8), 3),
    ("clamp_above", apply(lambda x: torch.clamp(x, max=0.5)), (3, 8, 8), 3),
    ("threshold_by_relu", apply(lambda x: F.relu(x - 0.1)), (3, 8, 8), 0),
    ("softmax_of_channels", apply(lambda x: F.softmax(x, 1)), (3, 8, 8), 5),
    ("softmax_of_places",
     apply(lambda x: F.softmax(x.flatten(2), -1).view(-1, 8, 8, 8)), (3, 8, 8), 0),
    ("avg_pool_with_pad", between(lambda: nn.AvgPool2d(3, 2, 1)), (3, 9, 9), 3),
    ("avg_pool_without_pad",
     between(lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False)), (3, 9, 9), 3),
    ("avg_pool_ceil",
     between(lambda: nn.AvgPool2d(2, 2, ceil_mode=True)), (3, 9, 7), 3),
    ("avg_pool_ceil_pad",
     between(lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True)), (3, 10, 8), 0),
    ("avg_pool_ceil_without_pad", between(
        lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)),
     (3, 10, 8), 3),
    ("avg_pool_oblong", between(lambda: nn.AvgPool2d((1, 3), (1, 2))), (3, 8, 9), 3),
    ("max_pool_ceil",
     between(lambda: nn.MaxPool2d(3, 2, ceil_mode=True)), (3, 10, 8), 3),
    ("max_pool_ceil_pad",
     between(lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True)), (3, 10, 9), 3),
    ("max_pool_dilated", between(lambda: nn.MaxPool2d(3, 1, 1, dilation=2)), (3, 9, 9), 3),
    ("max_pool_oblong", between(lambda: nn.MaxPool2d((2, 1), (2, 1))), (3, 8, 8), 3),
    ("adaptive_avg_pool", between(lambda: nn.AdaptiveAvgPool2d((4, 2))), (3, 8, 8), 3),
    ("adaptive_max_pool", between(lambda: nn.AdaptiveMaxPool2d(1)), (3, 8, 8), 3),
    ("functional_pool", apply(lambda x: F.avg_pool2d(x, int(x.size(3)))), (3, 8, 8), 3),
    ("mean", apply(lambda x: x.mean((2, 3))), (3, 8, 8), 0),
    ("mean_negative", apply(lambda x: x.mean([-1, -2])), (3, 8, 8), 0),
    ("mean_keepdim", apply(lambda x: x.mean((2, 3), keepdim=True)), (3, 8, 8), 3),
    ("mean_twice", apply(lambda x: x.mean(3).mean(2)), (3, 8, 8), 0),
    ("max", apply(lambda x: x.amax((2, 3))), (3, 8, 8), 4),
    ("max_of_channels", apply(lambda x: x.max(1, keepdim=True)[0] * x), (3, 8, 8), 0),
    ("mean_of_places", apply(lambda x: x.view(x.size(0), x.size(1), -1).mean(2)),
     (3, 8, 8), 0),
    ("mean_of_channels", apply(lambda x: x.mean(1)), (3, 8, 8), 0),
    ("mean_of_rows", apply(lambda x: x.mean(2)), (3, 8, 8), 0),
    ("conv_dilated", lambda: nn.Conv2d(3, 4, 3, dilation=(2, 3)), (3, 12, 12), 2),
    ("conv_grouped", lambda: nn.Conv2d(4, 8, 3, groups=2, stride=(1, 2)), (4, 9, 9), 2),
    ("conv_multiplier", lambda: nn.Conv2d(4, 8, 3, groups=4, padding=1), (4, 8, 8), 2),
    ("conv_reflect",
     lambda: nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), (3, 8, 8), 0),
    ("conv_replicate",
     lambda: nn.Conv2d(3, 4, 3, padding=(2, 1), padding_mode="replicate"), (3, 8, 8), 0),
    ("pad_then_conv", lambda: nn.Sequential(
        nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 8, 3, stride=2)), (3, 8, 8), 3),
    ("pad_constant", between(lambda: nn.ConstantPad2d((1, 2, 0, 3), 0.5)), (3, 8, 8), 3),
    ("pad_crop", between(lambda: nn.ConstantPad2d((-1, 2, 1, -2), 0)), (3, 8, 8), 4),
    ("pad_reflect", between(lambda: nn.ReflectionPad2d((1, 2, 3, 0))), (3, 8, 8), 0),
    ("pad_replicate", between(lambda: nn.ReplicationPad2d((1, 2, 0, 3))), (3, 8, 8), 0),
    ("pad_channels",
     apply(lambda x: F.pad(x, (0, 0, 0, 0, 1, 2))), (3, 8, 8), 3),
    ("upsample_scale", between(lambda: nn.Upsample(scale_factor=2)), (3, 8, 8), 3),
    ("upsample_oblong",
     apply(lambda x: F.interpolate(x, scale_factor=(3, 1))), (3, 8, 8), 3),
    ("upsample_size", apply(lambda x: F.interpolate(x, size=(16, 24))), (3, 8, 8), 3),
    ("upsample_to_other",
     apply(lambda x: F.interpolate(F.max_pool2d(x, 2), size=x.shape[2:]) + x),
     (3, 8, 8), 5),
    ("downsample", apply(lambda x: F.interpolate(x, scale_factor=0.5)), (3, 8, 8), 3),
    ("resize_odd", apply(lambda x: F.interpolate(x, size=(5, 11))), (3, 8, 8), 0),
    ("view", apply(lambda x: x.view(x.size(0), -1)), (3, 8, 8), 3),
    ("view_fixed", apply(lambda x: x.view(-1, 512)), (3, 8, 8), 3),
    ("reshape_by_shape", apply(lambda x: x.reshape(x.shape[0], x.shape[1], -1)),
     (3, 8, 8), 0),
    ("flatten", apply(lambda x: torch.flatten(x, 1)), (3, 8, 8), 3),
    ("flatten_product",
     apply(lambda x: x.view(-1, x.size(1) * x.size(2) * x.size(3))), (3, 8, 8), 3),
    ("squeeze", apply(lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1)),
     (3, 8, 8), 4),
    ("squeeze_all", apply(lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(3).squeeze(2)
                          .unsqueeze(-1).unsqueeze(-1) + x), (3, 8, 8), 0),
    ("slice_channels", apply(lambda x: x[:, ::2]), (3, 8, 8), 3),
    ("slice_rows", apply(lambda x: x[:, :, 1:, :-1]), (3, 8, 8), 3),
    ("slice_grid", apply(lambda x: x[:, :, ::2, ::2]), (3, 8, 8), 3),
    ("slice_three", apply(lambda x: x[:, 2:6, 1:7:2, -5:]), (3, 8, 8), 3),
    ("slice_one", apply(lambda x: x[:, 0]), (3, 8, 8), 0),
    ("slice_one_place", apply(lambda x: x[:, :, -1, 0]), (3, 8, 8), 0),
    ("narrow", apply(lambda x: x.narrow(2, 1, 4)), (3, 8, 8), 3),
    ("index_select", apply(lambda x: x[:, [2, 0, 1]]), (3, 8, 8), 0),
    ("flip", apply(lambda x: x.flip(3)), (3, 8, 8), 0),
    ("roll", apply(lambda x: torch.roll(x, 1, 2)), (3, 8, 8), 0),
    ("focus", lambda: nn.Sequential(Apply(slices_joined), nn.Conv2d(12, 4, 3)),
     (3, 8, 8), 7),
    ("pixel_unshuffle", apply(pixel_unshuffle), (3, 8, 8), 0),
    ("cat_of_slices", apply(lambda x: torch.cat([x[:, 4:], x[:, :4]], 1)), (3, 8, 8), 5),
    ("cat_of_rows", apply(lambda x: torch.cat([x, x.relu()], 2)), (3, 8, 8), 0),
    ("stack", apply(lambda x: torch.stack([x, x.relu()], 1).flatten(1, 2)),
     (3, 8, 8), 4),
    ("split", apply(lambda x: sum(x.split(2, 1))), (3, 8, 8), 0),
    ("split_unequal", apply(gated), (3, 8, 8), 0),
    ("chunk", apply(lambda x: torch.max_pool2d(x.chunk(4, 1)[2], 2)), (3, 8, 8), 4),
    ("unbind", apply(lambda x: x.unbind(1)[0] + x.unbind(1)[3]), (3, 8, 8), 0),
    ("permute_view", apply(lambda x: x.permute(0, 2, 3, 1).reshape(x.size(0), -1)),
     (3, 8, 8), 0),
    ("transpose_linear", between(lambda: nn.Sequential(
        Apply(lambda x: x.permute(0, 2, 3, 1)), nn.Linear(8, 5),
        Apply(lambda x: x.permute(0, 3, 1, 2)))), (3, 8, 8), 3),
    ("linear_of_places", between(lambda: nn.Sequential(
        Apply(lambda x: x.flatten(2)), nn.Linear(64, 5))), (3, 8, 8), 6),
    ("linear_of_columns", between(lambda: nn.Linear(8, 5)), (3, 8, 8), 0),
    ("add_constant", apply(lambda x: x + 1), (3, 8, 8), 3),
    ("constant_minus", apply(lambda x: 1 - x), (3, 8, 8), 3),
    ("constant_over", apply(lambda x: 2 / (x.relu() + 1)), (3, 8, 8), 0),
    ("times_constant", apply(lambda x: x * 0.5), (3, 8, 8), 3),
    ("affine", apply(lambda x: x * 2 - 1), (3, 8, 8), 3),
    ("normalise", apply(normalise_by_constants), (3, 8, 8), 0),
    ("negative", apply(lambda x: -x), (3, 8, 8), 3),
    ("square", apply(lambda x: x * x), (3, 8, 8), 3),
    ("quotient", apply(lambda x: x / (1 + torch.sigmoid(x))), (3, 8, 8), 0),
    ("log_softmax", lambda: nn.Sequential(nn.Linear(6, 5), nn.LogSoftmax(1)), (6,), 2),
    ("add_many", apply(lambda x: x + x.relu() + x.sigmoid() + x.tanh()), (3, 8, 8), 0),
    ("expand", apply(lambda x: x + x.mean((2, 3), keepdim=True).expand_as(x)),
     (3, 8, 8), 0),
    ("detached", apply(lambda x: x.float().contiguous().detach()), (3, 8, 8), 2),
    ("batchnorm_first", lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1)),
     (3, 8, 8), 3),
    ("batchnorm_without_weights",
     between(lambda: nn.BatchNorm2d(8, affine=False)), (3, 8, 8), 0),
    ("batchnorm_after_linear", lambda: nn.Sequential(
        nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU()), (6,), 0),
    ("dropouts", between(lambda: nn.Sequential(nn.Dropout2d(), nn.ReLU(), nn.Dropout())),
     (3, 8, 8), 3),
    ("identity", between(nn.Identity), (3, 8, 8), 2),
)
