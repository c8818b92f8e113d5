"""What a check might leave behind in the process, put back as it was."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from frame.engine import randomness

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20_240


@contextmanager
def guarded() -> Iterator[None]:
    """Seeded and silent; generators, environment, working folder and torch's settings come back at the end."""
    random, environment, folder = randomness.capture(), dict(os.environ), Path.cwd()
    settings = torch_settings()
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            randomness.seed(SEED)
            yield
    finally:
        randomness.restore(random)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        os.chdir(folder)
        restore_torch_settings(settings)


def torch_settings() -> dict[str, Any]:
    """What is set for the whole process, by what a person would call it."""
    return {
        "the default dtype": torch.get_default_dtype(),
        "the number of threads": torch.get_num_threads(),
        "whether gradients are computed": torch.is_grad_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "cuDNN's benchmark mode": torch.backends.cudnn.benchmark,
        "anomaly detection": torch.is_anomaly_enabled(),
        "the precision of float32 products": torch.get_float32_matmul_precision(),
    }


def restore_torch_settings(settings: dict[str, Any]) -> None:
    """The inverse of :func:`torch_settings`; only what differs is touched."""
    setters: dict[str, Any] = {
        "the default dtype": torch.set_default_dtype,
        "the number of threads": torch.set_num_threads,
        "whether gradients are computed": torch.set_grad_enabled,
        "deterministic algorithms": torch.use_deterministic_algorithms,
        "cuDNN's benchmark mode": lambda value: setattr(torch.backends.cudnn, "benchmark", value),
        "anomaly detection": torch.autograd.set_detect_anomaly,
        "the precision of float32 products": torch.set_float32_matmul_precision,
    }
    now = torch_settings()
    for name, value in settings.items():
        if now[name] != value:
            setters[name](value)
