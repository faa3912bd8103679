"""The tables and sentences of a report, from stores that were not measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Run, Study
from fake_heat import efficiency
from studies import STRONG, failure, run, store, study_file

from tutti_cli.common import Failure
from tutti_cli.study import factors, summary, tables
from tutti_cli.study import store as module

WEAK = """kind = "weak"
app = "{app}"
points = [{ ranks = 1, work = 10 }, { ranks = 2, work = %s }]
[repeats]
initial = {initial}
"""
TIMES = {0: [0.011, 0.010, 0.012], 1: [0.0100, 0.0099, 0.0101], 2: [0.005, 0.006, 0.0055]}


def test_rows_against_the_fastest_on_the_fewest_workers(tmp_path: Path) -> None:
    found = summary.summarise(store(tmp_path, STRONG, TIMES))
    assert [row.label for row in found.bases] == ["bulk 1x1"]
    two = next(row for row in found.rows if row.label == "tasks 2x1")
    assert two.speedup == pytest.approx(0.0100 / 0.0055)
    assert two.efficiency == pytest.approx(two.speedup / 2)
    assert two.low <= two.speedup <= two.high
    assert found.good and found.missing == ("bulk 2x1",) and found.fastest == two
    assert tables.verdict(found) == [
        "All 3 points have the same checksum, 0x1.",
        "Every run passed its own verification.",
        "Not run: bulk 2x1.",
    ]


def test_weak_speed_up_counts_work(tmp_path: Path) -> None:
    found = summary.summarise(store(tmp_path, WEAK % 20, {0: [1.0], 1: [1.25]}))
    assert found.rows[1].speedup == pytest.approx(1.6) and found.rows[1].efficiency == pytest.approx(0.8)


def test_work_that_is_not_constant_is_refused(tutti: Run, tmp_path: Path) -> None:
    store(tmp_path, WEAK % 21, {0: [1.0], 1: [1.25]})
    done = tutti("study", "report", str(tmp_path))
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines() == [
        "tutti: error: not drawn as weak scaling, the work per worker is not constant:"
        " 2x1 has 10.5 per worker where 1x1 has 10"
    ]
    assert {path.name for path in tmp_path.iterdir()} == {module.NAME}


def test_the_table_is_aligned_and_marks_oversubscribed_points(tmp_path: Path) -> None:
    kept = store(tmp_path, STRONG, {0: [0.010] * 6, 2: [0.005] * 6})
    kept.runs = [replace(one, oversubscribed=one.point == 2) for one in kept.runs]
    found = summary.summarise(kept)
    lines = tables.aligned(tables.numbers(found), 1).splitlines()
    assert lines[0].split("  ")[0] == "schedule"
    assert "ms per iteration" in lines[0] and "95 % interval" in lines[0]
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split()[:5] == ["tasks", "1", "x", "1", "10.00"]
    assert lines[2].split()[:5] == ["tasks", "2", "x", "1*", "5.00"]
    assert tables.notes(found)[0].startswith("* oversubscribed: more workers than the 2 cores")
    assert found.fastest.label == "tasks 1x1"


def test_few_repeats_do_not_claim_95_percent(tmp_path: Path) -> None:
    found = summary.summarise(store(tmp_path, STRONG, {0: [0.010] * 3}))
    assert "range" in tables.numbers(found)[0]
    assert "the range of 3 repeats, which covers 75 %, not 95 %" in tables.intervals(found)


def test_checksums_must_agree_within_a_problem_only(tmp_path: Path) -> None:
    kept = store(tmp_path, STRONG, {0: [1.0, 1.0], 1: [1.0, 1.0], 2: [0.5]})
    kept.add(run(2, 2, 0.5, "0x2"))
    found = summary.summarise(kept)
    assert not found.good
    assert found.deviating == (
        "Checksums differ: tasks 2x1 has 0x2 where the others of this problem have 0x1.",
    )
    other = tmp_path / "other"
    other.mkdir()
    grids = store(other, STRONG.replace("ranks = [1, 2]", "seed = [1, 2]"), {0: [1.0]})
    grids.add(run(2, 1, 0.5, "0x2"))
    assert summary.summarise(grids).good


def test_failures_and_verification_are_told(tmp_path: Path) -> None:
    kept = store(tmp_path, STRONG, {0: [1.0], 1: [1.0]})
    kept.add(run(2, 1, 0.5, passed=False))
    kept.add(failure(3, "heat: ended by signal 6"))
    found = summary.summarise(kept)
    assert not found.good and found.unverified == ("tasks 2x1",)
    assert "Verification failed at tasks 2x1." in tables.verdict(found)
    assert "Failed: bulk 2x1: heat: ended by signal 6." in tables.verdict(found)


def test_runs_of_different_programs_are_told(tmp_path: Path) -> None:
    kept = store(tmp_path, STRONG, {0: [1.0], 1: [1.0]})
    kept.runs[1] = replace(kept.runs[1], result=kept.runs[1].result.replace('"1"', '"2"'))
    assert "Runs come from different commits (1, 2)." in tables.verdict(summary.summarise(kept))


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no run has succeeded yet"):
        summary.summarise(store(tmp_path, STRONG, {}))


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (4.56e-6, "4.56 us"), (3e-9, "3 ns")]
)
def test_duration(seconds: float, text: str) -> None:
    assert tables.duration(seconds) == text


def measured(ranks: int, threads: int, schedule: str, step_s: float) -> dict[str, object]:
    found = efficiency(ranks, threads, schedule, 100, step_s)
    return {"ranks": ranks, "threads_per_rank": threads, "efficiency": found}


@pytest.mark.parametrize("schedule", ["tasks", "bulk"])
def test_factors_multiply_and_losses_add_up(schedule: str) -> None:
    base, here = measured(1, 1, "tasks", 1.0), measured(2, 4, schedule, 0.2)
    found = factors.factors(here, base, 1.0)
    assert found is not None
    assert np.prod([value for _, value in found.parts]) == pytest.approx(found.parallel)
    assert np.prod([value for _, value in found.named]) == pytest.approx(found.total)
    assert "computation" in dict(found.named)
    # The global efficiency is that of the times, but for what the base case loses itself.
    base_parallel = base["efficiency"]["factors"]["parallel"]
    assert found.total == pytest.approx(1.0 / (0.2 * 8) * base_parallel)
    assert found.total + sum(loss for _, loss in found.losses()) == pytest.approx(1.0)
    names = [name for name, _ in found.parts]
    assert ("serialisation" in names, "communication" in names) == (schedule == "tasks", schedule == "bulk")
    twice = factors.factors(here, base, 2.0)
    assert twice is not None and twice.computation == pytest.approx(2 * found.computation)


def test_factors_may_be_missing() -> None:
    whole = measured(1, 1, "tasks", 1.0)
    for damaged in (
        {},
        {"efficiency": {}},
        {"efficiency": None},
        {"efficiency": {"factors": {"parallel": 1}}},
    ):
        assert factors.factors({**whole, **damaged} if damaged else {}, whole, 1.0) is None
        assert factors.factors(whole, damaged, 1.0) is None


def test_the_numbers_follow_from_the_file_in_ten_lines(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study("run", study_file(tmp_path), tmp_path)
    lines = (ROOT / "results/README.md").read_text().split("```python\n")[1].split("```")[0]
    assert len([line for line in lines.splitlines() if line]) <= 11  # with the import
    monkeypatch.chdir(tmp_path)
    exec(compile(lines, "results/README.md", "exec"), {})
    shown = [line.split(", ") for line in capsys.readouterr().out.splitlines()]
    rows = {row.label: row for row in summary.summarise(module.load(tmp_path)).rows}
    assert {line[0] for line in shown} == set(rows)
    for label, *values in shown:
        row = rows[label]
        wanted = (row.time_s.median, row.speedup, row.efficiency)
        assert [float(value) for value in values] == pytest.approx(wanted, rel=1e-12)


def test_a_study_of_old_results_has_no_factors(tmp_path: Path) -> None:
    found = summary.summarise(store(tmp_path, STRONG, TIMES))
    assert tables.pop(found) == [] and all(row.factors is None for row in found.rows)
    assert json.loads(found.rows[0].middle.result).get("efficiency") is None
