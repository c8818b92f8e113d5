"""What trackers have been told of a run, kept in its folder, so that a resumed run goes on in the same place."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FILE = "trackers.json"


@dataclass
class Marks:
    """A tracker's own name for the run, and how far it has been told of it, in optimizer steps."""

    id: str | None = None
    steps: int = 0
    epochs: int = 0
    end: int = 0

    def take_back(self, global_step: int) -> None:
        """Forget what was told of the steps after ``global_step``."""
        for field in ("steps", "epochs", "end"):
            setattr(self, field, min(getattr(self, field), global_step))


def read(folder: Path, destination: str) -> Marks:
    """What was told to a destination; of nothing told, or of a file that isn't one, nothing."""
    found = _all(folder).get(destination)
    known = {field.name for field in fields(Marks)}
    return Marks(**found) if isinstance(found, dict) and found.keys() <= known else Marks()


def write(folder: Path, destination: str, marks: Marks) -> None:
    """Keep it, at once or not at all."""
    content = _all(folder) | {destination: asdict(marks)}
    (new := folder / f".{FILE}").write_text(json.dumps(content, indent=2), encoding="utf-8")
    new.replace(folder / FILE)


def _all(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    return {}
