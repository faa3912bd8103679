"""`tutti metg`: what is compared, and the plot of a result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tutti_cli import metg, metg_plot
from tutti_cli.common import Failure


def result() -> dict[str, Any]:
    points = [{"granularity_us": 10.0, "efficiency": 0.9}, {"granularity_us": 1.0, "efficiency": 0.3}]
    series = {
        "system": "tutti",
        "workers": 2.0,
        "metg50_us": {"median": 2.1, "low": 2.0, "high": 2.2, "is_ci95": True, "is": "found"},
        "points": points,
        "rounds": [points, points],
    }
    config = {"pattern": "fft", "width": 2, "graphs": 1, "kernel": "compute_bound", "output_bytes": 16}
    return {
        "config": {**config, "checked": False},
        "ranks": 2,
        "threads_per_rank": 1,
        "machine": {"cpu_model": "a processor"},
        "series": {"efficiency": [series, {**series, "system": "mpi"}]},
    }


def test_one_rank_is_not_compared_with_mpi() -> None:
    assert metg.comparisons(1, has_tbb=False) == ["omp-task", "omp-for"]
    assert metg.comparisons(2, has_tbb=True) == ["mpi", "one-rank", "omp-task", "omp-for", "tbb"]


def test_plot_is_written_beside_the_result(tmp_path: Path) -> None:
    file = tmp_path / "metg.json"
    file.write_text(json.dumps(result()))
    made = metg_plot.plot(file)
    assert [p.name for p in made] == ["metg.png", "metg.svg"]
    text = (tmp_path / "metg.svg").read_text()
    assert "mpi (2 workers): 2.1 us" in text and "inputs not checked" in text


@pytest.mark.parametrize("text", ["", "{}", '{"series": {"efficiency": [{}]}}'])
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(Failure, match=r"no result of metg --sweep"):
        metg_plot.read(file)
