"""What `tutti doctor` looks at: probes of this machine, without judgement."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import launch, machine, packages, python_env
from .common import ROOT

PROBE = Path(__file__).parent / "probe"
CUDA = Path("/usr/local/cuda/bin/nvcc")


@dataclass(frozen=True)
class Placement:
    """Where the threads of a launch really ran: by rank, for each thread the cores that it may use."""

    ranks: tuple[tuple[frozenset[int], ...], ...] = ()
    error: str = ""  # the launcher's or the compiler's words, where there was no run


@dataclass(frozen=True)
class Facts:
    """The defaults are those of an empty machine."""

    lacking: tuple[packages.Need, ...] = ()  # of packages.NEEDS, without those for tests
    compiler: str = ""  # "GNU 12.2.0"
    compile_error: str = ""  # of a small C++20 program with OpenMP and, where there is one, MPI
    cmake: str = ""
    ninja: str = ""
    probed: bool = (
        False  # CMake configured probe/: openmp, mpi, hdf5, hdf5_parallel, kokkos say what is there
    )
    git: bool = False
    git_works: bool = False  # in this repository (true outside of one)
    openmp: str = ""
    mpi: str = ""  # version of the standard
    launcher: str = ""  # see machine.launcher
    launcher_version: str = ""
    thread_level: str = ""
    hdf5: str = ""
    hdf5_parallel: bool = False
    kokkos: str = ""
    kokkos_backends: tuple[str, ...] = ()
    hwloc: str = ""
    nvcc: str = ""
    nvcc_on_path: bool = False
    gpus: tuple[str, ...] = ()  # "NVIDIA H100, driver 570.1"
    slurm: str = ""
    slurm_job: str = ""
    slurm_pmix: bool = False
    cores: int = 1  # that this process may use
    online_cores: int = 1
    hardware_threads: int = 1
    load: float = 0.0
    memory_gib: float = 0.0  # available
    shm_gib: float | None = None  # free in /dev/shm; None: there is none
    python_packages: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    root: bool = False
    layout: tuple[int, int] = (1, 1)  # ranks x threads of the two launches below
    run: Placement = Placement()  # through `tutti run`
    plain: Placement = Placement()  # through `mpirun -n RANKS`


def output(*words: str, env: Mapping[str, str] | None = None, timeout_s: float = 60) -> tuple[int, str, str]:
    """Status, standard output, standard error; 127 where it cannot be started, 124 where it does not end."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env={**os.environ, **(env or {})},
            check=False,
        )
    except OSError as error:
        return 127, "", str(error)
    except subprocess.TimeoutExpired:
        return 124, "", f"no end after {timeout_s:.0f} s"
    return done.returncode, done.stdout, done.stderr


def version(*words: str) -> str:
    """The first thing that looks like a version in what a tool says; empty where there is no such tool."""
    status, text, more = output(*words)
    found = re.search(r"\d+\.\d+[\w.]*", text + more)
    return "" if status == 127 else found.group(0) if found else "of unknown version"


def told(text: str) -> dict[str, str]:
    """The answers of probe/CMakeLists.txt."""
    return dict(re.findall(r"^-- tell (\w+)=(.*)$", text, re.M))


def from_cmake(folder: Path) -> dict[str, str]:
    if shutil.which("cmake") is None:
        return {}
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    return told(output("cmake", "-S", str(PROBE), "-B", str(folder), *generator)[1])


def compiled(folder: Path, mpi: bool) -> tuple[Path | None, str]:
    """The probe program, or the compiler's first error."""
    program = folder / "probe"
    compiler = "mpicxx" if mpi else os.environ.get("CXX", "g++")
    words = [compiler, "-std=c++20", "-O1", "-fopenmp", *(["-DWITH_MPI"] if mpi else [])]
    status, text, errors = output(*words, str(PROBE / "probe.cpp"), "-o", str(program))
    if status == 0:
        return program, ""
    lines = [line for line in (errors + text).splitlines() if "error" in line.lower()] or [errors.strip()]
    return None, lines[0]


def core_of(cpu: int) -> int:
    """A core is named by its lowest hardware thread."""
    return int(re.split(r"[,-]", machine.siblings(cpu))[0])


def placement(status: int, text: str, errors: str) -> Placement:
    """From what the probe program printed."""
    found: dict[int, list[frozenset[int]]] = {}
    for rank, cpus in re.findall(r"^rank (\d+) may run on ([\d,]+)$", text, re.M):
        found.setdefault(int(rank), []).append(frozenset(core_of(int(cpu)) for cpu in cpus.split(",")))
    if status != 0 or not found:
        lines = [line.strip() for line in errors.splitlines() if re.search(r"\w", line)]
        return Placement(error=lines[0] if lines else f"exit status {status}")
    return Placement(tuple(tuple(found[rank]) for rank in sorted(found)))


def launches(program: Path, mpi: bool, host: launch.Host) -> dict[str, object]:
    """The probe program as `tutti run` starts it and as plain mpirun does."""
    ranks = 2 if mpi and host.cores > 1 else 1
    threads = max(1, host.cores // ranks)
    ours = launch.plan(str(program), [], ranks, threads, host, mpi=mpi, inherited=os.environ)
    status, text, errors = output(*ours.argv, env=ours.environment)
    level = re.search(r"^level (\w+)$", text, re.M)
    facts: dict[str, object] = {
        "layout": (ranks, threads),
        "run": placement(status, text, errors),
        "thread_level": level.group(1) if level else "",
    }
    if mpi:
        names = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM") if host.root else ()
        allowed = dict.fromkeys(names, "1")
        words = ("mpirun", "-n", str(ranks), str(program))
        facts["plain"] = placement(*output(*words, env={**allowed, "OMP_NUM_THREADS": str(threads)}))
    return facts


def gpus() -> tuple[str, ...]:
    status, text, _ = output("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    lines = text.splitlines() if status == 0 else []
    return tuple(
        ", driver ".join(part.strip() for part in line.rsplit(",", 1)) for line in lines if "," in line
    )


def gib_free(path: str) -> float | None:
    try:
        return shutil.disk_usage(path).free / 2**30
    except OSError:
        return None


def memory_gib() -> float:
    """Available without swapping, limits of control groups included."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        return 0.0
    amount = int(found.group(1)) / 2**20 if found else 0.0
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
        return min(amount, (int(limit) - int(used)) / 2**30) if limit != "max" else amount
    except (OSError, ValueError):
        return amount


def git_works() -> bool:
    return not (ROOT / ".git").exists() or output("git", "-C", str(ROOT), "rev-parse", "HEAD")[0] == 0


def look() -> Facts:
    """Everything, in a few seconds."""
    host = launch.Host.this()
    mpi = bool(host.launcher) and shutil.which("mpicxx") is not None
    nvcc = shutil.which("nvcc") or (str(CUDA) if CUDA.exists() else "")
    with tempfile.TemporaryDirectory(prefix="tutti-doctor-") as name:
        folder = Path(name)
        found = from_cmake(folder / "cmake")
        program, compile_error = compiled(folder, mpi)
        launched = launches(program, mpi, host) if program else {}
    online = {core_of(int(path.name[3:])) for path in machine.CPUS.glob("cpu[0-9]*")}
    return Facts(
        lacking=tuple(packages.missing(packages.wanted(tests=False))),
        compiler=found.get("compiler", "") or version(os.environ.get("CXX", "g++"), "--version"),
        compile_error=compile_error,
        cmake=version("cmake", "--version"),
        ninja=version("ninja", "--version"),
        probed=bool(found),
        git=shutil.which("git") is not None,
        git_works=git_works(),
        openmp=found.get("openmp", ""),
        mpi=found.get("mpi", ""),
        launcher=host.launcher,
        launcher_version=version("mpirun", "--version"),
        hdf5=found.get("hdf5", ""),
        hdf5_parallel=found.get("hdf5_parallel", "").upper() in ("TRUE", "1", "ON", "YES"),
        kokkos=found.get("kokkos", ""),
        kokkos_backends=tuple(word for word in re.split(r"[; ]", found.get("kokkos_backends", "")) if word),
        hwloc=version("pkg-config", "--modversion", "hwloc"),
        nvcc=version(nvcc, "--version") if nvcc else "",
        nvcc_on_path=shutil.which("nvcc") is not None,
        gpus=gpus(),
        slurm=version("sinfo", "--version"),
        slurm_job=os.environ.get("SLURM_JOB_ID", ""),
        slurm_pmix="pmix" in "".join(output("srun", "--mpi=list")[1:]),
        cores=host.cores,
        online_cores=max(1, len(online)),
        hardware_threads=os.cpu_count() or 1,
        load=os.getloadavg()[0],
        memory_gib=memory_gib(),
        shm_gib=gib_free("/dev/shm"),
        python_packages=python_env.up_to_date(),
        environment=dict(os.environ),
        root=host.root,
        **launched,  # type: ignore[arg-type]
    )
