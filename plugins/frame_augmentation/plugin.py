"""The built-in augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Component, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def frame_transforms() -> Iterator[Component]:
    yield Component(
        name="albumentations",
        target="frame_augmentation.pipeline:albumentations",
        options="frame_augmentation.options:AlbumentationsOptions",
        summary="Flip, crop, rotate and mild colour changes; or any albumentations transforms",
    )
