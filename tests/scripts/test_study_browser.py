"""The page of a study in a real browser: on a phone, on a desk, on paper, without any network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import browser
import pytest
from studies import STRONG, synthetic

from tutti_cli.study import plots, verbs

pytestmark = pytest.mark.skipif(browser.PROGRAM is None, reason="no Chromium (scripts/tutti setup --tests)")

WIDE = STRONG.replace(
    "ranks = [1, 2]", 'ranks = [1, 2, 4, 8, 16]\ntile = [16, 32]\ninitial = ["sine", "a-long-word"]'
)
# What sticks out on the right; tables and listings may, they scroll by themselves.
OUTSIDE = """
[...document.querySelectorAll("body *")]
  .filter(one => !one.closest(".wide, pre, svg") && one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.tagName + " " + one.textContent.slice(0, 40))
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    synthetic(folder, WIDE, cores=8)
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(plots, "FILES", {"svg": plots.FILES["svg"]})
        assert verbs.publish(folder) == 0
    return folder / "report.html"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    with browser.Browser(tmp_path_factory.mktemp("profile")) as found:
        found.call(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )
        yield found


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_it_fits_the_window_and_says_nothing(shown: browser.Browser, page: Path, width: int) -> None:
    shown.media("screen")
    shown.complaints.clear()
    shown.loads.clear()
    shown.open(page, width)
    assert shown.ask("document.documentElement.scrollWidth") <= width
    assert shown.ask(OUTSIDE) == []
    assert shown.complaints == []
    assert set(shown.loads) == {page.absolute().as_uri()}, "nothing else is loaded"


def test_tables_scroll_and_plots_are_there_on_a_phone(shown: browser.Browser, page: Path) -> None:
    shown.media("screen")
    shown.open(page, 390)
    scrolling = (
        '[...document.querySelectorAll(".wide")].filter(one => one.scrollWidth > one.clientWidth).length'
    )
    assert shown.ask(scrolling) > 0
    plots = shown.ask('[...document.querySelectorAll("svg")].map(one => one.getBoundingClientRect().width)')
    assert len(plots) >= 5 and all(300 < width <= 390 for width in plots)
    letters = """
        Math.min(...[...document.querySelectorAll("svg text")]
          .filter(one => one.textContent.trim())
          .map(one => Math.max(one.getBoundingClientRect().height, one.getBoundingClientRect().width)))
    """
    assert shown.ask(letters) >= 7, "and their words are legible"


def test_it_prints(shown: browser.Browser, page: Path) -> None:
    shown.media("print")
    shown.open(page, 717)  # A4 without the margins, in CSS pixels
    assert shown.ask("document.documentElement.scrollWidth") <= 717, "no table is cut off"
    pdf = shown.pdf()
    assert pdf.startswith(b"%PDF") and 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 20
