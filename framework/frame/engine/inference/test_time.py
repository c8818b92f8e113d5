"""Averaging predictions over mirrored and rescaled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from frame.contracts.model import Prediction
from frame.engine.validate import probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame.engine.model import Segmenter

_STEP = 32  # sizes are multiples of it, as backbones like them
_EPSILON = 1e-7


def averaged(model: Segmenter, flips: bool, scales: Sequence[float]) -> Segmenter | Averaged:  # noqa: FBT001
    """The model itself where there is nothing to average."""
    return Averaged(model, flips, scales) if flips or tuple(scales) != (1.0,) else model


class Averaged(nn.Module):
    """A model whose probabilities are means over versions of the image: at each scale, and mirrored if ``flips``."""

    def __init__(self, model: Segmenter, flips: bool, scales: Sequence[float]) -> None:  # noqa: FBT001
        super().__init__()
        self.model = model
        self.flips = flips
        self.scales = tuple(scales)
        self.memory_format = model.memory_format
        self.extra_names: dict[str, tuple[str, ...]] = {}

    def forward(self, image: Tensor) -> Prediction:
        """``[B, 3, H, W]`` to logits ``[B, K, H, W]`` of the mean probability; no side outputs, no extras."""
        size = tuple(image.shape[-2:])
        found: list[Tensor] = []
        for scale in self.scales:
            scaled = image if scale == 1 else _resized(image, _multiples(size, scale))
            found.append(_resized(probabilities(self.model(scaled).logits), size))
            if self.flips:
                found.append(_resized(probabilities(self.model(scaled.flip(-1)).logits).flip(-1), size))
        mean = torch.stack(found).mean(dim=0).clamp(_EPSILON, 1 - _EPSILON)
        return Prediction(mean.logit() if mean.shape[1] == 1 else mean.log())


def _resized(x: Tensor, size: tuple[int, ...]) -> Tensor:
    same = tuple(x.shape[-2:]) == size
    return x if same else F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def _multiples(size: Sequence[int], scale: float) -> tuple[int, ...]:
    return tuple(max(_STEP, round(side * scale / _STEP) * _STEP) for side in size)
