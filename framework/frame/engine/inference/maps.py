"""Scoring maps that any model has saved: one image file a mask, of the same name up to the suffix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from torch.utils.data import DataLoader, Dataset

from frame.contracts.dataset import Sample
from frame.data.files import IMAGE_SUFFIXES, read_mask
from frame.data.images import read_image
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from frame.contracts.dataset import Dataset as FrameDataset
    from frame.engine.inference.scores import Metrics, Tally


class _Scored(Dataset[Any]):
    """Of each image the metrics that have counted it alone, or what is wrong with it: work for several processes."""

    def __init__(self, dataset: FrameDataset, maps: dict[str, str], folder: Path, seen: Callable[..., Metrics]) -> None:
        self.dataset = dataset
        self.maps = maps
        self.folder = folder
        self.seen = seen

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[str, Metrics | None, str]:
        name = ""
        try:
            sample = self.dataset[index]
            name = sample.id
            if name not in self.maps:
                return name, None, f"{name}: there is no map of it in {self.folder}"
            return name, self.seen(_map(self.maps[name], sample.mask.shape)[None], sample.mask), ""
        except UserError as error:
            return name, None, str(error)


class MaskFolder:
    """Masks without their images, which scoring doesn't look at: every image file in ``folder`` is one."""

    def __init__(self, folder: Path) -> None:
        self.masks = _files(folder)
        self.names = sorted(self.masks)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        return Sample(np.empty((0, 0, 3), np.uint8), read_mask(self.masks[name]), name)


def score(dataset: FrameDataset, folder: Path, tally: Tally, workers: int, step: Callable[[], object]) -> None:
    """Count the map of every image of ``dataset``; ``step`` is called after each.

    Raises
    ------
    UserError
        If the folder isn't there, or holds no map of any image.
    """
    maps = _files(folder)
    loader = DataLoader(_Scored(dataset, maps, folder, tally.seen), batch_size=None, num_workers=workers)
    for name, seen, wrong in loader:
        if seen is None:
            tally.note_unreadable([[wrong]])
        else:
            tally.add(name, seen)
        step()
    if not tally.images:
        raise UserError(f"{folder}: no map in it could be scored; the first: {tally.unreadable[0]}")


def _files(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}")
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith("."):  # macOS leaves "._name.png"
            continue
        if path.stem in found:
            raise UserError(f"{found[path.stem]} and {path.name} have one name: remove or rename one of them")
        found[path.stem] = str(path)
    return found


def _map(path: str, size: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """``[H, W]`` in [0, 1], brought to the mask's size bilinearly if it has another."""
    grey = cv2.cvtColor(read_image(path), cv2.COLOR_RGB2GRAY)
    if grey.shape != size:
        grey = cv2.resize(grey, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return grey.astype(np.float32) / np.float32(255)
