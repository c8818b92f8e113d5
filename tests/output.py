"""Reading what a running process prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def wait_for_step(lines: Iterable[str], step: int) -> None:
    """Read on until a run tells that it took ``step`` or a later one: of quick ones it does not tell each."""
    if not any((told := re.search(r"step (\d+)/", line)) and int(told[1]) >= step for line in lines):
        raise AssertionError(f"the run has ended before step {step}")
