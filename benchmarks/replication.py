"""Python time of replicating ``edgenext_base`` + ``moe``, a forward pass: ``nn.DataParallel``'s own against Frame's.

    python benchmarks/replication.py [ROUNDS]

On the CPU, over "devices" that are all the same. Every tensor is shrunk to one value, so that what is timed is Python
and its calls, not memory. Torch's ``replicate`` runs as it is; only its broadcast, which is for GPUs, is swapped for
the packing and unpacking that it does in C++. The table shows the median over the rounds, taken in turn.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.autograd import Function

from frame_backbones.edgenext import edgenext_base
from frame_heads.moe import MoE
from frame_strategies.copies import copies, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EXPERTS = ("texture", "attention", "hybrid", "frequency", "edge", "context", "contrast")
DEVICES = (2, 4, 8)


class _Broadcast(Function):
    @staticmethod
    def forward(_ctx: Any, devices: Sequence[int], *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(each for _ in devices for each in _packed(tensors))


def _packed(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
    flat = torch._utils._flatten_dense_tensors(tensors)  # noqa: SLF001
    return torch._utils._unflatten_dense_tensors(flat, tensors)  # type: ignore[no-any-return]  # noqa: SLF001


def _broadcast(tensors: Sequence[Tensor], devices: Sequence[int], detach: Any = None) -> list[Sequence[Tensor]]:
    if not tensors:
        return []
    if detach:
        return [_packed(tensors) for _ in devices]
    there, count = _Broadcast.apply(devices, *tensors), len(tensors)
    return [there[start : start + count] for start in range(0, len(there), count)]


@contextmanager
def _without_gpus() -> Iterator[Callable[..., Any]]:
    """Torch's ``replicate``, over anything."""
    home = import_module("torch.nn.parallel.replicate")
    with (
        mock.patch.object(home, "_broadcast_coalesced_reshape", _broadcast),
        mock.patch.object(home, "_get_device_index", lambda device, _optional: device),
    ):
        yield home.replicate


def shrunk_model() -> nn.Module:
    """``edgenext_base`` and ``moe`` with seven experts, each tensor of one value."""
    backbone = edgenext_base(pretrained=False)
    experts = [getattr(import_module(f"frame_heads.experts.{name}"), name.title()) for name in EXPERTS]
    head = MoE(channels=backbone.channels, strides=backbone.strides, num_classes=1, experts=experts)
    model = nn.ModuleDict({"backbone": backbone, "head": head})
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.flatten()[:1].clone()
    return model


def replication_ms(model: nn.Module, devices: int, rounds: int) -> tuple[float, float]:
    """Milliseconds that one replication over ``devices`` takes with torch's own and with Frame's."""
    others = [torch.device("cpu")] * (devices - 1)
    times: tuple[list[float], list[float]] = [], []
    with _without_gpus() as replicate:
        ways = (lambda: replicate(model, list(range(devices))), lambda: copies(parts_of(model), others))
        for _ in range(rounds):
            for measured, way in zip(times, ways, strict=True):
                started = time.perf_counter()
                way()
                measured.append(time.perf_counter() - started)
    torchs, frames = (median(measured[rounds // 10 :]) * 1000 for measured in times)
    return torchs, frames


def main(rounds: int) -> None:
    model = shrunk_model()
    print(f"{'devices':>8}{'torch ms':>10}{'Frame ms':>10}{'ratio':>8}   ({rounds} rounds, interleaved)")
    for devices in DEVICES:
        torchs, frames = replication_ms(model, devices, rounds)
        print(f"{devices:>8}{torchs:>10.1f}{frames:>10.1f}{frames / torchs:>8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
