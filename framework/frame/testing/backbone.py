"""Checks of backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from frame.testing.modules import SHARED
from frame.testing.outcome import fail, failing, skip
from frame.testing.rig import Rig, images

if TYPE_CHECKING:
    from torch import nn

    from frame.testing.case import Subject


def check_channels_and_strides(subject: Subject) -> None:
    """``channels`` and ``strides`` say as many whole numbers above 0 as there are maps, the finest map's first."""
    rig = Rig(subject)
    module = rig.build()
    for name in ("channels", "strides"):
        values = getattr(module, name, None)
        if (
            not isinstance(values, (list, tuple))
            or not values
            or any(type(each) is not int or each < 1 for each in values)
        ):
            fail(f"its {name} are {values!r}", f"set self.{name} to a tuple of whole numbers, a map's each")
    maps = rig.run(module, rig.inputs())
    if not len(module.channels) == len(module.strides) == len(maps):  # type: ignore[arg-type]
        fail(
            f"it says {len(module.channels)} channels and {len(module.strides)} strides for {len(maps)} maps",  # type: ignore[arg-type]
            "give one of each for every map",
        )
    if list(module.strides) != sorted(module.strides):  # type: ignore[arg-type]
        fail(f"its strides {tuple(module.strides)} fall", "return the finest map first")  # type: ignore[arg-type]


def check_maps_are_as_said(subject: Subject) -> None:
    """Each map is ``[B, C, H / stride, W / stride]``, with the channels and strides that it says."""
    rig = Rig(subject)
    module, side = rig.build().eval(), subject.case.size
    _look_at_maps(module, side, side)
    subject.needs("sizes")
    for height, width in ((side, 2 * side), (2 * side, side)):
        _look_at_maps(module, height, width)


def check_maps_at_odd_sizes(subject: Subject) -> None:
    """At sizes that are no multiple of a stride, each map is ``ceil(H / stride)`` by ``ceil(W / stride)``."""
    subject.needs("sizes")
    subject.needs("odd_sizes")
    module, side = Rig(subject).build().eval(), subject.case.size
    for height, width in ((side + 1, side + 33), (side + 35, side + 6), (side - 1, side + 15)):
        _look_at_maps(module, height, width)


def check_stages(subject: Subject) -> None:
    """``stages``, if it has them, hold each module once: what is in none waits until the whole backbone is trained."""
    module = Rig(subject).build()
    if not hasattr(module, "stages"):
        skip("it has no stages, and counts as one")
    with failing("its stages are no lists of modules", "return a list with a list of modules for each stage"):
        stages = [[list(part.parameters()) for part in stage] for stage in module.stages]  # type: ignore[union-attr]
    held = [id(parameter) for stage in stages for part in stage for parameter in part]
    named = {id(parameter): name for name, parameter in module.named_parameters()}
    if foreign := set(held) - named.keys():
        fail(f"its stages hold {len(foreign)} parameters that are not its own", "list modules of this backbone")
    if len(set(held)) < len(held):
        twice = next(named[each] for each in held if held.count(each) > 1)
        fail(f"its stages hold {twice} twice", "list each module in one stage")
    reached = {name.rpartition(".")[0] for key, name in named.items() if key in set(held)}
    for key, name in named.items():
        owner = name.rpartition(".")[0]  # none of a position embedding, which is in no module that could be listed
        if key not in set(held) and owner and not any(f"{each}.".startswith(f"{owner}.") for each in reached):
            fail(f"no stage holds {name}", "list every module in a stage, the stem's in the first")


CHECKS = (*SHARED, check_channels_and_strides, check_maps_are_as_said, check_maps_at_odd_sizes, check_stages)


def _look_at_maps(module: nn.Module, height: int, width: int) -> None:
    channels, strides = getattr(module, "channels", None), getattr(module, "strides", None)
    if not isinstance(channels, (list, tuple)) or not isinstance(strides, (list, tuple)):
        skip("it says no channels and strides, see check_channels_and_strides")
    with failing(f"it fails on an image of {height} x {width}", "pad the image, or round sizes up"), torch.no_grad():
        maps = module(images(1, height, width))
    if not isinstance(maps, (list, tuple)) or len({len(maps), len(channels), len(strides)}) > 1:
        skip("it does not return a map for each of its channels and strides, see check_channels_and_strides")
    for index, (each, count, stride) in enumerate(zip(maps, channels, strides, strict=True)):
        wanted = (1, count, -(-height // stride), -(-width // stride))
        if tuple(each.shape) != wanted:
            fail(
                f"map {index} of an image of {height} x {width} is {list(each.shape)}, but channels and strides say "
                f"{list(wanted)}",
                "correct self.channels and self.strides, or pad the image to a multiple of the coarsest stride and cut",
            )
