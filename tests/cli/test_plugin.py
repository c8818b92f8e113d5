"""``frame plugin check``."""

from __future__ import annotations

import json
import sys
from textwrap import dedent

import pytest

CORNER = """
    from torch import nn
    from frame import Component, hookimpl

    class Corner(nn.Module):
        def forward(self, prediction, mask):
            return (prediction.logits[..., :8, :8].sigmoid() - mask[..., :8, :8]).square().mean()

    @hookimpl
    def frame_losses():
        yield Component(name="corner", target="my_corner:Corner", summary="A corner", serves=("binary",))
    """


@pytest.fixture
def corner(tmp_path, monkeypatch) -> str:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_corner", raising=False)
    (file := tmp_path / "my_corner.py").write_text(dedent(CORNER))
    return str(file)


def test_a_component_of_its_kind_is_checked_a_line_each(call) -> None:
    done = call("plugin", "check", "mae")
    assert done.code == 0, done.out
    first, *lines, last = done.out.splitlines()
    assert first.startswith("metric metrics/mae (frame-seg ")
    assert "  ok       check_merge" in lines
    assert "  skipped  check_options_import: it has no options" in lines
    assert " passed, " in last


def test_a_file_is_checked_and_its_failure_told_with_exit_code_1(call, corner) -> None:
    done = call("plugin", "check", "--plugin", corner)
    assert done.code == 1
    (failed,) = [line for line in done.out.splitlines() if line.startswith("  FAILED")]
    assert failed.startswith(
        "  FAILED   check_every_region_counts: it is the same whatever is predicted in rows 0 to 4"
    )


def test_json_holds_every_verdict_and_reason(call, corner) -> None:
    done = call("plugin", "check", "corner", "--plugin", corner, "--json")
    assert done.code == 1
    found = {each["check"]: each for each in json.loads(done.out)["checks"]}
    assert found["check_every_region_counts"]["verdict"] == "failed"
    assert "look at the whole image" in found["check_every_region_counts"]["reason"]
    assert found["check_scalar"] == found["check_scalar"] | {"verdict": "passed", "component": "loss my_corner/corner"}


def test_a_plugin_and_a_distribution_are_checked_whole(call, install) -> None:
    source = """
        import math
        from frame import Component, hookimpl

        class Count:
            def __init__(self, *, num_classes):
                self.right = []
            def update(self, probability, mask):
                self.right.append(float((probability.argmax(0) == mask).mean()))
            def merge(self, other):
                self.right += other.right
            def compute(self):
                return {"right": math.fsum(self.right) / len(self.right)}

        @hookimpl
        def frame_metrics():
            for name in ("one", "two"):
                target = "frame_counts:Count"
                yield Component(name=name, target=target, summary="Right pixels", serves=("multiclass",))
        """
    install("frame-acme", "counts", source)
    for name in ("counts", "frame_acme"):
        done = call("plugin", "check", name)
        assert done.code == 0, done.out
        assert [line for line in done.out.splitlines() if line.startswith("metric ")] == [
            "metric counts/one (frame-acme 1.0)",
            "metric counts/two (frame-acme 1.0)",
        ]
    refused = call("plugin", "check", "counts", "--set", "a=1")
    assert refused.code == 2
    assert "--set is for one component, and there are metric counts/one, metric counts/two" in refused.err


def test_a_plugin_that_does_not_load_is_a_failure_with_its_cause(call, install) -> None:
    install("frame-acme", "typo", "from frame import hookimpl\n\n@hookimpl\ndef frame_loses():\n    yield 1\n")
    done = call("plugin", "check", "typo")
    assert done.code == 1
    assert "FAILED   plugin 'typo' (frame-acme 1.0) does not load: unknown hook 'frame_loses'" in done.out


def test_options_that_have_to_be_given_are_asked_for(call) -> None:
    done = call("plugin", "check", "timm", "--json")
    reasons = {each["reason"] for each in json.loads(done.out)["checks"] if each["verdict"] == "skipped"}
    assert done.code == 0
    assert "model has to be given: --set model=..., or Case(options=...)" in reasons


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a component, a plugin or a distribution, or give --plugin FILE"),
        (("dise",), "no component, plugin or distribution is called 'dise'; did you mean 'dice'"),
        (("dice", "--kind", "head"), "no component, plugin or distribution of kind head is called 'dice'"),
        (("mae", "--without", "speed"), "--without speed: there are: sizes, odd_sizes"),
    ],
)
def test_what_a_user_gets_wrong_is_one_message(call, arguments, says) -> None:
    done = call("plugin", "check", *arguments)
    assert done.code == 2
    assert says in done.err
