"""A pass over validation images with a trained model, for the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from frame.data.pipeline import Subset, ValidationSamples, validation_loader
from frame.engine.validate import figures, validate

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from frame.config.run import Run
    from frame.contracts.dataset import Sample
    from frame.engine.inference.predictor import Predictor

_BATCH = 8


def predict(
    predictor: Predictor,
    samples: Subset,
    metrics: dict[str, Any],
    observe: Any,
    observe_extras: Any,
    unreadable: list[str],
    what: str,
) -> dict[str, float]:
    """Figures of the metrics; ``observe`` gets each sample with its probability, ``unreadable`` what can't be read."""
    loader = validation_loader(
        ValidationSamples(samples, predictor.size, "skip"), _BATCH, 0, predictor.strategy.root_device
    )
    with tqdm(total=len(samples), desc=what, unit="image", disable=None, leave=False) as bar:

        def seen(sample: Sample, probability: npt.NDArray[np.float32]) -> None:
            observe(sample, probability)
            bar.update()

        def note(found: Any) -> None:
            unreadable.extend(text for texts in found for text in texts)

        return validate(predictor.model, predictor.strategy, loader, metrics, lambda: None, seen, note, observe_extras)


def score(run: Run, sample: Sample, probability: npt.NDArray[np.float32]) -> float:
    """The monitored figure of one image; nan if it is none of single images."""
    label = run.monitor.partition("/")[0]
    metric = run.metrics[label](num_classes=run.num_classes)
    metric.update(probability, sample.mask)
    return figures(label, metric.compute()).get(run.monitor, math.nan)
