"""Predicting files: read ahead by threads, predicted in batches, written behind by threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch
from tqdm.auto import tqdm

from frame.data.images import quiet_decoder, read_image
from frame.data.pipeline import resized
from frame.engine.inference.manifest import claim
from frame.engine.inference.outputs import Outputs, is_done, style_of
from frame.engine.stopping import Stopping
from frame.engine.validate import at_size
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from frame.engine.inference.inputs import Input
    from frame.engine.inference.outputs import Job, Kind
    from frame.engine.inference.predictor import Predictor

AHEAD = 3  # batches that are read before they are needed, and that may wait to be written


class Outcome(NamedTuple):
    """What became of the images."""

    written: int
    skipped: int
    """Images whose files were there and whole."""
    unreadable: tuple[str, ...]
    left: int
    """Images that were not looked at, because it was stopped."""
    stopped: str | None
    """``"SIGINT"`` or ``"SIGTERM"``."""


class _Read(NamedTuple):
    job: Job
    small: npt.NDArray[np.uint8]
    size: tuple[int, int]
    """Its own height and width."""


def predict_files(
    predictor: Predictor,
    images: Sequence[Input],
    folder: Path,
    *,
    save: Sequence[Kind] = ("mask",),
    threshold: float | None = None,
    batch_size: int = 8,
    workers: int = 2,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Predict images and write what ``save`` names into ``folder``, which :class:`Outputs` describes.

    Files that are there, whole and newer than their image are kept, unless ``overwrite``. ``say`` is told of each image
    that can't be read. SIGINT or SIGTERM end it after the batch in progress, with all of that written.

    Raises
    ------
    UserError
        If the folder holds predictions of another model, two images would be written to one file, or the disk is full.
    """
    outputs = Outputs(folder, tuple(save), predictor.classes, style_of(predictor, threshold))
    jobs = outputs.jobs(images)
    claim(outputs, predictor, jobs, overwrite=overwrite)
    waiting = jobs if overwrite else [job for job in jobs if not is_done(job)]
    stopping, unreadable, written = Stopping(None), list[str](), 0

    def note(message: str) -> None:
        unreadable.append(message)
        say(message)
        bar.update()

    with (
        stopping.listening(),
        quiet_decoder(),
        ThreadPoolExecutor(workers) as readers,
        ThreadPoolExecutor(workers) as writers,
        tqdm(total=len(waiting), unit="image", disable=None, dynamic_ncols=True) as bar,
    ):
        pending: deque[Future[None]] = deque()
        ready = _ahead(readers, waiting, predictor.size, batch_size * AHEAD)
        try:
            for batch in _batches(ready, batch_size, note):
                probabilities = predictor.probabilities([read.small for read in batch]).cpu()
                for read, probability in zip(batch, probabilities, strict=True):
                    pending.append(writers.submit(_write, outputs, read, probability))
                while len(pending) > batch_size * AHEAD:
                    pending.popleft().result()
                written += len(batch)
                bar.update(len(batch))
                if stopping.reason:
                    break
            for each in pending:
                each.result()
        finally:
            ready.close()
            writers.shutdown(cancel_futures=True)
    left = len(waiting) - written - len(unreadable)
    return Outcome(written, len(jobs) - len(waiting), tuple(unreadable), left, stopping.reason if left else None)


def _ahead(
    readers: ThreadPoolExecutor, jobs: Sequence[Job], size: int, count: int
) -> Generator[_Read | str, None, None]:
    """What was read, in order, or why it could not be; ``count`` images are being read at any time."""
    coming = iter(jobs)
    pending = deque(readers.submit(_read, job, size) for job in islice(coming, count))
    try:
        while pending:
            yield pending.popleft().result()
            pending.extend(readers.submit(_read, job, size) for job in islice(coming, 1))
    finally:
        for each in pending:
            each.cancel()


def _batches(ready: Iterator[_Read | str], batch_size: int, note: Callable[[str], None]) -> Iterator[list[_Read]]:
    batch: list[_Read] = []
    for read in ready:
        if isinstance(read, str):
            note(read)
            continue
        batch.append(read)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


def _read(job: Job, size: int) -> _Read | str:
    try:
        image = read_image(job.image)
    except UserError as error:
        return str(error)
    return _Read(job, resized(image, size), (image.shape[0], image.shape[1]))


@torch.inference_mode()
def _write(outputs: Outputs, read: _Read, probability: Tensor) -> None:
    outputs.write(read.job, at_size(probability, read.size))
