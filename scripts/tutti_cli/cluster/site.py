"""Site files: what one cluster has and how it wants to be asked. slurm/README.md lists the keys.

Names go into the job script and are refused where they have odd characters; values are quoted there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from ..common import ROOT, USAGE, Failure
from ..launch import Allocation
from ..study.slurm_table import seconds
from ..study.toml_values import Refused, Table, known, loads, refuse, shown, table, text_of_file, whole

SITES = ROOT / "slurm" / "sites"
NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
FEATURES = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._&|-]*")  # of --constraint
MODULE = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._/+@=-]*")
MEMORY = re.compile(r"[0-9]+[KMGT]?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
EXPORT = ("HOME", "LANG", "LD_LIBRARY_PATH", "LOGNAME", "MODULEPATH", "MODULESHOME", "PATH", "SHELL", "USER")


@dataclass(frozen=True)
class Site:
    """Empty texts and zeros are left to the cluster's own defaults."""

    cores_per_node: int
    nodes: int = 0  # that a job may have
    gpus_per_node: int = 0
    partition: str = ""
    account: str = ""
    qos: str = ""
    reservation: str = ""
    constraint: str = ""
    memory: str = ""  # per node
    exclusive: bool = True
    hint: str = "nomultithread"
    time_s: int = 1800  # of a job, unless the study says
    grace_s: int = 120  # the job is told so long before its end
    array_limit: int = 0
    launcher: str = "srun"
    launcher_options: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    source: tuple[str, ...] = ()  # files that the shell of the job reads
    export: tuple[str, ...] = EXPORT  # variables that go with a job
    python: str = ""  # 3.10 or newer with the needs of a study; empty: this one
    environment: Mapping[str, str] = field(default_factory=dict)

    def allocation(self, ranks_per_node: int) -> Allocation:
        options = self.launcher_options
        return Allocation(self.cores_per_node, ranks_per_node, self.launcher, options, self.environment)


TEXTS = {
    **dict.fromkeys(("partition", "account", "qos", "reservation", "hint"), NAME),
    "constraint": FEATURES,
    "memory": MEMORY,
}
LISTS = {"modules": MODULE, "export": VARIABLE, "source": None, "launcher_options": None}
NUMBERS = {"nodes": 0, "gpus_per_node": 0, "array_limit": 0, "grace": 10}
KEYS = tuple(one.name.removesuffix("_s") for one in fields(Site))


def find(name: str) -> Path:
    """The file of a site: a name in slurm/sites, or a path."""
    if "/" in name or name.endswith(".toml"):
        return Path(name)
    there = sorted(path.stem for path in SITES.glob("*.toml"))
    if name not in there:
        asked = f"no site '{name}'" if name else "no site is named"
        raise Failure(
            f'{asked}: --site NAME, or site = "NAME" in [slurm], takes one of {", ".join(there)} '
            f"(slurm/sites), or the path of a file",
            USAGE,
        )
    return SITES / f"{name}.toml"


def read(file: Path) -> Site:
    try:
        return parse(loads(text_of_file(file), str(file)))
    except Refused as refused:
        raise Failure(f"{file}: {refused}", USAGE) from refused


def parse(top: Table) -> Site:
    known(top, KEYS, "")
    found: dict[str, object] = {"cores_per_node": whole(top, "cores_per_node", 0, least=1)}
    for name, least in NUMBERS.items():
        if name in top:
            found[name] = whole(top, name, 0, least=least)
    if "grace" in found:
        found["grace_s"] = found.pop("grace")
    if "time" in top:
        found["time_s"] = seconds(top["time"], "time")
    for name, pattern in TEXTS.items():
        if name in top:
            found[name] = text(top[name], name, pattern)
    for name, pattern in LISTS.items():
        if name in top:
            found[name] = texts(top[name], name, pattern)
    if "exclusive" in top:
        if not isinstance(top["exclusive"], bool):
            refuse("exclusive", f"takes true or false, not {shown(top['exclusive'])}")
        found["exclusive"] = top["exclusive"]
    if top.get("launcher", "srun") not in ("srun", "mpirun"):
        refuse("launcher", f"takes srun or mpirun, not {shown(top['launcher'])}")
    found["launcher"] = top.get("launcher", "srun")
    if "python" in top:
        found["python"] = text(top["python"], "python", None)
    variables = table(top, "environment")
    for name in variables:
        if not VARIABLE.fullmatch(name):
            refuse(f"[environment] {name}", "is no name of a variable")
    found["environment"] = {name: text(value, f"[environment] {name}") for name, value in variables.items()}
    return Site(**found)  # type: ignore[arg-type]


def text(value: object, where: str, pattern: re.Pattern[str] | None = None) -> str:
    if not isinstance(value, str) or "\0" in value or "\n" in value:
        refuse(where, f"takes one line of text, not {shown(value)}")
    if pattern is not None and value and not pattern.fullmatch(value):
        refuse(where, f"takes only {pattern.pattern}, not {shown(value)}")
    return value


def texts(value: object, where: str, pattern: re.Pattern[str] | None) -> tuple[str, ...]:
    if not isinstance(value, list):
        refuse(where, f"takes a list of texts, not {shown(value)}")
    return tuple(text(one, where, pattern) for one in value)
