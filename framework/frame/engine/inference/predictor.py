"""``frame.load``: a trained model, ready to predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from frame.config.bind import bind, bind_table
from frame.config.document import read
from frame.contracts.strategy import Strategy, known_device
from frame.data.images import read_image
from frame.data.pipeline import normalized, resized
from frame.engine.checkpoints.weights import load_into
from frame.engine.inference.saved import read_saved
from frame.engine.inference.test_time import averaged
from frame.engine.model import segmenter
from frame.engine.validate import at_size, predicted, probabilities
from frame.plugin.catalog import catalog
from frame.plugin.component import Kind
from frame.plugin.errors import UserError
from frame.plugin.provenance import OWN_DISTRIBUTION, file_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from torch import Tensor

    from frame.engine.inference.saved import Saved, Which
    from frame.engine.model import Segmenter
    from frame.plugin.catalog import Catalog

    Image = npt.NDArray[np.uint8] | str | Path | Any


class OneDevice(Strategy):
    """One process on a device that is there."""

    def __init__(self, device: str) -> None:
        self._device = known_device(device, "device")

    @property
    def root_device(self) -> torch.device:
        return self._device


class Predictor:
    """A trained model. Call it with an image, or :meth:`predict` with several; see :func:`load`."""

    def __init__(self, saved: Saved, model: Segmenter, classes: tuple[str, ...], strategy: Strategy) -> None:
        self.saved = saved
        self.model = model
        """The plain ``nn.Module``: ``[B, 3, H, W]`` float32, ImageNet-normalised, to a :class:`frame.Prediction`."""
        self.classes = classes
        """Names of the classes, the background first; empty where the work is binary."""
        self.size: int = saved.config["data"]["size"]
        """Side in pixels to which images are resized, as in training."""
        self.strategy = strategy
        self.flips = False
        self.scales: tuple[float, ...] = (1.0,)

    @property
    def num_classes(self) -> int:
        """K: 1 for binary work, otherwise the number of classes."""
        return len(self.classes) or 1

    def __call__(self, image: Image) -> npt.NDArray[np.float32]:
        """The probability at the image's own size: ``[H, W]``, or ``[K, H, W]`` where there are several classes.

        ``image`` is ``[H, W, 3]`` uint8 RGB, a PIL image, or a file's path.

        Raises
        ------
        UserError
            If a file can't be read.
        """
        found = self.predict([image])[0]
        return found if self.classes else found[0]

    def predict(self, images: Sequence[Image]) -> list[npt.NDArray[np.float32]]:
        """``[K, H, W]`` for each image, at its own size, computed as one batch."""
        if isinstance(images, (str, Path)):
            raise UserError(f"predict takes several images: predict([{str(images)!r}]), or call the predictor with one")
        arrays = [_array(image) for image in images]
        if not arrays:
            return []
        found = self.probabilities([resized(image, self.size) for image in arrays])
        return [at_size(each, image.shape[:2]) for each, image in zip(found, arrays, strict=True)]

    @torch.inference_mode()
    def probabilities(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """``[B, K, size, size]`` on the model's device, of images ``[size, size, 3]`` uint8 RGB."""
        batch = self.strategy.batch_to_device(torch.from_numpy(np.stack(images)))
        shown = normalized(batch, self.model.memory_format)
        logits, _ = predicted(averaged(self.model, self.flips, self.scales), shown)
        return torch.stack([probabilities(each) for each in logits])

    def __repr__(self) -> str:
        parts = f"{self.saved.config['backbone']['name']} + {self.saved.config['head']['name']}"
        return f"<frame.Predictor of {parts}, {self.saved.which} weights of {self.saved.path}>"


def load(
    checkpoint: str | Path,
    *,
    weights: Which = "measured",
    device: str = "auto",
    flips: bool = False,
    scales: Sequence[float] = (1.0,),
    plugins: Catalog | None = None,
) -> Predictor:
    """A trained model, ready to predict: ``frame.load("runs/camo")("fish.jpg")``.

    Parameters
    ----------
    checkpoint
        A run's folder, of which the best checkpoint is taken, a checkpoint, or an exported ``.safetensors`` file.
    weights
        ``"measured"`` are those that the checkpoint's figures were measured on, ``"ema"`` their average, ``"raw"`` as
        they were trained.
    device
        Such as ``"cuda:1"``; ``"auto"`` takes an accelerator if there is one.
    flips, scales
        Average over mirrored images, and over images at these multiples of the size.
    plugins
        The components to choose from; by default all that are installed. ``frame.catalog(files=[Path("mine.py")])``
        has those of a file beside them.

    Raises
    ------
    UserError
        If the checkpoint can't be read, a plugin that made its backbone or head is not installed, or there is no such
        device.
    """
    saved = read_saved(Path(checkpoint), weights)
    predictor = assembled(saved, plugins or catalog(), device)
    predictor.flips, predictor.scales = flips, tuple(scales)
    return predictor


def assembled(saved: Saved, plugins: Catalog, device: str) -> Predictor:
    """The model that the config describes, with the weights. Of the config only backbone and head need be installed."""
    config, strategy = read(saved.config), OneDevice(device)
    try:
        backbone, head = (bind_table(plugins, kind, config, kind.value) for kind in (Kind.BACKBONE, Kind.HEAD))
    except UserError as error:
        raise UserError(f"{saved.path}: {error}{_made_with(saved)}") from None
    named = saved.about.get("classes")  # not in checkpoints from before many classes were usual
    classes = tuple(named) if named is not None else bind(config, plugins).classes
    model = segmenter(backbone.loaded(), head.loaded(), len(classes) or 1)
    load_into(model, saved.weights, saved.path)
    return Predictor(saved, model.to(strategy.root_device).eval(), classes, strategy)


def _made_with(saved: Saved) -> str:
    """What a third party's model needs, in words that follow a message."""
    parts = saved.about.get("versions", {}).get("components", ())
    kinds = (Kind.BACKBONE, Kind.HEAD, Kind.EXPERT)
    sources = sorted({part["distribution"] for part in parts if part["kind"] in kinds} - {OWN_DISTRIBUTION})
    needs = [f"--plugin {file}" if (file := file_in(source)) else f"pip install {source}" for source in sources]
    return f"; it was made with: {', '.join(needs)}" if needs else ""


def _array(image: Image) -> npt.NDArray[np.uint8]:
    if isinstance(image, (str, Path)):
        return read_image(str(image))
    array = np.asarray(image.convert("RGB") if hasattr(image, "convert") else image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"image: expected [H, W, 3] uint8 RGB, got {list(array.shape)} {array.dtype}")
    return array
