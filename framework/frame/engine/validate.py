"""Validation: every image's probability at its mask's own size, counted by metrics that average over images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from frame.data.pipeline import batches, normalized
from frame.engine.memory import is_out_of_memory, make_room
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt
    from torch import nn
    from torch.utils.data import DataLoader

    from frame.contracts.dataset import Metric, Sample
    from frame.contracts.model import Prediction
    from frame.contracts.strategy import Strategy
    from frame.data.pipeline import ValidationBatch
    from frame.engine.model import Segmenter

    Extras = Mapping[str, npt.NDArray[np.float32]]


def validate(
    module: nn.Module,
    strategy: Strategy,
    loader: DataLoader[ValidationBatch],
    metrics: Mapping[str, Metric],
    before_batch: Callable[[], None],
    observe: Callable[[Sample, npt.NDArray[np.float32]], None],
    note_unreadable: Callable[[Iterable[Iterable[str]]], None],
    observe_extras: Callable[[Sample, Extras], None] | None = None,
    say: Callable[[str, str], None] | None = None,
) -> dict[str, float]:
    """Run the unwrapped model over ``loader``; returns the figures over all processes.

    ``metrics`` are fresh instances by label. ``before_batch`` may end it by an exception, in all processes at once.
    ``observe`` sees each sample of this process with its probability ``[K, H, W]``, and ``note_unreadable`` what was
    wrong with those that were left out. ``observe_extras`` sees what else the head told of each sample,
    ``say`` gets what the metrics found that a person should know, a topic and a line.
    """
    watching: list[Any] = [metric for metric in metrics.values() if hasattr(metric, "update_extras")]
    with torch.inference_mode(), strategy.eval_module(module) as model:  # the strategy may leave that mode again
        memory_format, names = cast("Segmenter", model).memory_format, cast("Segmenter", model).extra_names
        for images, samples, unreadable in batches(loader):
            before_batch()
            note_unreadable([unreadable])
            if not samples:
                if strategy.world_size > 1:  # others may wait for this process within the model
                    model(normalized(strategy.batch_to_device(images.new_zeros(1, *images.shape[1:])), memory_format))
                continue
            shown = normalized(strategy.batch_to_device(images), memory_format)
            logits, extras = predicted(model, shown, strategy.world_size)
            watched = _arrays(extras) if watching or observe_extras else {}
            for place, (each, sample) in enumerate(zip(logits, samples, strict=True)):
                probability = at_size(probabilities(each), sample.mask.shape)
                for metric in metrics.values():
                    metric.update(probability, sample.mask)
                observe(sample, probability)
                own = {name: array[place] for name, array in watched.items()}
                for metric in watching:
                    metric.update_extras(own, names)
                if observe_extras:
                    observe_extras(sample, own)
    return merged_figures(strategy, metrics, say)


def predicted(model: nn.Module, images: Tensor, world_size: int = 1) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits ``[B, K, H, W]`` and extras of ``[B, 3, H, W]``, by halves where the whole does not fit into memory."""
    try:
        logits, _, extras = cast("Prediction", model(images))
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    else:
        return logits, extras
    if len(images) == 1 or world_size > 1:  # others may wait for this process within the model
        raise UserError("out of memory: a smaller batch or data.size is needed")
    make_room()
    (logits, extras), (more, others) = (predicted(model, half, world_size) for half in images.chunk(2))
    return torch.cat([logits, more]), {name: torch.cat([extras[name], others[name]]) for name in extras}


def _arrays(extras: Mapping[str, Tensor]) -> Extras:
    return {name: np.asarray(each.float().cpu().numpy(), dtype=np.float32) for name, each in extras.items()}


def merged_figures(
    strategy: Strategy, metrics: Mapping[str, Metric], say: Callable[[str, str], None] | None = None
) -> dict[str, float]:
    """Each metric merged over all processes: ``label`` for its main figure, ``label/name`` for the others."""
    first, *others = strategy.all_gather(dict(metrics))
    found: dict[str, float] = {}
    for label, metric in first.items():
        for other in others:
            metric.merge(other[label])
        if say and hasattr(metric, "notices"):
            for topic, text in metric.notices().items():
                say(topic, text)
        found |= figures(label, metric.compute())
    return found


def figures(label: str, computed: Mapping[str, float]) -> dict[str, float]:
    """A metric's figures under its label; the first is the main one."""
    main, *others = computed.items()
    return {label: main[1]} | {f"{label}/{name}": value for name, value in others}


def probabilities(logits: Tensor) -> Tensor:
    """Logits ``[..., K, H, W]`` to probabilities: a sigmoid for one class, a softmax over more."""
    return logits.sigmoid() if logits.shape[-3] == 1 else logits.softmax(dim=-3)


def at_size(probability: Tensor, size: Any) -> npt.NDArray[np.float32]:
    """``[K, h, w]`` on any device, bilinearly at ``size = (H, W)``, as an array."""
    if tuple(probability.shape[-2:]) != tuple(size):
        probability = F.interpolate(probability[None], size=tuple(size), mode="bilinear", align_corners=False)[0]
    return np.asarray(probability.float().cpu().numpy(), dtype=np.float32)
