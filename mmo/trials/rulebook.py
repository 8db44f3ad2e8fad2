"""The rules of a trial: those that were recorded, and those that are tried instead. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeAlias

from mmo.bep.catalogue import Catalogue
from mmo.bep.registry import Processor
from mmo.bep.snapshot import Mode, Snapshot, Stored, compiled
from mmo.trials.redeciding import Case, Record, case_of, now, reproduced, then
from mmo.trials.repricing import Tried, reprice
from mmo.trials.tally import Tally

Versions: TypeAlias = tuple[tuple[str, int, Mode], ...]


@dataclass(slots=True, kw_only=True)
class Rulebook:
    """Every version of a definition that a record names, as it was; compiled once for each set."""

    catalogue: Catalogue
    processors: Mapping[str, Processor]
    versions: dict[tuple[str, int], Stored] = field(default_factory=dict[tuple[str, int], Stored])
    _compiled: dict[Versions, Snapshot | None] = field(
        default_factory=dict["Versions", "Snapshot | None"]
    )

    def unknown(self, records: Iterable[Record]) -> set[tuple[str, int]]:
        """The versions that these records name and that are still to be read."""
        named = {
            (str(row["definition"]), int(row["version"]))
            for record in records
            for row in record.meta.get("rules", ())
        }
        return named - self.versions.keys()

    def learn(self, stored: Iterable[Stored]) -> None:
        """Add versions that were read."""
        for one in stored:
            self.versions[one.definition, one.version] = one

    def recorded(self, case: Case) -> Snapshot | None:
        """The rules that a decision was made under; None where a version is not to be found."""
        key = tuple((row["definition"], row["version"], row["mode"]) for row in case.rules)
        if key not in self._compiled:
            self._compiled[key] = self._snapshot(key)
        return self._compiled[key]

    def compiled(self, stored: Iterable[Stored]) -> Snapshot:
        """Other rules, ready to be asked."""
        return compiled(0, stored, self.processors, self.catalogue.kinds)

    def _snapshot(self, versions: Versions) -> Snapshot | None:
        if any((definition, number) not in self.versions for definition, number, _ in versions):
            return None
        return self.compiled(
            replace(self.versions[definition, number], mode=mode)
            for definition, number, mode in versions
        )


def tallied(
    records: Sequence[Record], tried: Snapshot, book: Rulebook, tariffs: Tried | None = None
) -> Tally:
    """Make decisions again: under their own rules for the self-check, and under those tried.

    `tariffs`: that movements are priced by again, beside.
    """
    tally = Tally()
    for record in records:
        if tariffs is not None:
            reprice(record, tariffs, tally.prices)
        case = case_of(record, book.catalogue)
        if case is None:
            tally.before_rules += 1
            continue
        own = book.recorded(case)
        tally.check(case, same=own is not None and reproduced(case, own))
        if record.first:
            tally.compare(case, then(case), now(case, tried))
    return tally


def row_of(stored: Stored) -> dict[str, Any]:
    """A rule of a trial as it is kept: `mmo.bep.postgres.stored` reads it."""
    return {
        **asdict(stored),
        "phase": stored.phase.value,
        "since": stored.since.isoformat() if stored.since else None,
        "until": stored.until.isoformat() if stored.until else None,
    }
