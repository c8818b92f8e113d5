"""The data set: samples as they lie on disk. Resizing, augmentation and caching are Frame's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frame import Sample, UserError, read_pair, write_image, write_mask

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

END = ".mask.png"


class Acme:
    """``<root>/<split>/<name>.png`` with ``<name>.mask.png`` beside it, in which the object is white.

    Parameters
    ----------
    split
        ``"train"`` or ``"test"``; Frame holds a part of the former out for validation.
    root
        The folder that holds both.

    Raises
    ------
    UserError
        If there are no pairs.
    """

    def __init__(self, *, split: str, root: Path) -> None:
        self.folder = root / split
        self.names = sorted(path.name.removesuffix(END) for path in self.folder.glob(f"*{END}"))
        if not self.names:
            raise UserError(f"data.root: there is no <name>{END} in {self.folder}")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Image ``[H, W, 3]`` RGB and mask ``[H, W]`` of 0 and 1, both uint8."""
        image, mask = self.files(index)
        return Sample(*read_pair(str(image), str(mask)), self.names[index])

    def files(self, index: int) -> tuple[Path, Path]:
        """What an item is made of, for ``frame data audit`` and ``data.cache``. Optional."""
        name = self.names[index]
        return self.folder / f"{name}.png", self.folder / f"{name}{END}"

    @classmethod
    def write(cls, folder: Path, split: str, samples: Iterable[Sample]) -> int:
        """Write a split in this layout, for ``frame data make`` and for the checks. Optional."""
        (folder / split).mkdir(parents=True)
        count = 0
        for image, mask, name in samples:
            write_image(folder / split / f"{name}.png", image)
            write_mask(folder / split / f"{name}{END}", mask)
            count += 1
        return count
