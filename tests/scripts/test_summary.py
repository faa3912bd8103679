"""The table, the verdict, and the pieces of a study that need no run."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tutti_cli import demo, study, summary
from tutti_cli.common import Failure
from tutti_cli.progress import Progress

ONE, TWO, BULK = study.Point("tasks", 1, 1), study.Point("tasks", 2, 1), study.Point("bulk", 1, 1)


def repeat(point: study.Point, number: int, time_s: float, checksum: str = "0x1", passed: bool = True):
    result = {
        "timings": {"iteration_s": {"median": time_s}},
        "verification": [{"name": "e", "value": 0.0, "tolerance": 1.0, "passed": passed}],
        "checksum": checksum,
    }
    return study.Repeat(point, number, number, 1.0, "raw/x.json", "heat", result)


def repeats(times: dict[study.Point, list[float]]) -> list[study.Repeat]:
    return [repeat(point, i, t) for point, values in times.items() for i, t in enumerate(values, 1)]


def test_rows_against_the_fastest_on_one_core() -> None:
    found = summary.summarise(
        repeats({ONE: [0.011, 0.010, 0.012], TWO: [0.005, 0.006, 0.0055], BULK: [0.0100, 0.0099, 0.0101]})
    )
    assert found.base.point == BULK
    two = next(row for row in found.rows if row.point == TWO)
    assert two.speedup == pytest.approx(0.0100 / 0.0055)
    assert two.efficiency == pytest.approx(two.speedup / 2)
    assert two.speedup_low <= two.speedup <= two.speedup_high
    assert found.good
    assert summary.verdict(found)[0] == "All 3 points have the same checksum, 0x1."


def test_table_is_aligned() -> None:
    found = summary.summarise(repeats({ONE: [0.010] * 6, TWO: [0.005] * 6}))
    lines = summary.table(found).splitlines()
    assert lines[0].split("  ")[0] == "schedule"
    assert "ms per step" in lines[0] and "95 % interval" in lines[0]
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split()[:4] == ["tasks", "2", "x", "1"]
    assert "5.00" in lines[2] and "10.00" in lines[1]


def test_few_repeats_do_not_claim_95_percent() -> None:
    found = summary.summarise(repeats({ONE: [0.010] * 3}))
    assert "range" in summary.table(found) and "95 %" not in summary.table(found)
    assert "covers 75 %" in summary.coverage_note(found.rows)


def test_a_deviating_checksum_names_its_points() -> None:
    runs = [*repeats({ONE: [1.0, 1.0], BULK: [1.0, 1.0]}), repeat(TWO, 1, 0.5), repeat(TWO, 2, 0.5, "0x2")]
    found = summary.summarise(runs)
    assert found.deviating == ("tasks-2x1",) and not found.good
    assert "tasks-2x1" in summary.verdict(found)[0]


def test_a_failed_verification_names_its_points() -> None:
    found = summary.summarise([repeat(ONE, 1, 1.0), repeat(TWO, 1, 0.5, passed=False)])
    assert found.unverified == ("tasks-2x1",) and not found.good


def test_a_run_that_checks_nothing_is_not_verified() -> None:
    one = repeat(ONE, 1, 1.0)
    one.result["verification"] = []
    assert not one.verified


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (4.56e-6, "4.56 us"), (3e-9, "3 ns")]
)
def test_duration(seconds: float, text: str) -> None:
    assert summary.duration(seconds) == text


def test_order_interleaves_and_depends_only_on_the_seed() -> None:
    points = [ONE, TWO, BULK]
    runs = study.order(points, 4, seed=3)
    assert runs == study.order(points, 4, seed=3)
    assert runs != study.order(points, 4, seed=4)
    for number in range(4):
        one_round = runs[3 * number : 3 * number + 3]
        assert {point for point, _ in one_round} == set(points)
        assert {n for _, n in one_round} == {number + 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"timings": {"iteration_s": {"median": 0}}, "verification": [], "checksum": "0x1"}',
        '{"timings": {"iteration_s": {"median": 1}}, "verification": [{"passed": 1}], "checksum": "0x1"}',
        '{"timings": {"iteration_s": {"median": 1}}, "verification": [], "checksum": 1}',
    ],
)
def test_a_result_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(Failure, match="cannot be used"):
        study.read_result(file, ONE)


def test_layouts() -> None:
    assert demo.layouts(1, True) == [(1, 1)]
    assert demo.layouts(2, True) == [(1, 1), (1, 2), (2, 1)]
    assert demo.layouts(6, True) == [(1, 1), (1, 2), (2, 1), (1, 4), (2, 2), (4, 1)]
    assert demo.layouts(4, False) == [(1, 1), (1, 2), (1, 4)]


def test_the_demo_fits_its_budget() -> None:
    size = demo.fit(step_s=0.01, overhead_s=0.5, points=6, budget_s=120, repeats=None)
    assert size is not None and size.repeats == 9
    assert 54 * (0.5 + 0.01 * size.steps) <= 120
    slow = demo.fit(step_s=0.1, overhead_s=2.0, points=6, budget_s=120, repeats=None)
    assert slow is not None and slow.repeats == 3
    assert demo.fit(step_s=1.0, overhead_s=2.0, points=6, budget_s=120, repeats=None) is None
    assert demo.round_down(1234) == 1200 and demo.round_down(25) == 25


def test_progress_without_a_terminal_is_plain_lines() -> None:
    out = io.StringIO()
    progress = Progress(out)
    for done, (point, number) in enumerate(study.order([ONE, TWO], 2, 1)):
        progress(done, 4, point, number)
    progress(4, 4, TWO, 2)
    lines = out.getvalue().splitlines()
    assert lines[0] == "demo: 0 of 4 runs" and lines[-1] == "demo: 4 of 4 runs"
    assert len(lines) == 3 and "\r" not in out.getvalue()


def test_progress_on_a_terminal_is_one_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    progress = Progress(out)
    progress(1, 4, ONE, 1)
    progress.close()
    assert out.getvalue().startswith("\r") and "1/4" in out.getvalue() and out.getvalue().endswith("\n")


def test_study_json_lists_every_run(tmp_path: Path) -> None:
    study.save(repeats({ONE: [1.0, 2.0]}), {"seed": 1}, tmp_path)
    saved = json.loads((tmp_path / "study.json").read_text())
    assert saved["settings"] == {"seed": 1}
    assert [run["repeat"] for run in saved["runs"]] == [1, 2]
