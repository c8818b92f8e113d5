"""Telling callbacks what happens, and naming the one that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from frame.contracts.callback import Callback
from frame.plugin.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class CallbackError(RuntimeError):
    """A callback raised; its own exception is the cause."""


class Events:
    """The callbacks of a run. ``events("on_step_end", info)`` calls those that override that event, in order."""

    def __init__(self, callbacks: Mapping[str, Callback]) -> None:
        self.callbacks = dict(callbacks)
        self._listeners: dict[str, list[tuple[str, Callable[..., None]]]] = {
            event: [
                (label, getattr(callback, event))
                for label, callback in callbacks.items()
                if getattr(type(callback), event) is not getattr(Callback, event)
            ]
            for event in vars(Callback)
            if event.startswith("on_")
        }

    def __call__(self, event: str, *arguments: Any) -> None:
        failed: Exception | None = None
        for label, listener in self._listeners[event]:
            try:
                self._tell(label, event, listener, arguments)
            except Exception as error:
                if event != "on_teardown":
                    raise
                failed = failed or error  # after the others, which have things to close too
        if failed is not None:
            raise failed

    def _tell(self, label: str, event: str, listener: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        try:
            listener(*arguments)
        except UserError:
            raise  # it says itself what is wrong and how to mend it
        except Exception as error:
            told = f"callback {label!r} failed in {event}: {type(error).__name__}: {error}"
            if self.callbacks[label].essential:
                raise CallbackError(told) from error
            self._silence(label, event)
            self("on_notice", f"{told.splitlines()[0]}; the run goes on without it")

    def _silence(self, label: str, failed: str) -> None:
        """Call a callback no more, except to close what it has open."""
        keeps = {"on_teardown"} - {failed}
        self._listeners = {
            event: [listener for listener in listeners if listener[0] != label or event in keeps]
            for event, listeners in self._listeners.items()
        }

    def are_heard(self, event: str) -> bool:
        """Whether any callback overrides that event: otherwise there is nothing to prepare for it."""
        return bool(self._listeners[event])

    def artifacts(self) -> dict[str, Path]:
        """What the callbacks have written for a person to open."""
        return {what: path for callback in self.callbacks.values() for what, path in callback.artifacts().items()}
