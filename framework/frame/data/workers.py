"""The processes that load data."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from typing import Any

import cv2

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_KEPT = 1 << 25  # bytes; the most that glibc takes for the second


def start_worker(_worker: int) -> None:
    """What a loader's worker does first."""
    cv2.setNumThreads(0)  # a worker is one process of many
    _keep_freed_memory()
    # A terminal's Ctrl-C and an agent's SIGTERM go to a group of processes, but the step that waits for it is finished.
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that it inherits or is sent by a notebook
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _keep_freed_memory() -> None:
    """Let glibc reuse what an image leaves free, instead of giving it back and having each page made anew."""
    allocator = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if allocator is not None:
        for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            allocator(option, _KEPT)


def _end_with(run: Any) -> None:
    """End this process when the run does, killed too: torch looks at its parent, which may be a server of forks."""
    run.join()
    os._exit(1)
