"""Spack's recipe of Tutti: `spack repo add scripts/packaging/spack && spack install tutti`."""

from pathlib import Path

from spack.package import depends_on, license, variant, version
from spack_repo.builtin.build_systems.cmake import CMakePackage

CHECKOUT = Path(__file__).resolve().parents[5]


class Tutti(CMakePackage):
    """A task-based parallel runtime for MPI and OpenMP, with mini-apps that verify themselves."""

    git = CHECKOUT.as_uri()  # what is committed there

    license("BSD-3-Clause")

    version("main", branch="main")

    variant("mpi", default=True, description="Communicate through MPI")
    variant("hdf5", default=True, description="Read and write HDF5 files")
    variant("kokkos", default=False, description="Offer --schedule kokkos")

    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("hwloc")
    depends_on("zlib-api")
    depends_on("cli11")
    depends_on("fmt")
    depends_on("nlohmann-json")
    depends_on("mpi", when="+mpi")
    depends_on("hdf5+hl+mpi", when="+hdf5+mpi")
    depends_on("hdf5+hl~mpi", when="+hdf5~mpi")
    depends_on("kokkos+openmp", when="+kokkos")

    def cmake_args(self) -> list[str]:
        return [
            self.define_from_variant("TUTTI_MPI", "mpi"),
            self.define_from_variant("TUTTI_HDF5", "hdf5"),
            self.define_from_variant("TUTTI_KOKKOS", "kokkos"),
            self.define("TUTTI_CUDA", False),
            self.define("TUTTI_TESTS", False),
            self.define("TUTTI_NATIVE", False),  # Spack's compilers know the target already
        ]
