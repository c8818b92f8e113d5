"""The last check before a run: what the config names must be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from frame.config.run import Run


def verify(run: Run) -> None:
    """Ask every component's options what is wrong outside the config.

    Raises
    ------
    UserError
        With one message for each file or folder that is not there.
    """
    if problems := run.problems():
        raise UserError("\n".join(f"{run.document.name}: {problem}" for problem in problems))
