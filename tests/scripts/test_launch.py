"""Command lines and environments for every kind of layout, without running any."""

from __future__ import annotations

import shlex

import pytest

from tutti_cli.common import Failure
from tutti_cli.launch import Allocation, Host, option, plan

HOST = Host(cores=4, launcher="openmpi", root=False)


def test_a_layout_that_fits_is_bound() -> None:
    launch = plan("./heat", ["--steps", "3"], 2, 2, HOST)
    words = " ".join(launch.argv)
    assert words.startswith("mpirun -n 2 --map-by slot:PE=2 --bind-to core -x OMP_NUM_THREADS")
    assert words.endswith("./heat --steps 3")
    assert launch.environment["OMP_NUM_THREADS"] == "2"
    assert launch.environment["OMP_PROC_BIND"] == "close"
    assert "OMPI_MCA_mpi_yield_when_idle" not in launch.environment
    assert "--oversubscribe" not in launch.argv


def test_more_ranks_than_cores_yield_and_are_not_bound() -> None:
    launch = plan("./heat", ["--schedule", "bulk"], 4, 2, HOST)
    assert "--oversubscribe" in launch.argv
    assert launch.argv[launch.argv.index("--bind-to") + 1] == "none"
    assert launch.environment["OMPI_MCA_mpi_yield_when_idle"] == "1"
    assert launch.environment["OMP_PROC_BIND"] == "false"
    assert launch.environment["OMP_WAIT_POLICY"] == "passive"


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        ([], "passive"),
        (["--schedule", "tasks"], "passive"),
        (["--schedule=bulk"], "active"),
        (["--schedule", "kokkos"], "active"),
    ],
)
def test_wait_policy_follows_the_schedule(arguments: list[str], policy: str) -> None:
    assert plan("./heat", arguments, 1, 1, HOST).environment["OMP_WAIT_POLICY"] == policy


def test_root_is_allowed_only_where_needed() -> None:
    assert "OMPI_ALLOW_RUN_AS_ROOT" not in plan("./heat", [], 1, 1, HOST).environment
    root = plan("./heat", [], 1, 1, Host(4, "openmpi", True)).environment
    assert root["OMPI_ALLOW_RUN_AS_ROOT"] == root["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] == "1"


def test_without_mpi_the_program_runs_alone() -> None:
    assert plan("./heat", ["a"], 1, 2, HOST, mpi=False).argv == ("./heat", "a")
    assert plan("./heat", ["a"], 1, 2, Host(4, "", False)).argv == ("./heat", "a")
    with pytest.raises(Failure, match="this build has no MPI"):
        plan("./heat", [], 2, 1, HOST, mpi=False)
    with pytest.raises(Failure, match="no mpirun"):
        plan("./heat", [], 2, 1, Host(4, "", False))


def test_another_launcher_gets_only_the_number_of_ranks() -> None:
    assert plan("./heat", [], 2, 1, Host(4, "other", True)).argv == ("mpirun", "-n", "2", "./heat")


def test_binding_can_be_refused_or_demanded() -> None:
    assert plan("./heat", [], 1, 1, HOST, bind="none").environment["OMP_PROC_BIND"] == "false"
    with pytest.raises(Failure, match="do not fit 4 cores"):
        plan("./heat", [], 3, 2, HOST, bind="cores")
    with pytest.raises(Failure):
        plan("./heat", [], 1, 1, HOST, bind="sockets")


@pytest.mark.parametrize(("ranks", "threads"), [(0, 1), (1, 0), (-1, 1)])
def test_no_ranks_or_threads(ranks: int, threads: int) -> None:
    with pytest.raises(Failure, match="at least 1"):
        plan("./heat", [], ranks, threads, HOST)


def test_the_callers_openmp_settings_win_but_for_the_number_of_threads() -> None:
    own = {"OMP_PLACES": "sockets", "OMP_NUM_THREADS": "9", "HOME": "/"}
    environment = plan("./heat", [], 1, 2, HOST, inherited=own).environment
    assert environment["OMP_PLACES"] == "sockets"
    assert environment["OMP_NUM_THREADS"] == "2"
    assert "HOME" not in environment


def test_the_shown_line_can_be_pasted_into_a_shell() -> None:
    launch = plan("./heat", ["--output", "a b; rm -rf *.h5"], 1, 1, HOST)
    words = shlex.split(launch.shown())
    assert words[-1] == "a b; rm -rf *.h5"
    assert words[words.index("mpirun") :] == list(launch.argv)


def test_option() -> None:
    assert option(["--a", "1", "--a=2"], "--a") == "2"
    assert option(["--a"], "--a") is None


def test_ranks_fill_the_nodes_of_an_allocation() -> None:
    nodes = Allocation(8, 4, options=("--mpi=pmix",), environment={"OMP_PROC_BIND": "false", "X": "1"})
    launch = plan("heat", ["--steps", "3"], 6, 2, nodes)
    assert launch.argv == (
        *("srun", "--export=ALL", "--nodes=2", "--ntasks=6", "--ntasks-per-node=4", "--cpus-per-task=2"),
        *("--wait=10", "--mpi=pmix", "heat", "--steps", "3"),
    )
    assert launch.environment["OMP_NUM_THREADS"] == "2" and launch.environment["OMP_PROC_BIND"] == "false"
    assert nodes.cores_for(6, 2) == 16


def test_an_allocation_takes_as_many_ranks_as_have_cores() -> None:
    nodes = Allocation(8)
    assert [nodes.nodes(ranks, threads) for ranks, threads in ((1, 1), (8, 1), (9, 1), (3, 4), (2, 16))] == [
        *(1, 1, 2, 2, 2),
    ]
    assert nodes.per_node(3, 1) == 3


def test_mpirun_in_an_allocation_is_told_the_same() -> None:
    launch = plan("heat", [], 6, 2, Allocation(8, 4, "mpirun", environment={"X": "a b"}))
    words = " ".join(launch.argv)
    assert words.startswith("mpirun -n 6 --map-by ppr:4:node:PE=2 --bind-to core -x OMP_NUM_THREADS")
    assert words.endswith("-x X heat")
