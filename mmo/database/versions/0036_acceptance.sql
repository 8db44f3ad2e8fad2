-- Only what was accepted is posted, and every later step rests on rows that prove what brought it about.

-- Answers whose signed documents were verified, by the movement's process. What a workflow hands over proves nothing: the step
-- that an answer brings about is decided by the row.
CREATE TABLE movements.answer (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    movement_id uuid NOT NULL,
    id text NOT NULL,                        -- of the document
    name text NOT NULL,
    choice text NOT NULL,
    subject text NOT NULL,
    joined jsonb NOT NULL DEFAULT '{}',      -- role → wallet of those whom it brings along
    bank_reference text NOT NULL DEFAULT '',
    verified_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, movement_id, id),
    FOREIGN KEY (tenant_id, movement_id) REFERENCES movements.command
);

-- Documents of decisions and answers as they were signed, before they are signalled: what a workflow lost with its history,
-- it is given again. A document is judged by the moment at which it was recorded here.
CREATE TABLE approvals.document (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    about uuid NOT NULL,                     -- the movement, or the change
    id text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    document text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, about, id)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['movements.answer', 'approvals.document'] LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO mmo_owner', name);
        EXECUTE format('SELECT tenancy.isolate(%L)', name);
        EXECUTE format('GRANT SELECT ON %s TO mmo_as_reader', name);
        EXECUTE format('GRANT INSERT ON %s TO mmo_as_poster', name);
    END LOOP;
END $$;

-- Facts, as before, and of each movement the command as it was accepted; of those in p_proved what its rows prove besides.
-- An id that several requests of a batch name is read once.
DROP FUNCTION movements.facts;
CREATE FUNCTION movements.facts(p_tenant int, p_txn uuid[], p_wallets uuid[],
                                p_free_wallets uuid[] DEFAULT '{}', p_free_buckets smallint[] DEFAULT '{}',
                                p_proved uuid[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
    WITH earner AS (
        SELECT n.id AS agent, above.role, e.id
          FROM wallets.wallet n
          JOIN parties.party a ON a.tenant_id = p_tenant AND a.id = n.party
          JOIN parties.party s ON s.tenant_id = p_tenant AND s.id = a.parent
         CROSS JOIN LATERAL (VALUES ('super-agent', s.id), ('master-agent', s.parent)) above (role, party)
         CROSS JOIN LATERAL (SELECT w.id FROM wallets.wallet w
                              WHERE w.tenant_id = p_tenant AND w.party = above.party AND w.currency = n.currency
                                AND w.kind = 'super_agent' AND w.state <> 'closed'
                              ORDER BY w.opened_at, w.id LIMIT 1) e
         WHERE n.tenant_id = p_tenant AND n.id = ANY (p_wallets) AND n.kind = 'agent'
    ), clock AS (
        SELECT t.id, t.slug, l.rules_version, l.business_date, (clock_timestamp() AT TIME ZONE t.timezone)::date AS today
          FROM tenancy.tenant t JOIN ledger.tenant l ON l.tenant_id = t.id
         WHERE t.id = p_tenant
    )
    SELECT jsonb_build_object(
        'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
        'today', c.today,
        'business_date', coalesce(c.business_date, c.today),
        'rules_version', c.rules_version,
        'tenant', c.slug,
        'accepted', (
            SELECT coalesce(jsonb_object_agg(m.movement_id, jsonb_build_object(
                       'type', m.type, 'body', m.body, 'actor', m.actor, 'client', m.client, 'granted', m.granted,
                       'roles', m.roles, 'attributes', m.attributes, 'act', m.act, 'quoted', m.quoted,
                       'requested_at', to_char(m.accepted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
                       'fingerprint', encode(m.fingerprint, 'hex'))), '{}')
              FROM movements.command m WHERE m.tenant_id = p_tenant AND m.movement_id = ANY (p_txn)),
        'proved', (
            SELECT coalesce(jsonb_object_agg(k.txn, jsonb_build_object(
                       'answers', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                              'id', a.id, 'name', a.name, 'choice', a.choice, 'joined', a.joined,
                                              'bank_reference', a.bank_reference) ORDER BY a.verified_at, a.id), '[]')
                                     FROM movements.answer a WHERE a.tenant_id = p_tenant AND a.movement_id = k.txn),
                       'expires_at', (SELECT p.expires_at FROM approvals.approval p
                                       WHERE p.tenant_id = p_tenant AND p.id = k.txn),
                       'votes', (SELECT coalesce(jsonb_agg(jsonb_build_array(d.subject, d.choice, d.roles)
                                                           ORDER BY d.decided_at, d.subject), '[]')
                                   FROM approvals.decision d WHERE d.tenant_id = p_tenant AND d.approval_id = k.txn),
                       'recipient', (SELECT w.id FROM vouchers.voucher v
                                       JOIN wallets.wallet w ON w.tenant_id = v.tenant_id AND w.alias = v.recipient
                                      WHERE v.tenant_id = p_tenant AND v.movement_id = k.txn AND w.kind = 'customer'
                                        AND w.state = 'active' AND w.currency = v.currency),
                       'owed', (SELECT coalesce(sum(n."left"), 0) FROM movements.lien n
                                 WHERE n.tenant_id = p_tenant AND n.movement = k.txn))), '{}')
              FROM (SELECT DISTINCT txn FROM unnest(p_proved) u (txn)) k),
        'wallets', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'id', w.id, 'kind', w.kind, 'state', w.state, 'currency', w.currency, 'owner', w.owner,
                       'product', w.product, 'flags', w.flags, 'party', w.party, 'tier', w.tier,
                       'earners', CASE WHEN w.kind = 'agent' THEN (
                           SELECT coalesce(jsonb_object_agg(e.role, e.id), '{}') FROM earner e WHERE e.agent = w.id) END,
                       'accounts', (SELECT jsonb_object_agg(p.key, jsonb_build_object('id', a.id, 'version', a.facts_version))
                                      FROM jsonb_each_text(w.accounts) p
                                      JOIN ledger.account a ON a.tenant_id = p_tenant AND a.id = p.value::bigint))), '[]')
              FROM wallets.wallet w
             WHERE w.tenant_id = p_tenant AND w.id = ANY (p_wallets || ARRAY(SELECT e.id FROM earner e))),
        'journal', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'txn', j.txn, 'step', j.step, 'seq', j.seq, 'xid', j.xid, 'refusal', j.refusal,
                       'detail', j.detail, 'fingerprint', encode(j.fingerprint, 'hex'), 'meta', j.meta)
                       ORDER BY j.txn, j.step), '[]')
              FROM (SELECT DISTINCT txn FROM unnest(p_txn) u (txn)) k
              JOIN ledger.journal j ON j.tenant_id = p_tenant AND j.txn = k.txn),
        'free', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('wallet', f.wallet, 'bucket', f.bucket, 'n', u.n)), '[]')
              FROM unnest(p_free_wallets, p_free_buckets) f (wallet, bucket)
              JOIN wallets.wallet w ON w.tenant_id = p_tenant AND w.id = f.wallet
              JOIN ledger.usage u ON u.tenant_id = p_tenant AND u.account_id = (w.accounts ->> 'wallet')::bigint
                                 AND u.bucket = f.bucket
                                 AND u.period = CASE (f.bucket - 10000) % 3 WHEN 0 THEN c.today
                                                     WHEN 1 THEN date_trunc('week', c.today)::date
                                                     ELSE date_trunc('month', c.today)::date END))
      FROM clock c
$$;

-- The one writer, as before, but for what was not accepted; and the command's state follows each step, also one whose outcome
-- its caller does not wait for.
DROP FUNCTION movements.post;
CREATE FUNCTION movements.post(b ledger.batch, e_accepted bytea[], e_id uuid[], e_type text[], e_event text[], e_actor text[],
                               e_state text[], e_answers boolean[], c_request int[], c_of uuid[], c_amount bigint[],
                               c_most bigint[], c_refusal text[], p_check boolean DEFAULT false)
RETURNS ledger.outcomes
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
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
    -- What nobody accepted is never posted: who decided it has read the command, so this is a fault of ours, or an attack.
    IF EXISTS (SELECT FROM generate_series(1, n) z
                WHERE NOT EXISTS (SELECT FROM movements.command c
                                   WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[z] AND c.type = b.r_code[z]
                                     AND c.fingerprint = e_accepted[z])) THEN
        RAISE EXCEPTION 'a movement of the batch was not accepted' USING ERRCODE = 'LB021';
    END IF;
    -- Claims are taken before the accounts are locked, in one order, and given back where nothing came of the posting.
    FOR k IN SELECT z.k FROM generate_series(1, cardinality(c_of)) z (k) WHERE c_amount[z.k] > 0 ORDER BY c_of[z.k], z.k LOOP
        i := c_request[k];
        INSERT INTO movements.claim (tenant_id, of, taken) VALUES (b.tenant_id, c_of[k], 0) ON CONFLICT DO NOTHING;
        SELECT CASE c_refusal[k] WHEN 'stale' THEN c.taken + c_amount[k] = c_most[k]
                                       ELSE c.taken + c_amount[k] <= c_most[k] END INTO fits
          FROM movements.claim c WHERE c.tenant_id = b.tenant_id AND c.of = c_of[k] FOR UPDATE;
        c_taken[k] := b.r_kind[i] <> 5 AND NOT EXISTS (          -- what is on record has taken its own, or was refused
            SELECT FROM ledger.journal j WHERE j.tenant_id = b.tenant_id AND j.txn = b.r_txn[i] AND j.step = b.r_step[i]);
        IF c_taken[k] AND NOT fits THEN
            c_taken[k] := false;
            IF c_refusal[k] = 'stale' THEN b.r_rules_version[i] := -1;
            ELSE b.r_kind[i] := 5; b.r_refusal[i] := c_refusal[k];
            END IF;
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
               CASE WHEN o.status[z] = 1 THEN coalesce((
                   SELECT CASE WHEN c.state LIKE 'pending%' THEN e_event[z]::jsonb ->> 'otherwise' ELSE c.state END
                     FROM movements.command c
                    WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[z] AND e_event[z]::jsonb ? 'otherwise'),
                   'refused') ELSE e_state[z] END AS state,
               o.status[z] = 1 AND e_event[z]::jsonb ? 'otherwise' AS tried,
               CASE WHEN o.status[z] = 1 THEN 'refused'
                    ELSE (ARRAY['posted', 'held', 'posted', 'released', 'released', 'refused'])[b.r_kind[z] + 1]
               END AS outcome,
               e_event[z]::jsonb - 'otherwise' AS event,
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
           outcome = CASE WHEN e_answers[f.z] THEN jsonb_build_object(
               'outcome', CASE WHEN f.state = 'refused' THEN 'refused' ELSE f.outcome END,
               'state', f.state, 'journal', CASE WHEN f.refused THEN NULL ELSE o.seq[f.z] END, 'at', b.r_effective_at[f.z],
               'position', pg_current_xact_id()::text, 'prices', f.event -> 'prices',
               'code', coalesce(o.refusal[f.z], nullif(f.event ->> 'because', '')),
               'detail', coalesce(f.detail, '{}') - 'account') ELSE c.outcome END
      FROM fresh f
     WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[f.z]
       AND (NOT f.tried OR c.state LIKE 'pending%');
    FOR i IN SELECT z.i FROM generate_series(1, n) z (i)
              WHERE e_event[z.i] ~ '"(takes_back|lien)"' AND o.status[z.i] <= 1 AND NOT coalesce(o.replayed[z.i], false) LOOP
        PERFORM movements.take_back(b.tenant_id, b.r_txn[i], b.r_kind[i], o.status[i] = 0, e_event[i]::jsonb);
    END LOOP;
    RETURN o;
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
              WHERE p.pronamespace = 'movements'::regnamespace AND p.proname IN ('facts', 'post') LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO mmo_as_poster, mmo_as_sweeper', f);
    END LOOP;
END $$;
