"""Which expert took which images, as a table and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from frame import Callback, UserError
from frame_heads.usage import LOAD, ROUTER, utilization

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from frame import Sample
    from frame.contracts.callback import EpochInfo, RunInfo

    Picture = npt.NDArray[np.uint8]  # [H, W, 3] RGB

FOLDER, TABLE, PICTURE = "experts", "experts.md", "experts.png"
GAP, LABEL, LINE = 6, 150, 20  # pixels
INK, PAPER = (30, 30, 30), 255


class Taken(NamedTuple):
    """An image that an expert took: how sure of that the router was, its id, and the image, small."""

    probability: float
    id: str
    picture: Picture


class Experts(Callback):
    """Writes ``experts/experts.md`` and ``experts/experts.png`` for the best epoch's validation.

    The table has each expert's utilization by level: 1 is an even share. The picture shows for each expert the images
    for which the router, in the mean over levels, gave it the highest probability, of those that it worked on. With
    several processes both are of the first one's images. Nothing is written for a head without a router.
    """

    def __init__(self, *, images: int = 8, height: int = 96) -> None:
        self.images = images
        self.height = height
        self._folder: Path | None = None
        self._names: tuple[str, ...] = ()
        self._loads: dict[str, npt.NDArray[np.int64]] = {}
        self._taken: dict[int, list[Taken]] = {}

    def on_run_start(self, run: RunInfo) -> None:
        self._folder = run.folder / FOLDER
        self._names = next((names for key, names in run.extra_names.items() if key.startswith(LOAD)), ())

    def on_validation_start(self, images: int) -> None:
        self._loads, self._taken = {}, {}

    def on_validation_extras(self, sample: Sample, extras: Mapping[str, npt.NDArray[np.float32]]) -> None:
        loads = {key.removeprefix(LOAD): load for key, load in extras.items() if key.startswith(LOAD)}
        if not loads:
            return
        for level, load in loads.items():
            self._loads[level] = self._loads.get(level, 0) + load.astype(np.int64)
        chosen = np.max(list(loads.values()), axis=0) > 0  # at any level
        probability = np.mean([extras[ROUTER + level] for level in loads], axis=0)
        picture: Picture | None = None
        for expert in np.flatnonzero(chosen):
            best = self._taken.setdefault(int(expert), [])
            if len(best) == self.images and best[-1].probability >= probability[expert]:
                continue
            picture = _small(sample.image, self.height) if picture is None else picture
            best.append(Taken(float(probability[expert]), sample.id, picture))
            best.sort(key=lambda taken: (-taken.probability, taken.id))
            del best[self.images :]

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        if self._folder is None or not self._loads or not epoch.is_best:
            return
        count = len(next(iter(self._loads.values())))
        names = self._names or tuple(f"expert_{index}" for index in range(count))
        title = f"{epoch.stage.name}, epoch {epoch.epoch + 1}"
        encoded = cv2.imencode(".png", cv2.cvtColor(self._picture(names), cv2.COLOR_RGB2BGR))[1].tobytes()
        try:
            self._folder.mkdir(exist_ok=True)
            (self._folder / TABLE).write_text(self._table(names, title), encoding="utf-8")
            (self._folder / PICTURE).write_bytes(encoded)
        except OSError as error:
            raise UserError(f"cannot write what the experts did to {self._folder}: {error.strerror}") from error

    def artifacts(self) -> Mapping[str, Path]:
        if self._folder is None or not (self._folder / PICTURE).exists():
            return {}
        return {"use of experts": self._folder / TABLE, "images of experts": self._folder / PICTURE}

    def _table(self, names: tuple[str, ...], title: str) -> str:
        used = {level: utilization(load) for level, load in self._loads.items()}
        rows = ["| expert | " + " | ".join(f"level {level}" for level in used) + " | mean |"]
        rows.append("| --- |" + " ---: |" * (len(used) + 1))
        for index, name in enumerate(names):
            values = [float(each[index]) for each in used.values()]
            rows.append(f"| {name} | " + " | ".join(f"{value:.2f}" for value in (*values, np.mean(values))) + " |")
        return (
            f"Utilization of each expert on the validation images, {title}: 1 is an even share.\n\n"
            + "\n".join(rows)
            + "\n"
        )

    def _picture(self, names: tuple[str, ...]) -> Picture:
        rows = {index: self._taken.get(index, []) for index in range(len(names))}
        widths = [sum(taken.picture.shape[1] + GAP for taken in row) for row in rows.values()]
        step = self.height + GAP
        canvas = np.full((GAP + len(rows) * step, LABEL + max(widths, default=0) + GAP, 3), PAPER, np.uint8)
        for index, row in rows.items():
            top, left = GAP + index * step, LABEL
            mean = np.mean([utilization(load)[index] for load in self._loads.values()])
            for line, text in enumerate((names[index], f"used {mean:.2f}")):
                at = (GAP, top + self.height // 2 + line * LINE)
                cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
            for taken in row:
                width = taken.picture.shape[1]
                canvas[top : top + self.height, left : left + width] = taken.picture
                left += width + GAP
        return canvas


def _small(image: Picture, height: int) -> Picture:
    """At that height, and at most twice as wide."""
    width = min(max(1, round(image.shape[1] * height / image.shape[0])), 2 * height)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
