"""Stopping a run safely: a signal or the end of its time sets a flag, and the step in progress is finished first."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from frame.engine.processes.ranks import are_started

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143, "max_time": 124}
"""By what stopped a run: the shell's codes for the signals, and that of ``timeout`` for the time."""
_LAST_WORDS = 5.0  # seconds


class Stopping:
    """Why the run should stop, if it should.

    Parameters
    ----------
    max_seconds
        Time from now after which the run stops; ``None``: never.
    """

    def __init__(self, max_seconds: float | None) -> None:
        self.deadline = None if max_seconds is None else time.monotonic() + max_seconds
        self._signal: str | None = None

    def began(self, seconds: float) -> None:
        """Count the time from ``seconds`` before now: that of processes which were started again before this one."""
        if self.deadline is not None:
            self.deadline -= seconds

    @property
    def reason(self) -> str | None:
        """A key of :data:`EXIT_CODES`, or ``None``."""
        if self._signal is None and self.deadline is not None and time.monotonic() >= self.deadline:
            return "max_time"
        return self._signal

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within it SIGTERM and the first SIGINT set the flag; a second SIGINT interrupts at once.

        A launcher sends SIGTERM to all of its processes once one has failed. Where this one fails too, because it lost
        that one, SIGTERM ends it only seconds later, so that it can say so.

        Python delivers signals to the main thread alone; elsewhere nothing is installed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        except Exception:
            if are_started() and before[signal.SIGTERM] == signal.SIG_DFL:
                before[signal.SIGTERM] = _end_soon
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: Any) -> None:
        name = signal.Signals(number).name
        if name == self._signal == "SIGINT":
            raise KeyboardInterrupt
        self._signal = name


def _end_soon(number: int, _frame: Any) -> None:
    timer = threading.Timer(_LAST_WORDS, os._exit, [128 + number])
    timer.daemon = True
    timer.start()
