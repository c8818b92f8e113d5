"""Validation samples as a picture: the image, its mask, the prediction, and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from frame import Callback, UserError
from frame_callbacks.sheet import Column, sheet
from frame_callbacks.wording import caption

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from frame import Sample
    from frame.contracts.callback import EpochInfo, RunInfo

FOLDER, BEST, LAST = "samples", "best.png", "last.png"


class Pictures(Callback):
    """Draws the first ``images`` validation samples after each epoch: ``samples/last.png``, ``samples/best.png``."""

    def __init__(self, *, images: int = 8, height: int = 160) -> None:
        self.images = images
        self.height = height
        self._folder: Path | None = None
        self._columns: list[Column] = []
        self._classes: tuple[str, ...] = ()

    def on_run_start(self, run: RunInfo) -> None:
        self._folder, self._classes = run.folder / FOLDER, run.classes
        self._folder.mkdir(exist_ok=True)

    def on_validation_start(self, images: int) -> None:
        self._columns.clear()

    def on_validation_sample(self, sample: Sample, probability: npt.NDArray[np.float32]) -> None:
        if len(self._columns) < self.images:
            self._columns.append(Column.of(sample, probability, self.height))

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        if self._folder is None or not self._columns:
            return
        picture = sheet(self._columns, caption(epoch), self._classes)
        encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
        for name in (LAST, BEST) if epoch.is_best else (LAST,):
            path = self._folder / name
            try:
                path.write_bytes(encoded)
            except OSError as error:
                raise UserError(f"cannot write the sample pictures {path}: {error.strerror}") from error

    def artifacts(self) -> Mapping[str, Path]:
        path = self._folder / BEST if self._folder else None
        return {"sample pictures": path} if path and path.exists() else {}
