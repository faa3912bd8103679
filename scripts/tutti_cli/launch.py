"""From ranks x threads to a command line: a pure function, so that every case is tested without running.

A Host is this machine, an Allocation the nodes that a batch system has given.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .common import USAGE, Failure

BINDINGS = ("auto", "cores", "none")
OPENMP = ("OMP_NUM_THREADS", "OMP_PLACES", "OMP_PROC_BIND", "OMP_WAIT_POLICY")


@dataclass(frozen=True)
class Host:
    """What decides how ranks are started here."""

    cores: int
    launcher: str  # see machine.launcher
    root: bool

    @staticmethod
    def this() -> Host:
        from . import machine

        return Host(machine.cores(), machine.launcher(), os.geteuid() == 0)

    def cores_for(self, ranks: int, threads: int) -> int:
        return self.cores


@dataclass(frozen=True)
class Allocation:
    """Nodes of a cluster that are all alike; a run takes as many of them as its ranks need."""

    cores_per_node: int
    ranks_per_node: int = 0  # at most; 0: as many as a node has cores for
    launcher: str = "srun"  # or mpirun
    options: tuple[str, ...] = ()  # of the launcher
    environment: Mapping[str, str] = field(default_factory=dict)  # the site's; wins over ours

    def per_node(self, ranks: int, threads: int) -> int:
        """Ranks on a node."""
        return min(ranks, self.ranks_per_node or max(1, self.cores_per_node // threads))

    def nodes(self, ranks: int, threads: int) -> int:
        return -(-ranks // self.per_node(ranks, threads))

    def cores_for(self, ranks: int, threads: int) -> int:
        return self.nodes(ranks, threads) * self.cores_per_node


@dataclass(frozen=True)
class Launch:
    argv: tuple[str, ...]
    environment: Mapping[str, str]  # added to the caller's

    def shown(self) -> str:
        """The command line as a shell takes it."""
        words = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*words, shlex.join(self.argv)])


def option(arguments: Sequence[str], name: str) -> str | None:
    """The value of --name VALUE or --name=VALUE among an app's arguments (the last one counts)."""
    value = None
    for index, word in enumerate(arguments):
        if word == name and index + 1 < len(arguments):
            value = arguments[index + 1]
        elif word.startswith(name + "="):
            value = word[len(name) + 1 :]
    return value


def plan(
    program: str,
    arguments: Sequence[str],
    ranks: int,
    threads: int,
    host: Host | Allocation,
    *,
    bind: str = "auto",
    mpi: bool = True,
    inherited: Mapping[str, str] | None = None,
) -> Launch:
    """The command line and environment of one run.

    mpi says whether the program was built with MPI; inherited holds OpenMP settings of the caller that are
    to win over ours (never OMP_NUM_THREADS).
    """
    if ranks < 1 or threads < 1:
        raise Failure("ranks and threads must be at least 1", USAGE)
    if bind not in BINDINGS:
        raise Failure(f"--bind takes one of {', '.join(BINDINGS)}, not '{bind}'", USAGE)
    if isinstance(host, Allocation):
        return on_nodes((program, *arguments), ranks, threads, host)
    fits = ranks * threads <= host.cores
    if bind == "cores" and not fits:
        raise Failure(f"--bind cores: {ranks} x {threads} do not fit {host.cores} cores", USAGE)
    bound = fits and bind != "none"

    environment = openmp(threads, bound, option(arguments, "--schedule") or "tasks")
    for name in OPENMP[1:]:
        if inherited and name in inherited:
            environment[name] = inherited[name]

    if not mpi or not host.launcher:
        if ranks > 1:
            why = "this build has no MPI" if not mpi else "there is no mpirun on PATH"
            raise Failure(f"{ranks} ranks asked for, but {why}", USAGE if not mpi else 3)
        return Launch((program, *arguments), environment)
    if host.launcher != "openmpi":
        return Launch(("mpirun", "-n", str(ranks), program, *arguments), environment)
    return open_mpi((program, *arguments), ranks, threads, host, bound, environment)


def openmp(threads: int, bound: bool, schedule: str) -> dict[str, str]:
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_PLACES": "cores",
        "OMP_PROC_BIND": "close" if bound else "false",
        # Tasks park their own workers; parallel loops want threads that wait at the next one.
        "OMP_WAIT_POLICY": "passive" if schedule == "tasks" else "active",
    }


def open_mpi(
    program: tuple[str, ...],
    ranks: int,
    threads: int,
    host: Host,
    bound: bool,
    environment: dict[str, str],
) -> Launch:
    words = ["mpirun", "-n", str(ranks)]
    exported = list(environment)
    if ranks * threads > host.cores:
        words.append("--oversubscribe")
        environment["OMPI_MCA_mpi_yield_when_idle"] = "1"
        # Parallel loops that spin would hold the core that another rank needs.
        environment["OMP_WAIT_POLICY"] = "passive"
    if bound:
        words += ["--map-by", f"slot:PE={threads}", "--bind-to", "core"]
    else:
        words += ["--bind-to", "none"]
    if host.root:
        environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
        environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    for name in exported:
        words += ["-x", name]
    return Launch((*words, *program), environment)


def on_nodes(program: tuple[str, ...], ranks: int, threads: int, host: Allocation) -> Launch:
    """Ranks fill one node after another. What srun would take from the job's own options is said again:
    versions differ in what they hand on."""
    environment = openmp(threads, True, option(program[1:], "--schedule") or "tasks")
    environment |= {name: host.environment[name] for name in OPENMP[1:] if name in host.environment}
    here = host.per_node(ranks, threads)
    if host.launcher == "mpirun":
        words = ["mpirun", "-n", str(ranks), "--map-by", f"ppr:{here}:node:PE={threads}", "--bind-to", "core"]
        words += host.options
        for name in (*environment, *host.environment):
            words += ["-x", name]
        return Launch((*words, *program), environment)
    words = ["srun", "--export=ALL", f"--nodes={host.nodes(ranks, threads)}", f"--ntasks={ranks}"]
    words += [f"--ntasks-per-node={here}", f"--cpus-per-task={threads}"]
    # a rank that is gone must not leave the others waiting
    words += ["--wait=10", *host.options]
    return Launch((*words, *program), environment)
