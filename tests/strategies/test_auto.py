"""``auto`` takes what fits the machine, and says what would serve better."""

from __future__ import annotations

import pytest
import torch

from frame_strategies.auto import auto
from frame_strategies.data_parallel import DataParallel
from frame_strategies.ddp import Ddp
from frame_strategies.single import Single


def test_one_device_is_single_and_needs_no_advice() -> None:
    if max(torch.cuda.device_count(), torch.xpu.device_count()) > 1:
        pytest.skip("several devices")
    strategy = auto()
    assert type(strategy) is Single
    assert strategy.advice is None


def test_several_gpus_in_one_process_are_data_parallel_with_a_word_on_ddp(
    data_parallel, kind, monkeypatch, train, capsys
) -> None:
    data_parallel(2)  # skips where a GPU is missing
    if kind != "gpus":
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    strategy = auto()
    assert type(strategy) is DataParallel
    assert f"{torch.cuda.device_count()} GPUs" in strategy.advice
    assert "--set strategy.name=ddp" in strategy.advice
    train(strategy={"name": "auto"}, callbacks={"terminal": "terminal"})
    assert f"advice  {strategy.advice}" in capsys.readouterr().out


def test_several_xpus_are_pointed_out(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 2)
    strategy = auto()
    assert type(strategy) is Single
    assert strategy.advice.startswith("one of 2 XPUs is used")


def test_another_number_of_processes_than_torchrun_started_is_pointed_out(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    assert Ddp(devices=3).advice is None  # it starts them
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    assert Ddp(devices=3).advice == (
        "strategy.devices asks for 3 processes on this machine, and 2 were started: their number is torchrun's "
        "--nproc-per-node"
    )
    assert Ddp(devices=(0, 1)).advice is Ddp().advice is None


def test_under_torchrun_it_is_ddp(monkeypatch) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0")):
        monkeypatch.setenv(name, value)
    strategy = auto()
    assert type(strategy) is Ddp
    assert (strategy.world_size, strategy.advice) == (2, None)
