"""What can be wrong with an expert."""

from __future__ import annotations

from tests.testing.fault import fault

NORM = "self.norm = nn.GroupNorm(1, channels)"
RETURN = "return x + self.gain * self.conv(self.norm(x))"

FAULTS = (
    fault(
        "a batch normalisation",
        "no_batch_statistics",
        r"norm is a batch normalisation; use nn.GroupNorm",
        (NORM, "self.norm = nn.BatchNorm2d(channels)"),
    ),
    fault(
        "statistics over the batch by hand",
        "sparse_equals_dense",
        r"otherwise when it is not among all of its batch; .*dim=\(2, 3\)",
        (RETURN, "x = x - x.mean((0, 2, 3), keepdim=True)\n        " + RETURN),
    ),
    fault(
        "a running mean in training",
        "no_batch_statistics",
        r"changes the buffer mean; keep no statistics",
        (NORM, NORM + "\n        self.register_buffer('mean', __import__('torch').zeros(()))"),
        (RETURN, "if self.training:\n            self.mean.lerp_(x.detach().mean(), 0.1)\n        " + RETURN),
    ),
    fault(
        "a number of channels that is assumed",
        "any_channels_and_sizes",
        r"fails with 7 channels: .*; let all sizes inside follow from channels",
        (NORM, "self.norm = nn.GroupNorm(8 if channels > 4 else 1, channels)"),
    ),
    fault(
        "a window larger than a small map",
        "any_channels_and_sizes",
        r"fails on a map \[1, 24, 1, 1\]: .*; let no window be larger",
        ("3, padding=1)", '3, padding=1, padding_mode="reflect")'),
    ),
    fault(
        "a map that comes out smaller",
        "any_channels_and_sizes",
        r"a map \[2, 16, 20, 28\] comes out as \[2, 16, 18, 26\]; return the shape",
        (RETURN, "return self.gain * self.conv(self.norm(x))"),
        ("3, padding=1)", "3)"),
    ),
    fault(
        "a root without an epsilon",
        "flat_maps",
        r"the gradient of a map of zeros is not finite; .*sqrt\(x \+ eps\)",
        (RETURN, RETURN + " + x.square().mean((2, 3), keepdim=True).sqrt()"),
    ),
)
