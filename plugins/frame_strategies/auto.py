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


def auto() -> Strategy:
    """Under ``torchrun`` :class:`Ddp`; several CUDA devices make :class:`DataParallel`, all else :class:`Single`."""
    if started_by_launcher():
        return Ddp()
    return DataParallel() if torch.cuda.device_count() > 1 else Single()
