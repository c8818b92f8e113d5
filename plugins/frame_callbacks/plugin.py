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
