"""The processor's cores."""

from __future__ import annotations

import os


def cores() -> int:
    """How many this process may use: what a job scheduler or ``taskset`` leaves it, not what the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
