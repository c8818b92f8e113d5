"""The figures of each epoch as one CSV file."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from frame import Callback, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from frame.contracts.callback import EpochInfo, RunInfo

FILE = "epochs.csv"


class EpochTable(Callback):
    """Writes ``epochs.csv``: a row an epoch, a column a figure, such as ``train/loss`` or ``validation/iou``.

    The file is whole at any time. A run that goes on from a checkpoint takes back the rows after it, and figures that
    are new then get columns of their own.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._rows: list[dict[str, Any]] = []

    def on_run_start(self, run: RunInfo) -> None:
        self._path = run.folder / FILE
        self._rows = [row for row in _read(self._path) if int(row["global_step"]) <= run.global_step][: run.epochs]
        self._write()

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        self._rows.append(
            {
                "stage": epoch.stage.name,
                "epoch": epoch.epoch,
                "global_step": epoch.global_step,
                "seconds": round(epoch.seconds, 3),
                "is_best": int(epoch.is_best),
                **_under("rate", epoch.rates),
                **_under("train", epoch.train),
                **_under("validation", epoch.validation),
            }
        )
        self._write()

    def artifacts(self) -> Mapping[str, Path]:
        return {"epochs": self._path} if self._path and self._rows else {}

    def _write(self) -> None:
        if self._path is None:
            return
        columns = list(dict.fromkeys(column for row in self._rows for column in row))
        new = self._path.with_name(f".{FILE}")
        try:
            with new.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(self._rows)
            new.replace(self._path)
        except OSError as error:
            raise UserError(f"cannot write the epochs' figures {self._path}: {error.strerror}") from error


def _under(group: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{group}/{name}": value for name, value in figures.items()}


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
