"""What this distribution adds to Frame: names alone, so that listing them imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_strategies() -> Iterator[Component]:
    yield Component(
        name="acme",
        target="frame_acme.acme:Acme",
        options="frame_acme.options:AcmeOptions",
        summary="One device: the GPU with the most free memory",
    )
