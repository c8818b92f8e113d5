"""The page of a run: whole, alone, and readable."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from frame.cli.main import main
from frame.report.page.missed_experts import Change, Lost, quarters

if TYPE_CHECKING:
    from pathlib import Path

SECTIONS = ["figures", "images", "curves", "experts", "schedule", "notices", "origin"]
IMAGES = 9  # of the validation split
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def page(finished: Path, tmp_path_factory: pytest.TempPathFactory):
    """The finished run's page, as text and as a tree."""
    from tests.report.document import parsed

    from frame import catalog
    from frame.report.page.write import write_report

    text = write_report(finished, catalog(), tmp_path_factory.mktemp("page") / "p.html").read_text(encoding="utf-8")
    return text, parsed(text)


def test_a_finished_run_has_every_section_and_a_link_to_each(page) -> None:
    _, tree = page
    assert [each.attributes["id"] for each in tree.all("section")] == SECTIONS
    assert [each.attributes["href"] for each in tree.all("a")] == [f"#{key}" for key in SECTIONS]
    assert next(tree.all("h1")).text == "small"


def test_a_page_needs_nothing_but_itself(page) -> None:
    text, tree = page
    for element in tree.walk():
        for name in ("src", "href", "srcset", "poster", "action", "data"):
            value = element.attributes.get(name) or ""
            assert not value or value.startswith(("data:image/", "#")), (element.name, value[:60])
        assert element.name not in ("link", "iframe", "object", "embed")
    assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w", re.sub(r"base64,[\w+/=]+", "", text))
    assert not re.findall(r"@import|url\(", text)
    assert len(text) < 3_000_000


def test_headings_descend_by_one_and_tables_say_what_their_heads_are_for(page) -> None:
    _, tree = page
    levels = [int(each.name[1]) for each in tree.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in tree.all("table"):
        assert list(table.all("caption"))
        assert all(head.attributes.get("scope") in ("col", "row") for head in table.all("th"))
        columns = len(list(next(table.all("thead")).all("th")))
        assert all(len(list(row.all("th", "td"))) == columns for row in table.all("tr"))


def test_every_picture_says_what_it_shows(page) -> None:
    _, tree = page
    pictures = list(tree.all("img"))
    assert pictures
    assert all(len(each.attributes["alt"] or "") > 10 for each in pictures)
    drawn = list(tree.all("svg"))
    assert drawn
    assert all(each.attributes["role"] == "img" and each.attributes["aria-label"] for each in drawn)


def test_figures_stand_beside_the_guesses_and_say_what_was_measured(page, finished) -> None:
    _, tree = page
    result = json.loads((finished / "result.json").read_text())
    section = tree.by_id("figures")
    rows = {next(row.all("th")).text: [cell.text for cell in row.all("td")] for row in section.all("tr")}
    expected = [result["metrics"], result["baselines"]["all foreground"], result["baselines"]["mean mask"]]
    assert rows["mae"] == [f"{each['mae']:.4f}" for each in expected]
    assert "running average (EMA)" in section.text
    assert "iou" in section.by_class("first")[0].text


def test_curves_have_a_value_for_each_epoch_and_mark_stages_and_the_best(page, finished) -> None:
    _, tree = page
    epochs = [json.loads(line) for line in (finished / "history.jsonl").read_text().splitlines()]
    epochs = [record for record in epochs if record["event"] == "epoch"]
    best = max(index for index, record in enumerate(epochs) if record["is_best"])
    for chart in tree.by_id("curves").by_class("chart"):
        assert len(chart.by_class("band")) == len(epochs) == 3
        assert len(chart.by_class("stage")) == 1  # between the two
        name = next(chart.all("b")).text.removesuffix(" ★")
        where = "validation" if name in epochs[0]["validation"] else "train"
        told = [band.attributes["data-text"] for band in chart.by_class("band")]
        assert told[0] == f"{epochs[0][where][name]:.4f} at epoch 1 (rest 1)"
        if where == "validation" and chart.by_class("mark"):
            assert f"best checkpoint {epochs[best][where][name]:.4f}" in chart.text
    losses = {next(each.all("b")).text for each in tree.by_id("curves").by_class("chart")}
    assert {"loss", "mask", "balance", "iou ★", "mae"} <= losses


def test_images_are_ranked_and_none_comes_twice(page) -> None:
    _, tree = page
    section = tree.by_id("images")
    assert [each.text for each in section.all("h3")] == ["Best", "Median", "Worst"]
    cards = section.by_class("card")
    names = [next(card.all("b")).text for card in cards]
    assert len(set(names)) == len(names) >= 3
    scores = [float(card.by_class("score")[0].text.split()[-1]) for card in cards]
    assert scores[0] == max(scores)
    assert all(len(list(card.all("img"))) == 4 for card in cards)
    assert "without an object can't be ranked" in section.text
    for word in ("false positive", "false negative"):
        assert word in section.text


def test_the_use_of_experts_is_that_of_the_runs_own_table(page, finished) -> None:
    _, tree = page
    lines = [line for line in (finished / "experts" / "experts.md").read_text().splitlines() if line[:2] == "| "][2:]
    expected = {
        cells[1].strip(): [float(cell) for cell in cells[2:-1]] for cells in (line.split("|") for line in lines)
    }
    table = next(tree.by_id("experts").all("table"))
    for row in next(table.all("tbody")).all("tr"):
        values = [float(cell.texts[0]) for cell in row.all("td")]
        assert values == pytest.approx(expected[next(row.all("th")).text], abs=0.011)
        odd = ["odd" in (cell.attributes["class"] or "") for cell in row.all("td")]
        assert odd == [False] * (len(values) - 1) + [not 0.3 <= values[-1] <= 3]
    assert [each.text for each in tree.by_id("experts").all("h4")] == ["texture", "edge", "contrast"]


def test_what_is_lost_without_an_expert_is_measured(page, finished) -> None:
    _, tree = page
    figures = json.loads((finished / "result.json").read_text())["metrics"]
    table = list(tree.by_id("experts").all("table"))[1]
    body = next(table.all("tbody"))
    rows = {next(row.all("th")).text: [cell.text for cell in row.all("td")] for row in body.all("tr")}
    assert set(rows) == {"none", "texture", "edge", "contrast"}
    assert "of 3 experts are missed by a figure in bold" in tree.by_id("experts").text
    assert rows["none"][0] == f"{figures['iou']:.4f}"  # there are fewer images than are asked at most
    for value, *changes in list(rows.values())[1:]:
        change, *parts = ([float(part) for part in each.replace(MINUS, "-").split(" ± ")] for each in changes)
        assert float(value) - figures["iou"] == pytest.approx(change[0], abs=2e-4)
        assert len(change) == 2
        assert len(parts) == 3
        assert all(1 <= len(each) <= 2 for each in parts)  # of one image there is no error


def test_the_mean_absolute_error_without_an_expert_is_there_too(page, finished) -> None:
    _, tree = page
    table = list(tree.by_id("experts").all("table"))[2]
    assert [cell.text for cell in next(table.all("thead")).all("th")][1] == "mae"
    rows = {next(row.all("th")).text: [c.text for c in row.all("td")] for row in next(table.all("tbody")).all("tr")}
    whole = float(rows.pop("none")[0])
    assert 0 < whole < 1
    for value, change, *_ in rows.values():
        assert float(value) - whole == pytest.approx(float(change.replace(MINUS, "-").partition(" ")[0]), abs=2e-4)


def test_a_change_has_the_error_of_its_mean() -> None:
    found = Change.of([0.1, -0.3, math.nan, 0.2])
    assert found.images == 3
    assert found.mean == pytest.approx(0)
    assert found.error == pytest.approx(np.std([0.1, -0.3, 0.2], ddof=1) / math.sqrt(3))
    assert not Change.of([0.1, 0.1001]).is_sure  # of two images that is little
    assert Change.of([0.1, 0.12] * 8).is_sure
    assert not Change.of([0.1, -0.12] * 8).is_sure


def test_an_expert_is_missed_if_a_figure_is_surely_worse_on_some_part() -> None:
    none, down, up = Change(64, 0.02, 0.01), Change(64, -0.04, 0.01), Change(64, 0.04, 0.01)
    changes = {
        "on a part": {"all": none, "largest quarter": down},
        "better": {"all": up, "largest quarter": none},
        "by chance": {"all": none, "largest quarter": none},
    }
    iou = Lost("iou", lower_is_better=False, images=64, values={}, changes=changes)
    assert [iou.misses(expert) for expert in changes] == [True, False, False]
    mae = Lost("mae", lower_is_better=True, images=64, values={}, changes=changes)
    assert [mae.misses(expert) for expert in changes] == [False, True, False]


def test_quarters_are_of_the_images_with_most_weight_and_the_smallest_and_largest_objects() -> None:
    images = list("abcdefgh")
    areas = {image: size for size, image in enumerate("hgfedcba")}  # h has no object
    weights = {"a": 0.0, "b": 0.2, "c": 0.9, "d": 0.5}
    assert quarters(areas, weights, images) == (["d", "c"], ["g", "f"], ["b", "a"])
    assert quarters({}, {"b": 0.1}, images) == (["b"], [], [])
    assert quarters({"a": 0.3}, {"a": 1.0}, ["a"]) == (["a"], ["a"], ["a"])


def test_the_schedule_shows_what_is_frozen_and_when_it_joins(page) -> None:
    _, tree = page
    section = tree.by_id("schedule")
    assert [each.text for each in section.by_class("frozen") if each.name == "text"] == []
    assert "frozen" in [each.text for each in section.all("text")]
    assert len([each for each in section.by_class("lane") if "frozen" in (each.attributes["class"] or "")]) == 1
    moments = [[cell.text for cell in row.all("td")] for row in next(section.all("tbody")).all("tr")]
    assert "unfreezing" in " ".join(row[0] for row in moments)


def test_the_config_stands_there_with_the_origin_of_each_value(page, finished) -> None:
    _, tree = page
    config = tree.by_class("config")[0]
    lines = (finished / "config.toml").read_text().splitlines()
    assert len(config.by_class("line")) == len(lines)
    assert "# --set" in config.text
    assert f"frame run {finished / 'config.toml'}" in tree.by_id("origin").text
    assert "frame-seg" in tree.by_id("origin").text
    assert "heads/moe" in tree.by_id("origin").text


def test_the_command_writes_beside_the_run_and_prints_where(folder, capsys) -> None:
    assert main(["report", str(folder), "--images", "1"]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    assert (folder / "report.html").stat().st_size > 50_000
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_more_images_are_shown_smaller_so_that_a_page_stays_light(finished, written, monkeypatch) -> None:
    from frame.report.page import images

    whole = sum(len(each.attributes["src"]) for each in written(finished).by_id("images").all("img"))
    monkeypatch.setattr(images, "BUDGET", whole // 2)
    monkeypatch.setattr(images, "SIDES", (288, 30, 20, 10))
    assert sum(len(each.attributes["src"]) for each in written(finished).by_id("images").all("img")) < whole


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path / "nothing", "there is no "),
        (lambda path: path, "is no run's folder with a config.toml and a components.json in it"),
    ],
)
def test_what_is_no_run_is_one_message_and_exit_code_2(make, message, tmp_path, capsys) -> None:
    assert main(["report", str(make(tmp_path))]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "give one that 'frame run' made" in told
    assert "Traceback" not in told


def test_a_place_that_cannot_be_written_is_told_and_what_was_there_stays(folder, capsys) -> None:
    (folder / "report.html").mkdir()
    assert main(["report", str(folder)]) == 2
    assert "choose another place with -o FILE.html" in capsys.readouterr().err
    assert not list(folder.glob(".*writing"))
    assert main(["report", str(folder), "--images", "0"]) == 2
    assert "--images takes a number from 1 to 32" in capsys.readouterr().err
