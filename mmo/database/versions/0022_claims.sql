-- Claims: what may be taken only so much of, whoever asks and however many at once. A quote is kept once; of a movement at
-- most what it moved comes back.

CREATE TABLE movements.claim (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    of uuid NOT NULL,                        -- the quote, the movement …
    taken bigint NOT NULL CHECK (taken >= 0),
    PRIMARY KEY (tenant_id, of)
) WITH (fillfactor = 80);
ALTER TABLE movements.claim OWNER TO mmo_owner;
SELECT tenancy.isolate('movements.claim');
GRANT SELECT ON movements.claim TO mmo_as_reader;

-- The terms that the caller was promised by a quote, as they were proved at the door; NULL: none.
ALTER TABLE movements.command ADD quoted jsonb;

-- As before, and a request may claim something (c_request: its number in the batch): so much of it, of at most so much in
-- all, or else it is refused by that name. A negative amount gives back. A hold claims, its capture does not again.
DROP FUNCTION movements.post;
CREATE FUNCTION movements.post(b ledger.batch, e_id uuid[], e_type text[], e_event text[], e_actor text[],
                               e_state text[], e_answers boolean[], c_request int[], c_of uuid[], c_amount bigint[],
                               c_most bigint[], c_refusal text[], p_check boolean DEFAULT false)
RETURNS ledger.outcomes
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o ledger.outcomes;
    n CONSTANT int := cardinality(b.r_txn);
    v_end int[] := array_fill(0, ARRAY[n]);
    p int := 0;
    c_taken boolean[] := '{}';
    fits boolean;
    i int;
    k int;
BEGIN
    -- Claims are taken before the accounts are locked, in one order, and given back where nothing came of the posting.
    FOR k IN SELECT z.k FROM generate_series(1, cardinality(c_of)) z (k) WHERE c_amount[z.k] > 0 ORDER BY c_of[z.k], z.k LOOP
        i := c_request[k];
        INSERT INTO movements.claim (tenant_id, of, taken) VALUES (b.tenant_id, c_of[k], 0) ON CONFLICT DO NOTHING;
        SELECT c.taken + c_amount[k] <= c_most[k] INTO fits
          FROM movements.claim c WHERE c.tenant_id = b.tenant_id AND c.of = c_of[k] FOR UPDATE;
        c_taken[k] := b.r_kind[i] <> 5 AND NOT EXISTS (          -- what is on record has taken its own, or was refused
            SELECT FROM ledger.journal j WHERE j.tenant_id = b.tenant_id AND j.txn = b.r_txn[i] AND j.step = b.r_step[i]);
        IF c_taken[k] AND NOT fits THEN
            c_taken[k] := false; b.r_kind[i] := 5; b.r_refusal[i] := c_refusal[k];
        ELSIF c_taken[k] THEN
            UPDATE movements.claim c SET taken = c.taken + c_amount[k] WHERE c.tenant_id = b.tenant_id AND c.of = c_of[k];
        END IF;
    END LOOP;
    o := ledger.post(b, p_check);
    FOR k IN 1..cardinality(c_of) LOOP
        i := c_request[k];
        CONTINUE WHEN c_amount[k] < 0 AND (o.status[i] > 1 OR coalesce(o.replayed[i], false));
        fits := o.status[i] = 0 AND NOT coalesce(o.replayed[i], false);       -- accepted, here and now
        IF c_taken[k] AND NOT fits OR c_amount[k] < 0 AND (fits OR b.r_kind[i] = 5) THEN
            UPDATE movements.claim c SET taken = c.taken - abs(c_amount[k]) WHERE c.tenant_id = b.tenant_id AND c.of = c_of[k];
        END IF;
    END LOOP;
    FOR i IN 1..n LOOP p := p + b.r_legs[i]; v_end[i] := p; END LOOP;
    WITH fresh AS (
        SELECT z, o.status[z] = 1 AS refused,
               CASE WHEN o.status[z] = 1 THEN 'refused' ELSE e_state[z] END AS state,
               CASE WHEN o.status[z] = 1 THEN 'refused'
                    ELSE (ARRAY['posted', 'held', 'posted', 'released', 'released', 'refused'])[b.r_kind[z] + 1]
               END AS outcome,
               e_event[z]::jsonb AS event,
               CASE WHEN r_meta ? 'violations'       -- of a refusal by rules: what each one of them said
                    THEN coalesce(o.detail[z], '{}') || jsonb_build_object('violations', r_meta -> 'violations')
                    ELSE o.detail[z] END AS detail
          FROM generate_series(1, n) z
         CROSS JOIN LATERAL (SELECT b.r_meta[z]::jsonb AS r_meta) m
         WHERE o.status[z] <= 1 AND NOT coalesce(o.replayed[z], false)
    ), told AS (
        INSERT INTO messaging.event (tenant_id, id, aggregate, aggregate_id, version, type, actor, occurred_at, data)
        SELECT b.tenant_id, e_id[z], 'movement', b.r_txn[z], b.r_step[z],
               CASE WHEN outcome = 'posted' THEN e_type[z] ELSE format('mmo.movement.%s.v1', outcome) END,
               e_actor[z], b.r_effective_at[z],
               event || jsonb_build_object(
                   'outcome', outcome, 'state', state, 'journal', o.seq[z],
                   'refusal', coalesce(o.refusal[z], nullif(event ->> 'because', '')), 'detail', detail,
                   'record', b.r_meta[z]::jsonb,
                   'legs', CASE WHEN outcome = 'posted' THEN coalesce((
                       SELECT jsonb_agg(jsonb_build_object('account', o.account[j], 'role', b.l_role[j],
                                                           'amount', b.l_amount[j], 'entry', o.entry[j],
                                                           'balance', o.balance[j]) ORDER BY j)
                         FROM generate_series(v_end[z] - b.r_legs[z] + 1, v_end[z]) j), '[]') ELSE '[]' END,
                   'held', CASE WHEN refused THEN '[]' WHEN b.r_kind[z] IN (1, 2, 3, 4) THEN coalesce((
                       SELECT jsonb_agg(jsonb_build_object('account', h.account_id,
                                  'amount', CASE b.r_kind[z] WHEN 1 THEN h.amount ELSE -h.amount END) ORDER BY h.account_id)
                         FROM ledger.hold h
                        WHERE h.tenant_id = b.tenant_id AND h.txn = b.r_txn[z]
                          AND h.step = coalesce(b.r_hold_step[z], b.r_step[z])), '[]') ELSE '[]' END)
          FROM fresh
    )
    UPDATE movements.command c
       SET state = f.state,
           outcome = jsonb_build_object(
               'outcome', CASE WHEN f.state = 'refused' THEN 'refused' ELSE f.outcome END,
               'state', f.state, 'journal', CASE WHEN f.refused THEN NULL ELSE o.seq[f.z] END, 'at', b.r_effective_at[f.z],
               'position', pg_current_xact_id()::text, 'prices', f.event -> 'prices',
               'code', coalesce(o.refusal[f.z], nullif(f.event ->> 'because', '')),
               'detail', coalesce(f.detail, '{}') - 'account')
      FROM fresh f
     WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[f.z] AND e_answers[f.z];
    RETURN o;
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
              WHERE p.pronamespace = 'movements'::regnamespace AND p.proname = 'post' LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION movements.post TO mmo_as_poster, mmo_as_sweeper;
END $$;
