"""Where a plugin comes from, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import Distribution
    from pathlib import Path

    from frame.plugin.component import Component, Kind

OWN_DISTRIBUTION = "frame-seg"
_FILE = "file "
State = Literal["ok", "broken", "blocked"]


def normalize(distribution: str) -> str:
    """A distribution's name in its canonical form."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def file_in(source: str) -> str | None:
    """The file that the name of a :class:`Source` stands for; None of a distribution's."""
    return source.removeprefix(_FILE) if source.startswith(_FILE) else None


@dataclass(frozen=True, slots=True)
class Source:
    """A distribution with its version, or a single file with its hash."""

    name: str
    version: str
    extras: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @classmethod
    def of(cls, distribution: Distribution) -> Source:
        metadata = distribution.metadata  # parsed anew at each access
        return cls(
            name=normalize(metadata["Name"]),
            version=metadata["Version"],
            extras=tuple(metadata.get_all("Provides-Extra") or ()),
            requires=tuple(metadata.get_all("Requires-Dist") or ()),
        )

    @classmethod
    def of_file(cls, file: Path) -> Source:
        """``file`` as it was given, and what is in it."""
        from hashlib import sha256

        return cls(f"{_FILE}{file}", f"sha256:{sha256(file.read_bytes()).hexdigest()[:12]}")

    @property
    def is_builtin(self) -> bool:
        return self.name == OWN_DISTRIBUTION

    @property
    def is_file(self) -> bool:
        return file_in(self.name) is not None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point of the group ``frame.plugins``, or one file given with ``--plugin``."""

    name: str
    source: Source
    state: State = "ok"
    cause: str = ""
    """Why it is broken or blocked, in one line."""
    components: tuple[tuple[Kind, Component], ...] = ()
    """What it adds. Of a broken plugin: what it had named before it failed; none of that can be used."""

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.source})"


def frame_mismatch(requires: Iterable[str], own_version: str) -> str | None:
    """The requirement among ``requires`` that does not admit this version of Frame, if there is one."""
    for text in requires:
        head = re.match(r"\s*([A-Za-z0-9._-]+)", text)
        if head is None or normalize(head[1]) != OWN_DISTRIBUTION:
            continue
        from packaging.requirements import Requirement  # 10 ms, needed by third parties' plugins alone

        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if not requirement.specifier.contains(own_version, prereleases=True):
            return f"{OWN_DISTRIBUTION}{requirement.specifier}"
    return None
