"""A trained model as an ONNX graph for images of any size, compared by onnxruntime with the model itself."""

from __future__ import annotations

import json
import logging
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from frame.data.pipeline import MEAN, STD
from frame.engine.inference.saved import METADATA
from frame.engine.validate import probabilities
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from frame.engine.inference.predictor import Predictor
    from frame.engine.model import Segmenter

NEEDED = ("onnx", "onnxruntime", "onnxscript")
TOLERANCE = 1e-4
"""By which a probability may differ."""
_TRACED = (2, 97, 131)  # a batch and a size that is a multiple of nothing, so that no case is taken for the only one
_ODD = ((1, 97, 131), (3, 64, 75))
_REFUSALS = (AssertionError, RuntimeError, ValueError)  # what models raise for a size that is not theirs


class DifferentError(Exception):
    """An exported file does not compute what the model does; it was not kept."""


class Probability(nn.Module):
    """What is exported: ``[B, 3, H, W]`` RGB from 0 to 1, to probabilities ``[B, K, H, W]``."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: Segmenter) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1) / 255, persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1) / 255, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return probabilities(self.model((image - self.mean) / self.std).logits)


def require() -> None:
    """Raise the :class:`UserError` that says what to install, if something is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UserError(
            f"an export to ONNX needs {' and '.join(missing)}: pip install {' '.join(missing)}, "
            "or 'frame-seg[export]' for all of it; a .safetensors file needs nothing"
        )


def write(predictor: Predictor, about: str, path: Path) -> tuple[str, ...]:
    """Write the graph and compare; returns what a person should know of it.

    Raises
    ------
    UserError
        If the model can't be made into a graph.
    DifferentError
        If onnxruntime can't run it, or its predictions are others.
    """
    module, size = Probability(predictor.model).eval(), predictor.size
    any_size = _takes(module, *_ODD[0][1:])
    axes = {0: "batch", 2: "height", 3: "width"} if any_size else {0: "batch"}
    traced = random_images(*_TRACED) if any_size else random_images(2, size, size)
    program = _graph(module, traced, axes, predictor)
    where = "any size" if any_size else f"{size} x {size} alone, as the backbone takes no other"
    program.model.metadata_props.update(
        {
            METADATA: about,
            "image": f"[batch, 3, height, width] float32, RGB from 0 to 1, of {where}; trained at {size} x {size}",
            "probability": "[batch, classes, height, width] float32, from 0 to 1",
            "classes": json.dumps(predictor.classes, ensure_ascii=False),
        }
    )
    program.save(path, external_data=False)
    cases = [*(_ODD if any_size else ()), (1, size, size), (4, size, size)]
    found = list(_differences(module, path, cases))
    largest = next((each for each in found if each != each), max(found))  # max() passes over what is not a number
    if not largest <= TOLERANCE:
        raise DifferentError(
            f"onnxruntime's predictions differ from torch's by up to {largest:.1e}, where {TOLERANCE:.0e} is allowed; "
            "not kept. A .safetensors file gives the model itself"
        )
    return (
        f"image [batch, 3, height, width] float32, RGB from 0 to 1, of {where}, to probability",
        f"onnxruntime against torch, {len(cases)} batches of several sizes: at most {largest:.1e} apart",
    )


def random_images(count: int, height: int, width: int) -> Tensor:
    """``[count, 3, height, width]`` from 0 to 1, always the same."""
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(height * width + count))


@torch.inference_mode()
def _takes(module: nn.Module, height: int, width: int) -> bool:
    try:
        module(random_images(1, height, width))
    except _REFUSALS:
        return False
    return True


def _graph(module: nn.Module, image: Tensor, axes: dict[int, str], predictor: Predictor) -> Any:
    from torch.onnx.errors import OnnxExporterError

    try:
        with _quiet():
            return torch.onnx.export(
                module,
                (image,),
                dynamo=True,
                dynamic_shapes=(axes,),
                input_names=["image"],
                output_names=["probability"],
                verbose=False,
            )
    except OnnxExporterError as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        parts = f"{predictor.saved.config['backbone']['name']} + {predictor.saved.config['head']['name']}"
        raise UserError(
            f"{parts} can't be made into a graph ({type(cause).__name__}: {str(cause).strip().partition(chr(10))[0]}): "
            "what it does depends on the values of an image; export to .safetensors instead"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter tells its developers."""
    loggers = [logging.getLogger(name) for name in ("onnxscript", "onnx_ir", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@torch.inference_mode()
def _differences(module: nn.Module, path: Path, cases: Sequence[tuple[int, int, int]]) -> Iterator[float]:
    import onnxruntime

    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is raised
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for case in cases:
            images = random_images(*case)
            (found,) = session.run(None, {"image": images.numpy()})
            expected = module(images).numpy()
            yield float(abs(found - expected).max()) if found.shape == expected.shape else float("inf")
    except Exception as error:  # onnxruntime has a type for each of its codes
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise DifferentError(f"onnxruntime can't run what torch has exported ({error}); not kept") from error
