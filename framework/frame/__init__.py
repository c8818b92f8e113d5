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
    from frame.contracts.model import Prediction
    from frame.contracts.strategy import Strategy
    from frame.data.colours import CLASS_COLOURS
    from frame.data.files import read_mask, read_pair, write_image, write_mask
    from frame.data.images import read_image, read_pixels
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
    "OfKind": "frame.config.options",
    "Options": "frame.config.options",
    "Part": "frame.config.options",
    "Prediction": "frame.contracts.model",
    "Predictor": "frame.engine.inference.predictor",
    "Result": "frame.engine.run",
    "Sample": "frame.contracts.dataset",
    "Strategy": "frame.contracts.strategy",
    "UserError": "frame.plugin.errors",
    "catalog": "frame.plugin.catalog",
    "evaluate": "frame.engine.inference.evaluate",
    "hookimpl": "frame.plugin.hookspecs",
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
    "evaluate",
    "hookimpl",
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
