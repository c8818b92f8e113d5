"""``frame show CONFIG --samples``: a sheet of training samples as training sees them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frame.config.run import Run

EPOCHS, EPOCHS_OF_FRESH = 5, 3  # that fit into a row: of a fresh set each has an image of its own


def show_samples(run: Run, file: str | None, count: int, *, as_json: bool) -> None:
    """Write the sheet of ``count`` images to ``file``, a PNG, and print where it is.

    Raises
    ------
    UserError
        If the data, the augmentation or the file have something wrong.
    """
    from frame.engine.plan import split_data, training_samples
    from frame.report.samples import gather
    from frame.report.samples_picture import draw

    train, _, lines = split_data(run)
    samples = training_samples(run, train)
    part = run.data.augmentation
    epochs = 1 if part is None else EPOCHS_OF_FRESH if train.fresh else EPOCHS
    rows = gather(samples, count, epochs)
    augmented = f'augmentation "{part.name}"' if part else "no augmentation: every epoch sees the same"
    title = f"{run.name}: {len(train)} training images, {run.data.size} px"
    fresh = ", other images in every epoch" if train.fresh else ""
    path = Path(file or f"{run.name}-samples.png")
    draw(rows, title, f"{augmented}, seed {run.run.seed}{fresh}", run.classes, path)
    for text in dict.fromkeys(text for row in rows for text in row.unreadable):
        print(f"skipped: {text}", file=sys.stderr)
    if as_json:
        print(json.dumps({"samples": str(path), "images": [each.id for row in rows for each in row.originals]}))
    else:
        print("\n".join([*lines, f"samples {path}"]))
