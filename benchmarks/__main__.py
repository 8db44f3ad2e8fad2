"""Measure each part against its yardstick: python -m benchmarks."""

import argparse
import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import (
    codec,
    end_of_day,
    identity,
    ledger,
    movements,
    priced,
    pricing,
    reads,
    report,
    rules,
    rules_front,
    stack,
    statement,
)
from benchmarks.people import People

ALL = (
    "movements", "priced", "codec", "reads", "statement", "rules", "price", "identity", "ledger",
    "end_of_day",
)  # fmt: skip
FRONT = {"movements", "priced", "codec", "reads", "statement", "rules"}
"""What is measured through the front of a stack."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=ALL, default=list(ALL))
    parser.add_argument("--temporal", default="embedded", help="`embedded` or `postgres`")
    parser.add_argument("--home", type=Path, help="a stack's home; without it, one that is removed")
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="medians are shown")
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    asked = parser.parse_args()
    if asked.quick:
        asked.seconds, asked.rounds = 2.0, 1
    found: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), **report.machine()}
    if "rules" in asked.only:
        costs = rules.measure(min(asked.seconds, 2.0))
        found["rules_alone"] = [asdict(one) for one in costs]
        print(rules.table(costs))
    if "price" in asked.only:
        prices = pricing.measure(min(asked.seconds, 2.0))
        found["price"] = [asdict(one) for one in prices]
        print(pricing.table(prices))
    if "end_of_day" in asked.only:
        days = end_of_day.measure(end_of_day.SIZES[: 1 if asked.quick else None])
        found["end_of_day"] = [asdict(one) for one in days]
        print(end_of_day.table(days))
    if FRONT & set(asked.only):
        _through_the_front(asked, found)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")
    if "identity" in asked.only:
        identity.main(["--seconds", str(min(asked.seconds, 3.0))])
    if "ledger" in asked.only:
        ledger.main(["--quick"] if asked.quick else [])


def _through_the_front(asked: argparse.Namespace, found: dict[str, Any]) -> None:
    async def measure(running: stack.Stack) -> None:
        people = People(running)
        await people.settle()
        how = (running, people, asked.callers, asked.seconds, asked.rounds)
        if "movements" in asked.only:
            done = await movements.rounds(*how)
            found["movements"] = report.numbers(done)
            print(report.table(report.medians(done)))
            print(report.sentences(done, asked.callers))
        if "priced" in asked.only:
            await people.renew()
            done = await priced.rounds(*how)
            found["priced"] = report.numbers(done)
            print(report.table(report.medians(done)))
            print(priced.sentences(done, asked.callers))
        if "codec" in asked.only:
            await people.renew()
            done = await codec.rounds(*how)
            found["codec"] = report.numbers(done)
            print(report.table(report.medians(done)))
            print(codec.sentences(done, asked.callers))
        if "reads" in asked.only:
            done = await reads.rounds(*how)
            found["reads"] = report.numbers(done)
            print(report.table(report.medians(done)))
        if "statement" in asked.only:
            await people.renew()
            lines = await statement.measure(running, people, asked.rounds)
            found["statement"] = [asdict(one) for one in lines]
            print(statement.table(lines))
        if "rules" in asked.only:
            await people.renew()
            done, read = await rules_front.rounds(*how)
            found["rules"] = report.numbers(done)
            print(report.table(report.medians(done)))
            print(rules_front.sentences(done, read, asked.callers))

    found["temporal"] = asked.temporal
    with tempfile.TemporaryDirectory(prefix="mmo-bench-") as folder:
        Path(folder).chmod(0o755)  # Postgres runs as somebody else
        stack.run(asked.home or Path(folder) / "home", asked.temporal, measure)


if __name__ == "__main__":
    main()
