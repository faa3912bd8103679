"""Values of TOML files, each checked with one sentence for what is wrong with it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

from ..common import USAGE, Failure

Table = Mapping[str, Any]


def text_of_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise Failure(f"cannot read {file}: {why}", USAGE) from problem


def loads(text: str, name: str) -> Table:
    """The tables in a file's text; name is what messages call the file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Failure(f"{name}: {problem}", USAGE) from problem


class Refused(Exception):
    """What is wrong, without the file's name."""


def refuse(where: str, what: str) -> NoReturn:
    raise Refused(f"{where}: {what}")


def known(table: Table, names: Collection[str], where: str) -> None:
    for name in table:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names)}"
            raise Refused(f"{where}{' ' if where else ''}unknown key '{name}' ({hint})")


def table(top: Table, name: str) -> Table:
    found = top.get(name, {})
    if not isinstance(found, Mapping):
        refuse(name, f"takes a table, [{name}], not {shown(found)}")
    return found


def shown(value: object) -> str:
    """A value as it stands in the file, more or less; a key that is missing says so."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def whole(table: Table, name: str, default: int, *, least: int, where: str = "") -> int:
    value = table.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        refuse(f"{where}{name}", f"takes a whole number from {least}, not {shown(value)}")
    return value


def positive(value: object, where: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        refuse(where, f"takes a number above 0, not {shown(value)}")
    return float(value)
