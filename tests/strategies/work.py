"""What the processes of a test do: each function is called in all of them."""

from __future__ import annotations

from typing import Any

import frame
from frame import catalog


def trained(config: dict[str, Any], overrides: tuple[str, ...] = (), *, resume: bool = False) -> Any:
    """A run; the log of its recorder and its figures, of the first process."""
    import frame_small

    frame_small.Recorder.log.clear()
    result = frame.run(config, overrides, catalog(), resume=resume)
    return result and (list(frame_small.Recorder.log), result.metrics)
