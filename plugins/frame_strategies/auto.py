"""The strategy that fits the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from frame_strategies.data_parallel import DataParallel
from frame_strategies.single import Single

if TYPE_CHECKING:
    from frame import Strategy


def auto() -> Strategy:
    """Several CUDA devices make :class:`DataParallel`, everything else :class:`Single`."""
    return DataParallel() if torch.cuda.device_count() > 1 else Single()
