"""Which device a process takes, and what it says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from frame import UserError
from frame_strategies.ddp import Ddp
from frame_strategies.fsdp import Fsdp

if TYPE_CHECKING:
    from frame_strategies.processes import Processes

BOTH = pytest.mark.parametrize("strategy", [Ddp, Fsdp])


@pytest.fixture
def place(monkeypatch):
    """``place(rank, world_size, local_rank)``: be that process, as ``torchrun`` would tell it."""

    def be(rank: int, world_size: int, local_rank: int) -> None:
        told = {"RANK": rank, "WORLD_SIZE": world_size, "LOCAL_RANK": local_rank, "LOCAL_WORLD_SIZE": 2}
        for name, value in told.items():
            monkeypatch.setenv(name, str(value))

    return be


@pytest.fixture
def gpus(monkeypatch) -> None:
    """Four GPUs, which nothing is moved to."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "Tesla T4")


@pytest.fixture
def no_gpu(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@BOTH
@pytest.mark.usefixtures("gpus")
def test_each_process_of_a_machine_takes_a_gpu_of_its_own(place, strategy: type[Processes]) -> None:
    assert strategy().processes() == 4
    assert strategy(devices=(1, 3)).processes() == 2
    for local_rank in range(2):
        place(4 + local_rank, 8, local_rank)
        assert strategy().root_device == torch.device("cuda", local_rank)
        assert strategy(devices=(1, 3)).root_device == torch.device("cuda", (1, 3)[local_rank])
        assert strategy().processes() == 2  # those that were started
    assert (strategy().global_rank, strategy().world_size, strategy().is_global_zero) == (5, 8, False)


@pytest.mark.usefixtures("gpus")
def test_the_first_process_says_how_many_there_are_and_what_each_gets(place) -> None:
    assert Ddp().describe(8) == "1 GPU: Tesla T4; 8 images a batch"
    place(0, 8, 0)
    assert Ddp().describe(24) == "8 processes, the first on Tesla T4; 3 images each"
    assert Ddp().describe(20) == "8 processes, the first on Tesla T4; at most 3 images each"


@BOTH
@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("devices", [5, (0, 7), (1, 1), 0])
def test_gpus_that_are_not_there_are_told(devices, strategy: type[Processes]) -> None:
    with pytest.raises(UserError, match=r"strategy\.devices: .* this machine has 4"):
        strategy(devices=devices)


@pytest.mark.usefixtures("gpus")
def test_a_process_without_a_gpu_of_its_own_is_told_so(place) -> None:
    place(2, 3, 2)
    with pytest.raises(UserError, match="process 3 of this machine has no GPU of its own, there are 2"):
        Ddp(devices=2)


@BOTH
@pytest.mark.usefixtures("no_gpu")
def test_on_the_cpu_there_are_as_many_processes_as_asked_for(place, strategy: type[Processes]) -> None:
    assert strategy().processes() == 1
    assert strategy(devices=3).processes() == 3
    place(1, 2, 1)
    assert strategy().root_device == torch.device("cpu")


@BOTH
@pytest.mark.usefixtures("no_gpu")
def test_a_process_that_nobody_started_is_one_device(strategy: type[Processes]) -> None:
    alone, model = strategy(), torch.nn.Linear(2, 2)
    alone.setup_environment()
    assert alone.setup_module(model) is model
    assert type(model.weight) is torch.nn.Parameter
    assert alone.compiles
    assert alone.describe(8).startswith("1 CPU")
    alone.teardown()
