"""Calling a function in processes that were started anew: in one as a loader's worker is, or in several ranks."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PATIENCE = 120.0  # seconds


class ElsewhereError(RuntimeError):
    """The function failed in a process that was started for it; the message says how."""


def call_elsewhere(
    function: Callable[..., Any], *arguments: Any, environments: Sequence[Mapping[str, str]] = ({},)
) -> list[Any]:
    """``function(*arguments)`` in a new process for each of ``environments``, all at once; what each returned.

    The function is one of a module's, and what goes in and comes out can be pickled.

    Raises
    ------
    ElsewhereError
        If it raised in one of them, or one did not answer.
    """
    work = pickle.dumps((sys.path, pickle.dumps((function, arguments))))
    with tempfile.TemporaryDirectory(prefix="frame-elsewhere-") as folder:
        started = []
        paths = os.pathsep.join(filter(None, sys.path))
        for number, environment in enumerate(environments):
            answer = Path(folder) / str(number)
            process = subprocess.Popen(  # noqa: S603  (this interpreter, this module)
                [sys.executable, "-m", "frame.testing.elsewhere", str(answer)],
                env={**os.environ, "PYTHONPATH": paths, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert process.stdin is not None  # noqa: S101
            process.stdin.write(work)
            process.stdin.close()
            process.stdin = None
            started.append((process, answer))
        try:
            return [_answer(process, answer) for process, answer in started]
        finally:
            for process, _ in started:
                process.kill()
                process.communicate()  # waits, and closes the pipe


def items_of(dataset: Any, indices: Sequence[int]) -> list[Any]:
    """Some items of a data set; here, because the process that has them then imports no more than the set needs."""
    return [dataset[index] for index in indices]


def ranks(count: int) -> list[dict[str, str]]:
    """The environments of ``count`` ranks, as ``torchrun`` sets them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"} for rank in range(count)]


def _answer(process: subprocess.Popen[bytes], answer: Path) -> Any:
    try:
        _, said = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise ElsewhereError(f"no answer within {PATIENCE:g} seconds") from None
    if not answer.exists():
        lines = said.decode(errors="replace").strip().splitlines()
        raise ElsewhereError(lines[-1] if lines else f"the process ended with exit code {process.returncode}")
    failed, result = pickle.loads(answer.read_bytes())  # noqa: S301  (written by our own process)
    if failed:
        raise ElsewhereError(result)
    return result


def _main() -> None:
    path, work = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  (from the process that started this one)
    sys.path[:] = path
    try:
        function, arguments = pickle.loads(work)  # noqa: S301
        answer = False, function(*arguments)
    except Exception as error:  # noqa: BLE001  (told to whoever asked)
        answer = True, f"{type(error).__name__}: {error}"
    written = Path(sys.argv[1]).with_suffix(".part")
    written.write_bytes(pickle.dumps(answer))
    written.rename(sys.argv[1])
    sys.stdout.flush()
    os._exit(0)  # threads of a strategy may still wait for others


if __name__ == "__main__":
    _main()
