"""The built-in callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_callbacks() -> Iterator[Component]:
    yield Component(
        name="terminal",
        target="frame_callbacks.terminal:Terminal",
        options="frame_callbacks.options:TerminalOptions",
        summary="Progress bars on a terminal, plain lines to a pipe",
    )
    yield Component(
        name="history",
        target="frame_callbacks.history:History",
        options="frame_callbacks.options:HistoryOptions",
        summary="What happened, as JSON lines in the run folder",
    )
    yield Component(
        name="pictures",
        target="frame_callbacks.pictures:Pictures",
        options="frame_callbacks.options:PicturesOptions",
        summary="Validation samples with prediction and errors, as one picture",
    )
    yield Component(
        name="csv",
        target="frame_callbacks.epochs:EpochTable",
        summary="The figures of each epoch as a CSV file in the run folder",
    )
    yield Component(
        name="tensorboard",
        target="frame_callbacks.tensorboard:TensorBoard",
        options="frame_callbacks.options:TensorBoardOptions",
        summary="Figures and samples for TensorBoard, in the run folder",
    )
    yield Component(
        name="wandb",
        target="frame_callbacks.wandb:Wandb",
        options="frame_callbacks.options:WandbOptions",
        summary="Figures and samples to Weights & Biases",
    )
    yield Component(
        name="mlflow",
        target="frame_callbacks.mlflow:Mlflow",
        options="frame_callbacks.options:MlflowOptions",
        summary="Figures and samples to MLflow",
    )
