"""DataParallel over several kinds of devices.

Without a GPU the replicas run on the CPU, with torch's own scatter and gather maps and a thread a replica; only the two
functions that move tensors between GPUs are swapped. Where there are GPUs, the same tests run on them.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.conftest import write_distribution
from tests.engine.conftest import SMALL, config, train  # noqa: F401  (fixtures)
from tests.engine.states import state_of
from tests.strategies import work
from tests.strategies.ranks import Ranks
from torch.nn.parallel import scatter_gather

from frame_strategies.data_parallel import DataParallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn


class _Scatter:
    @staticmethod
    def apply(devices: Sequence[Any], _chunk_sizes: None, dim: int, tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tensor.chunk(len(devices), dim)


class _Gather:
    @staticmethod
    def apply(_device: Any, dim: int, *tensors: torch.Tensor) -> torch.Tensor:
        if all(tensor.ndim == 0 for tensor in tensors):
            warnings.warn("Was asked to gather along dimension 0, but all input tensors were scalars", stacklevel=2)
        return torch.cat([tensor[None] if tensor.ndim == 0 else tensor for tensor in tensors], dim)


@pytest.fixture(scope="session")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ranks]:
    """``ranks(2, work, *arguments)``: what each of two processes returned. They know the plugin of ``train``."""
    site = tmp_path_factory.mktemp("site-packages")
    write_distribution(site, "frame-small", "small", SMALL)
    started = Ranks(site)
    yield started
    started.close()


@pytest.fixture
def run_of(train, config, ranks) -> Callable[..., Any]:  # noqa: F811
    """``run_of(strategy, *settings)``: the losses of a run's steps and epochs, its figures and its last checkpoint."""

    def run(
        strategy: str, *settings: str, processes: int = 2, name: str | None = None, resume: bool = False, **tables: Any
    ) -> Any:
        tables = {"run": config["run"] | {"name": name or strategy}} | tables
        if strategy in ("ddp", "fsdp"):
            tables["strategy"] = {"name": strategy, "timeout": 60}
            log, metrics = ranks(processes, work.trained, config | tables, settings, resume)[0]
        else:
            device = {"device": "cpu"} if strategy == "single" else {"devices": processes}
            metrics = train(*settings, resume=resume, strategy={"name": strategy} | device, **tables).metrics
            log = list(train.log)
        losses = [entry[5] for entry in log if entry[0] == "step"]
        means = [entry[3] for entry in log if entry[0] == "epoch"]
        return losses, means, metrics, state_of(train.runs / tables["run"]["name"])

    return run


_GPU = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")]


@pytest.fixture(params=["cpu", pytest.param("one_gpu", marks=_GPU), pytest.param("gpus", marks=_GPU)])
def kind(request: pytest.FixtureRequest) -> str:
    """Threads of the CPU; several replicas on one GPU; as many GPUs as replicas."""
    return str(request.param)


@pytest.fixture
def data_parallel(kind: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DataParallel]:
    """``data_parallel(devices=3)``: the strategy over that many replicas, also where a run builds it itself."""
    if kind == "cpu":
        monkeypatch.setattr(scatter_gather, "Scatter", _Scatter)
        monkeypatch.setattr(scatter_gather, "Gather", _Gather)
        monkeypatch.setattr(DataParallel, "device_type", "cpu")
        monkeypatch.setattr(DataParallel, "name", lambda _self, _device: "Tesla T4")
    else:
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # or batches of another size give other bits
    if kind == "one_gpu":
        chosen = DataParallel._chosen
        monkeypatch.setattr(DataParallel, "_chosen", lambda self, devices: [0] * len(chosen(self, devices)))
    if kind != "gpus":
        monkeypatch.setattr(DataParallel, "available", lambda _self: 4)

    def make(devices: int = 2) -> DataParallel:
        if kind == "gpus" and torch.cuda.device_count() < devices:
            pytest.skip(f"{torch.cuda.device_count()} GPUs, {devices} needed")
        return DataParallel(devices=devices)

    return make


@pytest.fixture
def wrapped(data_parallel: Callable[..., DataParallel]) -> Callable[..., nn.Module]:
    """``wrapped(model, replicas)``: the model over that many replicas."""
    return lambda model, replicas=2: data_parallel(devices=replicas).setup_module(model)


@pytest.fixture
def device(kind: str) -> str:
    """Where inputs come from: the device that holds the model."""
    return "cpu" if kind == "cpu" else "cuda:0"
