"""Checks of heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame.contracts.model import Prediction
from frame.engine.progress import listeners
from frame.testing.modules import SHARED
from frame.testing.outcome import CheckSkippedError, fail, failing, skip, told
from frame.testing.rig import CHANNELS, STRIDES, feature_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from frame.testing.case import Subject

PYRAMIDS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((6, 10, 12, 20), (4, 8, 16, 32)),
    ((24, 7), (2, 16)),
    ((9, 9, 9), (16, 16, 16)),
    ((5,), (8,)),
)
"""Channels and strides of backbones: a usual one, one with a gap, a plain transformer, a single map."""


def check_any_channels_and_strides(subject: Subject) -> None:
    """It can be built for the maps of any backbone, and gives logits ``[B, K, H, W]`` at the size asked for."""
    for channels, strides in PYRAMIDS:
        for classes in (1, 4):
            told = f"maps of {channels} channels at strides {strides}, {classes} classes"
            with failing(f"it can't be built for {told}", "let all widths follow from channels and num_classes"):
                head = subject.build_or_raise(channels=channels, strides=strides, num_classes=classes)
            for size in ((64, 96), (61, 75)):
                with failing(
                    f"it fails for {told}, images of {size[0]} x {size[1]}", "assume no sizes: resize to what is there"
                ):
                    found = Prediction(*head(feature_maps(2, size, channels, strides), size))
                wanted = [2, classes, *size]
                if list(getattr(found.logits, "shape", ())) != wanted:
                    fail(
                        f"logits for {told} are {list(getattr(found.logits, 'shape', ()))}, not {wanted}",
                        "give num_classes channels, resized to size",
                    )


def check_side_outputs(subject: Subject) -> None:
    """Side outputs are coarser logits with as many channels, finest first."""
    for classes in (1, 4):
        head = _built(subject, classes)
        side = _predicted(head, _maps()).side
        if not side:
            skip("it has no side outputs")
        areas = [each.shape[-1] * each.shape[-2] for each in side]
        if any(each.shape[1] != classes for each in side):
            fail(f"a side output has {side[0].shape[1]} channels for {classes} classes", "give num_classes channels")
        if areas != sorted(areas, reverse=True):
            fail("side outputs come coarsest first", "return them finest first")


def check_logits_are_no_probabilities(subject: Subject) -> None:
    """Logits go below 0 and are not normalised: sigmoid and softmax are applied by losses and by Frame."""
    for classes in (1, 4):
        lows, highs, off = [], [], 0.0
        for seed in range(3):
            head = subject.build(seed, num_classes=classes).eval()
            for scale in (1.0, 30.0):
                found = _predicted(head, [scale * each for each in _maps(seed)])
                for each in (found.logits, *found.side):
                    lows.append(float(each.min()))
                    highs.append(float(each.max()))
                    off = max(off, float((each.sum(dim=1) - 1).abs().max()))
        if min(lows) >= 0:
            what = "lie in [0, 1]" if max(highs) <= 1 else "are never below 0"
            fail(f"its logits for {classes} classes {what}", "return them without sigmoid, softmax or relu at the end")
        if classes > 1 and off < 1e-3:
            fail("its logits sum to 1 over the classes", "return them without softmax")


def check_outputs_are_batch_major(subject: Subject) -> None:
    """The first dimension of every tensor that it returns is the batch, in extras too; none is a scalar."""
    head = subject.build()
    for batch in (1, 3, 5):
        found = _predicted(head, _maps(batch=batch))
        named = {"logits": found.logits, **{f"side {index}": each for index, each in enumerate(found.side)}}
        named |= {f"extras[{name!r}]": each for name, each in found.extras.items()}
        for name, each in named.items():
            if each.ndim == 0 or each.shape[0] != batch:
                fail(
                    f"{name} is {list(each.shape)} for a batch of {batch}",
                    "return what belongs to samples, [B, ...]; compute losses in a loss, outside the model",
                )


def check_routing_weights(subject: Subject) -> None:
    """Extras ``router.*`` are rows that sum to 1, ``load.*`` zeros and ones; ``extra_names`` fit them and differ."""
    for training in (True, False):
        head: Any = subject.build().train(training)
        extras = _predicted(head, _maps(batch=3)).extras
        for name, each in extras.items():
            if name.startswith("router."):
                if each.ndim != 2 or (each < 0).any() or (each.float().sum(1) - 1).abs().max() > 1e-3:
                    fail(
                        f"extras[{name!r}] is no row of probabilities for each image",
                        "give the softmax [B, E] of all experts",
                    )
            elif name.startswith("load.") and not ((each == 0) | (each == 1)).all():
                fail(f"extras[{name!r}] holds something else than 0 and 1", "give 1 for each expert that was chosen")
        for name, columns in dict(getattr(head, "extra_names", {})).items():
            if name in extras and (extras[name].ndim != 2 or extras[name].shape[1] != len(columns)):
                fail(f"extra_names has {len(columns)} names for extras[{name!r}]", "give a name for each column")
            if len(set(columns)) < len(columns):
                fail(f"extra_names has one name twice for {name!r}", "give each column a name of its own")
        if not extras:
            skip("it has no extras")


def check_progress(subject: Subject) -> None:
    """Whatever part has ``set_progress`` takes every position in the run, from 0 to 1."""
    head = subject.build().train()
    if not (following := listeners(head)):
        skip("nothing in it follows the run")
    for progress in (0.0, 0.3, 1.0):
        with failing(f"set_progress({progress}) fails", "take any number from 0 to 1"):
            for set_progress in following:
                set_progress(progress)
        if not _predicted(head, _maps()).logits.isfinite().all():
            fail(
                f"logits are not finite at progress {progress}", "look for a division by what is 0 at an end of the run"
            )


CHECKS = (
    *SHARED,
    check_any_channels_and_strides,
    check_side_outputs,
    check_logits_are_no_probabilities,
    check_outputs_are_batch_major,
    check_routing_weights,
    check_progress,
)


def _maps(seed: int = 1, batch: int = 2) -> list[Tensor]:
    return feature_maps(batch, (64, 64), CHANNELS, STRIDES, seed)


def _built(subject: Subject, classes: int) -> nn.Module:
    built: nn.Module = subject.build(num_classes=classes)
    return built


def _predicted(head: nn.Module, maps: Sequence[Tensor]) -> Prediction:
    try:
        found = Prediction(*head(list(maps), (64, 64)))
        _ = found.logits.shape, [each.shape for each in found.side], found.extras.items()
    except Exception as error:
        raise CheckSkippedError(f"it can't be run, see check_forward ({told(error)})") from error
    return found
