"""Faults of a strategy that show in two processes alone."""

from __future__ import annotations

import re
from textwrap import indent

import pytest

from frame import catalog
from frame.testing import Case
from frame.testing.case import Subject
from frame.testing.runner import run_check
from frame.testing.strategy import CHECKS

SOURCE = """
from frame import Component, hookimpl
from frame_strategies.ddp import Ddp

class Mine(Ddp):
{body}

@hookimpl
def frame_strategies():
    yield Component(name="mine", target="frame_{plugin}:Mine", summary="Processes")
"""
FAULTS = {
    "every process is the first": (
        "check_one_process_is_the_first",
        r"of 2 processes 2 say that they are the first; say so for global rank 0 alone",
        "is_global_zero = True",
    ),
    "every process sees every batch whole": (
        "check_figures_over_uneven_sets",
        r"validation counts 10.0 of 5.0 images; leave out and repeat no sample",
        "def setup_dataloader(self, loader):\n    return loader",
    ),
    "gradients are not exchanged": (
        "check_steps_equal_one_devices",
        r"(the loss of step \d is|the weights after a run are others).*exchange",
        "def _wrapped(self, module):\n    return module\ndef unwrap(self, module):\n    return module",
    ),
    "a sum that is none": (
        "check_what_processes_exchange",
        r"sum of ranks 0 to 1 is [01].0, not 1.0; see frame.Strategy",
        "def all_reduce(self, value, op='sum'):\n    return value",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_between_processes_is_found(install, tmp_path, fault) -> None:
    name, says, body = FAULTS[fault]
    plugin = f"mine{list(FAULTS).index(fault)}"
    install("frame-mine", plugin, SOURCE.format(body=indent(body, "    "), plugin=plugin))
    (check,) = [each for each in CHECKS if each.__name__ == name]
    subject = Subject(Case("strategy", f"{plugin}/mine"), tmp_path / "work", catalog())
    outcome = run_check(check, subject)
    assert outcome.verdict == "failed", f"{outcome.verdict}: {outcome.reason}"
    assert not outcome.crashed
    assert re.search(says, outcome.reason), outcome.reason
