"""Replicas at work: a thread a device, under the modes of the caller's thread and with random numbers of their own."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def in_lanes(calls: Sequence[Callable[[], Any]], devices: Sequence[torch.device]) -> list[Any]:
    """The result of each call, made on its device; those of one device come one after another, in order.

    The first device's are made in this thread. What is thread-local in torch is passed on to the others: grad and
    inference mode, autocast with its dtype, and the current stream. The first call draws random numbers from the
    state that its generator is in; each other one starts from a seed that follows from that state, and leaves its
    device's generator as it was.

    Raises
    ------
    Exception
        Whatever a call raised: the same object, with a note that says which replica it was. Of several, the first.
    """
    modes = [_Modes(device) for device in devices]
    seeds: list[int | None] = [None, *_seeds(devices[0], len(calls) - 1)]
    results: list[Any] = [None] * len(calls)
    failures: dict[int, BaseException] = {}

    def work(lane: Sequence[int]) -> None:
        for number in lane:
            try:
                with modes[number].entered(), _seeded(devices[number], seeds[number]):
                    results[number] = calls[number]()
            except BaseException as error:  # noqa: BLE001  (raised again in the caller's thread)
                failures[number] = error
                return

    own, *others = ([i for i, each in enumerate(devices) if each == device] for device in dict.fromkeys(devices))
    threads = [threading.Thread(target=work, args=[lane], name=f"replica-{lane[0]}") for lane in others]
    for thread in threads:
        thread.start()
    work(own)
    for thread in threads:
        thread.join()
    try:
        for number in sorted(failures):
            failures[number].add_note(f"in replica {number} of {len(calls)}, on {devices[number]}")
            raise failures[number]
        return results
    finally:  # or the error would hold this frame, and the frame the error, with all that did not fit into memory
        failures.clear()
        results = []


class _Modes:
    """What torch keeps for each thread, as it is in the thread that makes this."""

    def __init__(self, device: torch.device) -> None:
        self.grad, self.inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        self.autocast = [
            (kind, torch.get_autocast_dtype(kind)) for kind in {"cpu", device.type} if torch.is_autocast_enabled(kind)
        ]
        self.cache = torch.is_autocast_cache_enabled()
        self.stream = torch.cuda.current_stream(device) if device.type == "cuda" else None

    @contextmanager
    def entered(self) -> Iterator[None]:
        with ExitStack() as stack:
            if self.stream is not None:
                stack.enter_context(torch.cuda.device(self.stream.device))
                stack.enter_context(torch.cuda.stream(self.stream))
            stack.enter_context(torch.inference_mode(self.inference))
            stack.enter_context(torch.set_grad_enabled(self.grad))  # after inference mode, which sets it too
            for kind, dtype in self.autocast:
                stack.enter_context(torch.autocast(kind, dtype=dtype, cache_enabled=self.cache))
            yield


def _generator(device: torch.device) -> torch.Generator:
    generators = torch.cuda.default_generators if device.type == "cuda" else (torch.default_generator,)
    return generators[device.index if device.type == "cuda" else 0]


def _seeds(device: torch.device, count: int) -> list[int]:
    """Numbers that follow from the state of a device's generator, which is then moved on. Nothing is waited for."""
    state = _generator(device).get_state().numpy().tobytes()
    torch.rand((), device=device)  # so that the next ones differ even if the first replica draws nothing
    digests = (sha256(state + place.to_bytes(4, "little")).digest() for place in range(count))
    return [int.from_bytes(digest[:7], "little") for digest in digests]


@contextmanager
def _seeded(device: torch.device, seed: int | None) -> Iterator[None]:
    if seed is None:
        yield
        return
    generator = _generator(device)
    before = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(before)
