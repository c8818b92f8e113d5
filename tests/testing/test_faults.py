"""Each fault of a plugin is found by the check that should, which says what to do; the correct one passes all."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from tests.testing.fault import CORRECT

from frame import catalog
from frame.plugin.component import Kind
from frame.testing import Case, run_checks

PROBED = ("check_registration_is_light", "check_options_import", "check_imports_leave_no_trace")
"""Checks that start a process: the faults that they find are in a test of their own."""
ALL = [
    (kind, each)
    for name in ("general", *Kind)
    for kind in ["backbone" if name == "general" else str(name)]
    for each in import_module(f"tests.testing.faults.{name}").FAULTS
]


@pytest.fixture
def outcomes(tmp_path, monkeypatch):
    """``outcomes(kind, source, only=...)``: the outcome of each check of a plugin file, by the check's name."""
    import sys

    monkeypatch.setattr("sys.path", list(sys.path))

    def run(kind: str, source: str, *, without: tuple[str, ...] = ()) -> dict:
        module = f"faulty_{kind}_{abs(hash((tmp_path, source)))}"
        file = tmp_path / f"{module}.py"
        file.write_text(source)
        plugins = catalog(files=[file])
        assert plugins.plugins[-1].state == "ok", plugins.plugins[-1].cause
        (name,) = [each.qualified_name for each in plugins.entries(Kind(kind)) if each.plugin.name == module]
        monkeypatch.setattr("frame.testing.probe.report_of", _nothing)
        found = {each.check: each for each in run_checks(Case(kind, name, files=(file,)), plugins)}
        sys.modules.pop(module, None)
        return {check: each for check, each in found.items() if check not in without}

    return run


def _nothing(*_):
    return {"registration": [], "options": {}, "said": {}, "changed": {}}


@pytest.mark.parametrize("kind", [path.stem for path in sorted(CORRECT.glob("*.py"))])
def test_the_correct_plugin_passes(outcomes, kind) -> None:
    found = outcomes(kind, (CORRECT / f"{kind}.py").read_text())
    assert not [(each.check, each.reason) for each in found.values() if each.verdict == "failed"]
    assert len([each for each in found.values() if each.verdict == "passed"]) > 15


@pytest.mark.parametrize(("kind", "fault"), ALL, ids=[f"{kind}-{fault.what}" for kind, fault in ALL])
def test_a_fault_is_found_by_the_check_that_should(outcomes, kind, fault) -> None:
    found = outcomes(kind, fault.source(kind))
    outcome = found[fault.check]
    assert outcome.verdict == "failed", f"{outcome.verdict}: {outcome.reason}"
    assert not outcome.crashed, outcome.reason
    assert re.search(fault.says, outcome.reason), outcome.reason
    what, _, remedy = outcome.reason.rpartition("; ")
    assert what
    assert remedy
    assert not [(each.check, each.reason) for each in found.values() if each.crashed]
