"""Running checks: each by itself, with the state of the process put back after it."""

from __future__ import annotations

import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from frame.plugin.component import Kind
from frame.testing.case import Case, Subject
from frame.testing.outcome import CheckFailedError, CheckSkippedError, Outcome, told
from frame.testing.state import guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from frame.plugin.catalog import Catalog

    Check = Callable[[Subject], None]


def checks_of(kind: str) -> tuple[Check, ...]:
    """The checks of a kind, those of every plugin first."""
    from frame.testing.general import CHECKS

    own: tuple[Check, ...] = import_module(f"frame.testing.{Kind(kind)}").CHECKS
    return CHECKS + own


def run_checks(case: Case, plugins: Catalog | None = None) -> Iterator[Outcome]:
    """The outcome of each check of a case, as it comes. Raises :class:`frame.UserError` if there is no such component.

    An expected failure that passes has failed.
    """
    with tempfile.TemporaryDirectory(prefix="frame-check-") as folder:
        subject = Subject(case, Path(folder).resolve(), plugins)
        for check in checks_of(case.kind):
            yield run_check(check, subject)


def run_check(check: Check, subject: Subject) -> Outcome:
    """The outcome of one check."""
    name, started = check.__name__, time.perf_counter()
    expected = subject.case.expected_failures.get(name)

    def outcome(verdict: str, reason: str = "", *, crashed: bool = False) -> Outcome:
        seconds = time.perf_counter() - started
        return Outcome(str(subject), name, verdict, reason, seconds, crashed)  # type: ignore[arg-type]

    try:
        with guarded():
            check(subject)
    except CheckSkippedError as error:
        return outcome("skipped", str(error))
    except CheckFailedError as error:
        return outcome("failed", str(error)) if expected is None else outcome("expected", expected)
    except Exception as error:  # noqa: BLE001  (whatever a component does is a verdict on it)
        if expected is not None:
            return outcome("expected", expected)
        reason = f"raised {told(error)}; mend that, or report it if the fault is the check's"
        return outcome("failed", reason, crashed=True)
    if expected is not None:
        return outcome("failed", f"passes, but was expected to fail ({expected}); take it out of expected_failures")
    return outcome("passed")
