"""Real processes under gloo, as torchrun would start them; each imports torch once and then serves many tests."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import socket
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

PATIENCE = 120.0  # seconds for one piece of work


class Ranks:
    """Some processes that wait for work. ``ranks(2, work, *arguments)`` is what each of two returned."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["frame.engine.run", "torch.distributed.fsdp", "frame_strategies.fsdp"])
        self._workers: list[tuple[Any, Connection]] = []

    def __call__(self, world_size: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Call the same function, of a module that can be imported, in ``world_size`` processes at once.

        Raises
        ------
        AssertionError
            With the traceback of what went wrong in one of them.
        """
        while len(self._workers) < world_size:
            here, there = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(there, str(self.site)), daemon=True)
            process.start()
            self._workers.append((process, here))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for rank, (_, pipe) in enumerate(self._workers[:world_size]):
            place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world_size, "LOCAL_WORLD_SIZE": world_size}
            pipe.send_bytes(pickle.dumps((place | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}, work, arguments)))
        results = []
        for rank, (_, pipe) in enumerate(self._workers[:world_size]):
            failed, result = pickle.loads(pipe.recv_bytes()) if pipe.poll(PATIENCE) else (True, "no answer")  # noqa: S301
            if failed:
                self.close()  # the others may wait for the one that failed
                raise AssertionError(f"process {rank} of {world_size}: {result}")
            results.append(result)
        return results

    def close(self) -> None:
        for process, _ in self._workers:
            process.kill()
            process.join()
        self._workers.clear()


def _serve(pipe: Connection, site: str) -> None:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    sys.path.insert(0, site)
    while True:
        try:
            environment, work, arguments = pickle.loads(pipe.recv_bytes())  # noqa: S301
        except EOFError:
            return
        os.environ.update({name: str(value) for name, value in environment.items()})
        try:
            answer = False, work(*arguments)
        except BaseException:  # noqa: BLE001  (told to whoever asked)
            answer = True, traceback.format_exc()
        pipe.send_bytes(pickle.dumps(answer))
