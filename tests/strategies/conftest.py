"""DataParallel's real semantics on a CPU.

Without a GPU ``nn.DataParallel`` passes everything through. Here its own scatter and gather maps run, over chunks of
CPU tensors, with a thread a replica; only the moves between devices are left out.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn.parallel import scatter_gather

from frame_strategies.data_parallel import DataParallel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Scatter:
    @staticmethod
    def apply(devices: Sequence[int], _chunk_sizes: None, dim: int, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tensor.chunk(len(devices), dim)


class _Gather:
    @staticmethod
    def apply(_device: int, dim: int, *tensors: torch.Tensor) -> torch.Tensor:
        return torch.cat([tensor[None] if tensor.ndim == 0 else tensor for tensor in tensors], dim)


def _replica(module: nn.Module) -> nn.Module:
    """A replica as torch makes it: the same tree, parameters that are no leaves, so gradients reach the originals."""
    copy = module._replicate_for_data_parallel()
    for key, child in module._modules.items():
        copy._modules[key] = None if child is None else _replica(child)
    for key, parameter in module._parameters.items():
        if parameter is not None:
            setattr(copy, key, parameter.clone())
    for key, buffer in module._buffers.items():
        copy._buffers[key] = None if buffer is None else buffer.clone()
    return copy


class CpuDataParallel(nn.DataParallel):
    """``nn.DataParallel`` whose devices are threads."""

    def __init__(self, module: nn.Module, device_ids: list[int]) -> None:
        super().__init__(module)
        self.device_ids, self.output_device = device_ids, device_ids[0]
        self.dim, self.src_device_obj = 0, torch.device("cpu")

    def replicate(self, module: nn.Module, device_ids: Sequence[int]) -> list[nn.Module]:
        return [_replica(module) for _ in device_ids]

    def parallel_apply(self, replicas: Sequence[nn.Module], inputs: Any, kwargs: Any) -> list[Any]:
        grad = torch.is_grad_enabled()

        def call(replica: nn.Module, arguments: Any, named: Any) -> Any:
            with torch.set_grad_enabled(grad):
                return replica(*arguments, **named)

        with ThreadPoolExecutor(len(replicas)) as pool:
            return list(pool.map(call, replicas, inputs, kwargs))


class CpuStrategy(DataParallel):
    wrapper = CpuDataParallel

    def available(self) -> int:
        return 4

    @property
    def root_device(self) -> torch.device:
        return torch.device("cpu")


@pytest.fixture
def data_parallel(monkeypatch: pytest.MonkeyPatch) -> Callable[..., DataParallel]:
    """``data_parallel(devices=3)``: the strategy over CPU replicas."""
    monkeypatch.setattr(scatter_gather, "Scatter", _Scatter)
    monkeypatch.setattr(scatter_gather, "Gather", _Gather)
    return CpuStrategy
