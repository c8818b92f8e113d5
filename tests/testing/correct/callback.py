"""A callback that keeps the contract: losses as a text file."""

from frame import Callback, Component, Options, hookimpl


class LogOptions(Options):
    every: int = 1
    """Steps between lines."""


class Log(Callback):
    def __init__(self, *, every=1):
        self.every = every
        self.file = None
        self.path = None

    def on_run_start(self, run):
        self.path = run.folder / "log.txt"
        self.file = self.path.open("a")

    def on_step_end(self, step):
        if step.global_step % self.every == 0:
            self.file.write(f"{step.global_step} {float(step.loss)}\n")

    def on_epoch_end(self, epoch):
        self.file.write(f"{epoch.train}\n")

    def on_teardown(self):
        if self.file is not None:
            self.file.close()

    def artifacts(self):
        return {"losses": self.path} if self.path else {}


@hookimpl
def frame_callbacks():
    yield Component(
        name="log", target=f"{__name__}:Log", options=f"{__name__}:LogOptions", summary="Losses as a text file"
    )
