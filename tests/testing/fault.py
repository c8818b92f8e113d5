"""A faulty plugin: a correct one with a few lines changed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

CORRECT = Path(__file__).parent / "correct"


class Fault(NamedTuple):
    """What is wrong, the check that should find it, and what its message says of it and of the remedy."""

    what: str
    check: str
    says: str
    edits: tuple[tuple[str, str], ...]

    def source(self, kind: str) -> str:
        """The correct plugin of a kind with the fault in it."""
        text = (CORRECT / f"{kind}.py").read_text()
        for old, new in self.edits:
            assert text.count(old) == 1, f"{self.what}: {old!r} is there {text.count(old)} times"
            text = text.replace(old, new)
        return text


def fault(what: str, check: str, says: str, *edits: tuple[str, str]) -> Fault:
    return Fault(what, f"check_{check}", says, edits)
