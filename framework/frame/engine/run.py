"""``frame.run``: from a config to a result."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from frame.config.bind import load_run
from frame.config.run import toml_value
from frame.config.verify import verify
from frame.contracts.jsonable import jsonable
from frame.engine.build import build
from frame.engine.checkpoints.resume import Found, shared
from frame.engine.checkpoints.weights import load_into
from frame.engine.events import Events
from frame.engine.fit import Fit, RunStopped
from frame.engine.folder import RESULT, make_folder
from frame.engine.levers import Levers, choose, compile_failures_told
from frame.engine.processes.claim import Claim
from frame.engine.processes.launch import launch, set_up, wants_processes
from frame.engine.processes.ranks import OtherRankFailedError
from frame.engine.stopping import Stopping
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
    checkpoint: Path | None
    """The best checkpoint's folder; ``None`` if the run was stopped before its first validation."""
    folder: Path
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The same figures for guesses that look at no image."""
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    """What callbacks wrote for a person to open."""
    stopped: str | None = None
    """What stopped the run before its end: ``"SIGINT"``, ``"SIGTERM"`` or ``"max_time"``; it can be resumed."""


def run(
    config: str | Path | Mapping[str, Any],
    overrides: Sequence[str] | Mapping[str, Any] = (),
    plugins: Catalog | None = None,
    *,
    resume: bool = False,
) -> Result | None:
    """Train, validate and keep what a config says.

    Parameters
    ----------
    config
        A TOML file, or its tables as a mapping.
    overrides
        ``"key.path=VALUE"`` strings as on the command line, or a mapping of key paths to values.
    plugins
        The components to choose from; by default all that are installed. ``frame.catalog(files=[Path("mine.py")])``
        has those of a file beside them.
    resume
        Go on from the newest whole checkpoint of the newest run of this name; without one, start anew.

    Returns
    -------
    Result or None
        ``None`` on all processes but the first.

    Raises
    ------
    UserError
        For anything wrong with the config, the data or the installation, with the remedy.
    """
    if isinstance(overrides, Mapping):
        overrides = [f"{key}={toml_value(value)}" for key, value in overrides.items()]
    bound = load_run(config, plugins or catalog(), overrides)
    verify(bound)
    return execute(bound, resume=resume)


def execute(run: Run, *, resume: bool = False) -> Result | None:
    """Run a bound config. See :func:`run`."""
    strategy: Strategy = run.strategy()
    if wants_processes(strategy):
        result: Result = launch(strategy, _execute_again, run, resume)
        return result
    stopping = Stopping(run.run.max_seconds)
    set_up(strategy)
    callbacks = run.callbacks if strategy.is_global_zero else {}
    events = Events({label: part() for label, part in callbacks.items()})
    stopped: str | None = None
    baselines: Mapping[str, Mapping[str, float]] = {}
    try:
        fit = _prepared(run, strategy, events, stopping, resume=resume)
        with stopping.listening(), compile_failures_told():
            try:
                baselines = fit.fit().baselines
            except RunStopped as stop:
                stopped = stop.reason
    except Exception:
        if not strategy.is_first_to_fail():
            raise OtherRankFailedError("another process failed first, and says why") from None
        raise
    finally:
        try:
            events("on_teardown")
        finally:
            strategy.teardown()
    if not strategy.is_global_zero:
        return None
    result = Result(fit.progress.figures, fit.best, fit.folder, baselines, events.artifacts(), stopped)
    record = {
        "metrics": result.metrics,
        "baselines": baselines,
        "checkpoint": result.checkpoint.relative_to(fit.folder).as_posix() if result.checkpoint else None,
        "skipped_steps": fit.progress.skipped,
        "unreadable": fit.progress.unreadable,
        "stopped": stopped,
    }
    (fit.folder / RESULT).write_text(json.dumps(jsonable(record), indent=2, allow_nan=False), encoding="utf-8")
    return result


def _execute_again(run: Run, resume: bool) -> Result | None:  # noqa: FBT001  (pickled)
    """:func:`execute` in a process that was started for it."""
    return execute(run, resume=resume)


def _prepared(run: Run, strategy: Strategy, events: Events, stopping: Stopping, *, resume: bool) -> Fit:
    """The run, built, with its folder, ready to go on from where it was."""
    claim = Claim.of(strategy)
    earlier = strategy.broadcast(claim.earlier(run) if strategy.is_global_zero else None)
    if earlier:  # an agent has started these processes again
        found = shared(run, strategy, earlier[0])
        claim = replace(claim, started=earlier[1].started)
        stopping.began(time.time() - claim.started)
    else:
        found = shared(run, strategy) if resume else Found()
    built = build(run, strategy, loaded=found.content is not None)
    if found.content is not None and found.path is not None:
        load_into(built.model, found.content.weights, found.path)  # says what does not fit
    saved = found.content.state.get("levers") if found.content else None
    levers, told = choose(built, Levers(*saved) if saved else None)
    folder = found.folder or strategy.broadcast(make_folder(run) if strategy.is_global_zero else None)
    if strategy.is_global_zero:
        (folder / RESULT).unlink(missing_ok=True)  # of an earlier start: it says how a run ended
        claim.write(folder)
    built = replace(built, lines=(*built.lines, *told, *found.lines))
    fit = Fit(built, levers, folder, events, stopping, found.content)
    strategy.progress = fit.progress
    return fit
