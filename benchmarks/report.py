"""What was measured: the medians as a table, and everything as JSON."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import median
from typing import Any

from benchmarks.movements import BARE, MOVEMENT, NOOP, Run
from benchmarks.stack import MEASURED


def medians(rounds: Sequence[Sequence[Run]]) -> list[Run]:
    """The median of each measurement over the rounds."""
    return [_median(runs) for runs in zip(*rounds, strict=True)]


def _median(runs: Sequence[Run]) -> Run:
    return replace(
        runs[0],
        rate=round(median(run.rate for run in runs), 1),
        p50_ms=round(median(run.p50_ms for run in runs), 1),
        p99_ms=round(median(run.p99_ms for run in runs), 1),
        count=sum(run.count for run in runs),
        cpu_ms={name: round(median(run.cpu_ms[name] for run in runs), 2) for name in MEASURED},
    )


def ratios(rounds: Sequence[Sequence[Run]], callers: int, to: str = NOOP) -> list[float]:
    """Movements against a yardstick of the same round."""
    return [round(_rate(runs, MOVEMENT, callers) / _rate(runs, to, callers), 2) for runs in rounds]


def _rate(runs: Sequence[Run], what: str, callers: int) -> float:
    return next(run.rate for run in runs if (run.what, run.callers) == (what, callers))


def table(runs: Sequence[Run]) -> str:
    """The table, in Markdown."""
    head = ["", "callers", "per second", "p50 ms", "p99 ms", *(f"CPU ms {n}" for n in MEASURED)]
    lines = [f"| {' | '.join(head)} |", "| " + " | ".join("---" for _ in head) + " |"]
    for run in runs:
        cells = [run.what, run.callers, run.rate, run.p50_ms, run.p99_ms]
        cells += [run.cpu_ms[name] for name in MEASURED]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def sentences(rounds: Sequence[Sequence[Run]], callers: Sequence[int]) -> str:
    """The ratios in words."""
    told: list[str] = []
    for many in callers:
        for name, to in (("the no-op of the same front", NOOP), ("the bare no-op", BARE)):
            each = ratios(rounds, many, to)
            told.append(f"{many} callers: {median(each):.2f} of {name} (rounds {each})")
    return "\n".join(told)


def machine() -> dict[str, Any]:
    """Where this was measured."""
    return {"cpus": os.cpu_count(), "machine": platform.platform(), "load": os.getloadavg()}


def numbers(rounds: Sequence[Sequence[Run]]) -> list[list[dict[str, Any]]]:
    """Every measurement, for a program."""
    return [[asdict(run) for run in runs] for runs in rounds]
