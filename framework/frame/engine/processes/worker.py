"""A process that the launcher has started: does the work that it finds in the launcher's folder."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from pathlib import Path

from frame.engine.processes import ranks
from frame.plugin.errors import UserError

FOLDER = "FRAME_LAUNCH"
"""Variable that names the launcher's folder."""
WORK, RESULT, MENDABLE, PIDS, STOPPED = "work.pickle", "result.pickle", "user_error", "pids", "stopped"


def main() -> int:
    """Do the work and leave the first process's result; returns the exit code."""
    folder = Path(os.environ[FOLDER])
    (folder / PIDS / f"{os.environ['TORCHELASTIC_RESTART_COUNT']}.{os.getpid()}").touch()
    if (folder / STOPPED).exists() or (folder / MENDABLE).exists():  # a restart would not help
        return ranks.FAILED
    threading.Thread(target=_stop_when_left_alone, args=(os.getppid(),), daemon=True).start()
    try:
        work, arguments = pickle.loads((folder / WORK).read_bytes())  # noqa: S301  (our own launcher's)
        result = work(*arguments)
    except KeyboardInterrupt:  # a second Ctrl-C
        return 128 + signal.SIGINT
    except UserError as error:
        if ranks.speaks_first():
            (folder / MENDABLE).write_text(str(error), encoding="utf-8")
        ranks.end(ranks.OtherRankFailedError())  # the launcher says it
    except Exception as error:  # noqa: BLE001  (told here, with its rank)
        ranks.end(error)
    if ranks.rank() == 0:
        (folder / RESULT).write_bytes(pickle.dumps(result))
    return 0


def _stop_when_left_alone(parent: int) -> None:
    """Save and stop once the launcher has been killed, for nobody would look after this process any more."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
