"""The precision in which losses are computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """bf16 and fp16 as float32, in which sums over an image's pixels are exact enough; wider types as they are."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
