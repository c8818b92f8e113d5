"""A data set of files that keeps the contract."""

from pathlib import Path

import numpy as np

from frame import Component, Options, Sample, hookimpl


class ArraysOptions(Options):
    root: Path
    """The folder with a folder for each split."""

    def problems(self):
        if not self.root.is_dir():
            yield f"root: there is no folder {self.root}"


def _saved(folder, sample):
    np.savez(folder / f"{sample.id}.npz", image=sample.image, mask=sample.mask)


class Arrays:
    def __init__(self, *, split, root):
        self.split = split
        self.files = sorted((root / split).glob("*.npz"))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        file = self.files[index]
        with np.load(file) as arrays:
            image, mask = arrays["image"], arrays["mask"]
        return Sample(image, mask, file.stem)

    @classmethod
    def write(cls, folder, split, samples):
        (folder / split).mkdir(parents=True)
        written = [sample.id for sample in samples if not _saved(folder / split, sample)]
        return len(written)


@hookimpl
def frame_datasets():
    yield Component(
        name="arrays", target=f"{__name__}:Arrays", options=f"{__name__}:ArraysOptions", summary="Arrays in files"
    )
