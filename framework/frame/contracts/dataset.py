"""Data: what a data set yields, and what a transform and a metric do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

Split = Literal["train", "validation", "test"]


class Sample(NamedTuple):
    """One image with its mask, as it lies on disk: not resized, not augmented, not normalised."""

    image: npt.NDArray[np.uint8]
    """``[H, W, 3]`` RGB."""
    mask: npt.NDArray[np.uint8]
    """``[H, W]``: the index of each pixel's class; 0 and 1 for binary work, 255 ignored where classes are many."""
    id: str
    """Unique in its split; names output files."""


class Dataset(Protocol):
    """A data set. Built as ``target(split=..., **options)``; must survive pickling to a loader's worker.

    A split that there is not is a :class:`UserError`.

    Class attributes with defaults, all optional:

    - ``has_validation = False``: there is a validation split of its own. Otherwise the engine holds out a share of
      ``train``, stratified by ``strata()`` (one label an item) if there is such a method.
    - ``fresh = False``: ``len`` is one epoch's length, and any index from 0 on is valid: epoch e asks for
      ``e * len + i``, so that no image comes twice.

    A method ``files(index) -> tuple[Path | str, ...]``, optional too: every file that the item is made of, the image's
    first and then the mask's. ``frame data audit`` looks at them, and ``data.cache`` keeps an item for as long as they
    stay as they are. Beside it ``left_out()`` may give the files of the split that are not used, by the reason
    (``{"NonCAM": [(image, mask)]}``, an empty string for one that is missing), and the attribute ``published`` the
    number of items that the split should have.

    ``group(id)``, optional too, tells an item's group by its id, or ``None``: ``frame eval`` has a row for each.

    Its options class says what the classes are, in a field or property ``classes`` (a tuple of names, the background
    first); without it the work is binary. It may be a :class:`Recognizes` too.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class Recognizes(Protocol):
    """An options class of a data set that lies in a folder, which knows the set when it sees it.

    All of it is optional. So that ``frame eval --data DIR`` needs no config, every installed data set is asked:
    those of third parties first, each plugin's in the order in which it yields them; a general one comes after the
    special ones. The first that knows the folder, by whichever split, is the one.
    """

    as_trained: ClassVar[tuple[str, ...]] = ()
    """Options that say how masks are read, such as ``classes``: no folder tells them, so that a model is measured with
    those of its own config."""

    @classmethod
    def recognized(cls, folder: Path, split: Split) -> Mapping[str, Any] | None:
        """The options with which the data set reads ``split`` of what lies in ``folder``; ``None`` if it isn't this.

        Look at names of files and folders only, and at ``folder`` alone: its sub-folders are asked about next.
        """
        ...

    @classmethod
    def looks_for(cls) -> str:
        """What is looked for, in one line, for the message when no data set knows the folder."""
        ...


class Transform(Protocol):
    """An augmentation. Built as ``target(size=..., **options)``; an ``albumentations.Compose`` is one."""

    def set_random_seed(self, seed: int | None) -> None:
        """All randomness of the next call follows from ``seed``, a function of (run's seed, epoch, index)."""
        ...

    def __call__(self, *, image: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8]) -> dict[str, Any]:
        """Image ``[H, W, 3]`` and mask ``[H, W]``, both uint8, to a dict with the same two keys and types."""
        ...


class Metric(Protocol):
    """A metric: a mean over images, each at its mask's own size. Built as ``target(num_classes=K, **options)``.

    One that tells classes apart has an attribute ``classes``: the names of the data set's are put there once it is
    built, and ``compute`` calls its figures by them.

    An attribute ``lower_is_better``, optional, names the figures of which less is better: a run that monitors one of
    them is refused unless ``train.monitor_mode`` says so. A figure that is to be monitored has to be there whatever the
    images.

    With several processes each counts a share of the images, and the first merges what they found. Figures that are the
    same to the last digit need a sum that doesn't depend on the order, ``math.fsum`` or one of integers.

    Two methods more, both optional: ``update_extras(extras, names)`` is called for each image after ``update``, with
    what else the head told of it, :attr:`Prediction.extras` without the batch's dimension, and the head's
    ``extra_names``. ``notices()`` is asked once all processes' counts are merged, before ``compute``: lines that a
    person should see by their topics, of each of which one is told in a run.
    """

    def update(self, probability: npt.NDArray[np.float32], mask: npt.NDArray[np.uint8]) -> None:
        """Count one image: ``[K, H, W]`` in [0, 1] against ``[H, W]`` class indices (0 and 1 for K = 1)."""
        ...

    def merge(self, other: Self) -> None:
        """Add what another instance has counted."""
        ...

    def compute(self) -> dict[str, float]:
        """The figures over all images so far, by name. The first is the metric's main one."""
        ...
