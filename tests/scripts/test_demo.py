"""The demo with a stand-in for heat: files, table, page, and what makes it fail."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path

import pytest
from conftest import Run

from tutti_cli import plots, report


def demo(tutti: Run, fake_heat: Path, output: Path, repeats: int = 1, **environment: str):
    arguments = ["--app", str(fake_heat), "--budget", "4", "--repeats", str(repeats), "--output", str(output)]
    return tutti("demo", *arguments, **environment)


class Page(html.parser.HTMLParser):
    """Collects what is judged: tags, ids, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_a_good_study(tutti: Run, fake_heat: Path, output: Path) -> None:
    done = demo(tutti, fake_heat, output, repeats=3)
    assert done.returncode == 0, done.stderr
    assert "All " in done.stdout and "have the same checksum, 0x0123456789abcdef" in done.stdout
    assert "speed-up" in done.stdout and "\r" not in done.stdout
    names = {path.name for path in output.iterdir()}
    wanted = {"time.png", "time.svg", "efficiency.png", "efficiency.svg", "report.html", "study.json", "raw"}
    assert names == wanted
    saved = json.loads((output / "study.json").read_text())
    files = sorted(f"raw/{path.name}" for path in (output / "raw").iterdir())
    assert sorted(run["file"] for run in saved["runs"]) == files

    text = (output / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.tags.count("svg") == 2 and page.tags.count("table") >= 3
    assert {"script", "link", "img"}.isdisjoint(page.tags), "the page needs other files"
    assert all(address.startswith("#") for address in page.addresses)
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for address in page.addresses} <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(page.ids)
    assert "none <stand-in>" in page.text and "<stand-in>" not in text, "the app's words are escaped"
    for words in ("viewport", "@media print"):
        assert words in text
    for words in ("efficiency", "order in", "0.1.0", "mpi"):
        assert words in page.text


def test_both_plots_have_what_they_need(output: Path) -> None:
    time_plot, efficiency = ((output / f"{name}.svg").read_text() for name in ("time", "efficiency"))
    assert "ideal" in time_plot and "s per step" in time_plot and "base: " in time_plot
    assert "parallel efficiency" in efficiency and ">0.8<" in efficiency


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [
        ("verification", 1, "Verification failed at bulk-1x1"),
        ("usage", 2, "tutti: error: tasks-1x1: --grid: 0 is not a size"),
        ("nojson", 3, "cannot be used"),
    ],
)
def test_what_makes_it_fail(
    tutti: Run, fake_heat: Path, tmp_path: Path, mode: str, status: int, words: str
) -> None:
    done = demo(tutti, fake_heat, tmp_path, FAKE_HEAT=mode)
    assert done.returncode == status
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written(tutti: Run, fake_heat: Path) -> None:
    done = demo(tutti, fake_heat, Path("/proc/nowhere"))
    assert done.returncode == 3 and "cannot write to /proc/nowhere" in done.stderr


def test_flat() -> None:
    rows = report.flat(
        {"cpu": "x", "mpi": {"thread_level": 3, "aware": False}, "flags": ["-O3", "-g"], "no": ""}
    )
    assert report.flat({"affinity": [{"workers": ["0-1"]}]}) == [("affinity 0 workers", "0-1")]
    assert rows == [("cpu", "x"), ("mpi thread level", "3"), ("mpi aware", "no"), ("flags", "-O3, -g")]


def test_inline_makes_ids_unique() -> None:
    svg = '<?xml?><svg a="1"><metadata>x</metadata><g id="a" clip-path="url(#a)"/><use href="#a"/></svg>'
    text = plots.inline(svg, "p", "label")
    assert 'id="p-a"' in text and "url(#p-a)" in text and 'href="#p-a"' in text
    assert "metadata" not in text and text.startswith("<svg role=")
