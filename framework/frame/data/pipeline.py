"""From a data set's samples to batches: resized, augmented, stacked; still bytes, because a quarter travels faster."""

from __future__ import annotations

from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from frame.data.handover import Lent, Places
from frame.data.sampling import BatchPlan, Draw, sample_seed
from frame.data.verdicts import IGNORED
from frame.data.workers import start_worker
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from frame.contracts.dataset import Dataset as FrameDataset
    from frame.contracts.dataset import Sample, Transform
    from frame.data.cache import Cache

MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)  # ImageNet's, for bytes
STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)

Policy = Literal["raise", "skip"]
"""What a sample that can't be read does."""


class Batch(NamedTuple):
    """Training samples: images ``[B, H, W, 3]`` and masks ``[B, H, W]``, both uint8."""

    images: Tensor
    masks: Tensor
    unreadable: tuple[str, ...] = ()
    """What is wrong with samples that others stand in for."""

    def split(self, parts: int) -> list[Batch]:
        """The same samples in ``parts`` batches of nearly equal size; at least one sample each."""
        if parts == 1:
            return [self]
        return [Batch(*pair) for pair in zip(self.images.chunk(parts), self.masks.chunk(parts), strict=True)]


class ValidationBatch(NamedTuple):
    """Resized images ``[B, H, W, 3]`` uint8, and the samples that they came from, at their own sizes."""

    images: Tensor
    samples: list[Sample]
    unreadable: tuple[str, ...] = ()
    """What is wrong with samples that were left out."""


class _Drawn(NamedTuple):
    image: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]
    unreadable: tuple[str, ...]


class Subset:
    """Some items of a data set, or all of one that is fresh in every epoch; with ``num_classes`` masks are checked."""

    def __init__(
        self,
        dataset: FrameDataset,
        indices: Sequence[int] | npt.NDArray[np.int64] | None = None,
        num_classes: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.indices = indices
        self.num_classes = num_classes
        self.fresh = bool(getattr(dataset, "fresh", False)) and indices is None

    def __len__(self) -> int:
        return len(self.dataset) if self.indices is None else len(self.indices)

    def index(self, epoch: int, position: int) -> int:
        """An item's index in the data set; a fresh set is asked for one that never came before."""
        if self.indices is not None:
            return int(self.indices[position])
        return epoch * len(self) + position if self.fresh else position

    def at(self, epoch: int, position: int) -> tuple[int, Sample]:
        """A sample and its index in the data set."""
        index = self.index(epoch, position)
        return index, self.sample(index)

    def sample(self, index: int) -> Sample:
        """The data set's item. Raises :class:`UserError` if its mask holds what is no class."""
        sample = self.dataset[index]
        if self.num_classes is None:
            return sample
        highest = int(sample.mask.max(initial=0))
        if self.num_classes > 1 and highest == IGNORED:
            highest = int(sample.mask[sample.mask != IGNORED].max(initial=0))
        if highest >= max(2, self.num_classes):
            wanted = "0 and 1" if self.num_classes == 1 else f"0 to {self.num_classes - 1}, and 255 where it is ignored"
            raise UserError(
                f"the mask of {sample.id} holds {highest}, which is no class: a data set has to give {wanted}"
            )
        return sample


def resized(image: npt.NDArray[np.uint8], size: int, *, mask: bool = False) -> npt.NDArray[np.uint8]:
    """``[H, W(, 3)]`` at ``size`` x ``size``: nearest for masks, linear for images, of which every pixel counts."""
    if image.shape[:2] == (size, size):
        return image
    # Linear to half a side is the mean of pairs: so no texture is skipped, in a sixth of INTER_AREA's time.
    while not mask and max(image.shape[:2]) >= 2 * size:
        height, width = (-(-side // 2) if side >= 2 * size else side for side in image.shape[:2])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    how = cv2.INTER_NEAREST_EXACT if mask else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=how).astype(np.uint8, copy=False)


class TrainingSamples(Dataset[Any]):
    """Resized and augmented training samples, each a function of (seed, epoch, index).

    With ``unreadable = "skip"`` the next sample of the set stands in for one that can't be read, so that batches keep
    their sizes and a resumed run, or one on more devices, sees the same.
    """

    def __init__(
        self,
        subset: Subset,
        size: int,
        transform: Transform | None,
        seed: int,
        unreadable: Policy = "raise",
        cache: Cache | None = None,
    ) -> None:
        self.subset = subset
        self.size = size
        self.transform = transform
        self.seed = seed
        self.unreadable = unreadable
        self.cache = cache

    def __getitem__(self, draw: Draw) -> _Drawn | UserError:
        epoch, position = draw
        told: list[str] = []
        for offset in range(len(self.subset)):
            try:
                return _Drawn(*self._at(epoch, (position + offset) % len(self.subset)), tuple(told))
            except UserError as error:
                told.append(str(error))
                if self.unreadable == "raise":
                    return error
        return UserError(f"none of {len(self.subset)} training images can be read; the first: {told[0]}")

    def _at(self, epoch: int, position: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        index = self.subset.index(epoch, position)
        make = partial(self._resized, index)
        image, mask = self.cache.get(index, make) if self.cache else make()
        if self.transform is not None:
            self.transform.set_random_seed(sample_seed(self.seed, epoch, index))
            out = self.transform(image=image, mask=mask)
            image, mask = resized(out["image"], self.size), resized(out["mask"], self.size, mask=True)
        return image, mask

    def _resized(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        sample = self.subset.sample(index)
        return resized(sample.image, self.size), resized(sample.mask, self.size, mask=True)


class ValidationSamples(Dataset[Any]):
    """Resized images beside the whole sample; with ``unreadable = "skip"``, what is wrong with one in its place."""

    def __init__(self, subset: Subset, size: int, unreadable: Policy = "raise") -> None:
        self.subset = subset
        self.size = size
        self.unreadable = unreadable

    def __getitem__(self, draw: Draw) -> tuple[npt.NDArray[np.uint8], Sample] | str | UserError:
        try:
            _, sample = self.subset.at(0, draw[1])
        except UserError as error:
            return str(error) if self.unreadable == "skip" else error
        return resized(sample.image, self.size), sample


def training_loader(samples: TrainingSamples, batch_size: int, workers: int, device: torch.device) -> DataLoader[Any]:
    """Shuffled batches; set ``loader.batch_sampler.epoch`` before each pass."""
    plan = BatchPlan(len(samples.subset), batch_size, samples.seed)
    places = Places.where_there_is_room(workers, batch_size, samples.size)
    loader = _loader(samples, plan, workers, device, partial(_stack, samples.size, places))
    loader.places = places
    return loader


def validation_loader(
    samples: ValidationSamples, batch_size: int, workers: int, device: torch.device
) -> DataLoader[Any]:
    """All samples once, in order."""
    plan = BatchPlan(len(samples.subset), batch_size, whole=True)
    return _loader(samples, plan, workers, device, partial(_stack_validation, samples.size))


class _Loader(DataLoader[Any]):
    """Its batches come from places that its workers share with this process, if it has such."""

    places: Places | None = None

    def __iter__(self) -> Any:
        for batch in super().__iter__():
            if isinstance(batch, Lent) and self.places:
                yield Batch(*self.places.take(batch, pinned=self.pin_memory), batch.unreadable)
            else:
                yield batch


def _loader(samples: Any, plan: BatchPlan, workers: int, device: torch.device, collate: Any) -> _Loader:
    return _Loader(
        samples,
        batch_sampler=plan,
        num_workers=workers,
        collate_fn=partial(_collated, collate),
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
        worker_init_fn=start_worker,
        generator=torch.Generator(),  # its own: each pass draws from it, and a resumed run has one pass more
    )


def _collated(stack: Callable[[list[Any]], Any], items: list[Any]) -> Any:
    """A batch; or the error of a sample, which travels as a value: a worker's exception would arrive as a traceback."""
    return next((item for item in items if isinstance(item, UserError)), None) or stack(items)


def batches(loader: DataLoader[Any]) -> Iterator[Any]:
    """The batches of a loader. Raises the :class:`UserError` of a sample that could not be had.

    Without workers they are made here: a ``DataLoader`` would do the same, and take longer for it.
    """
    order: Any = loader.batch_sampler
    here = (loader.collate_fn([loader.dataset[draw] for draw in draws]) for draws in order)
    for batch in loader if loader.num_workers or loader.pin_memory else here:
        if isinstance(batch, UserError):
            raise batch
        yield batch


def windows(
    loader: DataLoader[Any], accumulation: int, epoch: int, start: int = 0
) -> Iterator[tuple[int, list[Batch]]]:
    """The batches of each optimizer step of an epoch from number ``start`` on, ``accumulation`` at a time.

    With them the number of samples in them over all processes.
    """
    order: Any = loader.batch_sampler
    order.epoch, order.start = epoch, start * accumulation
    following = batches(loader)
    for first in range(order.start, len(order), accumulation):
        yield order.samples_in(first, accumulation), list(islice(following, accumulation))


def _stack(size: int, places: Places | None, items: list[_Drawn]) -> Batch | Lent:
    if not items:  # this process's share of a batch that is smaller than the number of processes
        return Batch(torch.empty(0, size, size, 3, dtype=torch.uint8), torch.empty(0, size, size, dtype=torch.uint8))
    images, masks, told = zip(*items, strict=True)
    unreadable: tuple[str, ...] = sum(told, ())
    if places and (lent := places.lend(images, masks, unreadable)):
        return lent
    return Batch(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks)), unreadable)


def _stack_validation(size: int, items: list[tuple[npt.NDArray[np.uint8], Sample] | str]) -> ValidationBatch:
    read = [item for item in items if not isinstance(item, str)]
    images = np.stack([image for image, _ in read]) if read else np.empty((0, size, size, 3), np.uint8)
    unreadable = tuple(item for item in items if isinstance(item, str))
    return ValidationBatch(torch.from_numpy(images), [sample for _, sample in read], unreadable)


def normalized(images: Tensor, memory_format: torch.memory_format = torch.contiguous_format) -> Tensor:
    """``[B, H, W, 3]`` uint8 to ``[B, 3, H, W]`` float32, ImageNet-normalised, on the images' device."""
    mean, std = _statistics(images.device)
    return images.permute(0, 3, 1, 2).to(torch.float32, memory_format=memory_format).sub_(mean).div_(std)


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    with torch.inference_mode(mode=False):  # they outlive the first call, which may be a validation's
        mean, std = (torch.tensor(each, device=device).view(3, 1, 1) for each in (MEAN, STD))
    return mean, std


def target(masks: Tensor, num_classes: int) -> Tensor:
    """``[B, H, W]`` uint8 to a loss's mask: ``[B, 1, H, W]`` float32 for one class, ``[B, H, W]`` int64 for more."""
    return masks.float().unsqueeze(1) if num_classes == 1 else masks.long()
