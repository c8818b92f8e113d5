"""How long a loop waits for what it iterates over."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")


class Waiting:
    """The time that a loop takes, and how much of it is spent on waiting for its next item."""

    def __init__(self) -> None:
        self.waited = 0.0
        self.worked = 0.0

    @property
    def share(self) -> float:
        """What waiting is of the whole, from 0 to 1."""
        return self.waited / (self.waited + self.worked) if self.waited else 0.0

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, while the time is taken."""
        asked = perf_counter()
        for item in items:
            given = perf_counter()
            self.waited += given - asked
            yield item
            asked = perf_counter()
            self.worked += asked - given
        self.waited += perf_counter() - asked

    def add(self, other: Waiting) -> None:
        """Count another loop's time to this one's."""
        self.waited += other.waited
        self.worked += other.worked
