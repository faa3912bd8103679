"""study.h5: what goes in comes out, it survives a kill, and it takes no runs of another study."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest
from conftest import ROOT, Run
from studies import FAKE, STRONG, failure, run, store, study_file

from tutti_cli.common import Failure
from tutti_cli.study import store as module
from tutti_cli.study import toml_file


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    kept = store(tmp_path, STRONG, {0: [1.0, 2.0], 3: [0.5]})
    kept.add(failure(1, "ended by signal 6"))
    again = module.load(tmp_path)
    assert again.study == kept.study
    assert again.runs[:3] == kept.runs[:3]
    assert again.failures() == [(kept.study.points[1], "ended by signal 6")]
    assert [one.time_s for one in again.of(0)] == [1.0, 2.0] and again.of(1) == []
    with h5py.File(tmp_path / module.NAME) as file:
        assert file["points"]["name"][0].decode() == "tasks 1x1"
        assert set(file["runs"].dtype.names) == set(module.Run.__annotations__)


def test_every_column_is_described() -> None:
    for name in module.Run.__annotations__:
        assert name in str(module.__doc__)


def text_with(old: str, new: str) -> str:
    text = STRONG.replace("{app}", "heat").replace("{initial}", "2")
    assert old in text
    return text.replace(old, new)


def test_new_points_and_other_repeats_are_taken(tmp_path: Path) -> None:
    store(tmp_path, STRONG, {0: [1.0], 3: [2.0]})
    more = text_with("[1, 2]", "[4, 1, 2]").replace("initial = 2", "initial = 3")
    grown = module.open_for(toml_file.parse(more, "s.toml"), tmp_path)
    assert [point.ranks for point in grown.study.points] == [1, 1, 2, 2, 4, 4]
    again = module.load(tmp_path)
    assert again.study == grown.study and again.study.repeats.initial == 3
    assert [one.time_s for one in again.of(3)] == [2.0]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("steps = 10", "steps = 11", "steps was 10 and is now 11"),
        ("steps = 10", "", "steps was 10 and is now not set"),
        ("[1, 2]", "[1]", "these points are gone: tasks 2x1, bulk 2x1"),
        ('app = "heat"', 'app = "cg"', "the app was heat and is now cg"),
    ],
)
def test_another_study_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    store(tmp_path, STRONG, {0: [1.0]})
    before = (tmp_path / module.NAME).read_bytes()
    with pytest.raises(Failure) as caught:
        module.open_for(toml_file.parse(text_with(old, new), "s.toml"), tmp_path)
    assert why in str(caught.value) and caught.value.status == 2
    assert (tmp_path / module.NAME).read_bytes() == before


def test_what_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"there is no study\.h5"):
        module.load(tmp_path)
    (tmp_path / module.NAME).write_text("no HDF5")
    with pytest.raises(Failure, match="is not the file of a study"):
        module.load(tmp_path)


def test_one_sitting_at_a_time(tmp_path: Path) -> None:
    with module.sole(tmp_path):
        with pytest.raises(Failure, match="another `tutti study` is at work"), module.sole(tmp_path):
            pass
    with module.sole(tmp_path):
        pass


WRITER = f"""
import sys; sys.path[:0] = [{str(ROOT / "scripts")!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
from studies import STRONG, run, store
kept = store(Path(sys.argv[1]), STRONG, {{}})
number = 0
while True:
    number += 1
    kept.add(run(0, number, float(number)))
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    for delay_s in (0.0, 0.003, 0.011, 0.019, 0.031):
        folder = tmp_path / str(delay_s)
        folder.mkdir()
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(3):
            child.stdout.readline()
        time.sleep(delay_s)
        child.kill()
        told = 3 + len(child.stdout.read().splitlines())
        child.wait()
        kept = module.load(folder)
        assert [one.time_s for one in kept.runs] == [float(n + 1) for n in range(len(kept.runs))]
        assert told <= len(kept.runs) <= told + 1
        kept.add(run(1, 1, 1.0))
        assert len(module.load(folder).runs) == len(kept.runs)


def stopped(file: Path, folder: Path, number: signal.Signals) -> tuple[int, str]:
    """Runs a study and sends it a signal in its second round; exit status and standard error."""
    command = [sys.executable, str(ROOT / "scripts" / "tutti"), "study", "run", str(file)]
    child = subprocess.Popen(
        [*command, "--output", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        if "round 1:" in line:
            break
    time.sleep(0.2)
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    return child.returncode, errors


def test_a_study_that_is_interrupted_says_so(tmp_path: Path) -> None:
    status, errors = stopped(study_file(tmp_path, initial=9), tmp_path / "out", signal.SIGINT)
    assert status == 130
    assert errors == "tutti: error: fake_heat.py: stopped by SIGINT; the same command goes on from here\n"
    kept = module.load(tmp_path / "out")
    assert 4 <= len(kept.runs) < 36 and kept.failures() == []


def test_a_study_that_is_killed_goes_on(tutti: Run, tmp_path: Path) -> None:
    file, folder = study_file(tmp_path, initial=3), tmp_path / "out"
    stopped(file, folder, signal.SIGKILL)
    before = module.load(folder)
    assert 4 <= len(before.runs) < 12
    for name in ("run-1.json", module.NAME + ".new"):
        (folder / name).write_text("left behind by what was killed")
    done = tutti("study", "run", str(file), "--output", str(folder))
    assert done.returncode == 0, done.stderr
    after = module.load(folder)
    assert after.runs[: len(before.runs)] == before.runs
    assert len(after.runs) == 12 and f"{12 - len(before.runs)} new runs, 12 in all" in done.stdout
    for number in range(4):
        assert [one.repeat for one in after.of(number)] == [1, 2, 3]
    assert [path.name for path in folder.iterdir()] == [module.NAME]
    assert str(FAKE.name) in after.runs[0].command
