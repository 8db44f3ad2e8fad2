-- Reversals and refunds. Whether more comes back than the movement moved is seen by its claim; here stands what came back,
-- leg by leg, so that the pieces add up to the whole.

CREATE TABLE movements.reversal (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    original uuid NOT NULL,
    movement uuid NOT NULL,                  -- that takes it back
    amount bigint NOT NULL CHECK (amount > 0),
    fees text NOT NULL CHECK (fees IN ('returned', 'kept')),
    legs jsonb NOT NULL,                     -- account → its change
    posted boolean NOT NULL,                 -- else it is set aside, or waits for money
    PRIMARY KEY (tenant_id, original, movement)
);

-- A wallet that had too little for a reversal owes it the rest, the oldest first.
CREATE TABLE movements.lien (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    account bigint NOT NULL,
    movement uuid NOT NULL,                  -- the reversal, which sleeps until money arrives
    wallet uuid NOT NULL,
    "left" bigint NOT NULL CHECK ("left" > 0),
    PRIMARY KEY (tenant_id, account, movement)
);
CREATE INDEX lien_wallet ON movements.lien (tenant_id, wallet);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['movements.reversal', 'movements.lien'] LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO mmo_owner', name);
        EXECUTE format('SELECT tenancy.isolate(%L)', name);
        EXECUTE format('GRANT SELECT ON %s TO mmo_as_reader', name);
    END LOOP;
END $$;

-- What happened before anybody slept wakes nobody.
INSERT INTO messaging.cursor (consumer, xid) SELECT 'waker', max(xid) FROM messaging.event HAVING count(*) > 0
    ON CONFLICT DO NOTHING;

-- Movements that are to be undone, by id: what the books moved for each, what came back of it, and what its accounts have.
CREATE FUNCTION movements.originals(p_tenant int, p_ids uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH leg AS (
        SELECT j.txn, a.id AS account, a.book || a.currency AS unit, min(l.role) AS role, sum(l.amount)::bigint AS amount,
               a.instance_txn IS NOT NULL AS instance, a.posted - a.held - a.floor AS available
          FROM unnest(p_ids) k (txn)
          JOIN ledger.journal j ON j.tenant_id = p_tenant AND j.txn = k.txn AND j.status = 0 AND j.kind IN (0, 2)
         CROSS JOIN LATERAL unnest(j.accounts, j.amounts, j.roles) l (account, amount, role)
          JOIN ledger.account a ON a.tenant_id = p_tenant AND a.id = l.account
         GROUP BY j.txn, a.tenant_id, a.id
    )
    SELECT coalesce(jsonb_object_agg(c.movement_id, jsonb_build_object(
               'movement', c.movement_id, 'type', c.type, 'state', c.state, 'body', c.body,
               'whole', coalesce((SELECT (j.meta -> 'prices' ->> 'A')::bigint FROM ledger.journal j
                                   WHERE j.tenant_id = p_tenant AND j.txn = c.movement_id AND j.step = 1), 0),
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

-- With the posting of what takes back: write down what comes back, tell the original's state, and keep the lien.
CREATE FUNCTION movements.take_back(p_tenant int, p_movement uuid, p_kind smallint, p_accepted boolean, p_event jsonb)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t CONSTANT jsonb := p_event -> 'takes_back';
    n CONSTANT jsonb := p_event -> 'lien';
    told text;
BEGIN
    IF t IS NOT NULL AND p_accepted AND p_kind IN (0, 1, 2) THEN
        INSERT INTO movements.reversal (tenant_id, original, movement, amount, fees, legs, posted)
        VALUES (p_tenant, (t ->> 'original')::uuid, p_movement, (t ->> 'amount_minor')::bigint, t ->> 'fees', t -> 'legs',
                p_kind <> 1)
        ON CONFLICT (tenant_id, original, movement)
        DO UPDATE SET amount = excluded.amount, legs = excluded.legs, posted = excluded.posted;
    ELSIF t IS NOT NULL AND (p_kind = 5 OR p_accepted AND p_kind IN (3, 4)) THEN
        DELETE FROM movements.reversal r
         WHERE r.tenant_id = p_tenant AND r.original = (t ->> 'original')::uuid AND r.movement = p_movement AND NOT r.posted;
    END IF;
    IF t IS NOT NULL AND p_accepted AND p_kind IN (0, 2) THEN
        SELECT CASE WHEN sum(r.amount) < (t ->> 'of_minor')::bigint THEN 'partially_refunded' ELSE 'reversed' END INTO told
          FROM movements.reversal r
         WHERE r.tenant_id = p_tenant AND r.original = (t ->> 'original')::uuid AND r.posted;
        UPDATE movements.command c SET state = told, outcome = c.outcome || jsonb_build_object('state', told)
         WHERE c.tenant_id = p_tenant AND c.movement_id = (t ->> 'original')::uuid;
    END IF;
    IF (n ->> 'left')::bigint > 0 AND p_accepted THEN
        INSERT INTO movements.lien (tenant_id, account, movement, wallet, "left")
        VALUES (p_tenant, (n ->> 'account')::bigint, p_movement, (n ->> 'wallet')::uuid, (n ->> 'left')::bigint)
        ON CONFLICT (tenant_id, account, movement) DO UPDATE SET "left" = excluded."left";
    ELSIF n IS NOT NULL AND (p_accepted OR p_kind = 5) THEN
        DELETE FROM movements.lien o
         WHERE o.tenant_id = p_tenant AND o.account = (n ->> 'account')::bigint AND o.movement = p_movement;
    END IF;
END $$;

-- The functions are long and stay as they are but for these lines. A claim that names `stale` instead of a refusal was
-- reckoned on what had been taken until then, to the unit: where others took or gave back since, it is decided again. And a
-- posting that names it was decided on what its accounts hold: where they hold less by now, it is decided again.
DO $$
DECLARE
    f regproc;
    body text;
    patch record;
BEGIN
    FOREACH f IN ARRAY ARRAY['movements.post', 'ledger.post']::regproc[] LOOP
        body := pg_get_functiondef(f);
        FOR patch IN SELECT * FROM (VALUES
            ('movements.post',
             'SELECT c.taken + c_amount[k] <= c_most[k] INTO fits',
             'SELECT CASE c_refusal[k] WHEN ''stale'' THEN c.taken + c_amount[k] = c_most[k]
                                       ELSE c.taken + c_amount[k] <= c_most[k] END INTO fits'),
            ('movements.post',
             '            c_taken[k] := false; b.r_kind[i] := 5; b.r_refusal[i] := c_refusal[k];
',
             '            c_taken[k] := false;
            IF c_refusal[k] = ''stale'' THEN b.r_rules_version[i] := -1;
            ELSE b.r_kind[i] := 5; b.r_refusal[i] := c_refusal[k];
            END IF;
'),
            ('movements.post',
             '    RETURN o;
',
             '    FOR i IN SELECT z.i FROM generate_series(1, n) z (i)
              WHERE e_event[z.i] ~ ''"(takes_back|lien)"'' AND o.status[z.i] <= 1 AND NOT coalesce(o.replayed[z.i], false) LOOP
        PERFORM movements.take_back(b.tenant_id, b.r_txn[i], b.r_kind[i], o.status[i] = 0, e_event[i]::jsonb);
    END LOOP;
    RETURN o;
'),
            ('ledger.post',
             '        IF bad = ''stale'' THEN
',
             '        IF bad = ''stale'' OR bad = ''insufficient_funds'' AND r_refusal[i] = ''stale'' THEN
')) p (of, old, new) WHERE p.of = f::text
        LOOP
            IF array_length(string_to_array(body, patch.old), 1) <> 2 THEN
                RAISE EXCEPTION '% is not as it was: %', f, patch.old;
            END IF;
            body := replace(body, patch.old, patch.new);
        END LOOP;
        EXECUTE body;
    END LOOP;
END $$;

-- How much came back of a movement, as far as the feed has been read.
ALTER TABLE projections.movement_view ADD taken_back_minor bigint NOT NULL DEFAULT 0;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
              WHERE p.pronamespace = 'movements'::regnamespace AND p.proname IN ('originals', 'take_back') LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION movements.originals TO mmo_as_poster, mmo_as_sweeper;
END $$;
