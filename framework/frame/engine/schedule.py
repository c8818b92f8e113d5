"""Learning rate and freezing as pure functions of the position in a stage: no event that a resume could miss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frame.config.tables import StageTable

PROGRESSIVE = (0.0, 1 / 3, 2 / 3)
_ONECYCLE_RISE, _ONECYCLE_START = 0.3, 1 / 25  # torch.optim.lr_scheduler.OneCycleLR's defaults
_POLYNOMIAL_POWER = 0.9  # DeepLab's poly policy


def rate_factor(stage: StageTable, step: int, steps: int, steps_per_epoch: int) -> float:
    """The share of ``stage.lr`` at optimizer step ``step`` of ``steps``; every group is scaled by the same factor.

    Rises linearly over the warm-up, then follows ``stage.scheduler`` to ``min_lr / lr`` at the last step.
    """
    floor = stage.min_lr / stage.lr
    warm = warm_up_steps(stage, steps_per_epoch)
    if step < warm:
        return (step + 1) / warm
    progress = (step - warm) / max(1, steps - 1 - warm)
    if stage.scheduler == "constant":
        return 1.0
    if stage.scheduler == "polynomial":
        return floor + (1 - floor) * math.pow(1 - progress, _POLYNOMIAL_POWER)
    if stage.scheduler == "onecycle" and progress < _ONECYCLE_RISE:
        return _cosine(_ONECYCLE_START, 1.0, progress / _ONECYCLE_RISE)
    if stage.scheduler == "onecycle":
        progress = (progress - _ONECYCLE_RISE) / (1 - _ONECYCLE_RISE)
    return _cosine(1.0, floor, progress)


def warm_up_steps(stage: StageTable, steps_per_epoch: int) -> int:
    """Steps in which the rate rises to ``stage.lr``; the last of them has it."""
    return round(stage.warmup * steps_per_epoch)


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def trained_backbone_stages(stage: StageTable, step: int, steps: int, backbone_stages: int) -> int:
    """How many of the backbone's stages are trained at a step, counted from the last one."""
    if "backbone" in stage.frozen:
        return 0
    if stage.unfreeze is None:
        return backbone_stages
    # 'joined' counts the fractions that have passed; with the last of PROGRESSIVE everything joins.
    fractions = PROGRESSIVE if stage.unfreeze == "progressive" else stage.unfreeze
    joined = sum(step >= math.ceil(fraction * steps) for fraction in fractions)
    if stage.unfreeze == "progressive" and joined == len(PROGRESSIVE):
        return backbone_stages
    return min(joined, backbone_stages)
