"""The bound config: what a run is made of, frozen, every option known and checked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from frame.config.options import Part, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from frame.config.document import Document
    from frame.config.tables import DataTable, PluginsTable, RunTable, StageTable, TrainTable

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class WeightedLoss:
    """A loss and its share in the sum that is trained on."""

    part: Part
    weight: float


@dataclass(frozen=True, slots=True)
class Run:
    """Everything a config says."""

    run: RunTable
    data: DataTable
    dataset: Part
    backbone: Part
    head: Part
    losses: Mapping[str, WeightedLoss]
    train: TrainTable
    stages: Mapping[str, StageTable]
    """Those that are run, in their order."""
    strategy: Part
    metrics: Mapping[str, Part]
    callbacks: Mapping[str, Part]
    plugins: PluginsTable
    document: Document
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.run.name or re.sub(r"[^\w.-]+", "-", Path(self.document.name).stem)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the data set's classes, the background first; empty for binary work."""
        return classes_of(self.dataset)

    @property
    def num_classes(self) -> int:
        """K: 1 for binary work, otherwise the number of the data set's classes."""
        return len(self.classes) or 1

    @property
    def monitor(self) -> str:
        """The validation figure that chooses the best checkpoint."""
        return self.train.monitor or next(iter(self.metrics))

    def parts(self) -> Iterator[Part]:
        """Every component in use, those within others included."""
        roots = [self.dataset, self.backbone, self.head, *(loss.part for loss in self.losses.values()), self.strategy]
        roots += [*self.metrics.values(), *self.callbacks.values()]
        if self.data.augmentation is not None:
            roots.append(self.data.augmentation)
        for part in roots:
            yield from part.walk()

    def tables(self) -> dict[str, Any]:
        """The config with every default written out, as plain values; binding it again gives this run."""
        return {
            "run": plain(self.run) | {"name": self.name},
            "data": self.dataset.as_table() | plain(self.data),
            "backbone": self.backbone.as_table(),
            "head": self.head.as_table(),
            "losses": {label: loss.part.as_table() | {"weight": loss.weight} for label, loss in self.losses.items()},
            "train": plain(self.train) | {"stages": list(self.stages), "monitor": self.monitor},
            "stages": {name: plain(stage) for name, stage in self.stages.items()},
            "strategy": self.strategy.as_table(),
            "metrics": {label: part.as_table() for label, part in self.metrics.items()},
            "callbacks": {label: part.as_table() for label, part in self.callbacks.items()},
            "plugins": plain(self.plugins),
        }

    def values(self) -> Iterator[tuple[tuple[str, ...], Any, str]]:
        """Every setting as (key path, value, who set it)."""
        for path, value in flat(self.tables()):
            yield path, value, self.document.origin(path) or DEFAULT

    def to_toml(self) -> str:
        """The whole config as TOML, a dotted key a line, each with its origin as a comment."""
        lines = [
            (f"{'.'.join(map(_key, path))} = {toml_value(value)}", origin) for path, value, origin in self.values()
        ]
        width = min(72, max(len(text) for text, _ in lines))
        return "".join(f"{text:<{width}}  # {origin}\n" for text, origin in lines)

    def problems(self) -> list[str]:
        """What is wrong outside the config, such as files that are not there, each with its key."""
        found = [f"train.{message}" for message in self.train.problems()]
        for part in self.parts():
            if part.options is not None:
                found += [f'{part.kind} "{part.name}": {message}' for message in part.options.problems()]
        return found


def classes_of(dataset: Part) -> tuple[str, ...]:
    """Names of a data set's classes, the background first; empty for binary work."""
    return tuple(getattr(dataset.options, "classes", None) or ())


def flat(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value of nested tables with the path of its keys, but those that are unset."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, (*path, key))
        elif value is not None:
            yield (*path, key), value


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else json.dumps(key)


def toml_value(value: Any) -> str:
    """A value as TOML. Written here because no library writes a comment behind each value."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, PurePath)):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if hasattr(value, "tolist"):  # a scalar or an array of numpy, as sweeps give them
        return toml_value(value.tolist())
    return repr(value)
