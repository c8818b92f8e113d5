"""The checks as tests of pytest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frame.testing.case import Case, Subject
from frame.testing.outcome import CheckFailedError
from frame.testing.runner import checks_of, run_check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from frame.testing.runner import Check


class BoundCheck:
    """One check of one case: call it in a test. ``check.case`` and ``check.name`` say what it is."""

    def __init__(self, case: Case, check: Check) -> None:
        self.case = case
        self.name = check.__name__
        self.__doc__ = check.__doc__
        self._check = check

    def __call__(self) -> None:
        """Make the check: raises if it fails, skips or is marked as an expected failure as pytest does."""
        import pytest

        with tempfile.TemporaryDirectory(prefix="frame-check-") as folder:
            outcome = run_check(self._check, Subject(self.case, Path(folder).resolve()))
        if outcome.verdict == "skipped":
            pytest.skip(outcome.reason)
        if outcome.verdict == "expected":
            pytest.xfail(outcome.reason)
        if outcome.verdict == "failed":
            raise CheckFailedError(f"{outcome.component}: {outcome.reason}")


def parametrize_with_checks(cases: Iterable[Case]) -> Any:
    """Decorate a test that takes ``check`` and calls it: it becomes a test for each check of each case.

    A check for which the case lacks a capability is skipped with the reason; one of ``expected_failures`` is xfailed,
    and fails if it passes.
    """
    import pytest

    bound = [BoundCheck(case, check) for case in cases for check in checks_of(case.kind)]
    return pytest.mark.parametrize("check", bound, ids=[f"{each.case.kind}-{_id(each)}" for each in bound])


def _id(bound: BoundCheck) -> str:
    options = "-".join(f"{key}={value}" for key, value in bound.case.options.items())
    return "-".join(filter(None, (bound.case.name, options, bound.name)))
