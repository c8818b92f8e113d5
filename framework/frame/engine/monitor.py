"""The figure that chooses the best checkpoint, looked for before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from frame.engine.validate import figures
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frame.config.run import Run
    from frame.contracts.dataset import Metric

_SIDE = 32


def check_monitor(run: Run, metrics: Mapping[str, Metric]) -> None:
    """Ask the monitored metric, a fresh one, for its figures of an unsure prediction.

    Raises
    ------
    UserError
        If it has no such figure, or the worst would be kept for the best.
    """
    label, _, name = run.monitor.partition("/")
    metric, planes = metrics[label], run.num_classes
    if hasattr(metric, "update_extras"):  # its figures follow from what the head tells
        return
    unsure = np.full((planes, _SIDE, _SIDE), 1 / max(2, planes), np.float32)
    mask = (np.arange(_SIDE * _SIDE) * max(2, planes) // _SIDE**2).astype(np.uint8).reshape(_SIDE, _SIDE)
    try:
        for each in (mask, np.zeros_like(mask)):  # of images without an object some tell more
            metric.update(unsure, each)
        computed = metric.compute()
        named = figures(label, computed)
    except Exception:  # noqa: BLE001  (what it can't count of such images the validation will tell)
        return
    if run.monitor not in named:
        raise UserError(f'train.monitor: no figure is called "{run.monitor}"; there are: {", ".join(named)}')
    falls = (name or next(iter(computed))) in getattr(metric, "lower_is_better", ())
    if falls and run.train.monitor_mode == "max":
        raise UserError(f'train.monitor: less of "{run.monitor}" is better; set train.monitor_mode = "min"')
