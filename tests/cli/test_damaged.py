"""A damaged file at the command line."""

from __future__ import annotations

from tests.damaged import write_damaged_set


def test_by_default_a_damaged_file_is_one_message_and_exit_code_2(call, quickstart, tmp_path) -> None:
    damaged = write_damaged_set(tmp_path / "set", good=2)
    settings = {
        "data": f'{{name = "folder", root = "{tmp_path / "set"}", workers = 0, size = 32}}',
        "stages.main.batch_size": 4,
        "run.folder": tmp_path / "runs",
    }
    done = call("run", quickstart, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}")))
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert sum(f"{each.path} " in done.err for each in damaged) == 1
    assert "Traceback" not in done.err
