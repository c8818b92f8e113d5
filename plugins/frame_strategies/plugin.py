"""The built-in strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_strategies() -> Iterator[Component]:
    yield Component(
        name="auto",
        target="frame_strategies.auto:auto",
        summary="ddp under torchrun, data_parallel where one process has several GPUs, otherwise single",
    )
    yield Component(
        name="single",
        target="frame_strategies.single:Single",
        options="frame_strategies.options:SingleOptions",
        summary="One device: the first GPU, or the CPU",
    )
    yield Component(
        name="data_parallel",
        target="frame_strategies.data_parallel:DataParallel",
        options="frame_strategies.options:DataParallelOptions",
        summary="One process, several GPUs: the batch is split, validation runs on the unwrapped model",
    )
    yield Component(
        name="ddp",
        target="frame_strategies.ddp:Ddp",
        options="frame_strategies.options:ProcessesOptions",
        summary="Several processes, a device each: every one has the whole model and averages its gradients",
    )
    yield Component(
        name="fsdp",
        target="frame_strategies.fsdp:Fsdp",
        options="frame_strategies.options:FsdpOptions",
        summary="Several processes, a device each: every one keeps a shard of the model, for those that are too large",
    )
