"""What happened in a run, as JSON lines."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from frame import Callback, UserError, jsonable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from frame.contracts.callback import EpochInfo, RunEnd, RunInfo, StageInfo, StepInfo

FILE = "history.jsonl"


class History(Callback):
    """Appends to ``history.jsonl``: a record a line, told apart by ``event``.

    ``run`` at each start (a resumed run has several), ``stage``, ``step`` every ``every`` steps, ``epoch``, ``notice``
    and ``end``. Figures that are no number are ``null``. Losses stay on their device until a checkpoint is written or
    the epoch ends, so that no step waits. A run that goes on from a checkpoint takes back what was recorded after it,
    so that steps and epochs stand there once each, as if it had never been stopped.
    """

    def __init__(self, *, every: int = 10) -> None:
        self.every = every
        self._file: TextIO | None = None
        self._path: Path | None = None
        self._steps: list[StepInfo] = []

    def on_run_start(self, run: RunInfo) -> None:
        self._path = run.folder / FILE
        with self._writing():
            _take_back(self._path, run.global_step, run.epochs)
            self._file = self._path.open("a", buffering=1, encoding="utf-8")  # whole lines, at once
        self._write(
            "run",
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            name=run.name,
            seed=run.seed,
            monitor=run.monitor,
            lines=run.lines,
            classes=run.classes,
            stages=[asdict(stage) for stage in run.stages],
        )

    def on_stage_start(self, stage: StageInfo) -> None:
        self._write("stage", **asdict(stage))

    def on_step_end(self, step: StepInfo) -> None:
        if step.global_step % self.every == 0:
            self._steps.append(step)

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        self._write_steps()
        self._write(
            "epoch",
            stage=epoch.stage.name,
            epoch=epoch.epoch,
            global_step=epoch.global_step,
            train=epoch.train,
            validation=epoch.validation,
            rates=epoch.rates,
            is_best=epoch.is_best,
            seconds=epoch.seconds,
            waited=epoch.waited,
        )

    def on_checkpoint(self, global_step: int) -> None:
        self._write_steps()
        if self._file is not None:
            with self._writing():
                os.fsync(self._file.fileno())  # as the checkpoint will be

    def on_notice(self, text: str) -> None:
        self._write("notice", text=text)

    def on_run_end(self, end: RunEnd) -> None:
        self._write("end", best=end.best, baselines=end.baselines, seconds=end.seconds, waited=end.waited)

    def on_teardown(self) -> None:
        with suppress(RuntimeError):  # after a device's failure its losses can't be read
            self._write_steps()
        if self._file is not None:
            self._file.close()
            self._file = None

    def artifacts(self) -> Mapping[str, Path]:
        return {} if self._path is None else {"history": self._path}

    def _write_steps(self) -> None:
        steps, self._steps = self._steps, []
        for step in steps:
            self._write(
                "step",
                stage=step.stage.name,
                epoch=step.epoch,
                step=step.step,
                global_step=step.global_step,
                loss=float(step.loss),
                rates=step.rates,
            )

    def _write(self, event: str, **record: Any) -> None:
        if self._file is not None:
            with self._writing():
                self._file.write(json.dumps(jsonable({"event": event, **record}), allow_nan=False) + "\n")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn what the disk refuses into a message."""
        try:
            yield
        except OSError as error:
            file, self._file = self._file, None
            with suppress(OSError):  # closing tries to write once more
                if file is not None:
                    file.close()
            raise UserError(
                f"cannot write {self._path}: {error.strerror}; make room, and 'frame run ... --resume' goes on"
            ) from error


def _take_back(path: Path, global_step: int, epochs: int) -> None:
    """Cut a history behind the last record of a run that had done ``global_step`` steps and ``epochs`` epochs."""
    if not path.exists():
        return
    seen, end = 0, 0
    with path.open("r+b") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:  # the last line of a run that was killed
                break
            seen += record["event"] == "epoch"
            if seen > epochs or record["event"] == "end" or record.get("global_step", 0) > global_step:
                break
            end += len(line)
        file.truncate(end)
