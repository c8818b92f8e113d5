"""Checks of callbacks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from frame.contracts.callback import Callback
from frame.engine.events import CallbackError
from frame.testing.outcome import CheckSkippedError, fail, failing, skip, told
from frame.testing.runs import small_run, weights
from frame.testing.tiny import FailingError

DROP = 0.2
"""So that a run draws random numbers, which a callback could use up."""
ESSENTIAL = {"essential": True}

if TYPE_CHECKING:
    from frame.config.options import Part
    from frame.engine.run import Result
    from frame.testing.case import Subject


def check_it_is_a_callback(subject: Subject) -> None:
    """What is built is a ``frame.Callback``, and its events are called as Frame's."""
    built = subject.build()
    if not isinstance(built, Callback):
        fail(f"the target builds a {type(built).__name__}", "derive the class from frame.Callback")
    known = {name for name in vars(Callback) if name.startswith("on_")}
    for name in dir(type(built)):
        if name.startswith("on_") and name not in known:
            fail(f"{name} is no event, and is never called", f"there are: {', '.join(sorted(known))}")


def check_a_run_with_it(subject: Subject) -> None:
    """A whole run with it comes to its end."""
    with failing("a run with it fails", "mend the event; look values up with .get, and expect any number of images"):
        _run(subject, "with")


def check_the_numbers_of_a_run_are_unchanged(subject: Subject) -> None:
    """Losses, figures and weights of a run are, bit for bit, those of a run without it."""
    result, log = _trained(subject, "with")
    plain, expected = small_run(subject.plugins, subject.folder / "without", drop=DROP)
    assert plain is not None  # noqa: S101
    remedy = "observe only: draw no random numbers from the global generators, and change nothing that events give"
    if log != expected:
        fail("losses or figures of a run are others with it", remedy)
    found, known = weights(result), weights(plain)
    for name, each in known.items():
        if not torch.equal(each, found[name]):
            fail(f"a run's weights are others with it, such as {name}", remedy)


def check_it_writes_into_the_run_folder(subject: Subject) -> None:
    """It writes nothing beside the run's folder, and what ``artifacts()`` names is there."""
    here = subject.folder / "here"
    here.mkdir()
    before = Path.cwd()
    os.chdir(here)
    try:
        _trained(subject, "folder")
    finally:
        os.chdir(before)
    if strange := sorted(path.name for path in here.iterdir()):
        fail(f"it writes {strange[0]} into the working folder", "write under run.folder, which on_run_start gives")
    result, _ = _trained(subject, "artifacts")
    for what, path in result.artifacts.items():
        if not isinstance(path, Path) or not path.exists():
            fail(f"artifacts() names {path} as {what!r}, which is not there", "name what was written, as a Path")


def check_a_failing_run_keeps_its_cause(subject: Subject) -> None:
    """When something else ends a run, what it was is told: ``on_teardown`` raises nothing, even if no run began."""
    with failing("on_teardown raises where no run began", "expect that on_run_start was never called"):
        subject.build().on_teardown()
    try:
        _run(subject, "failing", labels=("failing",))
    except CallbackError as error:
        if isinstance(error.__cause__, FailingError):
            return
        fail(f"another callback's failure is hidden by {told(error)}", "let on_teardown only close what is open")
    except Exception as error:  # noqa: BLE001  (it is the finding)
        fail(f"another callback's failure is hidden by {told(error)}", "let on_teardown only close what is open")
    fail("another callback's failure does not end the run", "catch no exception that is not its own")


def check_its_failure_is_named(subject: Subject) -> None:
    """An exception in one of its events ends the run, with the label it has in the config.

    If its class says that it is not ``essential``, the run goes on without it.
    """

    def broken(*_: Any) -> None:
        raise FailingError("on purpose")

    built = subject.build()
    if not isinstance(built, Callback):
        skip("it is no frame.Callback, see check_it_is_a_callback")
    kind = type(built)
    events = dict.fromkeys(("on_epoch_end", "on_run_end"), broken)
    failing_kind = type(kind.__name__, (kind,), events)
    part = _WithClass(subject.part, failing_kind)
    try:
        small_run(subject.plugins, subject.folder / "broken", callbacks={"checked": part})  # type: ignore[dict-item]
        if not kind.essential:
            return
    except CallbackError as error:
        if "'checked'" in str(error) and kind.essential:
            return
        fail(f"its exception is told as {error}", "let exceptions pass")
    fail("its exception does not end the run", "let exceptions of events pass")


def check_resumed_runs(subject: Subject) -> None:
    """A run that goes on from a checkpoint comes to its end with it: ``on_run_start`` then has steps behind it."""
    _trained(subject, "resumed", epochs=1)
    with failing("a resumed run with it fails", "expect that files of an earlier start are there"):
        _run(subject, "resumed", epochs=2, resume=True)


CHECKS = (
    check_it_is_a_callback,
    check_a_run_with_it,
    check_the_numbers_of_a_run_are_unchanged,
    check_it_writes_into_the_run_folder,
    check_a_failing_run_keeps_its_cause,
    check_its_failure_is_named,
    check_resumed_runs,
)


class _WithClass:
    """A part whose object gets another class once it is built."""

    def __init__(self, part: Part, kind: type) -> None:
        self.part, self.kind = part, kind

    def __call__(self, **context: Any) -> Any:
        built = self.part(**context)
        built.__class__ = self.kind
        return built

    def __getattr__(self, name: str) -> Any:
        return getattr(self.part, name)


def _run(subject: Subject, name: str, **settings: Any) -> tuple[Result, list[Any]]:
    kind = type(subject.build())
    if not issubclass(kind, Callback):
        skip("it is no frame.Callback, see check_it_is_a_callback")
    # One that is not essential would fail without a word here.
    part: Any = subject.part if kind.essential else _WithClass(subject.part, type(kind.__name__, (kind,), ESSENTIAL))
    result, log = small_run(subject.plugins, subject.folder / name, callbacks={"checked": part}, drop=DROP, **settings)
    assert result is not None  # noqa: S101  (one process)
    return result, log


def _trained(subject: Subject, name: str, **settings: Any) -> tuple[Result, list[Any]]:
    try:
        return _run(subject, name, **settings)
    except Exception as error:
        raise CheckSkippedError(f"a run with it fails, see check_a_run_with_it ({told(error)})") from error
