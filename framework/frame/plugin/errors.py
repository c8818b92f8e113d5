"""Errors that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """Something outside the code is wrong: a config, a file, an installation.

    The message names what is wrong, where, and the remedy; the command line prints it without a traceback and exits
    with code 2. Everything else that is raised is a bug and keeps its traceback.
    """


class RunFailedError(Exception):
    """A process that was started for a run has failed, and has said itself why."""
