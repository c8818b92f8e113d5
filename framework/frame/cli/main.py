"""The command ``frame``: finds the subcommand, imports it alone, and turns its errors into an exit code."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from frame.plugin.errors import RunFailedError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "run": "train, validate and report what a config says",
    "list": "what is installed: components and where they come from",
    "show": "one component's options, or a config: the origin of each value, its schedule, its samples",
    "check": "validate a config without training",
    "eval": "measure a trained model, or saved maps, on data sets",
    "predict": "masks, probabilities and overlays of images and folders",
    "report": "a run as one HTML page: figures, curves, images, experts",
    "export": "a trained model as one file: ONNX or safetensors, compared with the model",
    "data": "look for what is wrong with data sets, or make them",
    "plugin": "begin a plugin, or check one against the contract",
    "schema": "JSON schema of a config, for editors",
    "doctor": "versions, devices, plugins, and what is wrong",
}
FAILED = 1
USAGE_ERROR = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for what the user can mend, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    gc.disable()  # start-up makes objects that stay: a tenth of its time would go into looking for garbage
    try:
        return _flushed(_called(arguments))
    except UserError as error:
        _end_one_of_several(error)
        return _fail(str(error))
    except BrokenPipeError:  # the reader, such as head, has seen enough
        _discard_output()
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except RunFailedError as error:
        print(error, file=sys.stderr)
        return FAILED
    except Exception as error:
        _end_one_of_several(error)
        raise
    finally:
        gc.enable()


def _called(arguments: list[str]) -> int:
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help"):
        print(_help())
        return 0
    if command == "--version":
        from frame.plugin.host import own_version

        print(f"frame-seg {own_version()}")
        return 0
    if command not in COMMANDS:
        from difflib import get_close_matches

        close = get_close_matches(command, COMMANDS, 1)
        hint = f"did you mean 'frame {close[0]}'?" if close else f"there are: {', '.join(COMMANDS)}"
        return _fail(f"frame: no command is called {command!r}; {hint}")
    module = import_module(f"frame.cli.{command}")
    try:
        parsed = module.parser().parse_args(arguments[1:])
    except SystemExit as end:  # --help is printed, or what is wrong
        return int(end.code or 0)
    return int(module.command(parsed))


def _flushed(code: int) -> int:
    """While Python ends it would be too late: a reader that has gone would be a fault."""
    try:
        if sys.stdout is not None:  # as where its descriptor is closed
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    return code


def _discard_output() -> None:
    """Let what is left go nowhere while Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _end_one_of_several(error: Exception) -> None:
    """Let one of the processes that a launcher started speak for all; returns in any other process."""
    if "RANK" in os.environ:
        from frame.engine.processes.ranks import end

        end(error)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return USAGE_ERROR


def _help() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items())
    return (
        f"usage: frame COMMAND ...\n\nSegmentation in which every part is a plugin.\n\ncommands:\n{rows}\n\n"
        "'frame COMMAND --help' tells what each takes. 'frame --version' prints the version."
    )


if __name__ == "__main__":
    sys.exit(main())
