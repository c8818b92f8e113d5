"""The callback: it looks at a run and writes down what it saw, and changes none of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Callback

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from frame import Sample
    from frame.contracts.callback import EpochInfo, RunInfo


class Acme(Callback):
    """Lists the validation images on which the model is most wrong, in ``worst.txt`` of the run's folder.

    Of several processes the first speaks, of the images that it validated.

    Parameters
    ----------
    count
        How many images are listed.
    """

    def __init__(self, *, count: int = 10) -> None:
        self.count = count
        self.errors: dict[str, float] = {}
        self.path: Path | None = None

    def on_run_start(self, run: RunInfo) -> None:
        self.path = run.folder / "worst.txt"

    def on_validation_start(self, images: int) -> None:
        self.errors.clear()

    def on_validation_sample(self, sample: Sample, probability: npt.NDArray[np.float32]) -> None:
        """``probability`` is ``[K, H, W]`` at the mask's own size; K = 1 for binary work, the object's alone."""
        if len(probability) == 1:
            wrong = (probability[0] > 0.5) != (sample.mask == 1)
        else:
            wrong = (probability.argmax(0) != sample.mask) & (sample.mask != 255)
        self.errors[sample.id] = float(wrong.mean())

    def on_epoch_end(self, epoch: EpochInfo) -> None:
        worst = sorted(self.errors.items(), key=lambda item: -item[1])[: self.count]
        if self.path is not None:
            self.path.write_text("".join(f"{error:.3f}  {name}\n" for name, error in worst))

    def artifacts(self) -> Mapping[str, Path]:
        """What is told at the end, with its path."""
        return {"worst images": self.path} if self.path is not None and self.path.exists() else {}
