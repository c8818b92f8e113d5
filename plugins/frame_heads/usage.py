"""How evenly a router uses its experts."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

ROUTER, LOAD = "router.", "load."
DEAD = 0.1  # of an even share


def utilization(load: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Each expert's load ``[E]`` over an even share of it: 1 where all are used alike, nan of no images."""
    total = int(load.sum())
    even = total / len(load)
    return np.asarray(load / even if total else np.full(len(load), math.nan), dtype=np.float64)


def diversity(load: npt.NDArray[np.int64]) -> float:
    """``exp(H) / E`` of the shares of the load ``[E]``: 1 where all are used alike, ``1 / E`` where one does all."""
    shares = utilization(load) / len(load)
    used = shares[shares > 0]
    return float(np.exp(-(used * np.log(used)).sum())) / len(load) if len(used) else math.nan


def entropy(probabilities: Array) -> float:
    """Of one image's ``[E]``, in units of its largest: 1 for a router that can't tell, 0 for one that is sure."""
    if len(probabilities) == 1:
        return 0.0
    sure = np.clip(probabilities.astype(np.float64), 1e-12, 1)
    return float(-(sure * np.log(sure)).sum() / math.log(len(sure)))


class ExpertUsage:
    """Figures over the images of a validation, from the head's extras; nan for a head without a router.

    Of each level ``diversity``, ``cv``, ``dead`` and ``entropy``, as ``diversity.0`` and so on, finest first: the
    effective number of experts over their number, the coefficient of variation of their loads, the share of them that
    takes less than a tenth of an even load, and the mean entropy of the router over its largest. Without a number: the
    mean over levels; and each expert's utilization, its load over an even one, under ``utilization.<expert>``.
    """

    def __init__(self, *, num_classes: int) -> None:
        del num_classes  # it does not matter here
        self.loads: dict[str, npt.NDArray[np.int64]] = {}
        """Images of each expert ``[E]``, by level."""
        self.entropies: defaultdict[str, list[float]] = defaultdict(list)
        self.names: dict[str, tuple[str, ...]] = {}

    def update(self, probability: Array, mask: npt.NDArray[np.uint8]) -> None:
        """Nothing: what counts comes with the extras."""

    def update_extras(self, extras: Mapping[str, Array], names: Mapping[str, Sequence[str]]) -> None:
        for key, load in extras.items():
            if not key.startswith(LOAD):
                continue
            level = key.removeprefix(LOAD)
            self.loads[level] = self.loads.get(level, 0) + load.astype(np.int64)
            self.names[level] = tuple(names.get(key) or (f"expert_{index}" for index in range(len(load))))
            if ROUTER + level in extras:
                self.entropies[level].append(entropy(extras[ROUTER + level]))

    def merge(self, other: Self) -> None:
        for level, load in other.loads.items():
            self.loads[level] = self.loads.get(level, 0) + load
            self.entropies[level] += other.entropies[level]
            self.names[level] = other.names[level]

    def compute(self) -> dict[str, float]:
        if not self.loads:
            return {"diversity": math.nan}
        levels = {level: self._level(level) for level in self.loads}
        figures = {
            what: _mean([each[what] for each in levels.values()]) for what in ("diversity", "cv", "dead", "entropy")
        }
        for level, found in levels.items():
            figures |= {f"{what}.{level}": value for what, value in found.items()}
        return figures | {f"utilization.{name}": value for name, value in self._used().items()}

    def notices(self) -> dict[str, str]:
        """A line for the experts that are dead in the mean over levels; at one, others may be at home."""
        dead = [name for name, value in self._used().items() if value < DEAD]
        names = ", ".join(dead)
        told = (
            f"experts hardly used: {names}, each by less than {DEAD:.0%} of an even share of the validation "
            "images over all levels; a larger weight of the balance loss, head.noise or head.dense_warmup may bring "
            "them back"
        )
        return {f"dead experts: {names}": told} if dead else {}  # others that die later are told too

    def _used(self) -> dict[str, float]:
        """Each expert's mean utilization over levels."""
        used: defaultdict[str, list[float]] = defaultdict(list)
        for level, load in self.loads.items():
            for name, value in zip(self.names[level], utilization(load), strict=True):
                used[name].append(float(value))
        return {name: _mean(values) for name, values in used.items()}

    def _level(self, level: str) -> dict[str, float]:
        load = self.loads[level]
        used = utilization(load)
        return {
            "diversity": diversity(load),
            "cv": float(used.std()),
            "dead": float((used < DEAD).mean()),
            "entropy": _mean(self.entropies[level]),
        }


def _mean(values: Sequence[float]) -> float:
    """Rounded once, so that it does not depend on the order of images."""
    return math.fsum(values) / len(values) if values else math.nan
