"""`study run`: rounds, repeats, budgets, and what fails."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import Study
from studies import STRONG, study_file

from tutti_cli.launch import Host
from tutti_cli.process import Outcome
from tutti_cli.study import measure, runner, store
from tutti_cli.study.model import Point, Repeats
from tutti_cli.study.progress import Progress

needs_mpirun = pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun")


def simulate(rule: Repeats, seed: int, points: int = 4) -> list[list[int]]:
    times: dict[int, list[float]] = {point: [] for point in range(points)}
    rounds = []
    while True:
        number, todo = runner.next_round(times, rule, seed)
        if not todo:
            return rounds
        assert number == len(rounds) + 1
        rounds.append(todo)
        for point in todo:
            # Point 0 is steady, the others never are.
            times[point].append(1.0 if point == 0 else 1.0 + 0.5 * (len(times[point]) % 2))


def test_rounds_hold_all_points_in_an_order_of_the_seed() -> None:
    rule = Repeats(initial=5, max=5)
    rounds = simulate(rule, seed=3)
    assert rounds == simulate(rule, seed=3) and rounds != simulate(rule, seed=4)
    assert len(rounds) == 5 and all(sorted(one) == [0, 1, 2, 3] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


def test_an_interrupted_round_goes_on_in_its_order() -> None:
    rule = Repeats(initial=2, max=2)
    _, whole = runner.next_round({point: [1.0] for point in range(5)}, rule, 7)
    times = {point: [1.0, 1.0] if point in whole[:2] else [1.0] for point in range(5)}
    assert runner.next_round(times, rule, 7) == (2, whole[2:])


def test_a_point_gets_repeats_until_its_interval_is_narrow() -> None:
    rounds = simulate(Repeats(initial=2, max=9, half_width=0.01), seed=1)
    assert len(rounds) == 9
    assert [0 in one for one in rounds] == [True] * 6 + [False] * 3  # six values make a 95 % interval
    assert all({1, 2, 3} <= set(one) for one in rounds)


def test_every_repeat_is_kept(study: Study, tmp_path: Path) -> None:
    file, folder = study_file(tmp_path), tmp_path / "out"
    status, text = study("run", file, folder)
    assert status == 0, text
    kept = store.load(folder)
    assert [one.repeat for one in kept.runs] == [1] * 4 + [2] * 4
    assert [one.started for one in kept.runs] == sorted(one.started for one in kept.runs)
    for one in kept.runs:
        point, result = kept.study.points[one.point], json.loads(one.result)
        assert (result["ranks"], result["schedule"]) == (point.ranks, point.schedule)
        assert one.time_s == result["timings"]["iteration_s"]["median"] and one.wall_s > 0
        assert f"--schedule {point.schedule}" in one.command and "--grid 64,64,64" in one.command
        assert one.verified and not one.failed and one.status == 0 and one.message == ""
    status, text = study("run", file, folder)
    assert status == 0 and "0 new runs, 8 in all" in text


@needs_mpirun
def test_a_point_that_fails_does_not_stop_the_others(study: Study, tmp_path: Path) -> None:
    file, folder = study_file(tmp_path), tmp_path / "out"
    status, text = study("run", file, folder, mode="crash2")
    assert status == 1
    assert "tasks 2x1 failed: fake_heat.py: rank" in text and "signal 6" in text
    kept = store.load(folder)
    assert [len(kept.of(n)) for n in range(4)] == [2, 2, 0, 0] and len(kept.failures()) == 2
    assert len(kept.runs) == 6, "a point that failed is not tried twice in one sitting"
    status, text = study("report", folder)
    assert status == 1 and "Failed: tasks 2x1: fake_heat.py: rank" in text
    status, text = study("run", file, folder)
    assert status == 0 and "4 new runs, 10 in all" in text
    assert store.load(folder).failures() == []


@pytest.mark.parametrize(
    ("mode", "limit_s", "reason"),
    [
        ("usage", 60, "--grid: 0 is not a size"),
        ("nojson", 60, "fake_heat.py wrote no result"),
        ("hang", 1, "fake_heat.py: no end after 1 s, stopped"),
    ],
)
def test_reasons(study: Study, tmp_path: Path, mode: str, limit_s: int, reason: str) -> None:
    text = STRONG.replace("[1, 2]", "[1]").replace(', "bulk"', "") + f"limit_s = {limit_s}\n"
    file, folder = study_file(tmp_path, text), tmp_path / "out"
    status, text = study("run", file, folder, mode=mode)
    assert status == 1 and f"study: 1x1 failed: {reason}" in text
    status, text = study("report", folder)
    assert status == 3 and text.startswith("tutti: error: no run has succeeded") and reason in text


def test_a_failed_verification_is_kept_and_told(study: Study, tmp_path: Path) -> None:
    status, text = study("run", study_file(tmp_path, initial=1), tmp_path / "out", mode="verification")
    assert status == 1 and "verification failed at bulk 1x1, bulk 2x1" in text
    kept = store.load(tmp_path / "out")
    assert len(kept.runs) == 4 and len(kept.unverified()) == 2 and kept.failures() == []


def test_the_budget_ends_a_study_and_more_of_it_goes_on(study: Study, tmp_path: Path) -> None:
    text = STRONG.replace("[1, 2]", "[1]") + "budget_s = {budget}\n"
    folder = tmp_path / "out"
    short = study_file(tmp_path, text.replace("{budget}", "0.001"), initial=1)
    status, said = study("run", short, folder)
    assert status == 0 and "the budget of 0.001 s is used up" in said
    assert len(store.load(folder).runs) == 1
    status, said = study("report", folder)
    assert status == 0 and "Not run: " in said
    long = study_file(tmp_path, text.replace("{budget}", "1000"), initial=1)
    assert "1 new run, 2 in all" in study("run", long, folder)[1]


def test_points_that_do_not_fit_are_left_out(study: Study, tmp_path: Path) -> None:
    many = 64 * (os.cpu_count() or 1)
    text = "fit = true\n" + STRONG.replace("[1, 2]", f"[1, {many}]")
    status, said = study("run", study_file(tmp_path, text, 1), tmp_path / "out")
    assert status == 0 and "2 new runs" in said
    none = study_file(tmp_path, "fit = true\n" + STRONG.replace("[1, 2]", f"[{many}]"))
    status, said = study("run", none, tmp_path / "none")
    assert status == 2 and "no point fits the" in said


def test_uneven_work_is_said_before_anything_runs(study: Study, tmp_path: Path) -> None:
    text = STRONG.replace("strong", "weak").replace("[arguments]", 'work = "grid"\n[arguments]', 1)
    status, said = study("run", study_file(tmp_path, text, 1), tmp_path / "out")
    assert status == 0 and said.startswith("study: the report will refuse this as weak scaling")


def test_an_output_that_cannot_be_written(study: Study, tmp_path: Path) -> None:
    status, said = study("run", study_file(tmp_path), Path("/proc/nowhere"))
    assert status == 3 and "cannot write to /proc/nowhere" in said


GOOD = {
    "timings": {"iteration_s": {"median": 1.0}},
    "verification": [{"passed": True}],
    "checksum": "0x1",
    "ranks": 2,
    "threads_per_rank": 1,
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"timings": {}}, "no key 'iteration_s'"),
        ({"timings": {"iteration_s": {"median": 0}}}, "iteration_s is not positive"),
        ({"verification": [{"passed": 1}]}, "verification.passed is not true or false"),
        ({"checksum": 1}, "checksum is no text"),
        ({"ranks": 1}, "it ran on 1x1, not 2x1"),
    ],
)
def test_a_result_that_cannot_be_used(change: dict[str, object], why: str) -> None:
    point = Point(2, 1, ())
    assert measure.judged(Outcome(0, None), json.dumps(GOOD), point, "heat") == (GOOD, "")
    result, message = measure.judged(Outcome(0, None), json.dumps({**GOOD, **change}), point, "heat")
    assert result == {} and why in message
    assert "cannot be used" in measure.judged(Outcome(0, None), "[]", point, "heat")[1]
    assert measure.judged(Outcome(1, "no end", timed_out=True), json.dumps(GOOD), point, "heat") == (
        {},
        "no end",
    )


def test_a_run_that_checks_nothing_is_not_verified() -> None:
    assert measure.verified(GOOD) and not measure.verified({**GOOD, "verification": []})


def test_ranks_without_mpi_are_a_failure_of_the_point(tmp_path: Path) -> None:
    program = measure.Program(Path("/bin/true"), False, Host(2, "", False))
    one = measure.measure(0, Point(2, 1, ()), 1, program, 10.0, tmp_path)
    assert one.failed and one.message == "2 ranks asked for, but this build has no MPI" and one.status == 2


def test_progress_without_a_terminal_is_a_line_for_each_round() -> None:
    out = io.StringIO()
    progress = Progress(out)
    for number in (1, 2):
        for done in range(4):
            progress(number, done, 3, "tasks 1x1" if done < 3 else "")
    progress.close()
    assert out.getvalue().splitlines() == ["study: round 1: 3 runs, 0 s", "study: round 2: 3 runs, 0 s"]


def test_progress_on_a_terminal_is_one_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    progress = Progress(out)
    progress(1, 1, 4, "tasks 1x1")
    progress.close()
    assert (
        out.getvalue().startswith("\r") and "1 of 4" in out.getvalue() and out.getvalue().endswith("\r\033[K")
    )
