"""ccache before the compilers, where it is installed: presets and clones share most objects."""

from __future__ import annotations

import os
import shutil

from .common import ROOT

LAUNCHERS = ("CMAKE_CXX_COMPILER_LAUNCHER", "CMAKE_CUDA_COMPILER_LAUNCHER")


def environment() -> dict[str, str]:
    """This process's, for cmake and ctest; launchers and settings that the caller has chosen stay."""
    if any(name in os.environ for name in LAUNCHERS) or shutil.which("ccache") is None:
        return dict(os.environ)
    # Without absolute names of sources and build folder, which no two presets and no two clones share.
    ours = {"CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
    return {**ours, **os.environ, **dict.fromkeys(LAUNCHERS, "ccache")}
