"""What a check can end with, and the words for it."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

Verdict = Literal["passed", "failed", "skipped", "expected"]


class CheckFailedError(AssertionError):
    """The component does not keep the contract; the message says what is wrong, and what to do."""


class CheckSkippedError(Exception):
    """The check does not apply, or can't be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check of one component."""

    component: str
    """``kind plugin/name``."""
    check: str
    verdict: Verdict
    """``"expected"``: it failed, and the case had said so."""
    reason: str = ""
    """Empty if it passed."""
    seconds: float = 0.0
    crashed: bool = False
    """Whether it failed by an exception that the check does not know."""


def fail(what: str, remedy: str) -> NoReturn:
    """End a check: what is wrong, and what to do about it."""
    raise CheckFailedError(f"{what}; {remedy}")


def skip(reason: str) -> NoReturn:
    """End a check without a verdict."""
    raise CheckSkippedError(reason)


@contextmanager
def failing(what: str, remedy: str) -> Iterator[None]:
    """Whatever is raised inside is a failure: ``what`` was being done when it came."""
    try:
        yield
    except (CheckFailedError, CheckSkippedError):
        raise
    except Exception as error:
        raise CheckFailedError(f"{what}: {told(error)}; {remedy}") from error


def told(error: BaseException) -> str:
    """An exception as one line, with the place in the component's code that raised it, if it is known."""
    message = " ".join(f"{type(error).__name__}: {error}".split())
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not _is_machinery(each.filename)]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{message[:300]}{place}"


def _is_machinery(file: str) -> bool:
    return not file.endswith(".py") or any(Path(file).is_relative_to(folder) for folder in _machinery())


@lru_cache
def _machinery() -> tuple[Path, ...]:
    """Where the packages lie whose code is never the component's; a checkout may well be called ``frame`` too."""
    specs = [find_spec(name) for name in ("frame", "torch", "_pytest")]
    return tuple(Path(spec.origin).parent for spec in specs if spec and spec.origin)
