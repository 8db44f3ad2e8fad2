-- Reversals: each movement is counted once, of every step that moved money, and what comes back is guarded.

-- As before, with three differences. An id that several requests of a batch ask for is counted once: its legs were summed
-- once per request, so that refunds sent at the same moment returned a multiple of what was paid. The amount is that of the
-- last step that moved money, for a payment request moves none in its first. And an account of the movement alone counts
-- only while something lies on it: a released escrow has emptied it.
CREATE OR REPLACE FUNCTION movements.originals(p_tenant int, p_ids uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH original AS (
        SELECT DISTINCT k.txn FROM unnest(p_ids) k (txn)
    ), posted AS (
        SELECT j.* FROM original o
          JOIN ledger.journal j ON j.tenant_id = p_tenant AND j.txn = o.txn AND j.status = 0 AND j.kind IN (0, 2)
                               AND cardinality(j.accounts) > 0
    ), leg AS (
        SELECT j.txn, a.id AS account, a.book || a.currency AS unit, min(l.role) AS role, sum(l.amount)::bigint AS amount,
               a.instance_txn IS NOT NULL AS instance, a.posted - a.held - a.floor AS available
          FROM posted j
         CROSS JOIN LATERAL unnest(j.accounts, j.amounts, j.roles) l (account, amount, role)
          JOIN ledger.account a ON a.tenant_id = p_tenant AND a.id = l.account
         GROUP BY j.txn, a.tenant_id, a.id
        HAVING sum(l.amount) <> 0
    )
    SELECT coalesce(jsonb_object_agg(c.movement_id, jsonb_build_object(
               'movement', c.movement_id, 'type', c.type, 'state', c.state, 'body', c.body,
               'whole', coalesce((SELECT (j.meta -> 'prices' ->> 'A')::bigint FROM posted j
                                   WHERE j.txn = c.movement_id ORDER BY j.seq DESC LIMIT 1), 0),
               'steps', (SELECT coalesce(jsonb_agg(j.step ORDER BY j.seq), '[]') FROM posted j WHERE j.txn = c.movement_id),
               'parties', (SELECT coalesce(jsonb_object_agg(w.key, w.value ->> 'id'), '{}')
                             FROM posted j CROSS JOIN LATERAL jsonb_each(j.meta -> 'wallets') w WHERE j.txn = c.movement_id),
               'taken', coalesce((SELECT t.taken FROM movements.claim t
                                   WHERE t.tenant_id = p_tenant AND t.of = c.movement_id), 0),
               'moved', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                    'account', l.account, 'unit', l.unit, 'role', l.role, 'amount', l.amount,
                                    'instance', l.instance) ORDER BY l.unit, l.account), '[]')
                           FROM leg l WHERE l.txn = c.movement_id),
               'back', (SELECT coalesce(jsonb_agg(jsonb_build_object('movement', r.movement, 'amount', r.amount,
                                                                     'fees', r.fees, 'legs', r.legs)
                                                  ORDER BY r.movement), '[]')
                          FROM movements.reversal r WHERE r.tenant_id = p_tenant AND r.original = c.movement_id),
               'available', (SELECT coalesce(jsonb_object_agg(l.account, l.available), '{}')
                               FROM leg l WHERE l.txn = c.movement_id AND l.account > 0),
               'liens', (SELECT coalesce(jsonb_agg(jsonb_build_object('movement', n.movement, 'account', n.account,
                                                                      'left', n."left") ORDER BY n.movement), '[]')
                           FROM leg l JOIN movements.lien n ON n.tenant_id = p_tenant AND n.account = l.account
                          WHERE l.txn = c.movement_id))), '{}')
      FROM movements.command c
     WHERE c.tenant_id = p_tenant AND c.movement_id = ANY (p_ids)
$$;

-- Where more came back of a movement on one of its accounts than moved there, or in the same direction. What has been posted
-- is read from the journal; what is set aside, or waits for money, from its reversal. With fees returned each account gives
-- back its share of the parts taken back, rounded by at most a unit per part; with fees kept, at most the parts themselves.
CREATE VIEW movements.reversal_excess WITH (security_invoker = true) AS
    WITH part AS (
        SELECT r.tenant_id, r.original, count(*) AS parts,
               coalesce(sum(r.amount) FILTER (WHERE r.fees = 'returned'), 0) AS with_fees,
               coalesce(sum(r.amount) FILTER (WHERE r.fees = 'kept'), 0) AS without_fees
          FROM movements.reversal r GROUP BY r.tenant_id, r.original
    ), whole AS (
        SELECT p.tenant_id, p.original, p.parts, p.with_fees, p.without_fees, greatest(w.amount, 1) AS amount
          FROM part p
         CROSS JOIN LATERAL (SELECT coalesce(max((j.meta -> 'prices' ->> 'A')::bigint), 0) AS amount
                               FROM ledger.journal j
                              WHERE j.tenant_id = p.tenant_id AND j.txn = p.original AND j.status = 0 AND j.kind IN (0, 2)
                                AND cardinality(j.accounts) > 0) w
    ), back AS (
        SELECT r.tenant_id, r.original, l.account, l.amount
          FROM movements.reversal r
          JOIN ledger.journal j ON j.tenant_id = r.tenant_id AND j.txn = r.movement AND j.status = 0 AND j.kind IN (0, 2)
         CROSS JOIN LATERAL unnest(j.accounts, j.amounts) l (account, amount)
          JOIN ledger.account a ON a.tenant_id = r.tenant_id AND a.id = l.account AND a.instance_txn IS NULL
         WHERE r.posted
        UNION ALL
        SELECT r.tenant_id, r.original, l.key::bigint, l.value::bigint
          FROM movements.reversal r CROSS JOIN LATERAL jsonb_each_text(r.legs) l
         WHERE NOT r.posted
    ), returned AS (
        SELECT b.tenant_id, b.original, b.account, sum(b.amount)::bigint AS amount
          FROM back b GROUP BY b.tenant_id, b.original, b.account
    ), compared AS (
        SELECT r.tenant_id, r.original, r.account, coalesce(m.amount, 0) AS moved, r.amount AS returned,
               least(greatest(abs(coalesce(m.amount, 0)), w.amount),
                     div(abs(coalesce(m.amount, 0))::numeric * w.with_fees, w.amount) + w.without_fees + w.parts
                     )::bigint AS allowed
          FROM returned r
          JOIN whole w ON w.tenant_id = r.tenant_id AND w.original = r.original
         CROSS JOIN LATERAL (SELECT sum(l.amount)::bigint AS amount
                               FROM ledger.journal j CROSS JOIN LATERAL unnest(j.accounts, j.amounts) l (account, amount)
                              WHERE j.tenant_id = r.tenant_id AND j.txn = r.original AND j.status = 0 AND j.kind IN (0, 2)
                                AND l.account = r.account) m
         WHERE r.amount <> 0
    )
    SELECT * FROM compared c WHERE sign(c.returned) = sign(c.moved) OR abs(c.returned) > c.allowed;
ALTER VIEW movements.reversal_excess OWNER TO mmo_owner;
GRANT SELECT ON movements.reversal_excess TO mmo_as_reader;

-- As before, and what comes back is compared with what moved, once it is written: a fault before here posts nothing.
DO $$
DECLARE
    body text := pg_get_functiondef('movements.take_back'::regproc);
    old CONSTANT text := '    IF t IS NOT NULL AND p_accepted AND p_kind IN (0, 2) THEN
';
BEGIN
    IF array_length(string_to_array(body, old), 1) <> 2 THEN
        RAISE EXCEPTION 'movements.take_back is not as it was';
    END IF;
    EXECUTE replace(body, old, '    IF t IS NOT NULL AND p_accepted AND EXISTS (
           SELECT FROM movements.reversal_excess x
            WHERE x.tenant_id = p_tenant AND x.original = (t ->> ''original'')::uuid) THEN
        RAISE EXCEPTION ''reversal % returns more of movement % than it moved'', p_movement, t ->> ''original''
              USING ERRCODE = ''LB020'';
    END IF;
' || old);
END $$;

-- Journals of movements that nobody accepted, or not so: of another type, amount or wallet than the command. The amount and
-- the wallets are in the record of the step that decides. Step 0 is that of an end of day, which is derived and not asked for.
CREATE VIEW movements.journal_without_command WITH (security_invoker = true) AS
    SELECT j.tenant_id, j.txn AS movement, j.step, j.code, j.xid, c.type AS accepted_type,
           (j.meta #>> '{amount,minor}')::bigint AS amount_minor, c.body #>> '{amount,value}' AS accepted_amount
      FROM ledger.journal j
      LEFT JOIN movements.command c ON c.tenant_id = j.tenant_id AND c.movement_id = j.txn
     WHERE j.status = 0 AND j.step <> 0
       AND (c.movement_id IS NULL OR c.type <> j.code
            OR (j.meta #>> '{amount,minor}')::bigint <> replace(c.body #>> '{amount,value}', '.', '')::bigint
            OR j.meta ? 'amount' AND EXISTS (
               SELECT FROM jsonb_each(j.meta -> 'wallets') w
                WHERE NOT EXISTS (SELECT FROM jsonb_each_text(c.body) b WHERE b.value = w.value ->> 'id')));

-- Money on an account that belongs to one movement, though the movement waits for nothing any more.
CREATE VIEW movements.stranded_account WITH (security_invoker = true) AS
    SELECT a.tenant_id, a.id AS account_id, a.code, a.instance_txn AS movement, a.posted, c.state
      FROM ledger.account a
      LEFT JOIN movements.command c ON c.tenant_id = a.tenant_id AND c.movement_id = a.instance_txn
     WHERE a.instance_txn IS NOT NULL AND a.posted <> 0 AND (c.state IS NULL OR c.state NOT LIKE 'pending%');

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['movements.journal_without_command', 'movements.stranded_account'] LOOP
        EXECUTE format('ALTER VIEW %s OWNER TO mmo_owner', name);
        EXECUTE format('GRANT SELECT ON %s TO mmo_as_reader', name);
    END LOOP;
END $$;
