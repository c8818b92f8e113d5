"""Frame: the segmentation framework in which every part is a plugin.

The names below are all that a plugin needs. They are imported when first used, so ``import frame`` costs nothing and
a module that only wants :class:`Component` never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frame.config.options import OfKind, Options, Part
    from frame.contracts.callback import Callback
    from frame.contracts.dataset import Sample
    from frame.contracts.jsonable import jsonable
    from frame.contracts.model import Prediction
    from frame.contracts.strategy import Strategy, default_device, known_device
    from frame.data.colours import CLASS_COLOURS
    from frame.data.files import IMAGE_SUFFIXES, read_mask, read_pair, write_image, write_mask
    from frame.data.images import read_image, read_pixels
    from frame.data.verdicts import VERDICT_COLOURS, draw_errors
    from frame.engine.inference.evaluate import Evaluation, evaluate
    from frame.engine.inference.predictor import Predictor, load
    from frame.engine.run import Result, run
    from frame.plugin.catalog import catalog
    from frame.plugin.component import Component
    from frame.plugin.errors import UserError
    from frame.plugin.hookspecs import hookimpl

_HOMES = {
    "CLASS_COLOURS": "frame.data.colours",
    "Callback": "frame.contracts.callback",
    "Component": "frame.plugin.component",
    "Evaluation": "frame.engine.inference.evaluate",
    "IMAGE_SUFFIXES": "frame.data.files",
    "OfKind": "frame.config.options",
    "Options": "frame.config.options",
    "Part": "frame.config.options",
    "Prediction": "frame.contracts.model",
    "Predictor": "frame.engine.inference.predictor",
    "Result": "frame.engine.run",
    "Sample": "frame.contracts.dataset",
    "Strategy": "frame.contracts.strategy",
    "UserError": "frame.plugin.errors",
    "VERDICT_COLOURS": "frame.data.verdicts",
    "catalog": "frame.plugin.catalog",
    "default_device": "frame.contracts.strategy",
    "draw_errors": "frame.data.verdicts",
    "evaluate": "frame.engine.inference.evaluate",
    "hookimpl": "frame.plugin.hookspecs",
    "jsonable": "frame.contracts.jsonable",
    "known_device": "frame.contracts.strategy",
    "load": "frame.engine.inference.predictor",
    "read_image": "frame.data.images",
    "read_mask": "frame.data.files",
    "read_pair": "frame.data.files",
    "read_pixels": "frame.data.images",
    "run": "frame.engine.run",
    "write_image": "frame.data.files",
    "write_mask": "frame.data.files",
}
__all__ = [
    "CLASS_COLOURS",
    "IMAGE_SUFFIXES",
    "VERDICT_COLOURS",
    "Callback",
    "Component",
    "Evaluation",
    "OfKind",
    "Options",
    "Part",
    "Prediction",
    "Predictor",
    "Result",
    "Sample",
    "Strategy",
    "UserError",
    "catalog",
    "default_device",
    "draw_errors",
    "evaluate",
    "hookimpl",
    "jsonable",
    "known_device",
    "load",
    "read_image",
    "read_mask",
    "read_pair",
    "read_pixels",
    "run",
    "write_image",
    "write_mask",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        from importlib.metadata import version  # costs 20 ms, so only when asked for

        return version("frame-seg")
    raise AttributeError(f"module 'frame' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
