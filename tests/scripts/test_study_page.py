"""The report's files and page with the stand-in for heat, and the demo, which is such a study."""

from __future__ import annotations

import html.parser
import os
import re
from pathlib import Path

import pytest
from conftest import Study
from studies import STRONG, failure, store, study_file

from tutti_cli import demo
from tutti_cli.study import page, plots, verbs
from tutti_cli.study.store import NAME

DRAWN = ("time", "efficiency", "schedules", "factors", "roofline")  # of a study of few workers
PLOTS = {f"{name}.{kind}" for name in DRAWN for kind in plots.FILES}


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
    return tmp_path_factory.mktemp("study")


def test_the_files_of_a_report(study: Study, output: Path) -> None:
    folder = output / "out"
    status, text = study("run", study_file(output), folder)
    assert status == 0, text
    status, text = study("report", folder)
    assert status == 0, text
    assert "All 4 points have the same checksum, 0x0123456789abcdef." in text
    assert "speed-up" in text and "thread load balance" in text and "\r" not in text
    assert {path.name for path in folder.iterdir()} == {NAME, "report.html", *PLOTS}


def test_the_page_needs_nothing_else(output: Path) -> None:
    text = (output / "out" / "report.html").read_text()
    found = Page()
    found.feed(text)
    assert found.tags.count("svg") == len(DRAWN) and found.tags.count("table") >= 4
    assert {"script", "link", "img"}.isdisjoint(found.tags), "the page needs other files"
    assert all(address.startswith("#") for address in found.addresses)
    assert len(found.ids) == len(set(found.ids))
    assert {address[1:] for address in found.addresses} <= set(found.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(found.ids)
    assert "none <stand-in>" in found.text and "<stand-in>" not in text, "the app's words are escaped"
    assert "cells <here>" in found.text and "<here>" not in text
    for words in ("viewport", "@media print"):
        assert words in text
    for words in ("POP factors", "What limits it", "Operations at", "0.1.0", "--grid 64,64,64", "[axes]"):
        assert words in found.text


def test_the_plots_have_what_they_need(output: Path) -> None:
    time, efficiency, schedules, breakdown, roofline = (
        (output / "out" / f"{name}.svg").read_text() for name in DRAWN
    )
    assert ">bulk over tasks<" in schedules and "time over that of tasks" in schedules
    assert ">one worker<" in schedules, "layouts differ in their markers"
    assert ">ideal<" in time and "s per iteration" in time and "strong scaling" in time
    assert "Parallel efficiency" in efficiency and ">0.8<" in efficiency
    assert ">global efficiency<" in breakdown and ">lost: serialisation<" in breakdown
    assert "GFLOP/s" in roofline and "heat7, 90 % of the time" in roofline


def test_plots_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    store(tmp_path, STRONG, {0: [1.0], 2: [0.6]})
    (tmp_path / "roofline.png").write_text("old")
    assert verbs.publish(tmp_path) == 0
    drawn = {f"{name}.{kind}" for name in ("time", "efficiency") for kind in plots.FILES}
    assert {path.name for path in tmp_path.iterdir()} == {NAME, "report.html", *drawn}


@pytest.mark.usefixtures("only_svg")
def test_a_study_that_is_not_about_scaling(tmp_path: Path) -> None:
    kept = store(tmp_path, STRONG.replace("strong", "none"), {n: [1.0, 1.1] for n in range(3)})
    kept.add(failure(3, "heat: <died>"))
    assert verbs.publish(tmp_path) == 1
    text = (tmp_path / "report.html").read_text()
    assert "speed-up" not in text and "heat: &lt;died&gt;" in text and 'class="verdict bad"' in text
    assert not (tmp_path / "efficiency.svg").exists() and (tmp_path / "times.svg").exists()


@pytest.mark.usefixtures("only_svg")
def test_points_without_a_core_for_each_worker_are_marked(study: Study, tmp_path: Path) -> None:
    text = STRONG.replace("[1, 2]", f"[1, {2 * (os.cpu_count() or 1)}]")
    study("run", study_file(tmp_path, text, 1), tmp_path)
    _, said = study("report", tmp_path)
    marked = [line for line in said.splitlines() if " x 1*" in line]
    assert len(marked) == 4, "two schedules in two tables"
    assert "* oversubscribed: more workers than the" in said
    assert "class=over" in (tmp_path / "report.html").read_text()
    for name in ("time", "efficiency"):
        assert ">oversubscribed<" in (tmp_path / f"{name}.svg").read_text()


@pytest.mark.usefixtures("only_svg")
def test_workers_that_shared_cores_are_told(study: Study, tmp_path: Path) -> None:
    study("run", study_file(tmp_path, initial=1), tmp_path, mode="pinning")
    status, said = study("report", tmp_path)
    sentence = "Pinning: 2 workers share one core, at tasks 2x1, bulk 2x1."
    assert status == 0 and sentence in said and sentence in (tmp_path / "report.html").read_text()


@pytest.mark.usefixtures("only_svg")
def test_differing_checksums_are_told(study: Study, tmp_path: Path) -> None:
    study("run", study_file(tmp_path, initial=1), tmp_path, mode="checksum")
    status, said = study("report", tmp_path)
    assert status == 1 and "Checksums differ: " in said


@pytest.mark.usefixtures("only_svg")
def test_the_demo_is_a_study_that_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "FILE", study_file(tmp_path, initial=1))
    for _ in range(2):
        assert demo.verb(str(tmp_path / "demo"), "release") == 0
        assert "4 new runs, 4 in all" in capsys.readouterr().out
    assert (tmp_path / "demo" / "report.html").is_file()


def test_flat() -> None:
    rows = page.flat(
        {"cpu": "x", "mpi": {"thread_level": 3, "aware": False}, "flags": ["-O3", "-g"], "no": ""}
    )
    assert page.flat({"affinity": [{"workers": ["0-1"]}]}) == [("affinity 0 workers", "0-1")]
    assert rows == [("cpu", "x"), ("mpi thread level", "3"), ("mpi aware", "no"), ("flags", "-O3, -g")]


def test_inline_makes_ids_unique() -> None:
    svg = '<?xml?><svg a="1"><metadata>x</metadata><g id="a" clip-path="url(#a)"/><use href="#a"/></svg>'
    text = plots.inline(svg, "p", "label")
    assert 'id="p-a"' in text and "url(#p-a)" in text and 'href="#p-a"' in text
    assert "metadata" not in text and text.startswith("<svg role=")
