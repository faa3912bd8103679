"""The plots as files: their size on paper, their letters, the same bytes every time, and studies of METG."""

from __future__ import annotations

import json
import re
import struct
import time
from dataclasses import replace
from pathlib import Path

import pytest
from studies import FAKE, STRONG, run, synthetic

from tutti_cli.common import Failure
from tutti_cli.study import measure, plots, store, tables, toml_file, verbs
from tutti_cli.study.store import NAME, Store
from tutti_cli.study.style import SMALL, WIDTHS_MM
from tutti_cli.study.summary import summarise

LONG = STRONG.replace("ranks = [1, 2]", "ranks = [1, 2, 4, 8, 16]")


NAMES = ("time", "efficiency", "speedup", "schedules", "factors", "roofline")
SOME = ("speedup", "factors")  # with what is random, and with hatches


def draw(folder: Path, size: str, names: tuple[str, ...]) -> Path:
    found = summarise(synthetic(folder, LONG))
    with pytest.MonkeyPatch.context() as only:
        only.setattr(plots, "PLOTS", {name: plots.PLOTS[name] for name in names})
        plots.write(found, folder, size)
    return folder


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("single"), "single", NAMES)


def check_width(folder: Path, name: str, width_mm: float) -> None:
    (pixels,) = struct.unpack(">I", (folder / f"{name}.png").read_bytes()[16:20])
    assert pixels == pytest.approx(width_mm / 25.4 * 300, abs=1), "300 dots per inch"
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", (folder / f"{name}.pdf").read_bytes())
    assert box and float(box[1]) * 25.4 / 72 == pytest.approx(width_mm, abs=0.1), name
    svg = re.search(r'width="([\d.]+)pt"', (folder / f"{name}.svg").read_text())
    assert svg and float(svg[1]) == pytest.approx(width_mm / 25.4 * 72, abs=0.1), name


def test_files_are_as_wide_as_columns_of_a_journal(single: Path, tmp_path: Path) -> None:
    assert {path.stem for path in single.glob("*.pdf")} == set(NAMES)
    for name in NAMES:
        check_width(single, name, WIDTHS_MM["single"])
    draw(tmp_path, "double", SOME)
    for name in SOME:
        check_width(tmp_path, name, WIDTHS_MM["double"])


def test_letters_are_legible_at_that_size(single: Path) -> None:
    for name in NAMES:
        svg = (single / f"{name}.svg").read_text()
        sizes = [float(one) for one in re.findall(r"font(?:-size)?: [^;\"]*?([\d.]+)px", svg)]
        assert sizes and min(sizes) >= SMALL, name


def test_the_same_study_gives_the_same_bytes(single: Path, tmp_path: Path) -> None:
    draw(tmp_path, "single", SOME)
    for name in SOME:
        for kind in plots.FILES:
            file = f"{name}.{kind}"
            assert (tmp_path / file).read_bytes() == (single / file).read_bytes(), file


METG = """kind = "metg"
app = "{app}"
[arguments]
sweep = true
[axes]
ranks = [2, 4, 8]
"""


def sweep(ranks: int, us: float, kind: str = "found") -> dict[str, object]:
    """As metg writes it, with two systems."""
    series = [
        {"system": system, "metg50_us": {"median": factor * us, "is": kind}}
        for system, factor in (("tutti", 1.0), ("mpi", 2.0))
    ]
    return {
        "ranks": ranks,
        "threads_per_rank": 1,
        "machine": {"affinity": [{"host": f"n{rank // 2}", "workers": ["0"]} for rank in range(ranks)]},
        "series": {"efficiency": series},
        "timings": {"iteration_s": {"median": 0.0, "n": 0}},
        "verification": [{"name": "wrong_inputs", "passed": True}],
        "checksum": "0x1",
    }


def test_a_study_of_sweeps_is_about_metg_over_nodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Store(tmp_path / NAME, toml_file.parse(METG.replace("{app}", "metg"), "m.toml"), [])
    kept.describe()
    for number, point in enumerate(kept.study.points):
        for repeat in range(1, 7):
            result = sweep(
                point.ranks, 1.0 + 0.1 * number + 0.001 * repeat, "at_most" if number == 2 else "found"
            )
            measure.check(result, point)
            one = run(number, repeat, measure.seconds(result))
            kept.add(replace(one, result=json.dumps(result)))
    found = summarise(kept)
    assert found.rows[0].time_s.median == pytest.approx(1.0035e-6)
    assert [row.nodes for row in found.rows] == [1, 2, 4]
    assert verbs.publish(tmp_path) == 0
    said = capsys.readouterr().out
    assert "metg: METG(50 %)" in said and "METG(50 %), us" in said and "speed-up" not in said
    assert "METG may be smaller than what is given for mpi at 8x1, tutti at 8x1." in said
    assert {path.stem for path in tmp_path.glob("*.png")} == {"metg"}
    svg = (tmp_path / "metg.svg").read_text()
    for words in (">nodes<", ">tutti<", ">mpi<", "METG(50 %), us"):
        assert words in svg
    assert "METG(50 %) at the best point, 2x1" in (tmp_path / "report.html").read_text()


def test_a_study_of_metg_needs_sweeps() -> None:
    with pytest.raises(Failure, match='"metg" needs sweep = true'):
        toml_file.parse(METG.replace("sweep = true", "").replace("{app}", str(FAKE)), "m.toml")


BIG = """kind = "strong"
app = "{app}"
[axes]
ranks = [1, 2, 4, 8, 16]
threads = [1, 4]
tile = [8, 16, 32, 64, 128]
grid = [[32, 32, 32], [64, 64, 64], [128, 128, 64], [128, 128, 128], [256, 128, 128]]
schedule = ["tasks", "bulk"]
[repeats]
initial = {initial}
"""


def test_500_points_are_reported_in_less_than_20_s(tmp_path: Path) -> None:
    kept = synthetic(tmp_path, BIG)
    assert len(kept.study.points) == 500 and len(kept.runs) == 3000
    begin_s = time.process_time()  # what others do on this machine does not count
    assert verbs.publish(tmp_path) == 0
    used_s = time.process_time() - begin_s
    assert used_s < 20.0, f"{used_s:.1f} s"
    page = (tmp_path / "report.html").read_text()
    assert page.count("<tr") > 1000 and "6 of 50 series" in page
    assert len(tables.numbers(summarise(store.load(tmp_path)))) == 501
