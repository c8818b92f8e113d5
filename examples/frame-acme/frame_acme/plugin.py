"""What this distribution adds to Frame: names alone, so that listing them imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_backbones() -> Iterator[Component]:
    yield Component(
        name="tiny",
        target="frame_acme.tiny:Tiny",
        options="frame_acme.options:TinyOptions",
        summary="Four strided convolutions",
    )


@hookimpl
def frame_experts() -> Iterator[Component]:
    yield Component(
        name="wavelet",
        target="frame_acme.wavelet:Wavelet",
        options="frame_acme.options:WaveletOptions",
        summary="The detail bands of a Haar wavelet",
    )


@hookimpl
def frame_losses() -> Iterator[Component]:
    yield Component(
        name="log_cosh_dice",
        target="frame_acme.log_cosh_dice:LogCoshDice",
        options="frame_acme.options:LogCoshDiceOptions",
        summary="Log-cosh Dice loss",
        serves=("binary",),
    )
