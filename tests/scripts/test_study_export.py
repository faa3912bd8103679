"""study export: CSV and Extra-P."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from conftest import Run
from studies import STRONG, failure, synthetic

from tutti_cli.common import Failure
from tutti_cli.study import export, store

GRIDS = STRONG.replace("grid = [64, 64, 64]\n", "").replace(
    "ranks = [1, 2]", "ranks = [1, 2, 4]\ngrid = [[8, 8, 8], [16, 8, 8]]"
)


def test_every_run_is_a_line(tutti: Run, tmp_path: Path) -> None:
    kept = synthetic(tmp_path, STRONG, repeats=3)
    kept.add(failure(3, 'heat: "died", at\nonce'))
    done = tutti("study", "export", str(tmp_path), "--csv")
    assert done.returncode == 0 and "13 runs" in done.stdout, done.stderr
    with (tmp_path / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13
    first, last = rows[0], rows[-1]
    assert first["point"] == "tasks 1x1" and first["option.grid"] == "64,64,64" and first["workers"] == "1"
    assert float(first["time_s"]) == kept.runs[0].time_s and first["failed"] == "False"
    assert float(first["factor.parallel"]) == pytest.approx(0.99)
    assert float(first["figure.cell_updates_per_s"]) == pytest.approx(64**3 / kept.runs[0].time_s)
    assert (
        last["failed"] == "True" and last["message"] == 'heat: "died", at\nonce' and last["time_s"] == "nan"
    )


def test_extra_p_gets_parameters_callpaths_and_repeats(tmp_path: Path) -> None:
    kept = synthetic(tmp_path, GRIDS, repeats=3)
    assert export.verb(str(tmp_path), {"csv": None, "extrap": ""}) == 0
    found = json.loads((tmp_path / "extrap.json").read_text())
    assert found["parameters"] == ["ranks", "grid"]
    paths = {
        f"heat {schedule}{kernel}" for schedule in ("tasks", "bulk") for kernel in ("", "->heat7", "->norm")
    }
    assert set(found["measurements"]) == paths
    points = found["measurements"]["heat tasks"]["time"]
    assert [point["point"] for point in points] == [[r, g] for r in (1, 2, 4) for g in (512, 1024)]
    number = next(n for n, p in enumerate(kept.study.points) if p.ranks == 4 and p.schedule == "tasks")
    assert points[4]["values"] == [run.time_s for run in kept.of(number)]
    for metrics in found["measurements"].values():
        assert all(len(point["values"]) == 3 for point in metrics["time"]) and len(metrics["time"]) == 6


def test_too_few_values_for_a_model_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic(tmp_path, GRIDS, repeats=2)
    export.verb(str(tmp_path), {"csv": None, "extrap": str(tmp_path / "x.json")})
    assert "Extra-P asks for 5 values, of ranks, grid there are fewer" in capsys.readouterr().out


def test_what_cannot_be_exported(tutti: Run, tmp_path: Path) -> None:
    text = STRONG.replace("ranks = [1, 2]\n", "")
    with pytest.raises(Failure, match="no number varies"):
        export.extrap(synthetic(tmp_path, text, repeats=1))
    assert tutti("study", "export", str(tmp_path)).returncode == 2
    done = tutti("study", "export", str(tmp_path), "--csv", "/nonexistent/x.csv")
    assert done.returncode == 3 and "cannot write /nonexistent/x.csv" in done.stderr
    assert not (tmp_path / "runs.csv").exists() and (tmp_path / store.NAME).exists()
