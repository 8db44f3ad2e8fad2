"""By default a customer proves a PIN for every movement that takes money out of their wallet."""

import json

import psycopg

from mmo.identity.standard import CUSTOMER_SCOPES
from mmo.movements.support.catalogue import movements
from tests.servers.postgres import Database


def test_whatever_a_customer_may_ask_for_or_agree_to_demands_a_pin(database: Database) -> None:
    paying = {
        one.name
        for one in movements().values()
        if (one.asked_by == "payer" and one.scope in CUSTOMER_SCOPES)
        or any(answer.asked_by == "payer" and answer.proved for answer in one.answers)
    }
    with psycopg.connect(database.admin) as books:
        row = books.execute(
            """SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
                 JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                WHERE d.adrelid = 'identity.policy'::regclass AND a.attname = 'pin_demanded'"""
        ).fetchone()

    assert row is not None
    told = json.loads(row[0].removesuffix("::jsonb").strip("'"))
    assert set(told["movements"]) == paying
