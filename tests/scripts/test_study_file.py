"""Study files: the points that they name, and one clear line for each way to get them wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT

from tutti_cli.common import Failure
from tutti_cli.study import toml_file
from tutti_cli.study.model import Repeats, uneven

HEAD = 'kind = "strong"\napp = "heat"\n'
WEAK = 'kind = "weak"\napp = "heat"\n'


def parse(text: str):
    return toml_file.parse(text, "s.toml")


def test_axes_are_crossed() -> None:
    study = parse(HEAD + '[arguments]\nsteps = 3\n[axes]\nranks = [1, 2]\nschedule = ["tasks", "bulk"]\n')
    assert list(study.labels().values()) == ["tasks 1x1", "bulk 1x1", "tasks 2x1", "bulk 2x1"]
    assert study.points[3].arguments() == ["--threads", "1", "--schedule", "bulk", "--steps", "3"]
    assert (
        study.repeats == Repeats(6, 6) and study.varying == ["schedule"] and study.fixed() == {"steps": "3"}
    )


def test_points_are_crossed_with_axes() -> None:
    study = parse(
        WEAK + 'work = "grid"\npoints = [{ranks = 1, grid = [8, 4]}, {ranks = 2, grid = [16, 4]}]\n'
        "[axes]\nthreads = [1, 2]\n"
    )
    assert [point.layout for point in study.points] == ["1x1", "1x2", "2x1", "2x2"]
    assert [point.work for point in study.points] == [32, 32, 64, 64]
    assert study.points[2].arguments()[2:] == ["--grid", "16,4"]


def test_values_reach_the_app_as_they_are() -> None:
    text = '[arguments]\ninitial = "a b;$(c)"\nmode = [-1, 2]\nprint-affinity = true\nq = false\ntol = 1e-3\n'
    assert parse(HEAD + text).points[0].arguments()[2:] == [
        *("--initial", "a b;$(c)", "--mode=-1,2", "--print-affinity", "--tol", "0.001")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "strong"\napp = \n', "Invalid value (at line 2, column 7)"),
        ('app = "heat"\n', "kind: takes one of strong, weak, metg, none, not nothing"),
        ('kind = "big"\napp = "heat"\n', 'not "big"'),
        ('kind = "strong"\n', "app: takes the name or path of an app, not nothing"),
        (HEAD + "repeat = 3\n", "unknown key 'repeat' (did you mean 'repeats'?)"),
        (HEAD + "[repeats]\nmaximum = 3\n", "[repeats] unknown key 'maximum'"),
        (HEAD + "[repeats]\nmax = 3\n", "[repeats] max: is 3, less than initial, 6"),
        (HEAD + "[repeats]\nmax = 9\n", "needs half_width"),
        (HEAD + '[repeats]\ninitial = "6"\n', '[repeats] initial: takes a whole number from 1, not "6"'),
        (HEAD + "[repeats]\nhalf_width = 0.1\n", "[repeats] half_width: needs a max above initial"),
        (HEAD + "[repeats]\nmax = 9\nhalf_width = 0\n", "half_width: takes a number above 0, not 0"),
        (HEAD + "points = [{work = 1}]\n", 'work: needs kind = "weak"'),
        (HEAD + "fit = 1\n", "fit: takes true or false, not 1"),
        (HEAD + "seed = -1\n", "seed: takes a whole number from 0, not -1"),
        (HEAD + "axes = 3\n", "axes: takes a table, [axes], not 3"),
        (HEAD + "[axes]\nranks = 2\n", "[axes] ranks: takes a list of values, not 2"),
        (HEAD + "[axes]\nranks = []\n", "[axes] ranks: takes a list of values"),
        (HEAD + "[axes]\nranks = [0]\n", "[axes] ranks: takes a whole number from 1, not 0"),
        (HEAD + "[axes]\nthreads = [true]\n", "[axes] threads: takes a whole number from 1, not true"),
        (HEAD + "[axes]\nranks = [2, 2]\n", "points: 2x1"),
        (HEAD + "[axes]\ngrid = [[]]\n", "[axes] grid: takes a number, a text, true or false"),
        (HEAD + "[axes]\nday = [2000-01-01]\n", "[axes] day: takes a number, a text, true or false"),
        (HEAD + "[axes]\ntol = [nan]\n", "[axes] tol: takes a number, a text, true or false"),
        (HEAD + '[arguments]\nname = "\\u0000"\n', "[arguments] name: takes a number, a text"),
        (HEAD + '[axes]\n"--grid" = [3]\n', "[axes] --grid: is no name of an option"),
        (HEAD + "[arguments]\nranks = 2\n", "[arguments] ranks: belongs in [axes]: ranks = [2]"),
        (HEAD + '[arguments]\njson = "x"\n', "[arguments] json: is set by the study itself"),
        (HEAD + "[arguments]\ngrid = 3\n[axes]\ngrid = [3]\n", "[axes] grid: stands in [arguments] too"),
        (HEAD + "points = [{grid = 3}]\n[axes]\ngrid = [3]\n", "[axes] grid: stands in points too"),
        (HEAD + "points = [{grid = 3}]\n[arguments]\ngrid = 3\n", "points, number 1: grid: stands in"),
        (HEAD + "points = [1]\n", "points: takes a list of tables"),
        (HEAD + 'work = "grid"\n', 'work: needs kind = "weak"'),
        (WEAK + 'work = "grid"\n', "work: grid is nothing at a point"),
        (WEAK + 'work = "grid"\n[axes]\ngrid = [[4, "a"]]\n', "it has to be numbers above 0"),
        (WEAK + "work = 3\n", "work: takes the name of an option, or a list of names, not 3"),
        (WEAK + "points = [{ranks = 1}]\n", "work: is not said"),
        (WEAK + "points = [{work = -1}]\n", "points, number 1: work: takes a number above 0, not -1"),
    ],
)
def test_bad_files_are_one_line(text: str, message: str) -> None:
    with pytest.raises(Failure) as caught:
        parse(text)
    assert caught.value.status == 2
    assert str(caught.value).startswith("s.toml: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"cannot read .*no\.toml: No such file"):
        toml_file.read(tmp_path / "no.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Failure, match="not UTF-8"):
        toml_file.read(tmp_path / "binary.toml")


def test_labels_name_sizes_only_where_they_have_to() -> None:
    weak = 'work = "grid"\npoints = [{ranks = 1, grid = 4}, {ranks = 2, grid = 8}%s]\n'
    assert list(parse(WEAK + weak % "").labels().values()) == ["1x1", "2x1"]
    both = parse(WEAK + weak % ", {ranks = 2, grid = 6}")
    assert list(both.labels().values()) == ["grid=4 1x1", "grid=8 2x1", "grid=6 2x1"]


def test_work_per_worker_that_is_not_constant_names_its_points() -> None:
    points = "points = [{ranks = 1, work = 10}, {ranks = 2, work = 20}, {ranks = 4, work = 42}]\n"
    assert uneven(parse(WEAK + points)) == ["4x1 has 10.5 per worker where 1x1 has 10"]
    assert uneven(parse(HEAD + "[axes]\nranks = [1, 2]\n")) == []


def test_families_and_series() -> None:
    weak = parse(
        WEAK + 'work = "grid"\npoints = [{ranks = 1, grid = 4}, {ranks = 2, grid = 8}]\n'
        '[axes]\nschedule = ["tasks", "bulk"]\ntile = [1, 2]\n'
    )
    assert len({weak.family(point) for point in weak.points}) == 2  # one for each tile
    assert len({weak.problem(point) for point in weak.points}) == 4  # tiles x grids
    assert {weak.series(point) for point in weak.points} == {
        *("tasks tile=1", "tasks tile=2", "bulk tile=1", "bulk tile=2")
    }


@pytest.mark.parametrize(
    "file", sorted((ROOT / "slurm" / "studies").glob("*.toml")), ids=lambda file: file.stem
)
def test_the_studies_that_come_with_tutti(file: Path) -> None:
    study = toml_file.read(file)
    assert study.app in ("heat", "cg", "metg", "train") and uneven(study) == []
    if not study.fit:
        assert {point.ranks for point in study.points} == {1, 2, 4}


def test_the_study_that_the_readme_shows_is_the_one_that_comes_with_tutti() -> None:
    shown = parse((ROOT / "README.md").read_text().split("```toml\n")[1].split("```")[0])
    real = toml_file.read(ROOT / "slurm" / "studies" / "heat-strong.toml")
    assert shown.points == real.points and shown.kind == real.kind
    assert replace(shown.repeats, limit_s=real.repeats.limit_s) == real.repeats
