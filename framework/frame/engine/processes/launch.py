"""Starting a run's own processes on this machine, by torch's elastic agent."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from frame.data.cores import cores
from frame.engine.processes import ranks, worker
from frame.plugin.errors import RunFailedError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from frame.contracts.strategy import Strategy


def wants_processes(strategy: Strategy) -> bool:
    """Whether a strategy needs processes that nobody has started."""
    return strategy.processes() > 1 and not ranks.are_started()


def set_up(strategy: Strategy) -> None:
    """Set up a strategy's environment.

    Raises
    ------
    UserError
        If a launcher has started several processes and the strategy is for one: each would train a run of its own.
    """
    strategy.setup_environment()
    if strategy.world_size == 1 and ranks.world_size() > 1:
        raise UserError(
            f"{ranks.world_size()} processes were started, but the strategy uses one: "
            "take --set strategy.name=ddp, or start a single process"
        )


def launch(strategy: Strategy, work: Callable[..., Any], *arguments: Any) -> Any:
    """Call ``work`` in each of the processes that a strategy wants; returns what the first one returns.

    They are new interpreters with this one's ``sys.path``, working directory and streams, so the call and its result
    are pickled, and a script needs no ``if __name__ == "__main__"``. SIGTERM and Ctrl-C are passed on: a run finishes
    its step, saves, and returns.

    Raises
    ------
    UserError
        What one of the processes raised.
    RunFailedError
        If one ended with any other exception, which it has shown, or was killed, and no restarts are left.
    KeyboardInterrupt
        After a second Ctrl-C.
    """
    with TemporaryDirectory(prefix="frame-launch-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / worker.PIDS).mkdir()
        (folder / worker.WORK).write_bytes(pickle.dumps((work, arguments)))
        failures: list[BaseException] = []
        count = strategy.processes()
        thread = threading.Thread(target=_agent, args=(folder, count, strategy.max_restarts, failures), name="agent")
        stack.enter_context(_environment(folder, count))
        stack.enter_context(_without_torchs_log())
        signals = stack.enter_context(_passed_on(folder))
        thread.start()  # in the main thread torch would take the signals for itself, and keep them
        thread.join()
        if (folder / worker.MENDABLE).exists():
            raise UserError((folder / worker.MENDABLE).read_text(encoding="utf-8"))
        if failures:
            if signal.SIGINT in signals:
                raise KeyboardInterrupt
            if signals:
                raise SystemExit(128 + signals[-1])
            raise _told(failures[0])
        return pickle.loads((folder / worker.RESULT).read_bytes())  # noqa: S301  (our own worker's)


def _agent(folder: Path, count: int, max_restarts: int, failures: list[BaseException]) -> None:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=folder.name,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=max_restarts,
        logs_specs=DefaultLogsSpecs(str(folder / "agent")),
    )
    try:
        elastic_launch(config, sys.executable)("-m", worker.__name__)
    except BaseException as error:  # noqa: BLE001  (raised again in the caller's thread)
        failures.append(error)


def _told(error: BaseException) -> BaseException:
    """What the agent found, as one line."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    if not isinstance(error, ChildFailedError):
        return error
    for rank, failure in error.failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:  # with which the agent ends the others
            return RunFailedError(f"the run has failed: rank {rank} was killed by {failure.signal_name()}")
    return RunFailedError("the run has failed, and has said why above")


@contextmanager
def _environment(folder: Path, count: int) -> Iterator[None]:
    """What the processes need to know beside what this one was given."""
    added = {
        worker.FOLDER: str(folder),
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores() // count))),
    }
    before = {key: os.environ.get(key) for key in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@contextmanager
def _without_torchs_log() -> Iterator[None]:
    """The agent tells in many lines what the processes say in one."""
    logger = logging.getLogger("torch.distributed.elastic")
    before, handler = logger.propagate, logging.NullHandler()
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(handler)


@contextmanager
def _passed_on(folder: Path) -> Iterator[list[int]]:
    """While entered, SIGTERM and SIGINT go to the processes instead of this one; yields those that came.

    Python delivers signals to the main thread alone; elsewhere nothing is installed.
    """
    came: list[int] = []

    def pass_on(number: int, _frame: Any) -> None:
        came.append(number)
        (folder / worker.STOPPED).touch()  # for those that are only starting
        found = [tuple(map(int, path.name.split("."))) for path in (folder / worker.PIDS).iterdir()]
        for restarts, pid in found:
            if restarts == max(found)[0]:  # the others have ended, and their numbers may be somebody else's now
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
