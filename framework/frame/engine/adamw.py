"""AdamW without what a training step has no use for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from frame.engine.sharded import local


class FusedAdamW(torch.optim.AdamW):
    """torch's ``AdamW(fused=True)``: the same kernel, the same state, the same bits, by a fraction of the Python.

    Torch's own step sorts all tensors by device and type each time, asks what may have changed in its settings, and
    opens a range for the profiler: where parts are small that takes longer than the kernel. Here a group is on one
    device and of one type, and all of it is sharded or nothing. Not for ``amsgrad``, closures, step hooks, sparse or
    complex parameters.

    ``found_inf``, a scalar on the device, may be set: where it is 1 a step changes nothing, and nobody looks at it.
    """

    found_inf: Tensor | None = None

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        super().__init__(groups, fused=True)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        trained = [[each for each in group["params"] if each.grad is not None] for group in self.param_groups]
        states = [[self.state[each] or self._begun(each) for each in parameters] for parameters in trained]
        counts = [[state["step"] for state in known] for known in states]
        every = [count for own in counts for count in own]
        torch._foreach_add_(every, 1)
        for group, parameters, known, own in zip(self.param_groups, trained, states, counts, strict=True):
            if parameters:
                torch._fused_adamw_(
                    local(parameters),
                    local([each.grad for each in parameters]),
                    local([state["exp_avg"] for state in known]),
                    local([state["exp_avg_sq"] for state in known]),
                    [],
                    own,
                    lr=group["lr"],
                    beta1=group["betas"][0],
                    beta2=group["betas"][1],
                    weight_decay=group["weight_decay"],
                    eps=group["eps"],
                    amsgrad=False,
                    maximize=False,
                    found_inf=self.found_inf,
                )
        if self.found_inf is not None:
            torch._foreach_sub_(every, [self.found_inf] * len(every))

    step.hooked = True  # type: ignore[attr-defined]  # or torch wraps it, for the profiler and for hooks

    def _begun(self, parameter: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[parameter]
        state["step"] = torch.zeros((), device=parameter.device)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        return state
