"""What can be wrong with a callback."""

from __future__ import annotations

from tests.testing.fault import fault

STEP = "    def on_step_end(self, step):\n"

FAULTS = (
    fault(
        "random numbers of the run, used up",
        "the_numbers_of_a_run_are_unchanged",
        r"losses or figures of a run are others with it; observe only: draw no random numbers",
        (STEP, STEP + "        __import__('torch').rand(3)\n"),
    ),
    fault(
        "a loss that is changed",
        "the_numbers_of_a_run_are_unchanged",
        r"losses or figures of a run are others with it; .*change nothing that events give",
        (STEP, STEP + "        step.loss.mul_(2)\n"),
    ),
    fault(
        "a file in the working folder",
        "it_writes_into_the_run_folder",
        r"writes log.txt into the working folder; write under run.folder",
        ('run.folder / "log.txt"', '__import__("pathlib").Path("log.txt").absolute()'),
    ),
    fault(
        "an artifact that is not there",
        "it_writes_into_the_run_folder",
        r"artifacts\(\) names .*, which is not there; name what was written",
        ('return {"losses": self.path} if self.path else {}', 'return {"losses": self.path.with_suffix(".png")}'),
    ),
    fault(
        "a teardown that expects a run",
        "a_failing_run_keeps_its_cause",
        r"on_teardown raises where no run began: AttributeError.*; expect that on_run_start was never called",
        ("        if self.file is not None:\n            self.file.close()\n", "        self.file.close()\n"),
    ),
    fault(
        "a teardown that hides a failure",
        "a_failing_run_keeps_its_cause",
        r"another callback's failure is hidden by .*; let on_teardown only close what is open",
        ("            self.file.close()\n", "            self.file.close()\n            self.file.write('the end')\n"),
    ),
    fault(
        "an event that there is not",
        "it_is_a_callback",
        r"on_batch_end is no event, and is never called; there are: on_checkpoint",
        ("def on_step_end(", "def on_batch_end("),
    ),
    fault(
        "something that is no callback",
        "it_is_a_callback",
        r"builds a Log; derive the class from frame.Callback",
        ("class Log(Callback)", "class Log"),
    ),
    fault(
        "an event that fails",
        "a_run_with_it",
        r"a run with it fails: CallbackError: callback 'checked' failed in on_epoch_end: .*; mend the event",
        ('f"{epoch.train}\\n"', "f\"{epoch.train['dice']}\\n\""),
    ),
    fault(
        "an event that fails where that ends no run",
        "a_run_with_it",
        r"a run with it fails: CallbackError: callback 'checked' failed in on_epoch_end: .*; mend the event",
        ('f"{epoch.train}\\n"', "f\"{epoch.train['dice']}\\n\""),
        ("    def __init__(", "    essential = False\n\n    def __init__("),
    ),
    fault(
        "a file that must be new",
        "resumed_runs",
        r"a resumed run with it fails: .*FileExistsError.*; expect that files of an earlier start are there",
        ('self.path.open("a")', 'self.path.open("x")'),
    ),
)
