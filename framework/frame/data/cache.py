"""Decoded and resized samples in a file that is mapped into memory and shared by every process that trains on them.

Each read is checked: an entry has a record of the state of the files that it was made of, and of the sum of its bytes.
So nothing is locked. What another process is just writing, what a killed run left half-way and what a disk has damaged
are all entries that do not count, and the sample is made anew.
"""

from __future__ import annotations

import errno
import functools
import os
import weakref
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import Any

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Pair = tuple[Bytes, Bytes]
    Records = npt.NDArray[np.uint64]

_PAGE = 4096
_DAMAGED, _FAILED = range(2)


class Cache:
    """Pairs of ``[size, size, 3]`` and ``[size, size]`` uint8, by their index in the data set.

    Two files: ``path.data`` with an entry an index, and ``path.index`` with a record for each, written after the entry.

    Parameters
    ----------
    path
        Where it lies, without suffix; the files are made, or grow, but never shrink under another process.
    files
        The files that an item is made of.
    length
        Of the data set.
    size
        Side of the pairs, in pixels.

    Raises
    ------
    OSError
        If the files can't be made.
    """

    def __init__(self, path: Path, files: Callable[[int], Iterable[str | Path]], length: int, size: int) -> None:
        self.path = path
        self.files = files
        self.length = length
        self.size = size
        self.entry_bytes = -(-4 * size * size // _PAGE) * _PAGE
        self._seen = _shared_zeros(2)  # what workers met with
        self._open: _Open | None = None
        self._lost = self._forget_what_is_cut_off()
        _Open(self)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": None}

    def get(self, index: int, make: Callable[[], Pair]) -> Pair:
        """Item ``index`` as ``make`` makes it, from the cache if it is there; the arrays are the caller's own.

        What ``make`` raises is not cached. A cache that can't be read or written any more is done without.
        """
        try:
            key = self._key(index)
        except OSError:
            return make()  # which says what is wrong with the file
        try:
            if (found := self._read(index, key)) is not None:
                return found
        except OSError as error:
            self._fail(error)
        image, mask = make()
        if not self._seen[_FAILED] and image.shape == (self.size, self.size, 3) and mask.shape == image.shape[:2]:
            try:
                self._write(index, key, image, mask)
            except OSError as error:
                self._fail(error)
        return image, mask

    def filled(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> int:
        """How many of these items are there, as far as can be seen without looking at their files."""
        there = np.zeros(self.length, bool)
        records = _records(self.path)[: self.length]
        there[: len(records)] = np.any(records, axis=1)
        return int(there[np.asarray(indices)].sum())

    def notices(self) -> dict[str, str]:
        """What a person should know of it, by topic."""
        found, (damaged, failed) = {}, self._seen.tolist()
        if self._lost:
            found["cut"] = f"cache: {self.path}.data was cut short, {self._lost} images are read anew"
        if damaged:
            found["damaged"] = f"cache: entries of {self.path}.data were damaged and are made anew"
        if failed:
            found["failed"] = (
                f"cache: {self.path}.data can't be used any more ({os.strerror(failed)}); going on without"
            )
        return found

    def _key(self, index: int) -> bytes:
        """Of the state of the item's files: what replaces one, even with its old size and time, has another ctime."""
        states = [(os.path.abspath(file), os.stat(file)) for file in self.files(index)]  # noqa: PTH100, PTH116  (faster)
        facts = [(name, found.st_size, found.st_mtime_ns, found.st_ctime_ns) for name, found in states]
        return blake2b(repr(facts).encode(), digest_size=16).digest()

    def _opened(self) -> _Open:
        if self._open is None or self._open.process != os.getpid():  # a fork has no place of its own in the file
            self._open = _Open(self)
        return self._open

    def _read(self, index: int, key: bytes) -> Pair | None:
        opened = self._opened()
        record = opened.records[index].tobytes()
        if record[:16] != key or os.fstat(opened.data.fileno()).st_size < (index + 1) * self.entry_bytes:
            return None  # a page that was cut off under the map would end the process
        entry: Bytes = opened.entries[index].copy()
        if record[16:] != _sum(entry):
            self._seen[_DAMAGED] = 1
            return None
        pixels = self.size * self.size
        image, mask = entry[: 3 * pixels], entry[3 * pixels : 4 * pixels]
        return image.reshape(self.size, self.size, 3), mask.reshape(self.size, self.size)

    def _write(self, index: int, key: bytes, image: Bytes, mask: Bytes) -> None:
        opened = self._opened()
        entry = np.zeros(self.entry_bytes, np.uint8)
        entry[: image.size], entry[image.size : image.size + mask.size] = image.ravel(), mask.ravel()
        opened.put(opened.index, index, bytes(24))
        opened.put(opened.data, index, entry.data)
        opened.put(opened.index, index, key + _sum(entry))

    def _fail(self, error: OSError) -> None:
        self._seen[_FAILED] = error.errno or errno.EIO

    def _forget_what_is_cut_off(self) -> int:
        """Clear the records of entries that the data file is too short for; returns how many there were."""
        data, index = (self.path.with_name(self.path.name + suffix) for suffix in (".data", ".index"))
        records = _records(self.path)
        whole = data.stat().st_size // self.entry_bytes if data.exists() else 0
        lost = int(np.any(records[whole:], axis=1).sum())
        if lost:
            with index.open("r+b") as file:
                file.seek(24 * whole)
                file.write(bytes(24 * (len(records) - whole)))
        return lost


class _Open:
    """The two files, open in one process: written as files, so that a full disk is an error, and read as a map."""

    def __init__(self, cache: Cache) -> None:
        self.process = os.getpid()
        self.data = self._grown(f"{cache.path}.data", cache.length * cache.entry_bytes)
        self.index = self._grown(f"{cache.path}.index", cache.length * 24)
        shape = cache.length, cache.entry_bytes
        self.entries = np.memmap(self.data, np.uint8, "r", shape=shape).view(np.ndarray)
        self.records = np.memmap(self.index, np.uint64, "r", shape=(cache.length, 3)).view(np.ndarray)

    def put(self, file: Any, index: int, content: Any) -> None:
        file.seek(index * len(content))
        if file.write(content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _grown(self, path: str, size: int) -> Any:
        """The file, unbuffered, at least ``size`` long: it takes no room on the disk before something is written."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
        weakref.finalize(self, file.close)
        if file.seek(0, os.SEEK_END) < size:
            file.seek(size - 1)
            file.write(b"\0")  # truncate() could shrink what another process has made larger meanwhile
        return file


def _shared_zeros(length: int) -> torch.Tensor:
    zeros = torch.zeros(length, dtype=torch.int64)
    zeros.share_memory_()  # type: ignore[no-untyped-call]
    return zeros


def _records(path: Path) -> Records:
    """``[N, 3]``: of each entry the key, 16 bytes, and the sum, 8; zeros where there is none."""
    index = path.with_name(f"{path.name}.index")
    content = index.read_bytes() if index.exists() else b""
    return np.frombuffer(content[: len(content) // 24 * 24], np.uint64).reshape(-1, 3)


def _sum(entry: Bytes) -> bytes:
    """Eight bytes that change with each word and with its place in a row and a column; a quarter of crc32's time."""
    words = entry.view(np.uint64).reshape(-1, _PAGE // 8)
    columns, rows = (np.add.reduce(words, axis=axis) for axis in (0, 1))
    found = int(np.dot(columns, _odd(len(columns)))) + 65536 * int(np.dot(rows, _odd(len(rows))))
    return (found % 2**64).to_bytes(8, "little")


@functools.cache
def _odd(length: int) -> Records:
    return np.arange(
        1, 2 * length, 2, dtype=np.uint64
    )  # sums of these and of multiples of 65536 are odd: no bit of a word is lost
