"""What a stage does to a model: parameter groups with their rates, and which parts are trained."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from frame.engine.adamw import FusedAdamW
from frame.engine.schedule import rate_factor, trained_backbone_stages

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from frame.config.tables import StageTable
    from frame.engine.model import Segmenter

_FUSED = {"cuda", "cpu"}


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage with the number of its steps: everything that depends on the position in it."""

    name: str
    table: StageTable
    steps_per_epoch: int
    first_epoch: int
    """Epochs of the run before this stage, so that no two epochs draw the same."""

    @property
    def steps(self) -> int:
        return self.table.epochs * self.steps_per_epoch

    def rates(self, step: int) -> dict[str, float]:
        """Learning rate of each group at a step of the stage."""
        rate = self.table.lr * rate_factor(self.table, step, self.steps, self.steps_per_epoch)
        return {"backbone": rate * self.table.backbone_lr_scale, "head": rate}

    def trained_stages(self, step: int, backbone_stages: int) -> int:
        return trained_backbone_stages(self.table, step, self.steps, backbone_stages)


def build_optimizer(plan: StagePlan, model: Segmenter, losses: nn.Module, weight_decay: float) -> Optimizer:
    """AdamW over all parameters, frozen ones too, so that its moments survive unfreezing.

    Groups carry their part's name; norms and biases, all that has at most one dimension, are not decayed. Parameters
    of losses, if any, are trained with the head's.
    """
    rates = plan.rates(0)
    groups: list[dict[str, Any]] = []
    for part, modules in (("backbone", [model.backbone]), ("head", [model.head, losses])):
        parameters = list(chain.from_iterable(module.parameters() for module in modules))
        for decayed in (True, False):
            chosen = [parameter for parameter in parameters if (parameter.ndim > 1) == decayed]
            if chosen:
                decay = weight_decay if decayed else 0.0
                groups.append({"params": chosen, "part": part, "lr": rates[part], "weight_decay": decay})
    fused = next(model.parameters()).device.type in _FUSED
    return FusedAdamW(groups) if fused else torch.optim.AdamW(groups)


def set_rates(optimizer: Optimizer, rates: dict[str, float]) -> None:
    """Write each group's rate."""
    for group in optimizer.param_groups:
        group["lr"] = rates[group["part"]]


def set_trained(model: Segmenter, table: StageTable, trained_stages: int) -> None:
    """Train the head (unless frozen) and the backbone's last ``trained_stages`` stages; fix everything else.

    What is fixed gets no gradient, so that its backward pass is never run, and stays in eval mode, so that its norms'
    statistics and its dropout rest.
    """
    model.train()
    stages = model.backbone_stages()
    backbone_rests = trained_stages < len(stages)
    # What belongs to no stage, a last norm say, is trained when the whole backbone is.
    _fix(model.backbone, fixed=backbone_rests)
    for index, stage in enumerate(stages):
        for module in stage:
            _fix(module, fixed=index < len(stages) - trained_stages)
    if backbone_rests:
        model.backbone.training = False
    _fix(model.head, fixed="head" in table.frozen)


def _fix(module: nn.Module, *, fixed: bool) -> None:
    module.requires_grad_(not fixed)
    module.train(not fixed)
