"""Options of the data set, in a module without torch: ``frame check`` imports it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame import Options

if TYPE_CHECKING:
    from collections.abc import Iterable


class AcmeOptions(Options):
    """What a config can set under ``[data]``, beside Frame's own settings."""

    root: Path
    """The folder that holds ``train`` and ``test``."""

    def problems(self) -> Iterable[str]:
        """What ``frame check`` tells before anything is built."""
        if not (self.root / "train").is_dir():
            yield f"root: there is no folder 'train' in {self.root}; give the folder that holds it"

    @classmethod
    def recognized(cls, folder: Path, split: str) -> dict[str, Any] | None:
        """How to read ``folder``, if it is such a set: ``frame eval --data DIR`` asks. Optional."""
        return {"root": folder} if any((folder / split).glob("*.mask.png")) else None

    @classmethod
    def looks_for(cls) -> str:
        """What :meth:`recognized` looks for, in a line. Optional."""
        return "<split>/<name>.mask.png beside <split>/<name>.png"
