"""What the doctor says of machines in every state, without being on one; and of this one, as a whole."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Run

from tutti_cli import packages
from tutti_cli.doctor import verdict
from tutti_cli.doctor_checks import MISSING, OK, WARN, Line, examine
from tutti_cli.doctor_facts import Facts, Placement, placement, told

SINGLE = Placement(((frozenset({0}), frozenset({1})), (frozenset({2}), frozenset({3}))))
HEALTHY = Facts(
    compiler="GNU 12.2.0",
    cmake="3.25.1",
    ninja="1.11.1",
    probed=True,
    git=True,
    git_works=True,
    openmp="4.5",
    mpi="3.1",
    launcher="openmpi",
    launcher_version="4.1.4",
    thread_level="multiple",
    hdf5="1.10.8",
    hdf5_parallel=True,
    kokkos="4.3.1",
    kokkos_backends=("OPENMP", "SERIAL"),
    hwloc="2.9.0",
    cores=4,
    online_cores=4,
    hardware_threads=8,
    memory_gib=16,
    shm_gib=8,
    python_packages=True,
    layout=(2, 2),
    run=SINGLE,
    plain=SINGLE,
)


def need(what: str) -> packages.Need:
    return next(need for need in packages.NEEDS if need.what == what)


def test_a_healthy_machine_has_one_ok_line_per_check() -> None:
    lines = examine(HEALTHY)
    assert {line.level for line in lines} == {OK}
    assert not any(line.fix for line in lines)
    assert len({line.what for line in lines}) == len(lines) == 17
    assert verdict(lines) == ("doctor: 0 missing, 0 to look at", 0)


ONE_CORE = Placement(((frozenset({0}), frozenset({0})), (frozenset({0}), frozenset({0}))))
ONE_EACH = Placement(((frozenset({0}), frozenset({0})), (frozenset({1}), frozenset({1}))))
LOOSE = Placement((((frozenset(range(4)),) * 2),) * 2)
UNEVEN = Placement(((frozenset({0}), frozenset({0})), (frozenset({1, 2, 3}), frozenset({1, 2, 3}))))


@pytest.mark.parametrize(
    ("changes", "what", "level", "text", "fix"),
    [
        ({"compiler": ""}, "compiler", MISSING, "no C++ compiler", "apt-get install g++"),
        ({"compiler": "GNU 9.4.0"}, "compiler", WARN, "gcc 12", "module load gcc"),
        ({"compiler": "Clang 13.0.1"}, "compiler", WARN, "clang 14", "export CXX"),
        ({"compile_error": "error: no <span>"}, "compiler", MISSING, "no <span>", "apt-get install g++"),
        ({"cmake": ""}, "CMake", MISSING, "not found", "apt-get install cmake"),
        ({"cmake": "3.18.4"}, "CMake", MISSING, "3.25 or newer", "pip install cmake"),
        ({"ninja": ""}, "Ninja", MISSING, "not found", "ninja-build"),
        ({"git": False}, "git", WARN, "cannot name the commit", "apt-get install git"),
        ({"git_works": False}, "git", WARN, "another owner", "safe.directory"),
        ({"launcher": ""}, "MPI", MISSING, "no mpirun", "openmpi-bin libopenmpi-dev"),
        ({"mpi": ""}, "MPI", MISSING, "finds no MPI", "--preset minimal"),
        ({"thread_level": "funneled"}, "MPI", MISSING, "serialized is needed", "spack install openmpi"),
        ({"hdf5": ""}, "HDF5", MISSING, "not found", "libhdf5-openmpi-dev"),
        ({"hdf5_parallel": False}, "HDF5", MISSING, "serial", "libhdf5-openmpi-dev"),
        ({"kokkos": ""}, "Kokkos", WARN, "left out", "libtrilinos-kokkos-dev"),
        ({"kokkos_backends": ("SERIAL",)}, "Kokkos", OK, "Serial alone", ""),
        ({"nvcc": "13.0", "nvcc_on_path": True}, "CUDA", WARN, "no driver or device", "nvidia-smi"),
        ({"gpus": ("H100, driver 570",)}, "CUDA", WARN, "H100, driver 570, but no nvcc", "export PATH"),
        ({"gpus": ("H100",), "nvcc": "13.0"}, "CUDA", WARN, "not on PATH", "export PATH"),
        ({"gpus": ("H100",), "nvcc": "13.0", "nvcc_on_path": True}, "CUDA", OK, "nvcc 13.0; H100", ""),
        ({"python_packages": False}, "Python packages", WARN, "out of date", "scripts/tutti setup"),
        ({"cores": 2}, "cores", WARN, "2 of 4", "--cpus-per-task"),
        ({"cores": 1, "online_cores": 1}, "cores", OK, "--oversubscribe", ""),
        ({"load": 3.5}, "load", WARN, "3.5 on 4 cores", "top"),
        ({"run": ONE_CORE}, "tutti run", WARN, "4 threads share 1 core (", "unset OMP_PLACES"),
        ({"run": UNEVEN}, "tutti run", WARN, "2 threads of rank 0 share 1", "unset OMP_PLACES"),
        ({"run": LOOSE}, "tutti run", WARN, "not bound", "unset OMP_PROC_BIND"),
        ({"run": Placement(error="no slots")}, "tutti run", MISSING, "no slots", "--verbose"),
        ({"plain": ONE_EACH}, "plain mpirun", WARN, "4 threads share 2 cores", "slot:PE=2"),
        ({"plain": LOOSE}, "plain mpirun", OK, "cores 0,1,2,3 0,1,2,3 |", ""),
        ({"plain": Placement(error="no slots")}, "plain mpirun", WARN, "no slots", "tutti run -n 2 -t 2"),
        ({"memory_gib": 1.5}, "memory", WARN, "1.5 GiB", "smaller grids"),
        ({"shm_gib": None}, "/dev/shm", WARN, "not there", "mount -t tmpfs"),
        ({"shm_gib": 0.0625}, "/dev/shm", WARN, "64 MiB", "--shm-size"),
        ({"slurm": "22.05.8", "slurm_job": "7", "slurm_pmix": True}, "Slurm", OK, "inside job 7", ""),
        ({"slurm": "22.05.8"}, "Slurm", WARN, "outside of a job, srun has no pmix", "mpirun"),
        ({"lacking": (need("fmt"),)}, "fmt", MISSING, "not found", "apt-get install libfmt-dev (Spack"),
    ],
)
def test_what_is_wrong_gets_its_line(
    changes: dict[str, object], what: str, level: str, text: str, fix: str
) -> None:
    found = [line for line in examine(replace(HEALTHY, **changes)) if line.what == what]
    assert len(found) == 1, "one line per check"
    assert found[0].level == level
    assert text in found[0].text
    assert fix in found[0].fix and bool(fix) == bool(found[0].fix)
    assert "\n" not in str(found[0])


@pytest.mark.parametrize(
    ("name", "bad", "good", "harm"),
    [
        ("OMP_NUM_THREADS", "64", "4", "more than the 4 cores"),
        ("OMP_NUM_THREADS", "many", "2,2", "no number"),
        ("OMP_THREAD_LIMIT", "1", "8", "fewer threads"),
        ("OMP_PROC_BIND", "FALSE", "spread", "wander"),
        ("OMP_PROC_BIND", "master", "close,spread", "one place"),
        ("OMP_WAIT_POLICY", "ACTIVE", "passive", "spin"),
        ("OMP_DYNAMIC", "true", "false", "fewer threads"),
        ("GOMP_CPU_AFFINITY", "0", "", "competes"),
        ("KMP_AFFINITY", "compact", "", "competes"),
    ],
)
def test_openmp_settings_that_hurt(name: str, bad: str, good: str, harm: str) -> None:
    found = [line for line in examine(replace(HEALTHY, environment={name: bad})) if line.what == name]
    assert len(found) == 1 and found[0].level == WARN
    assert harm in found[0].text and found[0].fix == f"unset {name}"
    harmless = examine(replace(HEALTHY, environment={name: good, "OMP_UNKNOWN": "x"}))
    assert {line.level for line in harmless} == {OK}


def test_a_thing_is_named_once() -> None:
    gone = tuple(packages.NEEDS)
    bare = Facts(lacking=gone)  # without CMake nothing was looked for: the packages tell
    lines = examine(bare)
    assert len({line.what for line in lines}) == len(lines)
    assert {"MPI, headers", "parallel HDF5", "compiler", "CMake"} <= {line.what for line in lines}
    assert verdict(lines)[1] == 3
    probed = examine(replace(bare, cmake="3.25.1", compiler="GNU 12.2.0", probed=True))
    assert {"MPI", "HDF5", "Kokkos"} <= {line.what for line in probed}
    assert not {"MPI, headers", "parallel HDF5"} & {line.what for line in probed}


def test_only_what_is_missing_fails() -> None:
    assert verdict([Line(WARN, "a", "b", "c")]) == ("doctor: 0 missing, 1 to look at", 0)
    assert verdict([Line(WARN, "a", "b"), Line(MISSING, "c", "d")]) == ("doctor: 1 missing, 1 to look at", 3)


def test_placements_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tutti_cli.machine.siblings", lambda cpu: f"{cpu % 2},{cpu % 2 + 2}")
    text = "level multiple\nrank 1 may run on 1,3\nrank 0 may run on 0\nrank 0 may run on 2,1\n"
    ranks = ((frozenset({0}), frozenset({0, 1})), (frozenset({1}),))
    assert placement(0, text, "noise") == Placement(ranks)
    assert placement(1, text, "----\n\nThere are not enough slots\n") == Placement(
        error="There are not enough slots"
    )
    assert placement(5, "", "") == Placement(error="exit status 5")


def test_answers_of_cmake() -> None:
    text = "-- Found x\n-- tell compiler=GNU 12.2.0\n-- tell kokkos_backends=SERIAL OPENMP\n-- tell mpi=\n"
    assert told(text) == {"compiler": "GNU 12.2.0", "kokkos_backends": "SERIAL OPENMP", "mpi": ""}


def test_this_machine(tutti: Run) -> None:
    done = tutti("doctor")
    lines = done.stdout.splitlines()
    assert all(re.match(r"(ok|warn|missing) +\S", line) for line in lines[:-1]), done.stdout + done.stderr
    assert re.fullmatch(r"doctor: \d+ missing, \d+ to look at", lines[-1])
    assert done.returncode == (3 if any(line.startswith("missing") for line in lines) else 0)
    assert any(re.match(r"ok +CMake +3\.", line) for line in lines)
    assert any(re.match(r"\w+ +tutti run +[12] rank.*cores \d", line) for line in lines), (
        "threads were placed"
    )


def test_a_machine_without_tools(tutti: Run, tmp_path: Path) -> None:
    done = tutti("doctor", PATH=str(tmp_path), CXX="g++")
    assert done.returncode == 3, done.stderr
    for what, fix in (("compiler", "apt-get install g++"), ("CMake", "apt-get install cmake")):
        assert re.search(rf"^missing +{what} .*fix: {re.escape(fix)}", done.stdout, re.M), done.stdout
    assert not done.stderr
