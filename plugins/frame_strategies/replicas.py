"""``nn.DataParallel`` without its traps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from frame_strategies import sharding
from frame_strategies.copies import copies, parts_of, tensors_of
from frame_strategies.lanes import in_lanes

if TYPE_CHECKING:
    from collections.abc import Sequence


class Replicas(nn.DataParallel[nn.Module]):
    """Runs a model on several devices of one process: splits its inputs, gathers its outputs on the first.

    The first replica is the model itself, so what it changes in its forward pass survives (BatchNorm's statistics);
    the others are copied from it in each forward pass. A batch that makes one shard is run by the model alone.

    Parameters
    ----------
    module
        On the first device.
    devices
        At least two. A device may come twice; its replicas then take turns.
    """

    def __init__(self, module: nn.Module, devices: Sequence[torch.device]) -> None:
        nn.Module.__init__(self)  # DataParallel's own looks for GPUs, and passes everything through without any
        self.module = module
        self.devices = list(devices)
        self.root = torch.empty(0, device=devices[0]).device

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        parts = parts_of(self.module)
        self._check_place(parts)
        sizes = sharding.shard_sizes(
            sharding.sample_count((args, kwargs)), len(self.devices), singles=not any(map(_has_batch_statistics, parts))
        )
        if len(sizes) == 1:
            return self.module(*args, **kwargs)
        devices = self.devices[: len(sizes)]
        inputs, named = sharding.scatter(args, kwargs, sizes, devices)
        replicas = [self.module, *copies(parts, devices[1:])]
        calls = [
            partial(replica, *given, **by_name) for replica, given, by_name in zip(replicas, inputs, named, strict=True)
        ]
        return sharding.gather(in_lanes(calls, devices), sizes, self.root)

    def _check_place(self, parts: Sequence[nn.Module]) -> None:
        for tensor in tensors_of(parts):
            if tensor.device != self.root:
                raise RuntimeError(
                    f"a tensor of the model is on {tensor.device}, but it was wrapped on {self.root}: unwrap a model "
                    "that was moved, and give it to setup_module again"
                )


def _has_batch_statistics(part: nn.Module) -> bool:
    return isinstance(part, _BatchNorm) and part.training
