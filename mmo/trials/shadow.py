"""Shadow reports: what a rule on trial would have done to live movements, from their records."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from mmo.trials.parts import beginning

EXAMPLES_MAX = 20
_SAID = """
    WITH said AS MATERIALIZED (
        SELECT j.txn, j.code AS type, (j.meta #>> '{amount,minor}')::bigint AS minor,
               j.meta #>> '{amount,currency}' AS currency, (r.value ->> 'version')::int AS version,
               r.value ->> 'verdict' AS verdict, r.value ->> 'code' AS code,
               r.value ->> 'reason' AS reason,
               CASE WHEN j.meta @? '$.rules[*] ? (@.mode == "binding" && @.verdict == "refuse")'
                        THEN 'refuse'
                    WHEN j.meta @?
                         '$.rules[*] ? (@.mode == "binding" && @.verdict == "require_approval")'
                        THEN 'ask' ELSE 'allow' END AS binding
          FROM ledger.journal j
         CROSS JOIN LATERAL jsonb_array_elements(j.meta -> 'rules') r
         WHERE j.tenant_id = %(tenant)s AND j.txn >= %(first)s AND j.txn < %(last)s
           AND j.step IN (1, 1001)
           AND NOT (j.step = 1 AND EXISTS (
               SELECT FROM ledger.journal h WHERE h.tenant_id = j.tenant_id AND h.txn = j.txn
                                              AND h.step = 1001))
           AND j.meta -> 'rules' @> %(wanted)s
           AND r.value ->> 'definition' = %(definition)s AND r.value ->> 'mode' = 'shadow'
    )"""
_COUNTED = f"""{_SAID}
    SELECT version, verdict, coalesce(code, '') AS code, binding, currency, count(*) AS movements,
           sum(minor)::bigint AS minor
      FROM said GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"""  # noqa: S608 - of constants
_EXAMPLES = f"""{_SAID}
    SELECT txn::text AS movement, type, version, minor, currency, verdict, coalesce(code, ''),
           reason, binding
      FROM said WHERE verdict <> 'allow' ORDER BY txn LIMIT {EXAMPLES_MAX}"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which rule, and which movements: those accepted from one moment up to another."""

    tenant: int
    definition: UUID
    since: datetime
    until: datetime


async def shadow_report(connection: AsyncConnection[Any], span: Span) -> dict[str, Any]:
    """Count in the database what the rule said in shadow; two reads, whatever the number."""
    asked = {
        "tenant": span.tenant,
        "definition": str(span.definition),
        "wanted": f'[{{"definition": "{span.definition}", "mode": "shadow"}}]',
        "first": beginning(span.since),
        "last": beginning(span.until),
    }
    counted = await (await connection.execute(_COUNTED.encode(), asked)).fetchall()
    examples = await (await connection.execute(_EXAMPLES.encode(), asked)).fetchall()
    report: dict[str, Any] = {"movements": 0, "verdicts": {}, "matrix": [], "codes": {}}
    for version, verdict, code, binding, currency, movements, minor in counted:
        told = {"allow": "allow", "refuse": "refuse", "require_approval": "ask"}[verdict]
        report["movements"] += movements
        _add(report["verdicts"].setdefault(told, _none()), currency, movements, minor)
        if code:
            _add(report["codes"].setdefault(code, _none()), currency, movements, minor)
        report["matrix"].append(
            {"version": version, "binding": binding, "shadow": told, "code": code,
             "currency": currency, "movements": movements, "sum_minor": minor}
        )  # fmt: skip
    names = ("movement", "type", "version", "minor", "currency", "verdict", "code", "reason",
             "binding")  # fmt: skip
    report["examples"] = [dict(zip(names, row, strict=True)) for row in examples]
    return report


def _none() -> dict[str, Any]:
    return {"movements": 0, "sums": {}}


def _add(count: dict[str, Any], currency: str, movements: int, minor: int) -> None:
    sums: Mapping[str, int] = count["sums"]
    count["movements"] += movements
    count["sums"] = {**sums, currency: sums.get(currency, 0) + minor}
