"""The parts of a model: backbone, expert, head, loss, and the prediction that flows between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Prediction(NamedTuple):
    """What a head returns. Every tensor's first dimension is the batch, so any strategy can split and gather it.

    A named tuple, because DataParallel's gather, FSDP2's hooks and pytrees know it without being taught.
    """

    logits: Tensor
    """``[B, K, H, W]`` at the size asked for; never probabilities."""
    side: tuple[Tensor, ...] = ()
    """Coarser logits ``[B, K, h, w]`` for deep supervision, finest first."""
    extras: dict[str, Tensor] = {}  # noqa: RUF012  (outputs are read-only by contract)
    """Named tensors ``[B, ...]``, such as ``"router.0"``: the full softmax of a router over its experts ``[B, E]``."""


class Backbone(Protocol):
    """A feature extractor. Built as ``target(**options)``.

    A backbone may also have ``stages``, a sequence of lists of modules from the image's side on, by which
    ``unfreeze = "progressive"`` counts; without it the whole backbone is one stage.
    """

    channels: Sequence[int]
    """Channels of each map, finest first."""
    strides: Sequence[int]
    """Stride of each map against the image, finest first."""

    def __call__(self, image: Tensor) -> list[Tensor]:
        """``[B, 3, H, W]`` float32, ImageNet-normalised, to one map ``[B, C_i, ceil(H/s_i), ceil(W/s_i)]`` a level."""
        ...


class Expert(Protocol):
    """One expert of a mixture. Built as ``target(channels=C, **options)``.

    It holds no batch statistics (GroupNorm or LayerNorm instead of BatchNorm), so that running it on the chosen images
    alone equals running it on all. It leaves its input as it is, which may be a part of a larger map.
    """

    def __call__(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` to ``[N, C, H, W]``, for any N >= 1, H and W."""
        ...


class Head(Protocol):
    """A decoder. Built as ``target(channels=..., strides=..., num_classes=K, **options)``.

    A head may also have ``extra_names``: for an extra ``[B, N]`` what its N columns stand for, such as
    ``{"router.0": ("texture", "edge")}``, no two alike, which those who watch it show.

    One with experts may have ``experts``, their names, and ``switch_off(names)``, after which those are not used, and
    with no names all are again: ``frame eval --without-expert`` shows what each is worth.

    Any module of a model or a loss may have ``set_progress(progress)``, for what changes over the run. It is called
    before each training step with the position in the run: 0.0 for the first step of all stages, 1.0 for the last. It
    is no state: a resumed run tells it anew. Outside training nobody calls it, so a module starts as it would at 0.
    """

    def __call__(self, features: list[Tensor], size: tuple[int, int]) -> Prediction:
        """One map a level, finest first, to logits at ``size = (H, W)``."""
        ...


class Loss(Protocol):
    """A loss, an ``nn.Module``. Built as ``target(**options)``; what state it keeps goes into the checkpoint.

    One that changes over the run has ``set_progress``, as any module may: see :class:`Head`.
    """

    def __call__(self, prediction: Prediction, mask: Tensor) -> Tensor:
        """A scalar, finite for empty and full masks.

        ``mask`` is ``[B, 1, H, W]`` float32 in {0, 1} for K = 1, and ``[B, H, W]`` int64 with 255 ignored for K >= 2.
        """
        ...
