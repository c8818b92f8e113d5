"""Which launch a run folder belongs to, so that the processes that torch's agent starts again go on where they were.

A run under ``torchrun`` marks its folder with the agents that take part. Processes that find a folder of their own
agents, made by processes before them, were restarted, and resume it unasked; an older run of the same name has other
agents, and needs ``--resume``.
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from frame.engine.folder import folders
from frame.engine.processes import ranks

if TYPE_CHECKING:
    from pathlib import Path

    from frame.config.run import Run
    from frame.contracts.strategy import Strategy

_FILE = "launch.json"


@dataclass(frozen=True, slots=True)
class Claim:
    """A launch, as it is written into a run folder."""

    agents: list[str]
    """Of all machines: after a restart, which of them has the first process may be another."""
    process: str
    """The first process. One that trains twice of its own accord makes two folders."""
    started: float
    """When the launch made or took the folder, in seconds since the epoch."""

    @classmethod
    def of(cls, strategy: Strategy) -> Claim:
        """That of these processes, all of which have to call it."""
        agents = sorted({each for each in strategy.all_gather(ranks.agent()) if each})
        return cls(agents, f"{platform.node()}:{os.getpid()}", time.time())

    def write(self, folder: Path) -> None:
        """Mark a folder, at once or not at all; without an agent nobody could start the processes again."""
        if self.agents:
            (new := folder / f".{_FILE}").write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")
            new.replace(folder / _FILE)

    def earlier(self, run: Run) -> tuple[Path, Claim] | None:
        """The first folder that earlier processes of this launch have made, and their claim."""
        for folder in folders(run):
            before = _read(folder)
            if before and not set(before.agents).isdisjoint(self.agents) and before.process != self.process:
                return folder, before
        return None


def _read(folder: Path) -> Claim | None:
    try:
        return Claim(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # none, or not of this version
        return None
