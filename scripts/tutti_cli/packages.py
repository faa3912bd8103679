"""What Tutti needs from the system: names in apt and in Spack, and how to see whether it is there."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """One thing; it is present if one of its apt packages is installed or its probe finds it elsewhere."""

    what: str
    apt: tuple[str, ...]  # any one will do, the first that apt knows is installed
    spack: str
    tools: tuple[str, ...] = ()  # all on PATH
    pkg_config: str = ""
    module: str = ""  # of the running Python
    optional: bool = False
    for_tests: bool = False


NEEDS: tuple[Need, ...] = (
    Need("C++ compiler", ("g++",), "gcc@12:", tools=("g++",)),
    Need("CMake 3.25", ("cmake",), "cmake@3.25:", tools=("cmake",)),
    Need("Ninja", ("ninja-build",), "ninja", tools=("ninja",)),
    Need("pkg-config", ("pkg-config", "pkgconf"), "pkgconf", tools=("pkg-config",)),
    Need("git", ("git",), "git", tools=("git",)),
    Need("MPI, launcher", ("openmpi-bin",), "openmpi@4.1:", tools=("mpirun",)),
    Need("MPI, headers", ("libopenmpi-dev",), "openmpi@4.1:", tools=("mpicxx",)),
    Need("parallel HDF5", ("libhdf5-openmpi-dev",), "hdf5+mpi+hl", tools=("h5pcc",)),
    Need("Kokkos", ("libtrilinos-kokkos-dev", "libkokkos-dev"), "kokkos+openmp", optional=True),
    Need("hwloc", ("libhwloc-dev",), "hwloc", pkg_config="hwloc"),
    Need("zlib", ("zlib1g-dev",), "zlib", pkg_config="zlib"),
    Need("CLI11", ("libcli11-dev",), "cli11", pkg_config="CLI11"),
    Need("fmt", ("libfmt-dev",), "fmt", pkg_config="fmt"),
    Need("nlohmann-json", ("nlohmann-json3-dev",), "nlohmann-json", pkg_config="nlohmann_json"),
    Need("GoogleTest", ("libgtest-dev",), "googletest", pkg_config="gtest"),
    Need("Google Benchmark", ("libbenchmark-dev",), "benchmark", pkg_config="benchmark"),
    Need("oneTBB", ("libtbb-dev",), "intel-oneapi-tbb", pkg_config="tbb", optional=True),
    Need("Python venv", ("python3-venv",), "python@3.11:", module="ensurepip"),
    Need("ccache", ("ccache",), "ccache", tools=("ccache",), optional=True, for_tests=True),
    Need("Clang", ("clang",), "llvm", tools=("clang", "clang++"), optional=True, for_tests=True),
    Need("sanitizers for Clang", ("libclang-rt-dev",), "llvm+compiler-rt", optional=True, for_tests=True),
    Need("LLVM's symbolizer", ("llvm",), "llvm", optional=True, for_tests=True),
    # of Ubuntu's chromium-browser only the snap works, which is not for tests
    Need("Chromium", ("chromium",), "", tools=("chromium",), optional=True, for_tests=True),
    Need("OpenMP for Clang", ("libomp-dev",), "llvm+clang", optional=True, for_tests=True),
    # of which the tests make a cluster on this machine; the package starts no daemon by itself
    Need("Slurm with its daemons", ("slurm-wlm",), "slurm", optional=True, for_tests=True),
    Need("munge", ("munge",), "munge", optional=True, for_tests=True),
    Need("iproute2", ("iproute2",), "iproute2", optional=True, for_tests=True),
)

# The Python packages as the distribution has them, for machines that cannot reach PyPI.
PYTHON_FROM_APT = (
    "python3-numpy",
    "python3-h5py",
    "python3-pandas",
    "python3-matplotlib",
    "python3-jinja2",
    "python3-pytest",
)


def wanted(tests: bool) -> list[Need]:
    return [need for need in NEEDS if tests or not need.for_tests]


def has_apt() -> bool:
    return shutil.which("apt-get") is not None and shutil.which("dpkg-query") is not None


def installed(names: Iterable[str]) -> set[str]:
    """Which of these apt packages are installed (one dpkg-query for all)."""
    names = list(names)
    if not has_apt() or not names:
        return set()
    command = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *names]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return {line.split()[1] for line in answer.splitlines() if line.startswith("installed ")}


def found_elsewhere(need: Need) -> bool:
    """True where a module, Spack or hand-made installation provides it."""
    if need.tools:
        return all(shutil.which(tool) for tool in need.tools)
    if need.pkg_config and shutil.which("pkg-config"):
        return subprocess.run(["pkg-config", "--exists", need.pkg_config], check=False).returncode == 0
    if need.module:
        return importlib.util.find_spec(need.module) is not None
    # What cannot be probed is left to CMake, which says what it misses.
    return not has_apt()


def missing(
    needs: Iterable[Need],
    is_installed: Callable[[Iterable[str]], set[str]] = installed,
    elsewhere: Callable[[Need], bool] = found_elsewhere,
) -> list[Need]:
    needs = list(needs)
    have = is_installed(name for need in needs for name in need.apt)
    return [need for need in needs if not have.intersection(need.apt) and not elsewhere(need)]


def available(name: str) -> bool:
    """True if apt has a version of the package to install."""
    command = ["apt-cache", "policy", name]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    candidate = re.search(r"Candidate: (\S+)", answer)
    return candidate is not None and candidate.group(1) != "(none)"


def kokkos_from_apt() -> bool:
    need = next(need for need in NEEDS if need.what == "Kokkos")
    return bool(installed(need.apt))


def cmake_too_old() -> str:
    """The version of CMake where it is older than 3.25, else an empty string."""
    if shutil.which("cmake") is None:
        return ""
    answer = subprocess.run(["cmake", "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)(\.\d+)?", answer)
    if version is None or (int(version.group(1)), int(version.group(2))) >= (3, 25):
        return ""
    return version.group(0)
