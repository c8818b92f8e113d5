"""Finding what a run goes on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from frame.config.run import flat
from frame.engine.checkpoints import checkpoint
from frame.engine.folder import CHECKPOINTS, latest_folder

if TYPE_CHECKING:
    from pathlib import Path

    from frame.config.run import Run
    from frame.contracts.strategy import Strategy
    from frame.engine.checkpoints.checkpoint import Content

_MAY_CHANGE = ("run.", "data.workers", "strategy.", "callbacks.", "train.keep", "train.save_every", "plugins.")


class Found(NamedTuple):
    """What a run goes on from; nothing of it is there for a run that starts anew."""

    folder: Path | None = None
    """The run's folder."""
    path: Path | None = None
    """The newest whole checkpoint."""
    content: Content | None = None
    lines: tuple[str, ...] = ()
    """What a person should know about them."""


def shared(run: Run, strategy: Strategy, folder: Path | None = None) -> Found:
    """What all processes go on from: what the first one finds, in ``folder`` or in the newest of this name."""
    found = Found()
    if strategy.is_global_zero:
        found = newest(run) if folder is None else newest_in(folder, run)
    folder, path = strategy.broadcast((found.folder, found.path))
    if strategy.is_global_zero:
        return found
    return Found(folder, path, path and checkpoint.load(path))


def newest(run: Run) -> Found:
    """The newest run of this name, with its newest whole checkpoint."""
    folder = latest_folder(run)
    if folder is None:
        return Found(lines=(f"resume  no run called {run.name!r} in {run.run.folder}: it starts anew",))
    return newest_in(folder, run)


def newest_in(folder: Path, run: Run) -> Found:
    """A run's folder, with its newest whole checkpoint.

    A damaged checkpoint is passed over for the one before it; without any the run starts anew.
    """
    told = []
    for path in checkpoint.newest(folder / CHECKPOINTS):
        try:
            content = checkpoint.load(path)
        except checkpoint.DamagedError as error:
            told.append(f"warning {error}; trying the one before")
            continue
        told.append(f"resume  {path}")
        told += [f"warning {text}" for text in _differences(content.about["config"], run.tables())]
        return Found(folder, path, content, tuple(told))
    return Found(folder, lines=(*told, f"resume  no whole checkpoint in {folder}: it starts anew"))


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    old, new = ({".".join(path): value for path, value in flat(tables)} for tables in (before, now))
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [
        f"{key} is {new.get(key)!r} now, the checkpoint was made with {old.get(key)!r}"
        for key in changed
        if not key.startswith(_MAY_CHANGE)
    ]
