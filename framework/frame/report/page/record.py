"""What a run folder tells, as far as the run has come."""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frame.engine.checkpoints.checkpoint import MANIFEST
from frame.engine.folder import CHECKPOINTS, COMPONENTS, CONFIG, RESULT
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

HISTORY = "history.jsonl"
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch with its validation."""

    number: int
    """In the run, from 1."""
    stage: str
    within: int
    """In its stage, from 1."""
    train: Figures
    validation: Figures
    is_best: bool
    seconds: float


@dataclass(slots=True)
class RunRecord:
    """A run folder, read."""

    folder: Path
    config: dict[str, Any]
    """Its tables, every default written out."""
    settings: list[tuple[str, str, str]]
    """The config line by line: key, value as TOML, who set it."""
    components: dict[str, Any]
    result: dict[str, Any]
    """Empty while the run goes on."""
    epochs: list[Epoch] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)
    """Epochs of the run that were over, and the loss, at some steps."""
    starts: list[dict[str, Any]] = field(default_factory=list)
    """What was told at each start: a resumed run has several."""
    ends: list[dict[str, Any]] = field(default_factory=list)
    notices: list[tuple[int, str]] = field(default_factory=list)
    """With the epoch, from 1, in which each was told."""
    classes: tuple[str, ...] = ()
    """Names of the classes, the background first; none for binary work."""
    missing: list[str] = field(default_factory=list)
    """What could not be read, and why."""

    @property
    def has_history(self) -> bool:
        """Whether the callback ``history`` took part: without it nothing is known of single epochs."""
        return (self.folder / HISTORY).exists()

    @property
    def name(self) -> str:
        return str(self.config.get("run", {}).get("name") or self.folder.name)

    @property
    def monitor(self) -> str:
        """The figure that chose the best checkpoint."""
        return str(self.config.get("train", {}).get("monitor") or next(iter(self.config.get("metrics", {})), ""))

    @property
    def lower_is_better(self) -> bool:
        return bool(self.config.get("train", {}).get("monitor_mode") == "min")

    @property
    def has_average(self) -> bool:
        """Whether the figures are those of the weights' average."""
        return self.config.get("train", {}).get("ema") is not None

    @property
    def best(self) -> Epoch | None:
        return next((epoch for epoch in reversed(self.epochs) if epoch.is_best), None)

    @property
    def figures(self) -> Figures:
        """Of the best checkpoint."""
        return _numbers(self.result.get("metrics")) or (self.best.validation if self.best else {})

    @property
    def baselines(self) -> dict[str, Figures]:
        found = self.result.get("baselines") or (self.ends[-1].get("baselines") if self.ends else None) or {}
        return {name: _numbers(figures) for name, figures in found.items()}

    @property
    def planned(self) -> int:
        """Epochs of all stages."""
        tables = self.config.get("stages", {})
        return sum(tables[name]["epochs"] for name in self.config.get("train", {}).get("stages", tables))

    def boundaries(self) -> Iterator[tuple[int, str]]:
        """Epochs that were over when each stage began, with its name."""
        for before, epoch in zip([None, *self.epochs], self.epochs, strict=False):
            if before is None or before.stage != epoch.stage:
                yield epoch.number - 1, epoch.stage


def read_run(folder: Path) -> RunRecord:
    """Read a run folder, finished or not.

    Raises
    ------
    UserError
        If it is none.
    """
    try:
        text = (folder / CONFIG).read_text(encoding="utf-8")
        config = tomllib.loads(text)
        if not (folder / COMPONENTS).is_file():
            raise FileNotFoundError(COMPONENTS)
    except (OSError, ValueError) as error:
        what = f"there is no {folder}" if not folder.exists() else f"{folder} is no run's folder"
        cause = f": {error}" if isinstance(error, ValueError) else f" with a {CONFIG} and a {COMPONENTS} in it"
        raise UserError(f"{what}{cause if folder.exists() else ''}; give one that 'frame run' made") from None
    missing: list[str] = []
    record = RunRecord(
        folder=folder,
        config=config,
        settings=[_setting(line) for line in text.splitlines() if line.strip()],
        components=_json(folder / COMPONENTS, missing),
        result=_json(folder / RESULT, missing) if (folder / RESULT).exists() else {},
        classes=_classes(folder, config),
        missing=missing,
    )
    _read_history(record)
    return record


def _read_history(record: RunRecord) -> None:
    path = record.folder / HISTORY
    if not path.exists():
        record.missing.append(f"there is no {HISTORY}: the callback history was off, so there are no curves")
        return
    stages: dict[str, int] = {}
    offset = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            match entry["event"]:
                case "run":
                    record.starts.append(entry)
                    stages |= {stage["name"]: stage["steps_per_epoch"] for stage in entry["stages"]}
                case "stage":
                    offset = sum(epoch.stage != entry["name"] for epoch in record.epochs)
                case "step":
                    over = offset + entry["epoch"] + (entry["step"] + 1) / max(1, stages.get(entry["stage"], 1))
                    record.steps.append((over, _number(entry["loss"])))
                case "epoch":
                    record.epochs.append(_epoch(entry, len(record.epochs) + 1))
                case "notice":
                    record.notices.append((len(record.epochs) + 1, str(entry["text"])))
                case "end":
                    record.ends.append(entry)
        except (ValueError, KeyError, TypeError, AttributeError):
            record.missing.append(f"a line of {HISTORY} is cut short and was left out: the run was killed, or goes on")


def _epoch(entry: Mapping[str, Any], count: int) -> Epoch:
    return Epoch(
        number=count,
        stage=str(entry["stage"]),
        within=int(entry["epoch"]) + 1,
        train=_numbers(entry["train"]),
        validation=_numbers(entry["validation"]),
        is_best=bool(entry["is_best"]),
        seconds=_number(entry["seconds"]),
    )


def _classes(folder: Path, config: dict[str, Any]) -> tuple[str, ...]:
    """As a checkpoint names them, or the config where there is none yet."""
    for path in sorted((folder / CHECKPOINTS).glob(f"*/{MANIFEST}"), reverse=True):
        if isinstance(found := _json(path, []).get("classes"), list):
            return tuple(map(str, found))
    return tuple(map(str, config.get("data", {}).get("classes") or ()))


def _setting(line: str) -> tuple[str, str, str]:
    text, _, origin = line.rpartition("  # ")
    key, _, value = (text or origin).partition(" = ")
    return key, value.rstrip(), origin if text else ""


def _json(path: Path, missing: list[str]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        missing.append(f"{path.name} can't be read: {error}")
        return {}
    return found if isinstance(found, dict) else {}


def _numbers(figures: Mapping[str, Any] | None) -> Figures:
    return {name: _number(value) for name, value in (figures or {}).items()}


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
