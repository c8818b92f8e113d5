"""The page of a run of which something is missing: what there is, and why there is no more."""

from __future__ import annotations

import json
import shutil

SHOWN = ["figures", "images", "curves", "experts", "schedule", "notices", "origin"]


def test_a_run_that_goes_on_has_the_figures_so_far(folder, written) -> None:
    (folder / "result.json").unlink()
    history = (folder / "history.jsonl").read_text().splitlines(keepends=True)
    first = next(at for at, line in enumerate(history) if '"event": "epoch"' in line)
    (folder / "history.jsonl").write_text("".join(history[: first + 1]) + '{"event": "st')
    tree = written(folder)
    assert "1 of 3" in next(tree.all("header")).text
    assert "not finished" in next(tree.all("header")).text
    epoch = json.loads(history[first])
    assert f"{epoch['validation']['iou']:.4f}" in tree.by_id("figures").text
    assert "Baselines are measured when the run ends" in tree.by_id("figures").text
    assert "cut short" in tree.by_id("notices").text
    assert len(tree.by_id("curves").by_class("chart")[0].by_class("band")) == 1


def test_a_run_before_its_first_validation_says_so(folder, written) -> None:
    (folder / "result.json").unlink()
    shutil.rmtree(folder / "checkpoints")
    shutil.rmtree(folder / "experts")
    shutil.rmtree(folder / "samples")
    lines = (folder / "history.jsonl").read_text().splitlines(keepends=True)
    (folder / "history.jsonl").write_text("".join(lines[:3]))
    tree = written(folder)
    assert [each.attributes["id"] for each in tree.all("section")] == [key for key in SHOWN if key != "experts"]
    assert "There is no validation yet" in tree.by_id("figures").text
    assert "No epoch is finished yet" in tree.by_id("curves").text
    assert "holds no whole checkpoint" in tree.by_id("images").text
    assert "has drawn no samples" in tree.by_id("images").text
    assert tree.by_id("schedule").by_class("lane")


def test_without_a_history_there_are_figures_and_images_but_no_curves(folder, written) -> None:
    (folder / "history.jsonl").unlink()
    tree = written(folder)
    assert tree.by_id("figures").by_class("value")
    assert tree.by_id("images").by_class("card")
    assert "nothing to draw" in tree.by_id("curves").text
    assert "steps an epoch has was not recorded" in tree.by_id("schedule").text
    assert "the callback history was off" in tree.by_id("notices").text


def test_without_its_data_the_runs_own_pictures_stand_in(several, written, folder, tmp_path) -> None:
    """The data set's plugin is not installed here: the catalog does not know it."""
    tree = written(several[0])
    assert "no dataset is called 'squares'" in tree.by_id("images").text
    config = (folder / "checkpoints").glob("step_*/checkpoint.json")
    for path in config:
        about = json.loads(path.read_text())
        about["config"]["data"] = {"name": "camo", "root": str(tmp_path / "gone"), "size": 32}
        path.write_text(json.dumps(about))
    tree = written(folder)
    section = tree.by_id("images")
    assert "could not be predicted anew" in section.text
    assert "gone" in section.text
    assert len(list(section.all("img"))) == 1
    experts = tree.by_id("experts")  # from the table that the run wrote
    assert [next(row.all("th")).text for row in next(experts.all("tbody")).all("tr")] == ["texture", "edge", "contrast"]


def test_data_that_moved_is_found_by_the_argument(finished, tmp_path, written, capsys) -> None:
    from tests.report.conftest import TABLES

    import frame
    from frame.cli.main import main

    made = ["data", "make", str(tmp_path / "set"), "--layout", "camo", "--train", "10", "--test", "2"]
    assert main([*made, "--set", "resolution=40"]) == 0
    data = {"name": "camo", "root": str(tmp_path / "set"), "size": 32, "workers": 0, "validation": 0.3}
    tables = TABLES | {"data": data, "run": {"name": "moved", "folder": str(tmp_path / "runs")}}
    result = frame.run(tables | {"train": {"stages": ["rest"]}})
    assert result is not None
    (tmp_path / "set").rename(tmp_path / "elsewhere")
    assert not written(result.folder).by_id("images").by_class("card")
    assert (
        main(["report", str(result.folder), "--data", str(tmp_path / "elsewhere"), "-o", str(tmp_path / "x.html")]) == 0
    )
    assert 'class="card"' in (tmp_path / "x.html").read_text()


def test_notices_are_sorted_by_what_they_are(folder, written) -> None:
    result = json.loads((folder / "result.json").read_text())
    result |= {"skipped_steps": 2, "unreadable": ["a.jpg is damaged"], "stopped": "SIGTERM"}
    (folder / "result.json").write_text(json.dumps(result))
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    lines[0]["lines"] = [*lines[0]["lines"], "warning train.clip has no effect"]
    lines.append({"event": "notice", "text": "skipped: a.jpg is damaged"})
    lines.append({"event": "notice", "text": "<script>alert(1)</script>"})
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    tree = written(folder)
    section = tree.by_id("notices")
    titles = [each.text for each in section.all("h3")]
    assert titles[:4] == ["Warnings of the config", "Steps", "Files that can't be read", "While it ran"]
    assert section.text.count("a.jpg is damaged") == 1
    assert "2 steps skipped" in section.text
    assert "train.clip has no effect" in section.text
    assert "<script>alert(1)</script>" in section.text  # as text: the only script is the page's own
    assert len(list(tree.all("script"))) == 1
    assert "stopped by SIGTERM" in next(tree.all("header")).text


def test_damaged_files_of_a_run_are_named_on_its_page(folder, written) -> None:
    (folder / "result.json").write_text("{")
    (folder / "experts" / "experts.md").write_text("| a |\n")
    for path in (folder / "checkpoints").glob("step_*/model.safetensors"):
        path.write_bytes(b"short")
    tree = written(folder)
    assert "result.json can't be read" in tree.by_id("notices").text
    assert "is not the table" in tree.by_id("notices").text
    assert "holds no whole checkpoint" in tree.by_id("images").text
