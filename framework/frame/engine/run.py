"""``frame.run``: from a config to a result."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from frame.config.bind import load_run
from frame.config.run import toml_value
from frame.config.verify import verify
from frame.engine.build import build
from frame.engine.events import Events
from frame.engine.fit import Fit
from frame.engine.folder import RESULT, make_folder
from frame.plugin.catalog import catalog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from frame.config.run import Run
    from frame.contracts.strategy import Strategy
    from frame.plugin.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Result:
    """What a run leaves."""

    metrics: Mapping[str, float]
    """Validation figures of the best checkpoint: ``label`` for a metric's main one, ``label/name`` for the others."""
    checkpoint: Path
    """The best checkpoint's folder."""
    folder: Path
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The same figures for guesses that look at no image."""
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    """What callbacks wrote for a person to open."""


def run(
    config: str | Path | Mapping[str, Any],
    overrides: Sequence[str] | Mapping[str, Any] = (),
    plugins: Catalog | None = None,
) -> Result | None:
    """Train, validate and keep what a config says.

    Parameters
    ----------
    config
        A TOML file, or its tables as a mapping.
    overrides
        ``"key.path=VALUE"`` strings as on the command line, or a mapping of key paths to values.
    plugins
        The components to choose from; by default all that are installed.

    Returns
    -------
    The result; ``None`` on all processes but the first.

    Raises
    ------
    UserError
        For anything wrong with the config, the data or the installation, with the remedy.
    """
    if isinstance(overrides, Mapping):
        overrides = [f"{key}={toml_value(value)}" for key, value in overrides.items()]
    bound = load_run(config, plugins or catalog(), overrides)
    verify(bound)
    return execute(bound)


def execute(run: Run) -> Result | None:
    """Run a bound config. See :func:`run`."""
    strategy: Strategy = run.strategy()
    strategy.setup_environment()
    callbacks = run.callbacks if strategy.is_global_zero else {}
    events = Events({label: part() for label, part in callbacks.items()})
    try:
        built = build(run, strategy)
        folder = strategy.broadcast(make_folder(run) if strategy.is_global_zero else None)
        fit = Fit(built, folder, events)
        end = fit.fit()
    finally:
        events("on_teardown")
        strategy.teardown()
    if not strategy.is_global_zero or fit.best is None:
        return None
    result = Result(end.best, fit.best[0], folder, end.baselines, events.artifacts())
    record = {
        "metrics": _json(end.best),
        "baselines": {name: _json(found) for name, found in end.baselines.items()},
        "checkpoint": fit.best[0].relative_to(folder).as_posix(),
    }
    (folder / RESULT).write_text(json.dumps(record, indent=2, allow_nan=False), encoding="utf-8")
    return result


def _json(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures for JSON, which has no word for nan."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}
