"""What `tutti doctor` makes of the facts: pure functions, one line each, with the fix for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .common import ROOT
from .doctor_facts import Facts, Placement
from .packages import Need

OK, WARN, MISSING = "ok", "warn", "missing"


@dataclass(frozen=True)
class Line:
    level: str
    what: str
    text: str
    fix: str = ""  # a command, or what to do

    def __str__(self) -> str:
        fix = f"; fix: {self.fix}" if self.fix else ""
        return f"{self.level:8} {self.what:16} {self.text}{fix}"


def install(need: Need) -> str:
    return f"apt-get install {need.apt[0]} (Spack: spack install {need.spack})"


# Named by checks of their own, those of the second line only where CMake could look for them.
TOOLS = {"C++ compiler", "CMake 3.25", "Ninja", "git", "Python venv"}
LIBRARIES = {"MPI, launcher", "MPI, headers", "parallel HDF5", "Kokkos"}


def needs(facts: Facts) -> Iterator[Line]:
    """What `tutti setup` would install and no other check names."""
    named = TOOLS | LIBRARIES if facts.probed else TOOLS
    for need in facts.lacking:
        if need.what in named:
            continue
        yield Line(WARN if need.optional else MISSING, need.what, "not found", install(need))


def compiler(facts: Facts) -> Iterator[Line]:
    if not facts.compiler:
        yield Line(MISSING, "compiler", "no C++ compiler", "apt-get install g++ (or: export CXX=...)")
        return
    number = re.search(r"(\d+)(\.\d+)*", facts.compiler)
    least = 14 if "Clang" in facts.compiler else 12
    if facts.compile_error:
        text = f"{facts.compiler} does not compile a C++20 program with OpenMP: {facts.compile_error}"
        yield Line(MISSING, "compiler", text, "apt-get install g++ (gcc 12 or newer; or: module load gcc)")
    elif "IntelLLVM" not in facts.compiler and number and int(number.group(1)) < least:
        text = f"{facts.compiler}, tried are gcc 12 and clang 14 or newer"
        yield Line(WARN, "compiler", text, "module load gcc (or: export CXX=g++-12)")
    else:
        openmp = f", OpenMP {facts.openmp}" if facts.openmp else ""
        yield Line(OK, "compiler", f"{facts.compiler}, C++20{openmp}")


def cmake(facts: Facts) -> Iterator[Line]:
    numbers = tuple(int(part) for part in re.findall(r"\d+", facts.cmake)[:2])
    if not facts.cmake:
        yield Line(MISSING, "CMake", "not found", "apt-get install cmake")
    elif numbers < (3, 25):
        yield Line(
            MISSING, "CMake", f"{facts.cmake}, 3.25 or newer is needed", "python3 -m pip install cmake"
        )
    else:
        yield Line(OK, "CMake", facts.cmake)
    if facts.ninja:
        yield Line(OK, "Ninja", facts.ninja)
    else:
        yield Line(MISSING, "Ninja", "not found", "apt-get install ninja-build")


def git(facts: Facts) -> Iterator[Line]:
    if not facts.git:
        text = "not found; results cannot name the commit they were computed with"
        yield Line(WARN, "git", text, "apt-get install git")
    elif not facts.git_works:
        text = "refuses this repository (of another owner?); results cannot name their commit"
        yield Line(WARN, "git", text, f"git config --global --add safe.directory {ROOT}")
    else:
        yield Line(OK, "git", "results name the commit they were computed with")


def mpi(facts: Facts) -> Iterator[Line]:
    if not facts.probed:
        return
    without = "or build without: scripts/tutti build --preset minimal"
    if not facts.launcher or not facts.mpi:
        what = "no mpirun on PATH" if not facts.launcher else "CMake finds no MPI for C++"
        yield Line(MISSING, "MPI", what, f"apt-get install openmpi-bin libopenmpi-dev ({without})")
        return
    name = "Open MPI" if facts.launcher == "openmpi" else "MPI launcher"
    text = f"{name} {facts.launcher_version}, standard {facts.mpi}"
    if facts.thread_level in ("single", "funneled"):
        text += f", thread level {facts.thread_level}, but serialized is needed"
        yield Line(
            MISSING, "MPI", text, "load an MPI that was built with threads (Spack: spack install openmpi)"
        )
    elif not facts.thread_level:
        yield Line(OK, "MPI", text)  # that it does not run is said by `binding`
    else:
        yield Line(OK, "MPI", f"{text}, thread level {facts.thread_level}")


def hdf5(facts: Facts) -> Iterator[Line]:
    if not facts.probed:
        return
    fix = "apt-get install libhdf5-openmpi-dev (or build without: -DTUTTI_HDF5=OFF)"
    if not facts.hdf5:
        yield Line(MISSING, "HDF5", "not found", fix)
    elif not facts.hdf5_parallel and facts.mpi:
        yield Line(MISSING, "HDF5", f"{facts.hdf5}, serial; with MPI the parallel one is needed", fix)
    else:
        yield Line(OK, "HDF5", f"{facts.hdf5}, {'parallel' if facts.hdf5_parallel else 'serial'}")


def kokkos(facts: Facts) -> Iterator[Line]:
    if not facts.probed:
        return
    if not facts.kokkos:
        fix = "apt-get install libtrilinos-kokkos-dev (Spack: spack install kokkos+openmp)"
        yield Line(WARN, "Kokkos", "not found; --schedule kokkos will be left out", fix)
        return
    backends = ", ".join(name.capitalize() for name in facts.kokkos_backends)
    parallel = {"OPENMP", "THREADS", "CUDA", "HIP", "SYCL"} & set(facts.kokkos_backends)
    note = (
        "" if parallel else " alone: --schedule kokkos uses one thread (Spack: spack install kokkos+openmp)"
    )
    yield Line(OK, "Kokkos", f"{facts.kokkos}, backend {backends}{note}")


def hwloc(facts: Facts) -> Iterator[Line]:
    if facts.hwloc:
        yield Line(OK, "hwloc", facts.hwloc)


def cuda(facts: Facts) -> Iterator[Line]:
    gpus = "; ".join(facts.gpus)
    if facts.gpus and not facts.nvcc:
        fix = "module load cuda (or: export PATH=/usr/local/cuda/bin:$PATH)"
        yield Line(WARN, "CUDA", f"{gpus}, but no nvcc", fix)
    elif facts.nvcc and not facts.gpus:
        text = f"nvcc {facts.nvcc}, but no driver or device here; --device cpu is not affected"
        yield Line(WARN, "CUDA", text, "run on a node with a GPU (nvidia-smi has to list it)")
    elif facts.nvcc and not facts.nvcc_on_path:
        text = f"nvcc {facts.nvcc} is not on PATH; {gpus}"
        yield Line(WARN, "CUDA", text, "export PATH=/usr/local/cuda/bin:$PATH")
    else:
        yield Line(
            OK, "CUDA", f"nvcc {facts.nvcc}; {gpus}" if facts.nvcc else "none (only --device cuda wants it)"
        )


def cores(facts: Facts) -> Iterator[Line]:
    threads = f"{facts.hardware_threads} hardware threads"
    text = f"{facts.cores} of {facts.online_cores} for this process, {threads}"
    fix = "ask for more (Slurm: salloc --cpus-per-task=N; container: --cpus=N; or leave taskset)"
    if facts.cores < facts.online_cores:
        yield Line(WARN, "cores", f"{text}: more ranks x threads than that share cores", fix)
    elif facts.cores == 1:
        yield Line(OK, "cores", f"{text}; more ranks need --oversubscribe, which scripts/tutti run adds")
    else:
        yield Line(OK, "cores", text)
    if facts.load > max(1.0, 0.25 * facts.cores):
        text = f"{facts.load:.1f} on {facts.cores} cores: other programs run, times will vary"
        yield Line(WARN, "load", text, "end them or wait (look with: top)")


def crowded(placement: Placement) -> str:
    """What is wrong with where threads ran, in words; empty if each can have a core of its own."""
    threads = [cores for rank in placement.ranks for cores in rank]
    every: frozenset[int] = frozenset().union(*threads)
    if len(every) < len(threads):
        return f"{len(threads)} threads share {len(every)} core{'s' if len(every) > 1 else ''}"
    for rank, own in enumerate(placement.ranks):
        if len(frozenset().union(*own)) < len(own):
            return f"the {len(own)} threads of rank {rank} share {len(frozenset().union(*own))}"
    return ""


def is_bound(placement: Placement) -> bool:
    return all(len(cores) == 1 for rank in placement.ranks for cores in rank)


def where(placement: Placement) -> str:
    """ "cores 0 1 | 2 3": ranks between bars, a thread's cores with commas."""
    ranks = (" ".join(",".join(map(str, sorted(cores))) for cores in rank) for rank in placement.ranks)
    return "cores " + " | ".join(ranks)


def binding(facts: Facts) -> Iterator[Line]:
    """What a small program found that was started like any app."""
    ranks, threads = facts.layout
    layout = f"{ranks} rank{'s' if ranks > 1 else ''} x {threads} thread{'s' if threads > 1 else ''}"
    if facts.compile_error or not (facts.run.ranks or facts.run.error):
        return  # nothing was started
    command = f"scripts/tutti run -n {ranks} -t {threads}"
    if facts.run.error:
        fix = "scripts/tutti run heat -n 2 --verbose (what mpirun says in full)"
        yield Line(MISSING, "tutti run", f"{layout} did not run: {facts.run.error}", fix)
    elif problem := crowded(facts.run):
        fix = "unset OMP_PLACES OMP_PROC_BIND GOMP_CPU_AFFINITY KMP_AFFINITY (and leave taskset)"
        yield Line(WARN, "tutti run", f"{layout}: {problem} ({where(facts.run)})", fix)
    elif not is_bound(facts.run) and facts.cores > 1:
        text = f"{layout}: threads are not bound, they may wander ({where(facts.run)})"
        yield Line(WARN, "tutti run", text, "unset OMP_PROC_BIND OMP_PLACES")
    else:
        yield Line(OK, "tutti run", f"{layout}: {where(facts.run)}")
    if facts.plain.error:
        text = f"mpirun -n {ranks} did not run: {facts.plain.error}"
        yield Line(WARN, "plain mpirun", text, f"{command} APP")
    elif facts.plain.ranks and (problem := crowded(facts.plain)):
        fix = f"{command} APP (or: mpirun --map-by slot:PE={threads} --bind-to core -n {ranks} APP)"
        yield Line(WARN, "plain mpirun", f"mpirun -n {ranks}: {problem} ({where(facts.plain)})", fix)
    elif facts.plain.ranks:
        yield Line(OK, "plain mpirun", f"mpirun -n {ranks}: {where(facts.plain)}")


def openmp(facts: Facts) -> Iterator[Line]:
    """Variables that change how workers run. Silence where none is set."""
    said = False
    for name, harm in (
        ("OMP_NUM_THREADS", num_threads),
        ("OMP_THREAD_LIMIT", thread_limit),
        ("OMP_PROC_BIND", proc_bind),
        ("OMP_WAIT_POLICY", wait_policy),
        ("OMP_DYNAMIC", dynamic),
        ("GOMP_CPU_AFFINITY", other_affinity),
        ("KMP_AFFINITY", other_affinity),
    ):
        value = facts.environment.get(name, "")
        if value and (words := harm(value, facts.cores)):
            said = True
            yield Line(WARN, name, f"is '{value}': {words}", f"unset {name}")
    if not said:
        yield Line(OK, "OpenMP settings", "none that hurts")


def whole(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def num_threads(value: str, cores: int) -> str:
    number = whole(value.split(",")[0])
    if number is None or number < 1:
        return "no number of threads"
    return f"more than the {cores} cores of this process" if number > cores else ""


def thread_limit(value: str, cores: int) -> str:
    number = whole(value)
    return f"allows fewer threads than the {cores} cores" if number is not None and number < cores else ""


def proc_bind(value: str, _cores: int) -> str:
    word = value.split(",")[0].strip().lower()
    if word == "false":
        return "threads are not bound, they may wander"
    return "all threads of a rank on one place" if word in ("master", "primary") else ""


def wait_policy(value: str, _cores: int) -> str:
    return "idle threads spin and take cores from others" if value.strip().lower() == "active" else ""


def dynamic(value: str, _cores: int) -> str:
    return "OpenMP may start fewer threads than asked for" if value.strip().lower() in ("true", "1") else ""


def other_affinity(_value: str, _cores: int) -> str:
    return "it competes with OMP_PLACES and OMP_PROC_BIND"


def memory(facts: Facts) -> Iterator[Line]:
    text = f"{facts.memory_gib:.1f} GiB available"
    if facts.memory_gib < 2:
        fix = "end other programs, or use smaller grids (256^3 takes 0.3 GiB)"
        yield Line(WARN, "memory", f"{text}: the build and larger grids may not fit", fix)
    else:
        yield Line(OK, "memory", text)
    if facts.shm_gib is None:
        text = "not there: ranks of a node talk through it"
        yield Line(WARN, "/dev/shm", text, "mount -t tmpfs tmpfs /dev/shm")
    elif facts.shm_gib < 0.25:
        text = f"{facts.shm_gib * 1024:.0f} MiB free: many ranks on this node may not start"
        yield Line(
            WARN, "/dev/shm", text, "docker run --shm-size=1g ... (or: mount -o remount,size=1g /dev/shm)"
        )
    else:
        yield Line(OK, "/dev/shm", f"{facts.shm_gib:.1f} GiB free")


def slurm(facts: Facts) -> Iterator[Line]:
    if not facts.slurm:
        yield Line(OK, "Slurm", "none; needed for sbatch alone")
        return
    text = f"{facts.slurm}, {f'inside job {facts.slurm_job}' if facts.slurm_job else 'outside of a job'}"
    if facts.slurm_pmix:
        yield Line(OK, "Slurm", f"{text}, srun --mpi=pmix")
    else:
        fix = "start ranks with mpirun inside the job, or ask for Slurm's pmix plugin"
        yield Line(WARN, "Slurm", f"{text}, srun has no pmix and may start every rank alone", fix)


def python(facts: Facts) -> Iterator[Line]:
    if facts.python_packages:
        yield Line(OK, "Python packages", ".venv is up to date")
    else:
        text = ".venv is missing or out of date; studies, plots and tests of the command want it"
        yield Line(WARN, "Python packages", text, "scripts/tutti setup")


CHECKS: tuple[Callable[[Facts], Iterator[Line]], ...] = (
    compiler,
    cmake,
    git,
    mpi,
    hdf5,
    kokkos,
    hwloc,
    cuda,
    needs,
    python,
    cores,
    binding,
    openmp,
    memory,
    slurm,
)


def examine(facts: Facts) -> list[Line]:
    """All lines; a thing is named once, by the check that knows most of it."""
    lines: list[Line] = []
    for check in CHECKS:
        lines += check(facts)
    return lines
