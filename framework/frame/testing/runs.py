"""Small runs of the engine itself, in which one part is the one that is checked."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from frame.config.bind import load_run
from frame.engine.checkpoints import checkpoint
from frame.engine.run import execute
from frame.testing.tiny import LOG, with_tiny

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from frame.config.options import Part
    from frame.engine.run import Result
    from frame.plugin.catalog import Catalog


def small_run(
    plugins: Catalog,
    folder: Path,
    *,
    strategy: Part | None = None,
    callbacks: Mapping[str, Part] | None = None,
    labels: Sequence[str] = ("recorder",),
    epochs: int = 2,
    resume: bool = False,
    drop: float = 0.0,
) -> tuple[Result | None, list[Any]]:
    """Train tiny parts for a few epochs of three steps, the last one of a smaller batch, with five images to validate.

    ``labels`` names tiny callbacks beside those given. Returns the result, and losses and figures as they came.
    """
    tables = {
        "run": {"name": "run", "folder": str(folder), "seed": 3},
        "data": {"name": "testing/squares", "images": 12, "size": 16, "workers": 0, "validation": 0.4},
        "backbone": {"name": "testing/bone", "drop": drop},
        "head": "testing/head",
        "losses": {"plain": "testing/plain"},
        "strategy": "testing/one_device",
        "metrics": {"agreement": "testing/agreement"},
        "callbacks": {label: f"testing/{label}" for label in labels},
        "stages": {"main": {"epochs": epochs, "batch_size": 3, "lr": 0.02, "scheduler": "constant"}},
    }
    run = load_run(tables, with_tiny(plugins))
    run = replace(run, strategy=strategy or run.strategy, callbacks={**dict(callbacks or {}), **run.callbacks})
    LOG.clear()
    with _exact():
        result = execute(run, resume=resume)
    return result, list(LOG)


@contextmanager
def _exact() -> Iterator[None]:
    """Without TensorFloat-32, by which a GPU's convolutions would differ with the size of a batch."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def weights(result: Result) -> dict[str, torch.Tensor]:
    """Those of the newest checkpoint that a run has left."""
    newest = next(iter(checkpoint.newest(result.folder / "checkpoints")))
    return dict(checkpoint.load(newest).weights)
