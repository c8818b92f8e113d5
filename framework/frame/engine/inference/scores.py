"""Figures of a data set: over all of its images, over groups of them, and of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    from frame.contracts.dataset import Metric

    Metrics = dict[str, Metric]

Figures = dict[str, float]


class Scores(NamedTuple):
    """What metrics found on one data set."""

    figures: Figures
    """Means over all images, by name: ``"s"``, ``"wf"``, ``"iou"`` ..."""
    images: dict[str, Figures]
    """The same of each image alone, by its id."""
    groups: dict[str, Figures]
    """The same of each group, such as COD10K's super-classes, with ``"images"``, their number."""
    unreadable: tuple[str, ...]
    """What was wrong with images that were left out."""

    def plain(self) -> dict[str, Any]:
        """For JSON, without single images."""
        found = {"images": len(self.images), "figures": self.figures}
        return found | {"groups": self.groups, "unreadable": list(self.unreadable)}


class Tally:
    """Counts images one by one. ``group`` tells an image's group by its id, if it has one."""

    def __init__(self, new_metrics: Callable[[], Metrics], group: Callable[[str], str | None] | None) -> None:
        self.new_metrics = new_metrics
        self.group = group
        self.total = new_metrics()
        self.groups: dict[str, Metrics] = {}
        self.counts: dict[str, int] = {}
        self.images: dict[str, Figures] = {}
        self.unreadable: list[str] = []

    def seen(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> Metrics:
        """Metrics that have counted one image; can be pickled and :meth:`add` ed in another process."""
        metrics = self.new_metrics()
        for metric in metrics.values():
            metric.update(probability, mask)
        return metrics

    def add(self, name: str, seen: Metrics) -> None:
        """Count the image ``name``."""
        self.images[name] = named(seen)
        group = self.group(name) if self.group else None
        if group is not None:
            _merge(self.groups.setdefault(group, self.new_metrics()), seen)
            self.counts[group] = self.counts.get(group, 0) + 1
        _merge(self.total, seen)

    def note_unreadable(self, told: Iterable[Iterable[str]]) -> None:
        """Remember what is wrong with images that are left out."""
        for texts in told:
            self.unreadable += texts

    def scores(self) -> Scores:
        """What was counted so far."""
        groups = {name: {"images": float(self.counts[name])} | named(self.groups[name]) for name in sorted(self.groups)}
        return Scores(named(self.total), self.images, groups, tuple(self.unreadable))


def _merge(into: Metrics, seen: Metrics) -> None:
    for label, metric in seen.items():
        into[label].merge(metric)


def named(metrics: Mapping[str, Metric]) -> Figures:
    """All figures by their own names; those of classes, and one that another metric has already, are ``label/name``."""
    found: Figures = {}
    for label, metric in metrics.items():
        for name, value in metric.compute().items():
            shared = name in found or name in getattr(metric, "classes", ())
            found[f"{label}/{name}" if shared else name] = value
    return found
