"""The recipes for Spack and Apptainer against what the build needs. Neither program is here to try them."""

from __future__ import annotations

import re
import runpy
import sys
import types

import pytest
from conftest import ROOT

from tutti_cli import packages

RECIPES = ROOT / "scripts" / "packaging"
OPTIONS = set(re.findall(r"^option\((TUTTI_\w+)", (ROOT / "CMakeLists.txt").read_text(), re.M))
# What a user of the apps does not need: tests, measuring, and what the recipes leave out or bring along.
LEFT_OUT = {"git", "Python venv", "GoogleTest", "Google Benchmark", "oneTBB"}
NEEDED = [need for need in packages.NEEDS if not need.for_tests and need.what not in LEFT_OUT]


def test_spack_has_what_the_build_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, list[tuple]] = {}

    def directive(name: str) -> object:
        return lambda *words, **more: said.setdefault(name, []).append((*words, more))

    spack = types.ModuleType("spack.package")
    for name in ("depends_on", "license", "variant", "version"):
        setattr(spack, name, directive(name))
    cmake = types.ModuleType("spack_repo.builtin.build_systems.cmake")
    cmake.CMakePackage = type(
        "CMakePackage",
        (),
        {
            "define": lambda _self, name, value: f"-D{name}={value}",
            "define_from_variant": lambda _self, name, variant: f"-D{name}={variant}",
        },
    )
    for module in (spack, cmake):
        parts = module.__name__.split(".")
        for n in range(1, len(parts)):
            monkeypatch.setitem(sys.modules, ".".join(parts[:n]), types.ModuleType(".".join(parts[:n])))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    recipe = runpy.run_path(str(RECIPES / "spack" / "packages" / "tutti" / "package.py"))["Tutti"]

    assert recipe.git == ROOT.as_uri()
    arguments = dict(word[2:].split("=") for word in recipe().cmake_args())
    assert set(arguments) <= OPTIONS, "every option is one of the build"
    variants = {words[0] for words in said["variant"]}
    assert {value for value in arguments.values() if value.islower()} == variants
    found = {re.split(r"[@+~]", words[0])[0] for words in said["depends_on"]}
    stands_for = {"gcc": "cxx", "pkgconf": "pkgconfig", "openmpi": "mpi", "zlib": "zlib-api"}
    for need in NEEDED:
        name = re.split(r"[@+~]", need.spack)[0]
        assert stands_for.get(name, name) in found, need.what


def test_apptainer_has_what_the_build_needs() -> None:
    text = (RECIPES / "apptainer.def").read_text()
    assert re.findall(r"^%(\w+)", text, re.M) == ["help", "files", "post", "environment", "runscript", "test"]
    assert set(re.findall(r"-D(TUTTI_\w+)=", text)) <= OPTIONS
    words = set(text.split())
    for need in NEEDED:
        if need.what != "Kokkos":  # which it builds without
            assert words.intersection(need.apt), need.what
