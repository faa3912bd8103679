"""study compare: whether two results differ, and what it says about their machines."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Run
from studies import STRONG, cells_of, synthetic

from tutti_cli.common import FAILED, OK, USAGE, Failure
from tutti_cli.statistics import Ratio
from tutti_cli.study import compare, store
from tutti_cli.study.model import Point


def times(factor: float, noise: float = 0.002) -> Callable[[Point, random.Random], float]:
    def step_s(point: Point, generator: random.Random) -> float:
        here = factor if point.schedule == "bulk" else 1.0
        return here * cells_of(point) / 6e8 / point.workers * generator.lognormvariate(0.0, noise)

    return step_s


def made(folder: Path, factor: float = 1.0, text: str = STRONG, **more: object) -> store.Store:
    folder.mkdir()
    return synthetic(folder, text, step_s=times(factor), **more)


def test_the_same_is_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b", seed=2)
    assert compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 2.0, None) == OK
    said = capsys.readouterr().out
    assert "Of 4 common points, B is 4 same." in said and "Warning" not in said


def test_what_differs_is_told_with_its_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b", 1.1, seed=2)
    file = tmp_path / "outcome.json"
    assert compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 2.0, str(file)) == FAILED
    said = capsys.readouterr().out
    assert "B is 2 slower, 2 same." in said
    found = json.loads(file.read_text())
    assert found["differs"] is True and found["margin"] == 0.02 and len(found["points"]) == 4
    for point in found["points"]:
        bulk = point["options"]["schedule"] == "bulk"
        assert point["verdict"] == ("slower" if bulk else "same")
        ratio = point["ratio"]
        assert ratio["low"] < (1.1 if bulk else 1.0) < ratio["high"] and ratio["coverage"] >= 0.95
        assert point["a_s"]["n"] == 6
    assert compare.verb(str(tmp_path / "b"), str(tmp_path / "a"), 2.0, None) == FAILED
    assert "B is 2 faster, 2 same." in capsys.readouterr().out
    assert compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 20.0, None) == OK, "within the margin"


@pytest.mark.parametrize(
    ("low", "high", "coverage", "verdict"),
    [
        (1.03, 1.05, 0.96, "slower"),
        (0.95, 0.97, 0.96, "faster"),
        (0.99, 1.01, 0.96, "same"),
        (1.01, 1.05, 0.96, "unclear"),
        (0.90, 1.10, 0.96, "unclear"),
        (1.03, 1.05, 0.90, "unclear"),
    ],
)
def test_the_rule(low: float, high: float, coverage: float, verdict: str) -> None:
    assert compare.judge(Ratio(0.5 * (low + high), low, high, coverage), 0.02, ["0x1"]) == verdict


def test_other_checksums_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a")
    other = made(tmp_path / "b", seed=2)
    changed = [replace(run, checksum="0x2") if run.point == 0 else run for run in other.runs]
    other.file.unlink()
    again = store.Store(other.file, other.study, [])
    again.describe()
    again.add(*changed)
    assert compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 2.0, None) == FAILED
    assert "1 checksum differs" in capsys.readouterr().out


def test_few_repeats_are_unclear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a", repeats=3)
    made(tmp_path / "b", 2.0, repeats=3)
    assert compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 2.0, None) == OK
    said = capsys.readouterr().out
    assert "B is 4 unclear." in said and "too few repeats" in said


def test_other_machines_and_settings_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "a")
    other = made(tmp_path / "b", seed=2)
    changed = [
        replace(run, result=run.result.replace('"stand-in"', '"faster"').replace('["0", "1"]', '["0", "0"]'))
        for run in other.runs
    ]
    other.file.unlink()
    again = store.Store(other.file, other.study, [])
    again.describe()
    again.add(*changed)
    assert compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 2.0, None) == OK
    said = capsys.readouterr().out
    assert "Warning: machine cpu model is stand-in in A and faster in B." in said
    assert "Warning: workers had other processors, first at 1x1." in said


def test_only_common_points_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b", text=STRONG.replace("[1, 2]", "[2, 4]"), seed=2)
    assert compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 2.0, None) == OK
    said = capsys.readouterr().out
    assert "Of 2 common points" in said
    assert "Only in A: tasks 1x1, bulk 1x1." in said and "Only in B: tasks 4x1, bulk 4x1." in said


def test_nothing_in_common_is_refused(tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b", text=STRONG.replace("steps = 10", "steps = 20"))
    with pytest.raises(Failure, match="no point in common: steps is 10 in A and 20 in B") as refused:
        compare.verb(str(tmp_path / "a"), str(tmp_path / "b"), 2.0, None)
    assert refused.value.status == USAGE


def test_the_command(tutti: Run, tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b", 1.1, seed=2)
    done = tutti("study", "compare", "a", "b", "--json", "/nonexistent/x.json", cwd=tmp_path)
    assert (
        done.returncode == 3 and done.stderr.count("\n") == 1 and "cannot write /nonexistent" in done.stderr
    )
    assert tutti("study", "compare", "a", "b", "--margin", "5", cwd=tmp_path).returncode == 1
    for words in (("a", "c", 2.0), ("a", "b", -1.0)):
        with pytest.raises(Failure) as refused:
            compare.verb(*(str(tmp_path / name) for name in words[:2]), words[2], None)
        assert refused.value.status == USAGE
