"""Cases, verdicts, and the two runners."""

from __future__ import annotations

import os
import random
from textwrap import dedent

import numpy as np
import pytest
import torch

from frame import UserError
from frame.plugin.component import Kind
from frame.testing import Case, checks_of, parametrize_with_checks, run_checks
from frame.testing.case import Subject
from frame.testing.outcome import fail, skip
from frame.testing.rig import differ
from frame.testing.runner import run_check

CASE = Case("loss", "dice")


def outcome_of(check, folder, case=CASE):
    return run_check(check, Subject(case, folder))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_check_says_what_it_holds_and_has_a_name_of_its_own(kind) -> None:
    checks = checks_of(kind)
    names = [check.__name__ for check in checks]
    assert len(set(names)) == len(names) >= 20
    assert all(name.startswith("check_") for name in names)
    assert all(check.__doc__ and check.__doc__.rstrip().endswith(".") for check in checks)


def test_a_case_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"no kind 'los'; there are: backbone"):
        Case("los", "dice")
    with pytest.raises(ValueError, match="no capability 'speed'; there are: sizes"):
        Case("loss", "dice", capabilities=frozenset({"speed"}))
    with pytest.raises(ValueError, match="no check of a loss is called 'check_size'; there are: check_hooks"):
        Case("loss", "dice", expected_failures={"check_size": "so it is"})
    with pytest.raises(UserError, match="no loss is called 'dise'; did you mean 'dice'"):
        next(run_checks(Case("loss", "dise")))


def test_the_place_of_a_fault_is_told_in_a_checkout_of_any_name(tmp_path, monkeypatch) -> None:
    (tmp_path / "frame").mkdir()
    (tmp_path / "frame" / "wounds.py").write_text("def bleed():\n    raise ValueError('red')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "frame"))
    from wounds import bleed

    def check_scalar(_subject) -> None:
        bleed()

    assert "raised ValueError: red (wounds.py, line 2)" in outcome_of(check_scalar, tmp_path).reason


def test_verdicts(tmp_path) -> None:
    def check_scalar(_subject) -> None:
        fail("it is red", "make it green")

    def check_order_of_the_batch(_subject) -> None:
        skip("there is none")

    def check_gradient_flows(_subject) -> None:
        raise KeyError("x")

    def check_progress(_subject) -> None:
        pass

    found = outcome_of(check_scalar, tmp_path)
    assert (found.verdict, found.reason, found.component) == ("failed", "it is red; make it green", "loss losses/dice")
    assert not found.crashed
    assert outcome_of(check_order_of_the_batch, tmp_path).verdict == "skipped"
    crash = outcome_of(check_gradient_flows, tmp_path)
    assert (crash.verdict, crash.crashed) == ("failed", True)
    assert "raised KeyError: 'x' (test_runner.py, line" in crash.reason
    assert outcome_of(check_progress, tmp_path).verdict == "passed"

    known = Case("loss", "dice", expected_failures={"check_scalar": "it is meant so", "check_progress": "it is new"})
    found = outcome_of(check_scalar, tmp_path, known)
    assert (found.verdict, found.reason) == ("expected", "it is meant so")
    found = outcome_of(check_progress, tmp_path, known)
    assert (found.verdict, "take it out of expected_failures" in found.reason) == ("failed", True)


def test_a_check_leaves_the_process_as_it_was(tmp_path, capsys) -> None:
    def check(_subject) -> None:
        print("hello")  # noqa: T201
        torch.rand(3)
        np.random.rand()  # noqa: NPY002
        random.random()  # noqa: S311
        os.environ["LEFT_BEHIND"] = "1"
        os.chdir(tmp_path)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.use_deterministic_algorithms(True)

    before = torch.get_rng_state(), random.getstate(), os.getcwd(), torch.get_num_threads()  # noqa: PTH109
    assert outcome_of(check, tmp_path).verdict == "passed"
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), os.getcwd(), torch.get_num_threads()) == before[1:]  # noqa: PTH109
    assert "LEFT_BEHIND" not in os.environ
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert capsys.readouterr().out == ""


def test_a_missing_capability_skips_with_the_reason() -> None:
    case = Case("expert", "edge", capabilities=frozenset({"sizes"}))
    found = {each.check: each for each in run_checks(case)}
    assert found["check_export"].verdict == "skipped"
    assert "no capability 'export': it can't be exported as a graph" in found["check_export"].reason


@parametrize_with_checks([Case("metric", "mae"), Case("metric", "dice", {"threshold": 0.3})])
def test_each_check_of_each_case_is_a_test(check, request) -> None:
    assert check.name in request.node.name
    assert f"metric-{check.case.name}" in request.node.name
    check()


def test_pytest_tells_skips_and_expected_failures(tmp_path) -> None:
    import subprocess
    import sys

    (tmp_path / "bad_metric.py").write_text(
        dedent("""
        from frame import Component, hookimpl

        class Bad:
            def __init__(self, *, num_classes):
                self.images = 0
            def update(self, probability, mask):
                self.images += 1
            def merge(self, other):
                pass
            def compute(self):
                return {"images": float(self.images)}

        @hookimpl
        def frame_metrics():
            yield Component(name="bad", target="bad_metric:Bad", summary="Counts")
        """)
    )
    (tmp_path / "test_bad.py").write_text(
        dedent("""
        from pathlib import Path
        from frame.testing import Case, parametrize_with_checks

        FILES = (Path(__file__).parent / "bad_metric.py",)
        KNOWN = {"check_merge": "not yet", "check_order": "who knows"}

        @parametrize_with_checks([Case("metric", "bad", expected_failures=KNOWN, files=FILES)])
        def test_it(check):
            check()
        """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(tmp_path)]
    told = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path).stdout
    assert "XFAIL test_bad.py::test_it[metric-bad-check_merge] - not yet" in told
    assert "FAILED test_bad.py::test_it[metric-bad-check_order]" in told
    assert "passes, but was expected to fail (who knows); take it out of expected_failures" in told
    assert "FAILED test_bad.py::test_it[metric-bad-check_a_good_prediction_counts]" in told
    assert "2 failed" in told


@pytest.mark.parametrize("tolerance", [0, 1e-4])
def test_tensors_with_infinities_are_compared(tolerance: float) -> None:
    bounds = torch.tensor([-torch.inf, 1.0, torch.inf])
    assert not differ(bounds, bounds.clone(), tolerance=tolerance)
    assert differ(bounds, torch.tensor([-torch.inf, 1.1, torch.inf]), tolerance=tolerance)
    assert differ(bounds, torch.tensor([-torch.inf, 1.0, 3.0]), tolerance=tolerance)
    assert differ(torch.tensor([torch.nan]), torch.tensor([torch.nan]), tolerance=tolerance) == (tolerance > 0)
