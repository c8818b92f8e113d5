"""Each fault of a plugin is found by the check that should, which says what to do; the correct one passes all."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from textwrap import dedent

import pytest
from tests.testing.fault import CORRECT
from tests.testing.faults.general import IMPORTS
from tests.testing.sensible import SENSIBLE

from frame import catalog
from frame.plugin.component import Kind
from frame.testing import Case, run_checks

PROBED = ("check_registration_is_light", "check_options_import", "check_imports_leave_no_trace")
"""Checks that look into a process of their own; the faults that they find are in a test of their own."""
ALL = [
    (kind, each)
    for name in ("general", *Kind)
    for kind in ["backbone" if name == "general" else str(name)]
    for each in import_module(f"tests.testing.faults.{name}").FAULTS
]


@pytest.fixture
def outcomes(tmp_path, monkeypatch):
    """``outcomes(kind, source)``: the outcome of each check of a plugin file, by the check's name."""
    monkeypatch.setattr("sys.path", list(sys.path))

    def run(kind: str, source: str) -> dict:
        module = f"faulty_{kind}_{abs(hash((tmp_path, source)))}"
        file = tmp_path / f"{module}.py"
        file.write_text(source)
        plugins = catalog(files=[file])
        assert plugins.plugins[-1].state == "ok", plugins.plugins[-1].cause
        (name,) = [each.qualified_name for each in plugins.entries(Kind(kind)) if each.plugin.name == module]
        monkeypatch.setattr("frame.testing.probe.report_of", _nothing)
        found = {each.check: each for each in run_checks(Case(kind, name, files=(file,)), plugins)}
        sys.modules.pop(module, None)
        return found

    return run


def _nothing(*_):
    return {"registration": [], "options": {}, "said": {}, "changed": {}}


QUIET = {
    "frame_quiet": """
        from frame import Component, hookimpl

        @hookimpl
        def frame_backbones():
            options = "frame_quiet_options:SmallOptions"
            yield Component(name="quiet", target="frame_quiet_model:Small", options=options, summary="Small")
        """,
    "frame_quiet_options": '''
        from frame import Options

        class SmallOptions(Options):
            width: int = 8
            """Channels."""
        ''',
    "frame_quiet_model": """
        from torch import nn
        from frame_quiet_options import SmallOptions

        class Small(nn.Conv2d):
            channels, strides = (8,), (2,)

            def __init__(self, *, width=8):
                super().__init__(3, width, 3, 2, 1)

            def forward(self, image):
                return [super().forward(image)]
        """,
}


LIBRARY_WARNS = ("from torch import nn", "import warnings\nfrom torch import nn\nwarnings.warn('old', FutureWarning)")
IMPORTING = {"nothing": (), "a library's warning": (LIBRARY_WARNS,)} | {fault.what: fault.edits for fault in IMPORTS}


@pytest.mark.parametrize("what", IMPORTING)
def test_what_importing_does_is_found_in_an_installed_distribution(install, what) -> None:
    plugin, edits = f"quiet{list(IMPORTING).index(what)}", IMPORTING[what]
    site = install("frame-quiet", plugin, "", module="frame_empty", entry="frame_quiet")
    for module, source in QUIET.items():
        text = dedent(source)
        for old, new in edits:
            text = text.replace(old, new)
        (site / f"{module}.py").write_text(text)
    found = {each.check: each for each in run_checks(Case("backbone", "quiet"), catalog())}
    fault = next((each for each in IMPORTS if each.what == what), None)
    if fault is None:
        assert [found[check].verdict for check in PROBED] == ["passed"] * 3
        return
    outcome = found[fault.check]
    assert outcome.verdict == "failed", f"{outcome.verdict}: {outcome.reason}"
    assert re.search(fault.says, outcome.reason), outcome.reason


@pytest.mark.parametrize("kind", [path.stem for path in sorted(CORRECT.glob("*.py"))])
def test_the_correct_plugin_passes(outcomes, kind) -> None:
    found = outcomes(kind, (CORRECT / f"{kind}.py").read_text())
    assert not [(each.check, each.reason) for each in found.values() if each.verdict == "failed"]
    assert len([each for each in found.values() if each.verdict == "passed"]) > 15


@pytest.mark.parametrize(("kind", "sensible"), SENSIBLE, ids=[f"{kind}-{each.what}" for kind, each in SENSIBLE])
def test_what_is_sensible_raises_no_alarm(outcomes, kind, sensible) -> None:
    found = outcomes(kind, sensible.source(kind))
    assert not [(each.check, each.reason) for each in found.values() if each.verdict == "failed"]
    outcome = found[sensible.check]
    assert outcome.verdict == ("skipped" if sensible.says else "passed"), outcome.reason
    assert re.search(sensible.says, outcome.reason or "")


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
