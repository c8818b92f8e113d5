"""TensorBoard, by torch's own writer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from frame_callbacks.tracker import Tracker, flat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from frame.contracts.callback import RunInfo
    from frame_callbacks.sheet import Picture

FOLDER = "tensorboard"


class TensorBoard(Tracker):
    """Event files in ``tensorboard`` in the run folder.

    The first of a resumed run tells TensorBoard to leave out the steps after the checkpoint that it goes on from.
    """

    takes_back = True
    destination = FOLDER
    _writer: Any = None
    _path: Path | None = None

    def open(self, run: RunInfo, known: str | None) -> str:
        self._path = run.folder / FOLDER
        purge_step = None if known is None else run.global_step + 1
        self._writer = import_module("torch.utils.tensorboard").SummaryWriter(str(self._path), purge_step=purge_step)
        if known is None:
            lines = [f"    {key} = {value}" for key, value in flat(run.config).items()]  # Markdown for code
            self._writer.add_text("config", "\n".join(lines), 0)
        return FOLDER

    def write(self, figures: Mapping[str, float], global_step: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, global_step)

    def picture(self, picture: Picture, caption: str, global_step: int) -> None:
        self._writer.add_image("samples", picture, global_step, dataformats="HWC")

    def flush(self) -> None:
        self._writer.flush()

    def close(self, *, ended: bool) -> None:
        self._writer.close()

    def artifacts(self) -> Mapping[str, Path]:
        return {"tensorboard": self._path} if self._writer is not None and self._path else {}
