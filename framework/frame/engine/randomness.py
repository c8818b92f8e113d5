"""The state of every generator that a training step may draw from, in plain types."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def seed(value: int) -> None:
    """Start all generators from one number."""
    torch.manual_seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002
    random.seed(value)


def derived(*parts: int) -> int:
    """A seed that depends on all of some numbers, such as (seed, step, rank)."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def capture() -> dict[str, Any]:
    """The states of torch's, numpy's and Python's generators: tensors, lists and numbers only."""
    kind, key, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002  (the global one is meant)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(kind), np.asarray(key).tolist(), int(position), int(has_gauss), float(gauss)],
        "python": random.getstate(),
    }


def restore(state: dict[str, Any]) -> None:
    """The inverse of :func:`capture`; states of devices that this machine lacks are left out."""
    torch.set_rng_state(state["torch"])
    for index, device in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(device, index)
    kind, key, *rest = state["numpy"]
    np.random.set_state((kind, np.array(key, dtype=np.uint32), *rest))  # noqa: NPY002
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
