"""Several data sets as one, such as the benchmark's training set: COD10K and CAMO."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from frame_datasets.pairs import as_published, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frame import Part, Sample
    from frame_datasets.layouts import Split

_NAMED = 3  # ids that are named when there are more


class Concat:
    """Data sets one after the other. Parameters are those of ``ConcatOptions``.

    An image whose file is called like one of an earlier set gets an id of its own, ``camo-camourflage_00001``. There
    is a validation split if each set has one; otherwise validation is held out of all, in proportion.

    Raises
    ------
    UserError
        If a set or its split isn't there.
    """

    def __init__(self, *, split: Split, sets: Sequence[Part]) -> None:
        self.sets: list[Any] = [part(split=split) for part in sets]
        self.labels = _labels([part.name.rpartition("/")[2] for part in sets])
        self.ends = list(accumulate(map(len, self.sets)))
        self.fresh = any(getattr(each, "fresh", False) for each in self.sets)
        self.has_validation = all(getattr(each, "has_validation", False) for each in self.sets)
        counts: list[int] = [each.published for each in self.sets if getattr(each, "published", None)]
        self.published = sum(counts) if len(counts) == len(self.sets) else None
        if all(hasattr(each, "files") for each in self.sets):
            self.files = self._files
        if any(hasattr(each, "group") for each in self.sets):
            self.group = self._group
        self.twice = self._named_twice()
        self._about = self._describe(split)

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, index: int) -> Sample:
        number, inside = self._place(index)
        sample: Sample = self.sets[number][inside]
        if not hasattr(self.sets[number], "files") or index in self.twice:
            return sample._replace(id=f"{self.labels[number]}-{sample.id}")
        return sample

    def _place(self, index: int) -> tuple[int, int]:
        """Which set, and which of its items: of a set that is fresh in every epoch, another one in each."""
        if index < 0 or (index >= len(self) and not self.fresh):
            raise IndexError(f"index {index} of {len(self)} images")
        epoch, index = divmod(index, len(self))
        number = bisect_right(self.ends, index)
        first = self.ends[number - 1] if number else 0
        length = self.ends[number] - first
        return number, index - first + (epoch * length if getattr(self.sets[number], "fresh", False) else 0)

    def _named_twice(self) -> dict[int, str]:
        """Items whose file is called like one of an earlier set, with that name."""
        earlier: set[str] = set()
        twice: dict[int, str] = {}
        first = 0
        for each, end in zip(self.sets, self.ends, strict=True):
            if hasattr(each, "files"):
                names = [PurePath(each.files(inside)[0]).stem for inside in range(end - first)]
                twice |= {index: name for index, name in enumerate(names, first) if name in earlier}
                earlier.update(names)
            first = end
        return twice

    def _files(self, index: int) -> tuple[Any, ...]:
        """The files that the item is made of, the image's first."""
        number, inside = self._place(index)
        return tuple(self.sets[number].files(inside))

    def _group(self, item: str) -> str | None:
        """What the first set that knows the item calls its group."""
        for label, each in zip(self.labels, self.sets, strict=True):
            if hasattr(each, "group") and (name := each.group(item.removeprefix(f"{label}-"))) is not None:
                return str(name)
        return None

    def left_out(self) -> dict[str, list[tuple[Any, Any]]]:
        """What each set leaves out, by the reason."""
        found: dict[str, list[tuple[Any, Any]]] = {}
        for each in self.sets:
            for reason, files in each.left_out().items() if hasattr(each, "left_out") else ():
                found[reason] = found.get(reason, []) + list(files)
        return found

    def strata(self) -> list[str]:
        """Each item's set, with its stratum there if it has any."""
        found = []
        for label, each in zip(self.labels, self.sets, strict=True):
            inside = each.strata() if hasattr(each, "strata") else None
            found += [f"{label}/{name}" for name in inside] if inside else [label] * len(each)
        return found

    def describe(self) -> str:
        """One line about all sets."""
        return self._about

    def _describe(self, split: Split) -> str:
        about = plural(len(self), f"{split} image")
        if self.published is not None:
            about = as_published(about, len(self), self.published)
        abouts = [
            each.describe() if hasattr(each, "describe") else f"{label}: {len(each)}"
            for label, each in zip(self.labels, self.sets, strict=True)
        ]
        if self.twice:
            names = list(dict.fromkeys(self.twice.values()))
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            abouts.append(f"in more than one set: {', '.join(names[:_NAMED])}{more}")
        return f"{about}: {'; '.join(abouts)}"


def _labels(names: list[str]) -> list[str]:
    """What the sets are called: one that comes again with a number."""
    counts = Counter(names)
    return [name if counts[name] == 1 else f"{name}-{names[:at].count(name) + 1}" for at, name in enumerate(names)]
