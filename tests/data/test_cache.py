"""A cache gives what its data set would, whatever happens to its files and theirs."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from frame import Sample, UserError
from frame.data.cache import Cache
from frame.data.pipeline import Subset, TrainingSamples, batches, training_loader

SIZE, LENGTH = 20, 6
CPU = torch.device("cpu")


class Pictures:
    """Files of noise; counts how often one is read in this process."""

    def __init__(self, folder) -> None:
        self.folder, self.reads = folder, 0
        for index in range(LENGTH):
            self.write(index, index)

    def write(self, index: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        image, mask = self.files(index)
        cv2.imwrite(image, rng.integers(0, 256, (31, 24, 3), dtype=np.uint8))
        cv2.imwrite(mask, rng.integers(0, 2, (31, 24), dtype=np.uint8))

    def files(self, index: int) -> tuple[str, str]:
        return str(self.folder / f"{index}.bmp"), str(self.folder / f"{index}.png")

    def __len__(self) -> int:
        return LENGTH

    def __getitem__(self, index: int) -> Sample:
        self.reads += 1
        image, mask = map(cv2.imread, self.files(index))
        if image is None:
            raise UserError(f"{index}.bmp is damaged")
        return Sample(image, mask[..., 0].copy(), str(index))


@pytest.fixture
def pictures(tmp_path) -> Pictures:
    (tmp_path / "pictures").mkdir()
    return Pictures(tmp_path / "pictures")


@pytest.fixture
def new_cache(tmp_path, pictures):
    (tmp_path / "cache").mkdir()
    return lambda: Cache(tmp_path / "cache" / "it", pictures.files, LENGTH, SIZE)


def samples(pictures: Pictures, cache: Cache | None, **settings) -> TrainingSamples:
    return TrainingSamples(Subset(pictures), SIZE, None, 0, cache=cache, **settings)


def everything(found: TrainingSamples) -> list[bytes]:
    drawn = [found[0, position] for position in range(LENGTH)]
    return [image.tobytes() + mask.tobytes() for image, mask, _ in drawn]


def is_right(pictures: Pictures, cache: Cache) -> bool:
    """Whether all is to the bit what it is without a cache."""
    return everything(samples(pictures, cache)) == everything(samples(pictures, None))


def reads(pictures: Pictures, cache: Cache) -> int:
    """How many items are read from their files when all are asked for once."""
    before = pictures.reads
    everything(samples(pictures, cache))
    return pictures.reads - before


def test_what_is_cached_is_what_the_data_set_gives_and_is_read_once(pictures, new_cache) -> None:
    cache = new_cache()
    assert cache.filled(range(LENGTH)) == 0
    assert is_right(pictures, cache)
    assert is_right(pictures, cache)
    assert cache.filled(range(LENGTH)) == LENGTH
    assert reads(pictures, cache) == 0
    assert reads(pictures, new_cache()) == 0
    assert new_cache().notices() == {}


def test_what_is_done_to_a_sample_stays_out_of_the_cache(pictures, new_cache) -> None:
    found = samples(pictures, new_cache())
    for _ in range(2):
        image, mask, _ = found[0, 1]
        image[:], mask[:] = 7, 7
    assert everything(found) == everything(samples(pictures, None))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_fill_one_cache_and_give_the_same_batches(pictures, new_cache, workers: int) -> None:
    def epochs(cache: Cache | None, workers: int) -> list[bytes]:
        loader = training_loader(samples(pictures, cache), 2, workers, CPU)
        return [batch.images.numpy().tobytes() for _ in range(2) for batch in batches(loader)]

    cache = new_cache()
    assert epochs(cache, workers) == epochs(None, 0)
    assert cache.filled(range(LENGTH)) == LENGTH


def test_a_cache_reaches_a_worker_that_is_not_forked(pictures, new_cache) -> None:
    cache = new_cache()
    everything(samples(pictures, cache))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(reads, (pictures, cache)) == 0


def test_a_file_that_changes_is_read_anew(pictures, new_cache) -> None:
    cache = new_cache()
    everything(samples(pictures, cache))
    pictures.write(2, seed=50)
    assert is_right(pictures, cache)
    assert reads(pictures, cache) == 0


def test_a_file_of_the_same_size_and_time_is_read_anew(pictures, new_cache) -> None:
    cache = new_cache()
    everything(samples(pictures, cache))
    image, _ = pictures.files(3)
    before = Path(image).stat()
    cv2.imwrite(image, np.random.default_rng(51).integers(0, 256, (31, 24, 3), dtype=np.uint8))  # not the mask too
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    while (after := Path(image).stat()).st_ctime_ns == before.st_ctime_ns:  # a file system's clock may tick every 10 ms
        os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert is_right(pictures, cache)


def test_files_that_change_places_are_read_anew(pictures, new_cache) -> None:
    cache = new_cache()
    everything(samples(pictures, cache))
    first, second, aside = pictures.files(0)[0], pictures.files(1)[0], str(pictures.folder / "aside")
    for old, new in ((first, aside), (second, first), (aside, second)):
        Path(old).rename(new)
    assert is_right(pictures, cache)


def test_an_item_more_makes_the_cache_grow(pictures, new_cache, tmp_path) -> None:
    everything(samples(pictures, new_cache()))
    longer = Cache(tmp_path / "cache" / "it", pictures.files, LENGTH + 5, SIZE)
    assert longer.filled(range(LENGTH + 5)) == LENGTH
    assert reads(pictures, longer) == 0


def test_an_error_is_not_cached(pictures, new_cache) -> None:
    cache, (image, _) = new_cache(), pictures.files(4)
    whole = Path(image).read_bytes()
    for content in (b"", whole[:20]):
        Path(image).write_bytes(content)
        for _ in range(2):
            stands_in = samples(pictures, cache, unreadable="skip")[0, 4]
            assert stands_in.unreadable == ("4.bmp is damaged",)
            assert np.array_equal(stands_in.image, samples(pictures, None)[0, 5].image)
            assert isinstance(samples(pictures, cache)[0, 4], UserError)
    Path(image).write_bytes(whole)
    assert is_right(pictures, cache)


def test_a_file_that_is_gone_is_no_longer_given(pictures, new_cache) -> None:
    cache = new_cache()
    everything(samples(pictures, cache))
    Path(pictures.files(4)[0]).unlink()
    assert isinstance(samples(pictures, cache)[0, 4], UserError)


@pytest.mark.parametrize("place", [0, 1201, 2 * 4096 - 1])
def test_a_damaged_entry_is_made_anew_and_told(pictures, new_cache, tmp_path, place: int) -> None:
    cache = new_cache()
    everything(samples(pictures, cache))
    with (tmp_path / "cache" / "it.data").open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))
    assert is_right(pictures, cache)
    assert list(cache.notices()) == ["damaged"]
    assert reads(pictures, cache) == 0


@pytest.mark.parametrize(
    ("suffix", "length", "left"), [("data", 4100, 1), ("data", 0, 0), ("index", 48, 2), ("index", 0, 0)]
)
def test_a_cache_cut_short_is_filled_again(pictures, new_cache, tmp_path, suffix: str, length: int, left: int) -> None:
    everything(samples(pictures, new_cache()))
    os.truncate(tmp_path / "cache" / f"it.{suffix}", length)
    cache = new_cache()
    assert cache.filled(range(LENGTH)) == left
    assert list(cache.notices()) == (["cut"] if suffix == "data" else [])
    assert is_right(pictures, cache)
    assert reads(pictures, new_cache()) == 0


def test_a_cache_cut_short_while_it_is_in_use_ends_nothing(pictures, new_cache, tmp_path) -> None:
    cache = new_cache()
    everything(samples(pictures, cache))
    os.truncate(tmp_path / "cache" / "it.data", 4096)
    assert is_right(pictures, cache)
    assert reads(pictures, cache) == 0


@pytest.mark.parametrize("suffix", ["data", "index"])
def test_a_cache_of_noise_is_filled_again(pictures, new_cache, tmp_path, suffix: str) -> None:
    everything(samples(pictures, new_cache()))
    file = tmp_path / "cache" / f"it.{suffix}"
    file.write_bytes(np.random.default_rng(0).bytes(file.stat().st_size))
    cache = new_cache()
    assert is_right(pictures, cache)
    assert reads(pictures, cache) == 0


def test_a_full_disk_is_told_and_the_run_goes_on(pictures, new_cache) -> None:
    import resource

    cache = new_cache()
    everything(samples(pictures, cache))
    pictures.write(5, seed=60)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # files may not grow: what a quota does
    try:
        assert is_right(pictures, cache)
        told = cache.notices()["failed"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert os.strerror(errno.EFBIG) in told
    assert is_right(pictures, cache)


def fill_for_ever(pictures: Pictures, cache: Cache, seed: int) -> None:
    found, rng = samples(pictures, cache), np.random.default_rng(seed)
    while True:
        found[0, int(rng.integers(LENGTH))]
        if seed == 0:
            os.utime(pictures.files(int(rng.integers(LENGTH)))[0])  # so that there is always something to write


def test_what_killed_processes_left_is_right(pictures, new_cache) -> None:
    expected = everything(samples(pictures, None))
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        processes = [context.Process(target=fill_for_ever, args=(pictures, new_cache(), seed)) for seed in range(3)]
        for process in processes:
            process.start()
        cache, until = new_cache(), time.monotonic() + 0.4
        while time.monotonic() < until:
            assert everything(samples(pictures, cache)) == expected
        for process in processes:
            process.kill()
            process.join()
        assert everything(samples(pictures, new_cache())) == expected
        assert new_cache().notices() == {}


def test_what_was_filled_before_a_kill_stays(pictures, new_cache) -> None:
    def fill_three(cache: Cache) -> None:
        for position in range(3):
            samples(pictures, cache)[0, position]
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=partial(fill_three, new_cache()))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert new_cache().filled(range(LENGTH)) == 3
    assert reads(pictures, new_cache()) == LENGTH - 3
