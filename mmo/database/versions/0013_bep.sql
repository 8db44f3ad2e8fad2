-- Rules of the operator, products, flags, and who asked with which roles.

CREATE SCHEMA bep AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA bep TO mmo_as_reader;

-- A definition is the triplet (business event, product, processor); what it says is its versions.
CREATE TABLE bep.definition (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    event text NOT NULL,                     -- '<entity>.<action>'
    phase text NOT NULL CHECK (phase IN ('pre', 'post')),
    product int,                             -- NULL: the default of all products
    processor text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX definition_triplet ON bep.definition (tenant_id, event, phase, coalesce(product, 0), processor)
    WHERE retired_at IS NULL;

-- A version never changes but for its state: what bound a movement of last year can be read for ever.
CREATE TABLE bep.version (
    tenant_id int NOT NULL,
    definition_id uuid NOT NULL,
    number int NOT NULL CHECK (number > 0),
    state text NOT NULL CHECK (state IN ('draft', 'pending', 'active', 'shadow', 'retired', 'rejected')),
    wanted text NOT NULL CHECK (wanted IN ('active', 'shadow', 'retired')),   -- what approval makes of it
    metadata jsonb NOT NULL,                 -- the processor's settings in their canonical form
    since timestamptz,
    until timestamptz,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    decided_by text,
    decided_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, definition_id, number),
    FOREIGN KEY (tenant_id, definition_id) REFERENCES bep.definition,
    CHECK (since IS NULL OR until IS NULL OR since < until)
);
CREATE UNIQUE INDEX version_in_force ON bep.version (tenant_id, definition_id, state) WHERE state IN ('active', 'shadow');

CREATE TABLE bep.settings (
    tenant_id int PRIMARY KEY REFERENCES tenancy.tenant,
    four_eyes boolean NOT NULL DEFAULT true, -- whether a definition needs a second person
    waiver_by text                           -- who has asked that it need none; somebody else must agree
);

CREATE TABLE wallets.product (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id int NOT NULL CHECK (id > 0),
    kind text NOT NULL,
    name text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

ALTER TABLE bep.definition OWNER TO mmo_owner;
ALTER TABLE bep.version OWNER TO mmo_owner;
ALTER TABLE bep.settings OWNER TO mmo_owner;
ALTER TABLE wallets.product OWNER TO mmo_owner;
SELECT tenancy.isolate('bep.definition'), tenancy.isolate('bep.version'), tenancy.isolate('bep.settings'),
       tenancy.isolate('wallets.product');
GRANT SELECT ON bep.definition, bep.version, bep.settings, wallets.product TO mmo_as_reader;
GRANT INSERT, UPDATE ON bep.definition, bep.version, bep.settings TO mmo_as_poster;
GRANT INSERT ON wallets.product TO mmo_as_poster;

-- Whoever changes a rule in force raises the version of all rules in the same transaction: decisions that are made under
-- the old ones turn stale. A trigger, so that nobody can forget it.
CREATE FUNCTION bep.rules_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.raise_rules(NEW.tenant_id);
    RETURN NULL;
END $$;
CREATE TRIGGER begins AFTER INSERT ON bep.version FOR EACH ROW WHEN (NEW.state IN ('active', 'shadow'))
    EXECUTE FUNCTION bep.rules_changed();
CREATE TRIGGER changes AFTER UPDATE OF state ON bep.version FOR EACH ROW
    WHEN (OLD.state IN ('active', 'shadow') OR NEW.state IN ('active', 'shadow')) EXECUTE FUNCTION bep.rules_changed();

ALTER TABLE wallets.wallet ADD product int, ADD flags jsonb NOT NULL DEFAULT '[]';
ALTER TABLE movements.command
    ADD roles text[] NOT NULL DEFAULT '{}',            -- the roles that the maker had
    ADD attributes jsonb NOT NULL DEFAULT '{}',        -- and their claims: office, channel, device …
    ADD act text[] NOT NULL DEFAULT '{}';              -- who really acts: '<tenant>/<subject>'

-- What a program of the back office may agree to: machines have no user account that holds roles.
ALTER TABLE identity.client ADD roles text[] NOT NULL DEFAULT '{}';
-- A role that one person gave to a program of theirs would make four eyes two: the API cannot; `mmo clients` can.
GRANT SELECT (roles) ON identity.client TO mmo_as_reader;
CREATE INDEX journal_device ON ledger.journal (tenant_id, (meta #>> '{actor,attributes,device}'), txn)
    WHERE meta #>> '{actor,attributes,device}' IS NOT NULL;

-- Facts that rules need. Each kind of need is one function bep.need_<kind>(tenant, need); a context brings its own.

-- The roles that the actor holds now; null for who is neither a user of staff nor a machine with roles.
CREATE FUNCTION bep.need_roles(p_tenant int, p_need jsonb) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT coalesce((SELECT jsonb_agg(r.name ORDER BY r.name) FROM identity.role_grant g
                            JOIN identity.role r ON r.tenant_id = g.tenant_id AND r.id = g.role_id
                           WHERE g.tenant_id = p_tenant AND g.user_id = u.id AND g.state = 'active'
                             AND u.state = 'active'), '[]')
           FROM identity.user_account u WHERE u.tenant_id = p_tenant AND u.id::text = p_need ->> 'subject'),
        (SELECT to_jsonb(c.roles) FROM identity.client c
          WHERE c.tenant_id = p_tenant AND c.id = p_need ->> 'subject' AND c.roles <> '{}' AND c.state = 'active'))
$$;

-- How many movements a party's wallet had within so many seconds, and what they came to. The newest 10,000 entries are
-- looked at: past that the answer is "at least".
CREATE FUNCTION bep.need_velocity(p_tenant int, p_need jsonb) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH since AS (
        SELECT (lpad(to_hex((extract(epoch FROM clock_timestamp() - make_interval(secs => (p_need ->> 'window_s')::int))
                             * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid AS txn
    ), wallet AS (
        SELECT (w.accounts ->> 'wallet')::bigint AS account FROM wallets.wallet w
         WHERE w.tenant_id = p_tenant AND w.id = (p_need ->> 'wallet')::uuid
    ), other AS (
        SELECT (w.accounts ->> 'wallet')::bigint AS account FROM wallets.wallet w
         WHERE w.tenant_id = p_tenant AND w.id = (p_need ->> 'other_wallet')::uuid
    ), entry AS (
        SELECT e.txn, e.step FROM wallet CROSS JOIN LATERAL (
               SELECT t.txn, t.step, t.amount FROM ledger.entry t
                WHERE t.tenant_id = p_tenant AND t.account_id = wallet.account ORDER BY t.seq DESC LIMIT 10000) e
         WHERE p_need ->> 'by' <> 'device' AND e.txn >= (SELECT txn FROM since)
    ), found AS (
        SELECT j.txn, j.meta, j.accounts FROM entry e
          JOIN ledger.journal j ON j.tenant_id = p_tenant AND j.txn = e.txn AND j.step = e.step
        UNION ALL
        SELECT j.txn, j.meta, j.accounts FROM ledger.journal j
         WHERE p_need ->> 'by' = 'device' AND j.tenant_id = p_tenant AND j.status = 0 AND j.kind IN (0, 2)
           AND j.meta #>> '{actor,attributes,device}' = p_need #>> '{attributes,device}'
           AND j.txn >= (SELECT txn FROM since)
    ), movement AS (
        SELECT txn, max((meta #>> '{prices,A}')::bigint) AS amount FROM found
         WHERE p_need ->> 'by' <> 'counterparty' OR accounts @> ARRAY[(SELECT account FROM other)]
         GROUP BY txn
    )
    SELECT jsonb_build_object('n', count(*), 'sum', coalesce(sum(amount), 0)) FROM movement
$$;

-- The facts of many needs: [{"txn", "key", "kind", …}] → {txn: {key: fact}}.
CREATE FUNCTION bep.facts(p_tenant int, p_needs jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE need jsonb; fact jsonb; facts jsonb := '{}';
BEGIN
    FOR need IN SELECT jsonb_array_elements(p_needs) LOOP
        EXECUTE format('SELECT bep.%I($1, $2)', 'need_' || (need ->> 'kind')) INTO fact USING p_tenant, need;
        facts := jsonb_set(facts, ARRAY[need ->> 'txn'],
                           coalesce(facts -> (need ->> 'txn'), '{}') || jsonb_build_object(need ->> 'key', fact));
    END LOOP;
    RETURN facts;
END $$;

-- The rules in force, with the version of all rules: read together, so that they fit.
CREATE FUNCTION bep.rules(p_tenant int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('version', l.rules_version, 'rules', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'definition', d.id, 'version', v.number, 'event', d.event, 'phase', d.phase, 'product', d.product,
                   'processor', d.processor, 'mode', CASE v.state WHEN 'active' THEN 'binding' ELSE 'shadow' END,
                   'metadata', v.metadata, 'since', v.since, 'until', v.until)), '[]')
          FROM bep.definition d
          JOIN bep.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id AND v.state IN ('active', 'shadow')
         WHERE d.tenant_id = p_tenant AND d.retired_at IS NULL))
      FROM ledger.tenant l WHERE l.tenant_id = p_tenant
$$;

CREATE OR REPLACE FUNCTION movements.facts(p_tenant int, p_txn uuid[], p_wallets uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
        'business_date', (clock_timestamp() AT TIME ZONE t.timezone)::date,
        'rules_version', l.rules_version,
        'wallets', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'id', w.id, 'kind', w.kind, 'state', w.state, 'currency', w.currency, 'owner', w.owner,
                       'product', w.product, 'flags', w.flags,
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

-- As before, and a refusal by rules tells what each of them said.
CREATE OR REPLACE FUNCTION movements.post(b ledger.batch, e_id uuid[], e_type text[], e_event text[], e_actor text[],
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
    FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'bep'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION bep.facts, bep.rules TO mmo_as_poster, mmo_as_background, mmo_as_sweeper;
    GRANT USAGE ON SCHEMA identity, wallets, bep TO mmo_owner;
END $$;
