from __future__ import annotations

import contextlib
import math
import os
import pty
import re
import subprocess
import sys
import termios
import threading
from dataclasses import replace

import pytest

from frame.contracts.callback import RunEnd

PLACE = r"decoder  1/2  epoch 1/2"


def test_a_pipe_gets_plain_lines_and_no_bars(callback, events, capsys):
    events.whole(callback("terminal"))
    out, err = capsys.readouterr()
    assert err == ""
    assert "\r" not in out
    assert "\x1b" not in out
    lines = out.splitlines()
    assert lines[:2] == ["data    two images", "model   small"]
    assert lines[2] == "decoder  1/2  epoch 1/2  loss 0.2500  iou 0.5000 * 2.0 s"
    assert lines[3] == "decoder  1/2  epoch 2/2  loss 0.2500  iou 0.5000   2.0 s"
    assert lines[4] == "finetune 2/2  epoch 1/1  loss 0.2500  iou 0.5000 * 2.0 s"


def test_the_end_is_a_table_of_the_best_figures_beside_the_baselines(callback, events, capsys):
    events.whole(callback("terminal"))
    table = capsys.readouterr().out.splitlines()[-4:]
    assert [row.split() for row in table] == [
        ["iou"],
        ["best", "0.5000"],
        ["all", "foreground", "0.1000"],
        ["finished", "in", "1:02:05"],
    ]
    assert len({len(row) for row in table[:3]}) == 1


def test_lines_within_an_epoch_come_at_intervals(callback, events, capsys):
    terminal = callback("terminal", "interval=1e-9", "bars=off")
    terminal.on_run_start(events.run)
    terminal.on_stage_start(events.run.stages[0])
    events.steps(terminal, events.run.stages[0], 0)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) == 12
    assert re.fullmatch(rf"{PLACE}  step 4/12  loss 0.2500  eta \d:\d\d:\d\d", lines[3])


def test_a_long_interval_reads_no_loss(callback, events, capsys):
    terminal = callback("terminal", "bars=off")
    terminal.on_run_start(events.run)
    events.steps(terminal, events.run.stages[0], 0)
    assert capsys.readouterr().out.splitlines() == list(events.run.lines)


def test_bars_show_the_run_and_the_epoch_and_go_away(callback, events, capsys):
    events.whole(callback("terminal", "bars=on"))
    out, err = capsys.readouterr()
    assert re.search(rf"{PLACE}: .* 12/36 ", err)
    assert re.search(r"steps: .* 12/12 .*loss \d\.\d{4}, lr 1\.0e-03", err)
    assert re.search(r"validation: .* 0/3 ", err)
    assert "epoch 2/2  loss 0.2500" in out
    assert err.endswith("\r")  # the last of them is wiped


def test_a_loss_that_was_no_number_once_does_not_stay(callback, events, capsys):
    terminal = callback("terminal", "bars=on")
    terminal.on_run_start(events.run)
    terminal.on_stage_start(events.run.stages[0])
    terminal._display.loss = math.nan
    events.steps(terminal, events.run.stages[0], 0)
    assert "loss nan" not in capsys.readouterr().err
    terminal.on_teardown()


def test_a_resumed_run_starts_its_bar_where_it_stopped(callback, events, capsys):
    terminal = callback("terminal", "bars=on")
    terminal.on_run_start(events.run)
    terminal.on_stage_start(events.run.stages[0])
    events.global_step = 18
    events.steps(terminal, events.run.stages[0], 1, first=6)
    err = capsys.readouterr().err
    assert re.search(r"decoder  1/2  epoch 2/2: .* 19/36 ", err)
    assert re.search(r"steps: .* 7/12 ", err)
    terminal.on_teardown()


def test_many_figures_are_cut_down_to_the_main_ones(callback, events, capsys):
    terminal = callback("terminal")
    terminal.on_run_start(events.run)
    events.epoch(terminal, validation={"iou": 0.5, **{f"iou/class_{index}": 0.1 for index in range(20)}})
    line = capsys.readouterr().out.splitlines()[-1]
    assert "iou 0.5000" in line
    assert "class_3" not in line


def test_a_run_of_many_classes_ends_with_what_each_scores(callback, events, capsys):
    terminal = callback("terminal")
    terminal.on_run_start(replace(events.run, classes=("background", "sea cat", "owl")))
    best = {"iou": 0.7, "iou/background": 0.9, "iou/sea cat": 0.5, "iou/owl": math.nan, "mae": 0.1}
    best |= {"dice": 0.8, "dice/background": 0.95, "dice/sea cat": 0.6, "dice/owl": math.nan}
    terminal.on_run_end(RunEnd(best, 5.0, {"mean mask": {"iou": 0.3}}))
    assert capsys.readouterr().out.splitlines()[-10:] == [
        "              iou     mae    dice",
        "best       0.7000  0.1000  0.8000",
        "mean mask  0.3000       -       -",
        "",
        "               iou    dice",
        "background  0.9000  0.9500",
        "sea cat     0.5000  0.6000",
        "owl            nan     nan",
        "",
        "finished in 0:00:05",
    ]


def test_a_run_without_a_best_checkpoint_ends_in_words(callback, events, capsys):
    terminal = callback("terminal")
    terminal.on_run_start(events.run)
    terminal.on_run_end(type(events.end)({}, 5.0, {"all foreground": {"iou": 0.1}}))
    assert capsys.readouterr().out.splitlines()[-1] == "finished in 0:00:05"


@pytest.mark.parametrize("bars", ["on", "off"])
def test_teardown_may_come_at_any_time_and_twice(callback, events, bars):
    terminal = callback("terminal", f"bars={bars}")
    terminal.on_teardown()
    terminal.on_run_start(events.run)
    terminal.on_teardown()
    terminal.on_teardown()


def test_bars_start_no_thread_that_a_forked_worker_would_miss(callback, events):
    before = threading.active_count()
    terminal = callback("terminal", "bars=on")
    terminal.on_run_start(events.run)
    assert threading.active_count() == before
    terminal.on_teardown()


def test_a_real_terminal_gets_bars():
    code = """
from pathlib import Path
from frame.contracts.callback import RunInfo, StageInfo
from frame_callbacks.terminal import Terminal
terminal = Terminal()
terminal.on_run_start(RunInfo("x", Path(), 0, "iou", ("hello",), (StageInfo("main", 1, 5, 1),)))
terminal.on_teardown()
"""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    subprocess.run([sys.executable, "-c", code], stdout=slave, stderr=slave, check=True)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says by one that all has been read
        while chunk := os.read(master, 4096):
            shown += chunk
    os.close(master)
    assert b"hello" in shown
    assert b"0/5" in shown


def test_the_callbacks_need_no_torch():
    code = """
import sys, frame_callbacks.terminal, frame_callbacks.history, frame_callbacks.pictures
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
