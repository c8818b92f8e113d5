"""Checks of experts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from frame.testing.modules import SHARED
from frame.testing.outcome import fail, failing
from frame.testing.rig import Rig, differ, feature_maps

if TYPE_CHECKING:
    from frame.testing.case import Subject


def check_any_channels_and_sizes(subject: Subject) -> None:
    """It can be built for any number of channels, and keeps the shape of a map of any size, one pixel too."""
    for channels, batch, size in ((16, 2, (20, 28)), (24, 1, (1, 1)), (7, 2, (1, 9)), (48, 3, (5, 2)), (3, 1, (33, 8))):
        shape = [batch, channels, *size]
        with failing(f"it fails with {channels} channels", "let all sizes inside follow from channels, rounded"):
            module = subject.build_or_raise(channels=channels)
        with failing(f"it fails on a map {shape}", "let no window be larger than the map, and no size be assumed"):
            out = module(feature_maps(batch, size, (channels,), (1,))[0])
        if list(getattr(out, "shape", ())) != shape:
            fail(f"a map {shape} comes out as {list(getattr(out, 'shape', ()))}", "return the shape that came in")
        if not out.isfinite().all():
            fail(f"what comes out for a map {shape} is not finite", "look for a variance or a division of one value")


def check_no_batch_statistics(subject: Subject) -> None:
    """It holds no batch normalisation and counts nothing in training: a router gives it other images each time."""
    rig = Rig(subject)
    module = rig.build().train()
    norms = [name for name, part in module.named_modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]  # noqa: SLF001
    if norms:
        fail(f"{norms[0]} is a batch normalisation", "use nn.GroupNorm or a LayerNorm")
    before = {name: each.clone() for name, each in module.named_buffers()}
    rig.run(module, rig.inputs())
    if changed := [name for name, each in module.named_buffers() if not torch.equal(each, before[name])]:
        fail(f"a forward pass in training changes the buffer {changed[0]}", "keep no statistics of the images seen")


def check_sparse_equals_dense(subject: Subject) -> None:
    """Run on the chosen images alone it gives what it gives them among all, in training too.

    An expert that draws random numbers in training is compared in evaluation.
    """
    rig = Rig(subject)
    module, (maps,) = rig.build().train(), rig.inputs(batch=4)
    torch.manual_seed(1)
    dense = rig.run(module, [maps])["output"]
    torch.manual_seed(2)
    if differ(dense, rig.run(module, [maps])["output"], tolerance=1e-6):
        dense = rig.run(module.eval(), [maps])["output"]
    chosen = [3, 1]
    if differ(dense[chosen], rig.run(module, [maps[chosen]])["output"]):
        fail(
            "an image comes out otherwise when it is not among all of its batch",
            "take no statistics over the batch: dim=(2, 3), not (0, 2, 3); GroupNorm, not BatchNorm",
        )


def check_flat_maps(subject: Subject) -> None:
    """A map of zeros gives finite outputs and gradients: such are the maps of blank images."""
    rig = Rig(subject)
    module = rig.build().train()
    flat = torch.zeros_like(rig.inputs()[0]).requires_grad_()
    out = rig.run(module, [flat])["output"]
    out.sum().backward()  # type: ignore[no-untyped-call]
    if not out.isfinite().all():
        fail("what comes out for a map of zeros is not finite", "add an epsilon below divisions, roots and logarithms")
    if flat.grad is not None and not flat.grad.isfinite().all():
        fail("the gradient of a map of zeros is not finite", "add an epsilon inside the root: sqrt(x + eps)")


CHECKS = (
    *SHARED,
    check_any_channels_and_sizes,
    check_no_batch_statistics,
    check_sparse_equals_dense,
    check_flat_maps,
)
