"""``nn.DataParallel`` on a CPU: torch's own replicas of a model, without a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

REPLICATE = "torch.nn.parallel.replicate"


def replicas_of(module: nn.Module, count: int) -> tuple[list[nn.Module], list[list[Tensor]]]:
    """``count`` replicas as torch makes them, and for each its copies of the parameters, through which gradients flow.

    Only the copying between GPUs is another: here each tensor is cloned.
    """
    made: list[list[Tensor]] = []

    def copied(tensors: Sequence[Tensor], devices: Sequence[Any], detach: bool = False) -> list[list[Tensor]]:  # noqa: FBT001, FBT002
        found = [[each.detach().clone() if detach else each.clone() for each in tensors] for _ in devices]
        if not made:  # parameters come first, then buffers
            made.extend(found)
        return found

    with patch(f"{REPLICATE}._broadcast_coalesced_reshape", copied):
        from torch.nn.parallel.replicate import replicate

        return list(replicate(module, list(range(count)))), made
