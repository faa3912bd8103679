"""`tutti doctor`: one line for each thing that builds and runs depend on, with the fix for what is wrong."""

from __future__ import annotations

from .common import ENVIRONMENT, OK, say
from .doctor_checks import MISSING, WARN, Line, examine
from .doctor_facts import look


def verdict(lines: list[Line]) -> tuple[str, int]:
    missing = sum(line.level == MISSING for line in lines)
    warnings = sum(line.level == WARN for line in lines)
    text = f"doctor: {missing} missing, {warnings} to look at"
    return (text, ENVIRONMENT) if missing else (text, OK)


def verb() -> int:
    lines = examine(look())
    for line in lines:
        say(str(line))
    text, status = verdict(lines)
    say(text)
    return status
