"""The strategy that fits the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from frame_strategies.data_parallel import DataParallel
from frame_strategies.ddp import Ddp
from frame_strategies.processes import started_by_launcher
from frame_strategies.single import Single

if TYPE_CHECKING:
    from frame import Strategy

_HOW = "--set strategy.name=ddp, or {'strategy.name': 'ddp'} as overrides of frame.run, starts them"


def auto() -> Strategy:
    """Under ``torchrun`` :class:`Ddp`; several CUDA devices make :class:`DataParallel`, all else :class:`Single`.

    Where processes of their own would make more of the devices, it says so.
    """
    if started_by_launcher():
        return Ddp()
    if (gpus := torch.cuda.device_count()) > 1:
        strategy: Strategy = DataParallel()
        strategy.advice = f"a process for each of the {gpus} GPUs is faster than data_parallel: {_HOW}"
        return strategy
    strategy = Single()
    if (devices := torch.xpu.device_count()) > 1:
        strategy.advice = f"one of {devices} XPUs is used; processes use all: {_HOW}"
    return strategy
