"""Watching over processes that wait for each other: who does not come, and who has failed first."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch._C._distributed_c10d import Store

GRACE = 15.0
"""Seconds that a process has to end by itself after another one has failed: it may be saving, or wait where no
signal reaches it."""


class Watch:
    """A thread that ends this process when it waits in vain, or when another one has failed.

    Each process counts the exchanges that it has entered and shows its count to the others. One that is in an
    exchange for too long looks who has entered fewer: those it waits for. It names them and ends, and so do the
    others; those that were waited for show first where they are. A long wait for which nobody is to blame is left to
    torch, whose own limit is a little longer.

    Parameters
    ----------
    store
        A connection of this thread's own, for one is blocked while somebody waits in it.
    timeout
        Seconds.
    where
        The position in the run, for the message.
    """

    def __init__(self, store: Store, rank: int, world_size: int, timeout: float, where: Callable[[], str]) -> None:
        self._store, self._rank, self._world_size, self._timeout, self._where = store, rank, world_size, timeout, where
        self._entered = self._depth = 0
        self._since: float | None = None
        self._first: bool | None = None
        self._ended = threading.Event()
        store.set(_count(rank), "0")
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
        self._thread.start()

    def __enter__(self) -> None:
        """An exchange begins, in which the others are waited for."""
        self._depth += 1
        if self._depth == 1:
            self._entered += 1
            self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._since = None

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join()

    def is_first_to_fail(self) -> bool:
        """Whether no other process has said so before. From now on this one ends by itself."""
        self.close()
        return self._claimed()

    def _claimed(self) -> bool:
        own = str(self._rank)
        try:
            return self._store.compare_set("failed", "", own) == own.encode()
        except RuntimeError:  # the store went with its host
            return True

    def _work(self) -> None:
        shown, failed_at = 0, None
        while not self._ended.wait(min(1.0, self._timeout / 4)):
            try:
                if shown != (shown := self._entered):
                    self._store.set(_count(self._rank), str(shown))
                if failed_at is None and self._store.check(["failed"]):
                    failed_at = time.monotonic()
                if self._store.check(["missing"]) and self._rank in json.loads(self._store.get("missing")):
                    self._end(f"rank {self._rank} of {self._world_size} is here:\n{_stack_of_main_thread()}")
                since = self._since
                if since is not None and time.monotonic() - since > self._timeout and (missing := self._missing()):
                    if self._claimed():
                        self._say(self._complaint(missing))
                        self._store.set("missing", json.dumps(missing))  # no earlier: what they say comes after this
                    self._end()
            except RuntimeError:  # the store went with its host: torch says so
                return
            if failed_at is not None and time.monotonic() - failed_at > GRACE:
                self._end()

    def _missing(self) -> list[int]:
        """Processes that have not come to the exchange that this one is in."""
        own = self._entered
        others = [rank for rank in range(self._world_size) if rank != self._rank]
        return [rank for rank in others if int(self._store.get(_count(rank))) < own]

    def _complaint(self, missing: list[int]) -> str:
        who = f"rank{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}"
        hang = "hang or are" if len(missing) > 1 else "hangs or is"
        return (
            f"rank {self._rank} waited {self._timeout:g} s {self._where()} for {who}, which {hang} far behind; "
            "raise strategy.timeout if it is only slow"
        )

    def _say(self, message: str) -> None:
        sys.stderr.write(f"{message}\n")
        sys.stderr.flush()

    def _end(self, message: str = "") -> None:
        """End this process from outside its main thread, which may be where no exception and no signal reaches it."""
        if message:
            self._say(message)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(1)


def _count(rank: int) -> str:
    return f"exchanges of {rank}"


def _stack_of_main_thread() -> str:
    frame: Any = sys._current_frames()[threading.main_thread().ident or 0]  # noqa: SLF001
    return "".join(traceback.format_stack(frame)).rstrip()
