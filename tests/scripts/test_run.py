"""`tutti run` as a user calls it: with a stand-in mpirun, and with the real one where there is one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Run
from waiting import until

Script = Callable[[str, str], Path]

FAKE_MPIRUN = """
[ "$1" = --version ] && { echo "mpirun (Open MPI) 4.1.4"; exit 0; }
frame=--------------------------------------------------------------------------
echo "tutti: error: u.h5: no such file" >&2
echo "tutti: error: u.h5: no such file" >&2
printf '%s\\nMPI_ABORT was invoked on rank 0\\n%s\\n' $frame $frame >&2
echo "[vm:1] 1 more process has sent help message help-mpi-api.txt / mpi-abort" >&2
echo "the app's own output"
exit 3
"""

needs_mpirun = pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun")
needs_mpicc = pytest.mark.skipif(shutil.which("mpicc") is None, reason="there is no mpicc")


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("$ ")]


def test_chatter_is_hidden_and_the_status_passed_on(tutti: Run, script: Script, tmp_path: Path) -> None:
    script("bin/mpirun", FAKE_MPIRUN)
    app = script("app", "exit 0\n")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = tutti("run", str(app), "-n", "1", "-t", "1", PATH=path)
    assert done.returncode == 3
    assert done.stdout == "the app's own output\n"
    assert lines(done.stderr) == ["tutti: error: u.h5: no such file"]
    shown = done.stderr.splitlines()[0]
    assert shown.startswith("$ OMP_NUM_THREADS=1 ") and "mpirun -n 1" in shown
    verbose = tutti("run", str(app), "-n", "1", "-t", "1", "--verbose", PATH=path)
    assert "MPI_ABORT was invoked" in verbose.stderr


@needs_mpirun
@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_status_of_ranks(tutti: Run, script: Script, status: int) -> None:
    app = script("app", f'echo "tutti: error: rank failed" >&2\nexit {status}\n')
    done = tutti("run", str(app), "-n", "2", "-t", "1")
    assert done.returncode == status
    assert lines(done.stderr) == ["tutti: error: rank failed"]


@needs_mpirun
@needs_mpicc
def test_status_of_mpi_abort(tutti: Run, tmp_path: Path) -> None:
    source = tmp_path / "abort.c"
    source.write_text(
        """#include <mpi.h>
        #include <stdio.h>
        int main(int argc, char** argv) {
          int rank;
          MPI_Init(&argc, &argv);
          MPI_Comm_rank(MPI_COMM_WORLD, &rank);
          if (rank == 1) {
            fprintf(stderr, "tutti: error: output: disk full\\n");
            MPI_Abort(MPI_COMM_WORLD, 3);
          }
          MPI_Barrier(MPI_COMM_WORLD);
          MPI_Finalize();
        }"""
    )
    subprocess.run(["mpicc", str(source), "-o", str(tmp_path / "abort")], check=True)
    done = tutti("run", str(tmp_path / "abort"), "-n", "2", "-t", "1")
    assert done.returncode == 3
    assert lines(done.stderr) == ["tutti: error: output: disk full"]


@needs_mpirun
def test_more_ranks_than_cores(tutti: Run, script: Script) -> None:
    app = script("app", "echo rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE\n")
    ranks = 2 * (os.cpu_count() or 1)
    done = tutti("run", str(app), "-n", str(ranks), "-t", "1")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(f"rank {r} of {ranks}" for r in range(ranks))


@needs_mpirun
def test_arguments_arrive_as_they_are(tutti: Run, script: Script) -> None:
    app = script("app", 'for word in "$@"; do echo "[$word]"; done\n')
    words = ["--output", "a b", "$HOME; echo *", "", "--"]
    done = tutti("run", str(app), "-n", "1", "-t", "1", "--", *words)
    assert done.stdout.splitlines() == [f"[{word}]" for word in words]


@needs_mpirun
def test_a_crash_is_one_line(tutti: Run, fake_heat: Path) -> None:
    arguments = ("--", "--grid", "8,8,8", "--steps", "1")
    done = tutti("run", str(fake_heat), "-n", "2", "-t", "1", *arguments, FAKE_HEAT="crash")
    assert done.returncode == 134
    assert lines(done.stderr) == ["tutti: error: fake_heat.py: rank 1 was ended by signal 6 (Aborted)"]


def alive(pid: str) -> bool:
    """A dead process that nobody has waited for yet counts as dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_the_run(script: Script, tmp_path: Path, number: signal.Signals) -> None:
    app = script("app", f"echo $$ > {tmp_path}/pid\nexec sleep 60\n")
    command = [sys.executable, str(ROOT / "scripts" / "tutti"), "run", str(app), "-n", "1", "-t", "1"]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    pid = tmp_path / "pid"
    until(lambda: pid.exists() and bool(pid.read_text().strip()))
    child.send_signal(number)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 128 + number
    assert lines(errors) == [f"tutti: error: app: stopped by {number.name}"]
    until(lambda: not alive(pid.read_text().strip()))


def test_a_kill_ends_the_run_too(script: Script, tmp_path: Path) -> None:
    app = script("app", f"echo $$ > {tmp_path}/pid\nexec sleep 60\n")
    command = [sys.executable, str(ROOT / "scripts" / "tutti"), "run", str(app), "-n", "1", "-t", "1"]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    pid = tmp_path / "pid"
    until(lambda: pid.exists() and bool(pid.read_text().strip()))
    child.kill()
    child.wait()
    until(lambda: not alive(pid.read_text().strip()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        ([], "required: VERB"),
        (["run"], "required: APP"),
        (["run", "no-such-app"], "no app 'no-such-app'"),
        (["run", "/no/such/app"], "not an executable file"),
        (["run", "/bin/true", "-n", "0"], "at least 1"),
        (["run", "/bin/true", "-n", "x"], "invalid int value: 'x'"),
        (["run", "/bin/true", "--grid", "8"], "an app's arguments go after --"),
        (["run", "/bin/true", "-t", "2", "--", "--threads", "3"], "contradict"),
        (["run", "/bin/true", "--bind", "socket"], "invalid choice: 'socket'"),
        (["build", "--preset", "fast"], "invalid choice: 'fast'"),
        (["build", "everything"], "unexpected argument 'everything'"),
        (["test", "--", "x"], "takes nothing after --"),
        (["demo", "--grid", "0"], "demo: unknown argument '--grid'"),
        (["study"], "required: STEP"),
        (["study", "run"], "required: FILE"),
        (["study", "run", "/no/such.toml"], "cannot read /no/such.toml: No such file"),
        (["study", "report", "/no/such"], "there is no study.h5 in /no/such"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(tutti: Run, arguments: list[str], message: str) -> None:
    done = tutti(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("tutti: error: ") and message in done.stderr


@pytest.mark.parametrize("verb", [[], ["setup"], ["build"], ["test"], ["run"], ["demo"], ["study"]])
def test_help(tutti: Run, verb: list[str]) -> None:
    done = tutti(*verb, "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: tutti")
