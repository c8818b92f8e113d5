"""The page in a real browser: no network, no overflow at any width, light, dark and in print."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from typing import TYPE_CHECKING

import pytest

from frame import catalog
from frame.report.page.write import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Browse = Callable[..., subprocess.CompletedProcess[str]]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PROBE = """
const wide = [...document.querySelectorAll("body *")].filter((each) => !each.closest(".scroll, pre, svg")
  && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.tagName + "." + each.className);
const colour = (element, name) => getComputedStyle(element)[name].match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
const paper = colour(document.body, "backgroundColor");
const texts = ["body", ".lead", "nav a", ".readout", ".tile .beside", ".star", "caption", ".line.default .t"];
const chart = document.querySelector(".chart");
chart.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, ...(() => {
  chart.scrollIntoView();
  const band = chart.querySelector(".band .area").getBoundingClientRect();
  return { clientX: band.x + band.width / 2, clientY: band.y + band.height / 2 };
})() }));
document.body.dataset.probe = JSON.stringify({
  width: innerWidth, wide, scroll: document.documentElement.scrollWidth, dark: light(paper) < 0.5,
  contrasts: texts.map((each) => contrast(colour(document.querySelector(each), "color"), paper)),
  broken: [...document.images].filter((each) => !each.complete || !each.naturalWidth).length,
  images: document.images.length, readout: chart.querySelector(".readout").textContent,
  first: chart.querySelector(".band").dataset.text,
});
"""


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Run a headless browser with arguments; skips where there is none."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        own = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={tmp_path}/profile",
        ]
        command = [browser, *own, "--virtual-time-budget=2000", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture(scope="module")
def text(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(finished, catalog(), tmp_path_factory.mktemp("page") / "p.html").read_text(encoding="utf-8")


@pytest.fixture
def page(text: str, tmp_path: Path) -> Path:
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    return tmp_path / "page.html"


@pytest.mark.parametrize("width", [390, 820, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_reads_at_every_width_in_light_and_dark(browse, page, tmp_path, width, scheme) -> None:
    """In a frame of that width, for a window can't be as narrow as a phone."""
    page.write_text(page.read_text().replace("</body>", f"<script>{PROBE}</script></body>"))
    outer = tmp_path / "outer.html"
    copied = "f.onload = () => { document.body.dataset.found = f.contentDocument.body.dataset.probe }"
    frame = f'<iframe id=f src="{page.name}" style="width:{width}px;height:800px;border:0"></iframe>'
    outer.write_text(f"{frame}<script>{copied}</script>")
    settings = [f"--blink-settings=preferredColorScheme={int(scheme == 'light')}", "--allow-file-access-from-files"]
    done = browse(*settings, "--window-size=1600,900", "--dump-dom", outer.as_uri())
    found = json.loads(unescape(re.search(r'data-found="([^"]*)"', done.stdout)[1]))
    assert found["width"] == width
    assert found["wide"] == []
    assert found["scroll"] <= width
    assert found["dark"] == (scheme == "dark")
    assert min(found["contrasts"]) >= 4.5, found["contrasts"]  # WCAG 2, AA
    assert found["broken"] == 0
    assert found["images"] > 10
    assert found["readout"] == found["first"]  # a finger on the chart


def test_it_prints_whole(browse, page, tmp_path) -> None:
    browse("--no-pdf-header-footer", f"--print-to-pdf={tmp_path / 'page.pdf'}", page.as_uri())
    data = (tmp_path / "page.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert 3 <= data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") <= 40
