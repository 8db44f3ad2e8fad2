"""What statements about a day share: its journals, and the movement that a journal takes back."""

TAKING_BACK = ("refund", "reversal")
"""Movements that undo others, as the journal names them."""
DATED = """j.tenant_id = d.tenant_id AND j.xid >= d.opened_xid
             AND j.business_date <= d.business_date
             AND j.business_date > coalesce((SELECT max(p.business_date) FROM books.day p
                                              WHERE p.tenant_id = d.tenant_id
                                                AND p.business_date < d.business_date), '-infinity')
             """
"""Journals dated on the day `d`, or before it and after the last one closed; refused ones too."""
OF_THE_DAY = f"{DATED} AND j.status = 0 AND j.kind IN (0, 2)"
"""Of these, the journals that posted something."""
ORIGINAL = f"""LEFT JOIN LATERAL (
                   SELECT o.code, o.meta -> 'prices' AS prices
                     FROM ledger.journal t
                     JOIN ledger.journal o ON o.tenant_id = t.tenant_id AND o.step = 1
                      AND o.txn = (t.meta -> 'takes_back' ->> 'original')::uuid
                    WHERE t.tenant_id = j.tenant_id AND t.txn = j.txn
                      AND j.code IN {TAKING_BACK} AND t.meta ? 'takes_back'
                    LIMIT 1) o ON true"""  # noqa: S608 - our own names
"""What the journal `j` takes back, as `o`: the original's type and prices. Else they are null."""
