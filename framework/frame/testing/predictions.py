"""Predictions and masks to try losses with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from frame.contracts.model import Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZE = (16, 20)
EXPERTS, LAYERS = 4, 2


def example(
    classes: int,
    *,
    batch: int = 3,
    size: tuple[int, int] = SIZE,
    dtype: torch.dtype = torch.float32,
    requires_grad: bool = False,
) -> tuple[Prediction, Tensor]:
    """A prediction as an untrained model with a router makes it, and a mask with objects.

    ``[B, 1, H, W]`` float in {0, 1} for one class, ``[B, H, W]`` int64 with some pixels of 255 for more.
    """
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(batch, classes, *size, generator=generator, dtype=dtype)
    if classes == 1:
        mask = (torch.rand(batch, 1, *size, generator=generator) > 0.6).float()
    else:
        mask = torch.randint(0, classes, (batch, *size), generator=generator)
        mask[:, 0, classes:] = 255
    return predicted(logits, requires_grad=requires_grad), mask


def predicted(logits: Tensor, *, requires_grad: bool = False) -> Prediction:
    """Logits with a side output of half the size, and what a router of four experts in two layers tells."""
    side = F.avg_pool2d(logits.detach(), 2, ceil_mode=True)
    extras: dict[str, Tensor] = {}
    for layer in range(LAYERS):
        generator = torch.Generator().manual_seed(layer)
        scores = torch.randn(len(logits), EXPERTS, generator=generator, dtype=logits.dtype)
        probabilities = scores.softmax(1)
        load = torch.zeros_like(probabilities).scatter(1, probabilities.topk(2, dim=1).indices, 1.0)
        bias = torch.zeros_like(probabilities)
        named = {"router": probabilities, "load": load, "scores": scores, "bias": bias}
        extras |= {f"{name}.{layer}": each for name, each in named.items()}
    found = Prediction(logits.detach().clone(), (side,), extras)
    if requires_grad:
        for each in tensors(found):
            each.requires_grad_()
    return found


def tensors(prediction: Prediction, *others: Tensor) -> list[Tensor]:
    """All of a prediction, and what else is given."""
    return [prediction.logits, *prediction.side, *prediction.extras.values(), *others]


def mapped(prediction: Prediction, change: Callable[[Tensor], Tensor]) -> Prediction:
    """The same change made to every tensor."""
    extras = {name: change(each) for name, each in prediction.extras.items()}
    return Prediction(change(prediction.logits), tuple(map(change, prediction.side)), extras)


def leaves(prediction: Prediction) -> tuple[list[str], list[Tensor]]:
    """What a loss may be differentiated by; not a router's load, which is a count, nor its bias, which is moved."""
    names = [name for name in prediction.extras if name.partition(".")[0] not in ("load", "bias")]
    found = [prediction.logits, *prediction.side, *(prediction.extras[name] for name in names)]
    return names, [each.detach().clone().requires_grad_() for each in found]


def rebuilt(base: Prediction, names: Sequence[str], values: Sequence[Tensor]) -> Prediction:
    """The inverse of :func:`leaves`."""
    logits, *rest = values
    side, extras = rest[: len(base.side)], rest[len(base.side) :]
    return Prediction(logits, tuple(side), {**base.extras, **dict(zip(names, extras, strict=True))})


def square(classes: int, size: int = 16) -> Tensor:
    """``[1, size, size]``: a square of the last class off the middle, on the first."""
    mask = torch.zeros(1, size, size, dtype=torch.long)
    mask[:, size // 4 : size // 4 + size // 3, size // 3 : 2 * size // 3] = max(1, classes - 1)
    return mask.float().unsqueeze(1) if classes == 1 else mask


def certain(classes: int, mask: Tensor) -> Tensor:
    """Logits of 1 for what ``mask`` says, and of -1 for all else."""
    if classes == 1:
        return 2 * mask - 1
    known = mask.clamp(max=classes - 1)
    return 2.0 * F.one_hot(known, classes).permute(0, 3, 1, 2) - 1


def degenerate_masks(classes: int, size: int = 16) -> dict[str, Tensor]:
    """Masks that are all of one kind, or nearly, by what a person would call them; of two images each."""
    if classes == 1:
        empty = torch.zeros(2, 1, size, size)
        pixel = empty.clone()
        pixel[:, :, 3, 4] = 1
        mixed = torch.cat([empty[:1], 1 - empty[:1]])
        return {"an empty mask": empty, "a full mask": 1 - empty, "a mask of one pixel": pixel, "both at once": mixed}
    first = torch.zeros(2, size, size, dtype=torch.long)
    pixel = first.clone()
    pixel[:, 3, 4] = 1
    names = {"a mask of background": first, "a mask of one class": first + 2, "a mask of one pixel": pixel}
    return names | {"a mask of ignored pixels": first + 255}
