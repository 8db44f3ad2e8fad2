-- Commands, facts, and the one writer of movements.

CREATE SCHEMA movements AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA movements TO mmo_as_reader;

-- The operator's chart of accounts: one account per code and currency.
CREATE TABLE movements.chart (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    code text NOT NULL,
    currency char(3) NOT NULL,
    account_id bigint NOT NULL,
    PRIMARY KEY (tenant_id, code, currency)
);

-- Every accepted command, for ever: what answers a repeated key, and what a crash left to be started.
CREATE TABLE movements.command (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    movement_id uuid NOT NULL,
    client text NOT NULL,                    -- who may repeat the key: client and subject of the token
    key text NOT NULL,                       -- the Idempotency-Key
    fingerprint bytea NOT NULL,              -- of type and body as resolved
    type text NOT NULL,
    body jsonb NOT NULL,                     -- the canonical command: wallets by id
    note text,                               -- the caller's words stay out of histories
    actor text NOT NULL,
    granted text[] NOT NULL DEFAULT '{}',
    summary text NOT NULL,                   -- how Temporal UI names the movement
    accepted_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'accepted',
    kept boolean NOT NULL DEFAULT false,     -- whether the closed history is in the archive
    outcome jsonb,                           -- the newest outcome that the caller waits for; NULL: none yet
    PRIMARY KEY (tenant_id, movement_id),
    UNIQUE (tenant_id, client, key)
) WITH (fillfactor = 80);
CREATE INDEX command_without_outcome ON movements.command (accepted_at) WHERE outcome IS NULL;

CREATE INDEX command_waiting ON movements.command (accepted_at) WHERE state LIKE 'pending%';
CREATE INDEX command_not_kept ON movements.command (accepted_at) WHERE NOT kept;

ALTER TABLE movements.chart OWNER TO mmo_owner;
ALTER TABLE movements.command OWNER TO mmo_owner;
GRANT SELECT ON movements.chart, movements.command TO mmo_as_reader;
GRANT INSERT ON movements.chart TO mmo_as_background;
GRANT INSERT ON movements.command TO mmo_as_poster;

-- All that decisions about some steps rest on, in one call: the clock, the wallets with their accounts' versions, and
-- what the journal knows of these movements already.
CREATE FUNCTION movements.facts(p_tenant int, p_txn uuid[], p_wallets uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
        'business_date', (clock_timestamp() AT TIME ZONE t.timezone)::date,
        'rules_version', l.rules_version,
        'wallets', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'id', w.id, 'kind', w.kind, 'state', w.state, 'currency', w.currency, 'owner', w.owner,
                       'accounts', (SELECT jsonb_object_agg(p.key, jsonb_build_object('id', a.id, 'version', a.facts_version))
                                      FROM jsonb_each_text(w.accounts) p
                                      JOIN ledger.account a ON a.tenant_id = p_tenant AND a.id = p.value::bigint))), '[]')
              FROM wallets.wallet w WHERE w.tenant_id = p_tenant AND w.id = ANY (p_wallets)),
        'journal', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'txn', j.txn, 'step', j.step, 'seq', j.seq, 'xid', j.xid, 'refusal', j.refusal,
                       'detail', j.detail, 'fingerprint', encode(j.fingerprint, 'hex'), 'meta', j.meta)
                       ORDER BY j.txn, j.step), '[]')
              FROM unnest(p_txn) k (txn)
              JOIN ledger.journal j ON j.tenant_id = p_tenant AND j.txn = k.txn))
      FROM tenancy.tenant t JOIN ledger.tenant l ON l.tenant_id = t.id
     WHERE t.id = p_tenant
$$;

-- The one writer. Posts a batch, and in the same transaction appends one event per outcome and tells the commands'
-- outcomes. What was recorded before stays as it is. The arrays beside the batch go by request.
CREATE FUNCTION movements.post(b ledger.batch, e_id uuid[], e_type text[], e_event text[], e_actor text[],
                               e_state text[], e_answers boolean[], p_check boolean DEFAULT false)
RETURNS ledger.outcomes
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    o ledger.outcomes;
    n CONSTANT int := cardinality(b.r_txn);
    v_end int[] := array_fill(0, ARRAY[n]);
    p int := 0;
BEGIN
    o := ledger.post(b, p_check);
    FOR i IN 1..n LOOP p := p + b.r_legs[i]; v_end[i] := p; END LOOP;
    WITH fresh AS (
        SELECT z, o.status[z] = 1 AS refused,
               CASE WHEN o.status[z] = 1 THEN 'refused' ELSE e_state[z] END AS state,
               CASE WHEN o.status[z] = 1 THEN 'refused'
                    ELSE (ARRAY['posted', 'held', 'posted', 'released', 'released', 'refused'])[b.r_kind[z] + 1]
               END AS outcome,
               e_event[z]::jsonb AS event
          FROM generate_series(1, n) z
         WHERE o.status[z] <= 1 AND NOT coalesce(o.replayed[z], false)
    ), told AS (
        INSERT INTO messaging.event (tenant_id, id, aggregate, aggregate_id, version, type, actor, occurred_at, data)
        SELECT b.tenant_id, e_id[z], 'movement', b.r_txn[z], b.r_step[z],
               CASE WHEN outcome = 'posted' THEN e_type[z] ELSE format('mmo.movement.%s.v1', outcome) END,
               e_actor[z], b.r_effective_at[z],
               event || jsonb_build_object(
                   'outcome', outcome, 'state', state, 'journal', o.seq[z],
                   'refusal', coalesce(o.refusal[z], nullif(event ->> 'because', '')), 'detail', o.detail[z],
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
               'detail', coalesce(o.detail[f.z], '{}') - 'account')
      FROM fresh f
     WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[f.z] AND e_answers[f.z];
    RETURN o;
END $$;

-- Close a command whose process ended without telling an outcome: a fault, seen by the sweeper.
CREATE FUNCTION movements.fail(p_tenant int, p_movement uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE movements.command
       SET state = 'refused', outcome = jsonb_build_object('outcome', 'refused', 'state', 'refused', 'journal', NULL,
           'at', now(), 'position', '', 'prices', '{}'::jsonb, 'code', 'failed', 'detail', '{}'::jsonb)
     WHERE tenant_id = p_tenant AND movement_id = p_movement AND outcome IS NULL
    RETURNING true
$$;

-- The movement's closed history is in the archive.
CREATE FUNCTION movements.keep(p_tenant int, p_movement uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE movements.command SET kept = true WHERE tenant_id = p_tenant AND movement_id = p_movement AND NOT kept
$$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace WHERE s.nspname = 'movements' LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION movements.facts, movements.post TO mmo_as_poster;
    GRANT EXECUTE ON FUNCTION movements.facts, movements.post, movements.fail, ledger.rollup TO mmo_as_sweeper;
    GRANT EXECUTE ON FUNCTION movements.keep TO mmo_as_exporter;
END $$;
