"""A timm model as a backbone."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import timm
from torch import Tensor, nn
from torch.nn import functional as F

from frame import UserError
from frame_backbones.hub import require_weights
from frame_backbones.stages import stages_of
from frame_backbones.weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What timm raises, according to the model, for arguments, indices or a request for features that it can't serve.
REFUSALS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class SizeError(UserError, ValueError):
    """An image of another size than the model takes."""


class TimmBackbone(nn.Module):
    """The feature maps of a timm model.

    Maps follow the contract whatever the model does at odd sizes: the image is padded with zeros, the mean colour, on
    the right and at the bottom to a multiple of the coarsest stride, and each map is cut to ``ceil(H / stride)`` by
    ``ceil(W / stride)``. So pixel ``i`` of a map always stands for the image's pixels from ``i * stride`` on. An image
    of the one size that a model is made for is left as it is.

    Parameters
    ----------
    model
        The model's name in timm.
    pretrained
        Load timm's own weights.
    checkpoint
        Load this file instead, see :func:`frame_backbones.weights.load_weights`.
    drop_path
        Rate of stochastic depth (Huang et al., 2016, arXiv:1603.09382).
    out_indices
        Which maps to use; ``None`` for all.
    arguments
        Further arguments of the model's constructor.

    Raises
    ------
    UserError
        If there is no such model, it refuses an argument, gives no feature maps, or its weights can't be had.
    """

    def __init__(
        self,
        *,
        model: str,
        pretrained: bool = False,
        checkpoint: Path | None = None,
        drop_path: float = 0.0,
        out_indices: Sequence[int] | None = None,
        arguments: Mapping[str, bool | int | float | str] | None = None,
    ) -> None:
        super().__init__()
        settings: dict[str, Any] = {"pretrained": pretrained and checkpoint is None, **(arguments or {})}
        if drop_path:
            settings["drop_path_rate"] = drop_path
        if out_indices is not None:
            settings["out_indices"] = tuple(out_indices)
        self.net = _create(model, settings)
        if checkpoint is not None:
            load_weights(self.net, checkpoint, name=model)
        info = self.net.feature_info
        self.channels: tuple[int, ...] = tuple(info.channels())
        self.strides: tuple[int, ...] = tuple(info.reduction())
        self.channels_last = getattr(self.net, "output_fmt", "NCHW") == "NHWC"
        self.own_size = _own_size(model, settings)

    @property
    def stages(self) -> list[list[nn.Module]]:
        """The modules up to each map, from the image's side on: what ``unfreeze = "progressive"`` counts."""
        return stages_of(self.net)

    def forward(self, image: Tensor) -> list[Tensor]:
        """``[B, 3, H, W]`` to one map ``[B, C_i, ceil(H / s_i), ceil(W / s_i)]`` a level, finest first."""
        height, width = image.shape[-2:]
        multiple = 1 if (height, width) == self.own_size else max(self.strides)
        below, right = (_cells(side, multiple) * multiple - side for side in (height, width))
        try:
            maps = self.net(F.pad(image, (0, right, 0, below)))
        except AssertionError as error:
            if self.own_size in (None, (height, width)):
                raise
            raise SizeError(
                f"backbone: this timm model is made for images of one size: {error} Set data.size to it, or, where the "
                "model takes that argument, backbone.arguments = {img_size = SIDE}; --scales can't be used with it"
            ) from error
        if self.channels_last:
            maps = [x.permute(0, 3, 1, 2) for x in maps]
        return [x[:, :, : _cells(height, s), : _cells(width, s)] for x, s in zip(maps, self.strides, strict=True)]


def _cells(side: int, stride: int) -> int:
    """``side / stride``, rounded up; without negative numbers, which exported graphs round the other way."""
    return (side + stride - 1) // stride


def _own_size(model: str, settings: Mapping[str, Any]) -> tuple[int, int] | None:
    """``(height, width)`` if timm says that the model is made for one size."""
    config = timm.get_pretrained_cfg(model)
    if config is None or not config.fixed_input_size:
        return None
    size = settings.get("img_size", config.input_size[-2:])
    return (size, size) if isinstance(size, int) else tuple(size)


def _create(model: str, settings: dict[str, Any]) -> Any:
    """The timm model as a feature extractor, or a :class:`UserError` in the words of a config."""
    if not timm.is_model(model):
        close = get_close_matches(model, timm.list_models(), 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "timm.list_models() gives their names"
        raise UserError(f'backbone.model: timm {timm.__version__} has no model "{model}"; {hint}')
    if settings["pretrained"]:
        require_weights(model)
    try:
        return timm.create_model(model, features_only=True, **settings)
    except REFUSALS as error:
        if "drop_path_rate" in str(error):
            raise UserError(f'backbone.drop_path: timm\'s "{model}" has no stochastic depth; leave it out') from error
        options = ", ".join(f"{key} = {value}" for key, value in settings.items())
        raise UserError(
            f'backbone: timm can\'t build "{model}" for feature maps with {options}: '
            f"{type(error).__name__}: {error}; change these options, or choose another model"
        ) from error
