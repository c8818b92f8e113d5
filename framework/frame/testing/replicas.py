"""``nn.DataParallel`` on a CPU: torch's own replicas of a model, in threads, without a GPU."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


def in_threads(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The result of each call, all at work at once. Raises what one of them raised."""
    results: list[Any] = [None] * len(calls)
    errors: list[BaseException] = []
    enabled = torch.is_grad_enabled()

    def work(place: int) -> None:
        try:
            with torch.set_grad_enabled(enabled):
                results[place] = calls[place]()
        except BaseException as error:  # noqa: BLE001  (raised again in the caller's thread)
            errors.append(error)

    threads = [threading.Thread(target=work, args=[place]) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
