"""One process among several, as a launcher's environment tells it, and who of them speaks when something fails."""

from __future__ import annotations

import os
import platform
import re
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from frame.plugin.errors import UserError

FAILED, USER_ERROR = 1, 2
"""Exit codes of a process: for a failure that is a bug, and for one that a user can mend."""
_LOST = ("DistBackendError", "DistNetworkError", "DistStoreError")


class OtherRankFailedError(Exception):
    """Another process failed first and says why; this one only ends."""


def rank() -> int:
    """The place of this process among all, from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes were started, on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def are_started() -> bool:
    """Whether a launcher has started this process as one of several, if only of one."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def agent() -> str | None:
    """What identifies the torch agent (``torchrun``) that started this process; it outlives the restarts of workers.

    Torch makes a folder for the errors of each agent's workers, under a name that no other has:
    ``<folder>/attempt_<restarts>/<local rank>/error.json``. ``TORCHELASTIC_RUN_ID`` is no such name: it may be "none".
    """
    attempt = _attempt()
    return f"{platform.node()}:{attempt.parent}" if attempt else None


def _attempt() -> Path | None:
    """A folder that the processes of one machine share until they are restarted."""
    parents = Path(os.environ.get("TORCHELASTIC_ERROR_FILE", "")).parents
    return parents[1] if len(parents) > 2 and parents[1].name.startswith("attempt_") else None


def end(error: Exception) -> NoReturn:
    """End this process with what it was ended by, shown unless another one of this machine has shown its own.

    At once, for while others hang a group of processes is not taken down in order.
    """
    if not isinstance(error, OtherRankFailedError) and speaks_first():
        sys.stderr.write(f"{_shown(error)}\n")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(USER_ERROR if isinstance(error, UserError) else FAILED)


def speaks_first() -> bool:
    """Whether no process of this machine has asked before; always, where there is no agent."""
    attempt = _attempt()
    if attempt is None:
        return True
    try:
        (attempt / "frame-failed").mkdir()
    except FileExistsError:
        return False
    except OSError:
        return True
    return True


def _shown(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    who = f"rank {rank()} of {world_size()}"
    if type(error).__name__ in _LOST or (isinstance(error, RuntimeError) and "gloo" in str(error)):
        cause = re.sub(r"\[/\S*\] ?", "", str(error).splitlines()[0]).split(". ")[0]
        return f"{who}: lost another rank, which was killed or has ended, or the network to it ({cause})"
    return f"{who}:\n{''.join(traceback.format_exception(error))}".rstrip()
