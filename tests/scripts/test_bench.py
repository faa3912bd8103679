"""Microbenchmarks: what is read from Google Benchmark, how two sets are compared, what is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tutti_cli import bench
from tutti_cli.common import Failure

OUTPUT = {
    "benchmarks": [
        {"name": "a/real_time", "run_type": "iteration", "real_time": 2.0, "time_unit": "us"},
        {"name": "replay/w:2/real_time", "real_time": 7.0, "time_unit": "ms", "time_per_node": 3e-8},
        {"name": "a_mean", "run_type": "aggregate", "real_time": 2.0, "time_unit": "us"},
    ]
}


def test_times_are_in_ns_and_per_node_where_nodes_are_counted() -> None:
    assert bench.parse(json.dumps(OUTPUT)) == pytest.approx({"a": 2000.0, "replay/w:2": 30.0})


def test_table_has_ratios_of_medians() -> None:
    lines = bench.table({"x": [4.0, 6.0, 8.0], "new": [1.0]}, {"x": [3.0, 3.0, 100.0], "old": [1.0]})
    assert lines[1].split()[0] == "x" and lines[1].split()[-1] == "2.000"
    assert lines[2].split()[-1] == "new"
    assert lines[3].split() == ["old", "gone"]


def test_baseline_survives_being_kept(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "b.json"
    bench.Baseline({"x": [1.0, 2.0]}, {"cpu_model": "m"}).write(file)
    assert bench.Baseline.read(file).times == {"x": [1.0, 2.0]}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"times_ns": {}, "about": {}}', '{"times_ns": {"x": []}}'])
def test_no_baseline_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(Failure, match="is no baseline") as failure:
        bench.Baseline.read(file)
    assert "\n" not in str(failure.value)


def test_rounds_take_turns(script: Callable[[str, str], Path], tmp_path: Path) -> None:
    log = tmp_path / "log"
    body = f'for w in "$@"; do case $w in --benchmark_out=*) out=${{w#*=}};; esac; done\necho $0 >> {log}\n'
    text = '{"benchmarks": [{"name": "x", "real_time": %d, "time_unit": "ns"}]}'
    one = script("one", body + f"echo '{text % 2}' > $out\n")
    two = script("two", body + f"echo '{text % 4}' > $out\n")
    now, before = bench.measure([one, two], None, 0.01, 2)
    assert (now, before) == ({"x": [2.0, 2.0]}, {"x": [4.0, 4.0]})
    assert [Path(line).name for line in log.read_text().split()] == ["one", "two", "two", "one"]


def test_a_filter_that_fits_nothing_is_named(script: Callable[[str, str], Path]) -> None:
    with pytest.raises(Failure, match="fits --filter 'y'"):
        bench.run_once(script("none", "exit 0\n"), "y", 0.01)
