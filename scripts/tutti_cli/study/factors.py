"""POP efficiencies of a point: what the app measured, and how they make up the efficiency of a study.

    global = parallel x computation
    parallel = (load balance x communication) x (thread load balance x scheduling)
    communication = serialisation x transfer, where the app can tell these apart

computation is the useful time of the base case over the useful time here, for the same work. Source: the POP
project's hybrid metrics; the app's part is `efficiency` in its JSON, which may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The key in the app's JSON and what it is called in tables; where one value is lost, in this order.
BALANCE = ("process_load_balance", "load balance")
COMMUNICATION = ("process_communication", "communication")
SERIALISATION, TRANSFER = ("serialisation", "serialisation"), ("transfer", "transfer")
THREADS = ("thread_load_balance", "thread load balance")
SCHEDULING = ("scheduling", "scheduling")
COMPUTATION = "computation"


@dataclass(frozen=True)
class Factors:
    parallel: float
    computation: float
    communication: float
    parts: tuple[tuple[str, float], ...]  # name and value; their product is parallel

    @property
    def total(self) -> float:
        """The global efficiency."""
        return self.parallel * self.computation

    @property
    def named(self) -> tuple[tuple[str, float], ...]:
        """All factors; their product is the total."""
        return ((COMPUTATION, self.computation), *self.parts)

    def losses(self) -> list[tuple[str, float]]:
        """What each factor takes from the whole, in order; with the total they add up to 1.

        More than 1 in computation (the work takes less time than in the base case) counts as a negative loss.
        """
        here, lost = 1.0, []
        for name, value in self.named:
            lost.append((name, here * (1.0 - value)))
            here *= value
        return lost


def numbers(result: Mapping[str, Any], key: str) -> dict[str, float]:
    """The numbers of an object in `efficiency`; what is null or odd is left out."""
    found = efficiency(result).get(key)
    if not isinstance(found, Mapping):
        return {}
    return {name: float(v) for name, v in found.items() if isinstance(v, int | float) and v == v}


def efficiency(result: Mapping[str, Any]) -> Mapping[str, Any]:
    found = result.get("efficiency")
    return found if isinstance(found, Mapping) else {}


def useful_s(result: Mapping[str, Any]) -> float | None:
    """Time that all workers together spend on useful work in one iteration."""
    about = efficiency(result)
    share = numbers(result, "time_share").get("useful")
    elapsed_s, steps = about.get("elapsed_s"), about.get("steps")
    if share is None or not elapsed_s or not steps:
        return None
    return share * elapsed_s * result["ranks"] * result["threads_per_rank"] / steps


def factors(result: Mapping[str, Any], base: Mapping[str, Any], work: float) -> Factors | None:
    """Of one result; work is that of the point over that of the base. None where the app measured none."""
    found = numbers(result, "factors")
    here_s, base_s = useful_s(result), useful_s(base)
    if not here_s or not base_s or "parallel" not in found:
        return None
    apart = SERIALISATION[0] in found and TRANSFER[0] in found
    between = (SERIALISATION, TRANSFER) if apart else (COMMUNICATION,)
    wanted = (BALANCE, *between, THREADS, SCHEDULING)
    if any(key not in found for key, _ in (*wanted, COMMUNICATION)):
        return None
    parts = tuple((name, found[key]) for key, name in wanted)
    return Factors(found["parallel"], base_s * work / here_s, found[COMMUNICATION[0]], parts)
