-- Ledger: accounts, the journal of everything that was asked, the entries of each account, holds and counters, and the
-- functions that are their only writers.
--
-- Numbers are minor units and credit-positive everywhere. A strict account is locked while posting and keeps a running
-- balance between floor and ceiling. A deferred one (fees, taxes, the trust bank's mirror) is only appended to, so that
-- no payment waits for another; its number is negative, so that a posting knows without reading that it takes no lock.

CREATE SCHEMA ledger AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA ledger TO mmo_as_reader;

CREATE SEQUENCE ledger.account_number;
CREATE SEQUENCE ledger.journal_number;

-- A domain is checked where a value is made, a constraint of the table at every change of a balance.
CREATE DOMAIN ledger.currency AS char(3) CHECK (VALUE ~ '^[A-Z]{3}$');
ALTER DOMAIN ledger.currency OWNER TO mmo_owner;

CREATE TABLE ledger.tenant (
    tenant_id int PRIMARY KEY,
    rules_version bigint NOT NULL DEFAULT 0       -- raised by any activated rule, tariff or profile
);

CREATE TABLE ledger.account (
    tenant_id int NOT NULL REFERENCES ledger.tenant,
    id bigint NOT NULL CHECK (id <> 0),
    code text NOT NULL,                           -- of the chart: CUSTOMER, AGENT_FLOAT, OP.FEES
    currency ledger.currency NOT NULL,
    book char(1) NOT NULL CHECK (book IN ('E', 'C')),
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 4),   -- open, no debit, no credit, frozen, closed
    posted bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    floor bigint NOT NULL DEFAULT 0 CHECK (floor BETWEEN -2000000000000000000 AND 2000000000000000000),
    ceiling bigint NOT NULL DEFAULT 2000000000000000000 CHECK (ceiling BETWEEN -2000000000000000000 AND 2000000000000000000),
    seq bigint NOT NULL DEFAULT 0,                -- of the account's last entry; of a deferred one: how many
    facts_version bigint NOT NULL DEFAULT 0,      -- raised by any change of wallet, flag, tier or owner
    instance_txn uuid,                            -- the one movement that the account belongs to
    opened_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK (id < 0 OR posted - held >= floor)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX account_instance ON ledger.account (tenant_id, instance_txn, code, currency, book)
    WHERE instance_txn IS NOT NULL;
CREATE INDEX account_chart ON ledger.account (tenant_id, code) WHERE instance_txn IS NULL;

-- One row per request, accepted or refused, for ever. A month's partition holds the month of the UUIDv7, so the same
-- key always meets its own kind: unique for ever, with no table of keys beside it.
CREATE TABLE ledger.journal (
    tenant_id int NOT NULL, txn uuid NOT NULL, step smallint NOT NULL,
    seq bigint NOT NULL,                          -- the journal number
    xid bigint NOT NULL,
    kind smallint NOT NULL,                       -- post, hold, capture, void, expire, refuse
    status smallint NOT NULL,                     -- 0 accepted, 1 refused
    code text NOT NULL,                           -- the movement type
    refusal text, detail jsonb,
    fingerprint bytea NOT NULL,
    hold_step smallint,
    accounts bigint[] NOT NULL, amounts bigint[] NOT NULL, roles text[] NOT NULL,
    usage_accounts bigint[], usage_buckets smallint[], usage_periods date[], usage_amounts bigint[], usage_ns int[],
    meta jsonb NOT NULL,                          -- the decision record
    effective_at timestamptz NOT NULL, business_date date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, txn, step),
    CHECK ((status = 0) = (refusal IS NULL))
) PARTITION BY RANGE (txn);
CREATE INDEX journal_xid ON ledger.journal USING brin (xid) WITH (autosummarize = on);

-- The statement of each account. Balance: of a strict account, right after the entry.
CREATE TABLE ledger.entry (
    tenant_id int NOT NULL, account_id bigint NOT NULL, seq bigint NOT NULL,
    period int NOT NULL,                          -- yyyymm of posting, UTC
    journal_seq bigint NOT NULL, txn uuid NOT NULL, step smallint NOT NULL,
    amount bigint NOT NULL, balance bigint,
    PRIMARY KEY (tenant_id, account_id, seq, period)
) PARTITION BY RANGE (period);

-- What a hold keeps of each account until it is captured, voided or expired.
CREATE TABLE ledger.hold (
    tenant_id int NOT NULL, txn uuid NOT NULL, step smallint NOT NULL, account_id bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    state smallint NOT NULL DEFAULT 0,            -- open, captured, voided, expired
    PRIMARY KEY (tenant_id, txn, step, account_id)
) WITH (fillfactor = 70);
CREATE INDEX hold_open ON ledger.hold (tenant_id, account_id) WHERE state = 0;

-- What deferred accounts have received since the last roll-up.
CREATE TABLE ledger.hot_delta (
    tenant_id int NOT NULL, account_id bigint NOT NULL, amount bigint NOT NULL, n bigint NOT NULL
);
CREATE INDEX hot_delta_account ON ledger.hot_delta (tenant_id, account_id);

CREATE TABLE ledger.usage (
    tenant_id int NOT NULL, account_id bigint NOT NULL, bucket smallint NOT NULL, period date NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0), n int NOT NULL CHECK (n >= 0),
    PRIMARY KEY (tenant_id, account_id, bucket, period)
) WITH (fillfactor = 70);

DO $$
DECLARE name text; part text; month date;
BEGIN
    FOR i IN 0..23 LOOP
        month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i);
        EXECUTE format('CREATE TABLE ledger.journal_%s PARTITION OF ledger.journal FOR VALUES FROM (%L) TO (%L)',
            to_char(month, 'YYYYMM'),
            lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0') || repeat('0', 20),
            lpad(to_hex((extract(epoch FROM month + interval '1 month') * 1000)::bigint), 12, '0') || repeat('0', 20));
        EXECUTE format('CREATE TABLE ledger.entry_%s PARTITION OF ledger.entry FOR VALUES FROM (%s) TO (%s)',
            to_char(month, 'YYYYMM'), to_char(month, 'YYYYMM'), to_char(month + interval '1 month', 'YYYYMM'));
    END LOOP;
    CREATE TABLE ledger.journal_default PARTITION OF ledger.journal DEFAULT;
    CREATE TABLE ledger.entry_default PARTITION OF ledger.entry DEFAULT;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'ledger' LOOP
        EXECUTE format('ALTER TABLE ledger.%I OWNER TO mmo_owner', name);
        EXECUTE format('GRANT SELECT ON ledger.%I TO mmo_as_reader', name);
        IF name ~ '^(journal|entry)' THEN
            EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I
                            FOR EACH STATEMENT EXECUTE FUNCTION messaging.refuse_change()', name);
        END IF;
    END LOOP;
END $$;
ALTER SEQUENCE ledger.account_number OWNER TO mmo_owner;
ALTER SEQUENCE ledger.journal_number OWNER TO mmo_owner;

-- What an account has now: of a deferred one, with what is not rolled up yet.
CREATE VIEW ledger.balance AS
SELECT tenant_id, id AS account_id, code, currency, book, book || currency AS unit, id < 0 AS deferred, state, held,
       posted + coalesce(pending, 0)::bigint AS posted,
       CASE WHEN id > 0 THEN posted - held - floor END AS available
  FROM ledger.account a
  LEFT JOIN LATERAL (SELECT sum(d.amount) AS pending FROM ledger.hot_delta d
                      WHERE a.id < 0 AND d.tenant_id = a.tenant_id AND d.account_id = a.id) d ON true;
ALTER VIEW ledger.balance OWNER TO mmo_owner;
GRANT SELECT ON ledger.balance TO mmo_as_reader;

CREATE FUNCTION ledger.open_tenant(p_tenant int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.tenant (tenant_id) VALUES (p_tenant) ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION ledger.open_account(p_tenant int, p_code text, p_currency text, p_book text DEFAULT 'E',
                                    p_deferred boolean DEFAULT false, p_floor bigint DEFAULT 0,
                                    p_ceiling bigint DEFAULT NULL) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.account (tenant_id, id, code, currency, book, floor, ceiling)
    VALUES (p_tenant, nextval('ledger.account_number') * CASE WHEN p_deferred THEN -1 ELSE 1 END, p_code, p_currency,
            p_book, p_floor, coalesce(p_ceiling, 2000000000000000000))
    RETURNING id
$$;

-- Each change of an account raises its facts_version under the row lock, so a decision that rests on the old state is
-- found stale when it is posted. A closed account is empty and stays closed.
CREATE FUNCTION ledger.set_account_state(p_tenant int, p_id bigint, p_state smallint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE v ledger.account;
BEGIN
    SELECT * INTO v FROM ledger.account WHERE tenant_id = p_tenant AND id = p_id FOR NO KEY UPDATE;
    IF v.id IS NULL THEN
        RAISE EXCEPTION 'tenant % has no account %', p_tenant, p_id USING ERRCODE = 'LB002';
    ELSIF v.state = 4 AND p_state <> 4 THEN
        RAISE EXCEPTION 'account % is closed for ever; open a new one', p_id USING ERRCODE = 'LB012';
    ELSIF p_state = 4 AND p_id > 0 AND (v.posted <> 0 OR v.held <> 0) THEN
        RAISE EXCEPTION 'account % still has money; empty it before closing', p_id USING ERRCODE = 'LB011';
    END IF;
    UPDATE ledger.account SET state = p_state, facts_version = facts_version + 1
     WHERE tenant_id = p_tenant AND id = p_id RETURNING facts_version INTO v.facts_version;
    RETURN v.facts_version;
END $$;

-- A floor above what is available now is refused by the table's own check.
CREATE FUNCTION ledger.set_account_limits(p_tenant int, p_id bigint, p_floor bigint, p_ceiling bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
    UPDATE ledger.account SET floor = p_floor, ceiling = p_ceiling, facts_version = facts_version + 1
     WHERE tenant_id = p_tenant AND id = p_id RETURNING facts_version
$$;

CREATE FUNCTION ledger.raise_facts(p_tenant int, p_ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM FROM ledger.account WHERE tenant_id = p_tenant AND id = ANY (p_ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE ledger.account SET facts_version = facts_version + 1 WHERE tenant_id = p_tenant AND id = ANY (p_ids);
END $$;

CREATE FUNCTION ledger.raise_rules(p_tenant int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
    UPDATE ledger.tenant SET rules_version = rules_version + 1 WHERE tenant_id = p_tenant RETURNING rules_version
$$;

-- Fold what deferred accounts received into their rows. Each delta is consumed once, whoever calls.
CREATE FUNCTION ledger.rollup() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE v_folded bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7302272) THEN RETURN 0; END IF;
    WITH gone AS (DELETE FROM ledger.hot_delta RETURNING tenant_id, account_id, amount, n),
         total AS (SELECT tenant_id, account_id, sum(amount) AS amount, sum(n) AS n, count(*) AS deltas
                     FROM gone GROUP BY 1, 2),
         folded AS (UPDATE ledger.account a SET posted = a.posted + t.amount, seq = a.seq + t.n
                      FROM total t WHERE a.tenant_id = t.tenant_id AND a.id = t.account_id RETURNING t.deltas)
    SELECT coalesce(sum(deltas), 0) INTO v_folded FROM folded;
    RETURN v_folded;
END $$;

-- A batch of independent requests of one tenant. `accounts` names each account once; the instance accounts i_* follow
-- it in the numbering of l_account and u_account. The legs of request i are the next r_legs[i] ones; usage rows are in
-- the order of their requests.
CREATE TYPE ledger.batch AS (
    tenant_id int,
    accounts bigint[],
    i_txn uuid[], i_code text[], i_currency text[], i_book text[],
    r_txn uuid[], r_step smallint[], r_kind smallint[], r_code text[], r_fingerprint bytea[], r_hold_step smallint[],
    r_refusal text[], r_meta text[], r_effective_at timestamptz[], r_business_date date[], r_rules_version bigint[],
    r_legs int[],
    l_account int[], l_amount bigint[], l_role text[], l_reserve boolean[], l_facts_version bigint[],
    u_request int[], u_account int[], u_bucket smallint[], u_period date[], u_amount bigint[], u_n int[],
    u_cap_amount bigint[], u_cap_n int[], u_refusal text[]
);

-- What became of it. Arrays go by request, the last three by leg: `entry` is the number of the account's entry. Status: 0 accepted, 1 refused, 2 stale (nothing was
-- recorded), 3 the key is recorded with another fingerprint. `meta` is NULL but for a repeat: what was recorded.
CREATE TYPE ledger.outcomes AS (
    status smallint[], refusal text[], detail jsonb[], seq bigint[], xid bigint[], replayed boolean[], meta jsonb[],
    account bigint[], balance bigint[], entry bigint[]
);

-- Post a batch, with the outcome of posting its requests one by one in their order.
--
-- Lock, decide in memory, write as sets. Raises LB009 where a key is recorded already: nothing is done then; call again
-- with p_check, which answers what is recorded and posts the rest. One key, and one hold, at most once in a batch.
CREATE FUNCTION ledger.post(b ledger.batch, p_check boolean DEFAULT false) RETURNS ledger.outcomes
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_mergejoin = off SET lock_timeout = '2s'
AS $$
DECLARE
    largest CONSTANT bigint := 10000000000000000;        -- of a leg, so that no sum here can overflow
    n CONSTANT int := cardinality(b.r_txn);
    v_tenant CONSTANT int := b.tenant_id;
    v_xid CONSTANT bigint := pg_current_xact_id()::text::bigint;
    -- by account: the sent ones, the instances, those of the holds
    v_ids bigint[] := b.accounts;
    v_unit text[]; v_state smallint[]; v_facts bigint[]; v_ceiling bigint[];
    v_available bigint[]; v_posted bigint[]; v_held bigint[]; v_seq bigint[]; v_held0 bigint[]; v_seq0 bigint[];
    -- by request
    r_kind smallint[] := b.r_kind; r_legs int[] := b.r_legs; r_rules bigint[] := b.r_rules_version;
    r_code text[] := b.r_code; r_fingerprint bytea[] := b.r_fingerprint; r_meta text[] := b.r_meta;
    r_hold_step smallint[] := b.r_hold_step; r_refusal text[] := b.r_refusal;
    r_end int[] := array_fill(0, ARRAY[n]);
    v_status smallint[] := array_fill(0::smallint, ARRAY[n]);
    v_refusal text[] := array_fill(NULL::text, ARRAY[n]);
    v_detail jsonb[] := array_fill(NULL::jsonb, ARRAY[n]);
    v_number bigint[]; v_known smallint[]; v_invalid int[];
    -- by leg
    l_account int[] := b.l_account; l_amount bigint[] := b.l_amount; l_facts bigint[] := b.l_facts_version;
    l_reserve boolean[] := b.l_reserve;
    m CONSTANT int := cardinality(b.l_account);
    l_id bigint[] := array_fill(NULL::bigint, ARRAY[m]);
    l_seq bigint[] := l_id; l_balance bigint[] := l_id; l_request int[] := array_fill(0, ARRAY[m]);
    -- rows of holds, by request; counters and the rows that move them, by request
    h_request int[] := '{}'; h_account int[]; h_amount bigint[]; h_state smallint[];
    w_request int[] := '{}'; w_key int[]; w_account bigint[]; w_bucket smallint[]; w_period date[];
    w_amount bigint[]; w_n int[]; w_cap_amount bigint[]; w_cap_n int[]; w_refusal text[];
    k_amount bigint[] := '{}'; k_n int[];
    ends_hold boolean := false; v_twice boolean; v_rules bigint; v_inserted int; v_wanted int := 0;
    i int; j int; p int := 0; q int; h int; hp int := 0; hq int; w int; wp int := 0; wq int; wu int; x int; k int;
    a bigint; net bigint; debits bigint; bad text; why jsonb; stale boolean; mixed boolean; unit text; kind smallint;
    result ledger.outcomes;
BEGIN
    FOREACH kind IN ARRAY r_kind LOOP
        IF kind IN (2, 3, 4) THEN ends_hold := true; EXIT; END IF;
    END LOOP;

    -- 1 accounts that belong to one movement exist from the first posting that names them
    IF cardinality(b.i_txn) > 0 THEN
        INSERT INTO ledger.account (tenant_id, id, code, currency, book, instance_txn)
        SELECT v_tenant, nextval('ledger.account_number'), z.code, z.currency, z.book, z.txn
          FROM unnest(b.i_txn, b.i_code, b.i_currency, b.i_book) z (txn, code, currency, book)
         WHERE NOT EXISTS (SELECT FROM ledger.account t WHERE t.tenant_id = v_tenant AND t.instance_txn = z.txn
                              AND t.code = z.code AND t.currency = z.currency AND t.book = z.book)
         ORDER BY z.txn, z.code, z.currency, z.book
        ON CONFLICT DO NOTHING;
        v_ids := v_ids || (
            SELECT array_agg(t.id ORDER BY z.o)
              FROM unnest(b.i_txn, b.i_code, b.i_currency, b.i_book) WITH ORDINALITY z (txn, code, currency, book, o)
              JOIN ledger.account t ON t.tenant_id = v_tenant AND t.instance_txn = z.txn AND t.code = z.code
                                   AND t.currency = z.currency AND t.book = z.book);
    END IF;

    -- 2 who ends a hold touches all its accounts and counters; a hold's rows never change but for their state
    IF ends_hold THEN
        v_ids := v_ids || coalesce((
            SELECT array_agg(DISTINCT y.id)
              FROM (SELECT t.account_id
                      FROM unnest(b.r_txn, b.r_hold_step) z (txn, step)
                      JOIN ledger.hold t ON t.tenant_id = v_tenant AND t.txn = z.txn AND t.step = z.step
                    UNION
                    SELECT unnest(t.usage_accounts)
                      FROM unnest(b.r_txn, b.r_hold_step) z (txn, step)
                      JOIN ledger.journal t ON t.tenant_id = v_tenant AND t.txn = z.txn AND t.step = z.step) y (id)
             WHERE y.id <> ALL (v_ids)), '{}');
    END IF;

    -- 3 lock in one order; what a waiting lock returns is what the other left behind
    WITH strict AS MATERIALIZED (
        SELECT t.id, t.book || t.currency AS unit, t.state, t.facts_version, t.ceiling, t.posted - t.held - t.floor AS available, t.posted,
               t.held, t.seq
          FROM ledger.account t
         WHERE t.tenant_id = v_tenant AND t.id = ANY (v_ids) AND t.id > 0
         ORDER BY t.id FOR NO KEY UPDATE),
    known AS (
        SELECT * FROM strict
        UNION ALL
        SELECT t.id, t.book || t.currency, t.state, t.facts_version, NULL, NULL, 0, 0, 0
          FROM ledger.account t
         WHERE t.tenant_id = v_tenant AND t.id < 0
           AND t.id = ANY (ARRAY(SELECT y FROM unnest(v_ids) y WHERE y < 0)))
    SELECT array_agg(s.unit), array_agg(s.state), array_agg(s.facts_version), array_agg(s.ceiling),
           array_agg(s.available), array_agg(s.posted), array_agg(s.held), array_agg(s.seq),
           count(s.id) > (SELECT count(*) FROM known)
      INTO v_unit, v_state, v_facts, v_ceiling, v_available, v_posted, v_held, v_seq, v_twice
      FROM (SELECT t.* FROM unnest(v_ids) WITH ORDINALITY z (id, o) LEFT JOIN known t ON t.id = z.id ORDER BY z.o) s;
    IF v_twice THEN
        RAISE EXCEPTION 'an account is named twice in one batch' USING ERRCODE = 'LB003';
    END IF;
    v_held0 := v_held; v_seq0 := v_seq;

    -- 4 everything that decides is read after the locks
    SELECT t.rules_version INTO v_rules FROM ledger.tenant t WHERE t.tenant_id = v_tenant;
    IF v_rules IS NULL THEN
        RAISE EXCEPTION 'tenant % has no ledger; call ledger.open_tenant', v_tenant USING ERRCODE = 'LB001';
    END IF;
    IF p_check THEN
        SELECT array_agg(CASE WHEN t.fingerprint <> z.fingerprint THEN 3 ELSE t.status END ORDER BY z.o),
               array_agg(t.refusal ORDER BY z.o), array_agg(t.detail ORDER BY z.o), array_agg(t.seq ORDER BY z.o),
               array_agg(coalesce(t.xid, v_xid) ORDER BY z.o), array_agg(t.txn IS NOT NULL ORDER BY z.o),
               array_agg(t.meta ORDER BY z.o)
          INTO v_known, v_refusal, v_detail, v_number, result.xid, result.replayed, result.meta
          FROM unnest(b.r_txn, b.r_step, b.r_fingerprint) WITH ORDINALITY z (txn, step, fingerprint, o)
          LEFT JOIN ledger.journal t ON t.tenant_id = v_tenant AND t.txn = z.txn AND t.step = z.step;
    ELSE
        v_known := array_fill(NULL::smallint, ARRAY[n]); v_number := array_fill(NULL::bigint, ARRAY[n]);
        result.xid := array_fill(v_xid, ARRAY[n]); result.replayed := array_fill(false, ARRAY[n]);
    END IF;
    IF ends_hold THEN
        SELECT coalesce(array_agg(s.o), '{}'), array_agg(array_position(v_ids, s.account_id)), array_agg(s.amount),
               array_agg(s.state)
          INTO h_request, h_account, h_amount, h_state
          FROM (SELECT z.o, t.account_id, t.amount, t.state
                  FROM unnest(b.r_txn, b.r_hold_step) WITH ORDINALITY z (txn, step, o)
                  JOIN ledger.hold t ON t.tenant_id = v_tenant AND t.txn = z.txn AND t.step = z.step
                 ORDER BY z.o, t.account_id) s;
        IF array_position(h_account, NULL) IS NOT NULL THEN
            RAISE EXCEPTION 'a hold appeared while locking; call again' USING ERRCODE = 'LB009';
        END IF;
    END IF;
    IF ends_hold OR cardinality(b.u_request) > 0 THEN
        SELECT coalesce(array_agg(s.request), '{}'), array_agg(s.k), array_agg(s.account_id), array_agg(s.bucket),
               array_agg(s.period), array_agg(s.amount), array_agg(s.n), array_agg(s.cap_amount), array_agg(s.cap_n),
               array_agg(s.refusal)
          INTO w_request, w_key, w_account, w_bucket, w_period, w_amount, w_n, w_cap_amount, w_cap_n, w_refusal
          FROM (SELECT y.*, dense_rank() OVER (ORDER BY y.account_id, y.bucket, y.period)::int AS k
                  FROM (SELECT z.request, v_ids[z.account] AS account_id, z.bucket, z.period, z.amount, z.n,
                               CASE WHEN v_unit[z.account] IS NULL THEN -1 ELSE z.cap_amount END AS cap_amount, z.cap_n,
                               CASE WHEN v_unit[z.account] IS NULL THEN 'wallet_not_found' ELSE z.refusal END AS refusal,
                               z.o
                          FROM unnest(b.u_request, b.u_account, b.u_bucket, b.u_period, b.u_amount, b.u_n,
                                      b.u_cap_amount, b.u_cap_n, b.u_refusal) WITH ORDINALITY
                               z (request, account, bucket, period, amount, n, cap_amount, cap_n, refusal, o)
                        UNION ALL                      -- a void gives back what its hold had counted
                        SELECT z.o::int, g.account_id, g.bucket, g.period, -g.amount, -g.n, NULL, NULL, NULL, g.o
                          FROM unnest(b.r_txn, b.r_hold_step, b.r_kind) WITH ORDINALITY z (txn, step, kind, o)
                          JOIN ledger.journal t ON t.tenant_id = v_tenant AND t.txn = z.txn AND t.step = z.step
                         CROSS JOIN unnest(t.usage_accounts, t.usage_buckets, t.usage_periods, t.usage_amounts,
                                           t.usage_ns) WITH ORDINALITY g (account_id, bucket, period, amount, n, o)
                         WHERE z.kind IN (3, 4)) y
                 ORDER BY y.request, y.o) s;
        SELECT coalesce(array_agg(coalesce(t.amount, 0) ORDER BY s.k), '{}'),
               array_agg(coalesce(t.n, 0) ORDER BY s.k)
          INTO k_amount, k_n
          FROM (SELECT DISTINCT z.k, z.account_id, z.bucket, z.period
                  FROM unnest(w_key, w_account, w_bucket, w_period) z (k, account_id, bucket, period)) s
          LEFT JOIN ledger.usage t ON t.tenant_id = v_tenant AND t.account_id = s.account_id
                                  AND t.bucket = s.bucket AND t.period = s.period;
    END IF;
    IF EXISTS (SELECT FROM unnest(l_amount) y WHERE y = 0 OR y NOT BETWEEN -largest AND largest) OR 1 = ANY (r_kind) THEN
        SELECT array_agg(z.o) INTO v_invalid
          FROM unnest(l_account, l_amount, l_reserve) WITH ORDINALITY z (account, amount, reserve, o)
         WHERE z.amount = 0 OR z.amount NOT BETWEEN -largest AND largest
            OR z.reserve AND (z.amount > 0 OR v_ids[z.account] < 0);
    END IF;

    -- 5 decide in the order of the requests
    FOR i IN 1..n LOOP
        q := p + 1; p := p + r_legs[i]; r_end[i] := p;
        hq := hp + 1; WHILE h_request[hp + 1] = i LOOP hp := hp + 1; END LOOP;
        wq := wp + 1; WHILE w_request[wp + 1] = i LOOP wp := wp + 1; END LOOP;
        IF v_known[i] IS NOT NULL THEN v_status[i] := v_known[i]; CONTINUE; END IF;
        IF r_rules[i] <> v_rules THEN v_status[i] := 2; CONTINUE; END IF;
        kind := r_kind[i]; bad := NULL; why := NULL; stale := false; mixed := false; net := 0; wu := wq - 1;
        IF kind = 5 THEN
            v_wanted := v_wanted + 1; v_status[i] := 1; v_refusal[i] := r_refusal[i]; CONTINUE;
        END IF;

        IF kind >= 2 THEN                                -- what was held is there again, before it is spent
            IF hp < hq THEN bad := 'hold_not_found';
            ELSIF h_state[hq] <> 0 THEN bad := 'hold_closed';
            END IF;
            IF bad IS NOT NULL THEN
                v_wanted := v_wanted + 1; v_status[i] := 1; v_refusal[i] := bad;
                FOR j IN q..p LOOP l_id[j] := v_ids[l_account[j]]; END LOOP;
                CONTINUE;
            END IF;
            FOR h IN hq..hp LOOP
                x := h_account[h]; a := h_amount[h];
                v_held[x] := v_held[x] - a; v_available[x] := v_available[x] + a;
            END LOOP;
        END IF;

        unit := '';
        FOR j IN q..p LOOP
            x := l_account[j]; a := l_amount[j]; l_id[j] := v_ids[x]; l_request[j] := i;
            IF l_facts[j] <> v_facts[x] THEN stale := true; END IF;
            IF v_unit[x] IS DISTINCT FROM unit THEN
                IF v_unit[x] IS NULL THEN
                    bad := coalesce(bad, 'wallet_not_found');
                    why := coalesce(why, jsonb_build_object('account', v_ids[x]));
                ELSIF unit = '' THEN unit := v_unit[x];
                ELSE mixed := true;
                END IF;
            END IF;
            IF v_state[x] <> 0 AND bad IS NULL
               AND (v_state[x] >= 3 OR v_state[x] = 1 AND a < 0 OR v_state[x] = 2 AND a > 0) THEN
                bad := CASE v_state[x] WHEN 4 THEN 'wallet_closed' ELSE 'wallet_frozen' END;
                why := jsonb_build_object('account', v_ids[x]);
            END IF;
            IF v_invalid IS NOT NULL AND j = ANY (v_invalid) THEN
                bad := 'amount_invalid'; why := jsonb_build_object('account', v_ids[x], 'amount', a);
                a := 0;
            END IF;
            net := net + a;
            IF kind <> 1 THEN
                v_available[x] := v_available[x] + a; v_posted[x] := v_posted[x] + a; v_seq[x] := v_seq[x] + 1;
                l_seq[j] := v_seq[x];
                IF l_id[j] > 0 THEN l_balance[j] := v_posted[x]; END IF;
            ELSIF l_reserve[j] THEN
                v_available[x] := v_available[x] + a; v_held[x] := v_held[x] - a;
            END IF;
        END LOOP;

        IF bad IS NULL AND net <> 0 THEN bad := 'unbalanced'; END IF;
        IF bad IS NULL AND mixed THEN
            IF EXISTS (SELECT FROM generate_series(q, p) z GROUP BY v_unit[l_account[z]] HAVING sum(l_amount[z]) <> 0) THEN
                bad := 'currency_mismatch';
            END IF;
        END IF;
        IF bad IS NULL AND kind = 2 THEN
            FOR h IN hq..hp LOOP
                debits := 0;
                FOR j IN q..p LOOP
                    IF l_account[j] = h_account[h] AND l_amount[j] < 0 THEN debits := debits - l_amount[j]; END IF;
                END LOOP;
                IF debits > h_amount[h] THEN
                    bad := 'capture_exceeds_hold';
                    why := jsonb_build_object('account', v_ids[h_account[h]], 'held', h_amount[h], 'needed', debits);
                END IF;
            END LOOP;
        END IF;
        IF bad IS NULL THEN                              -- what counts is how the request leaves each account
            FOR j IN q..p LOOP
                x := l_account[j]; a := l_amount[j];
                IF a < 0 THEN
                    IF v_available[x] < 0 AND (kind <> 1 OR l_reserve[j]) THEN
                        debits := 0;
                        FOR k IN q..p LOOP
                            IF l_account[k] = x AND (kind <> 1 OR l_reserve[k]) THEN debits := debits - l_amount[k]; END IF;
                        END LOOP;
                        bad := 'insufficient_funds';
                        why := jsonb_build_object('account', v_ids[x], 'available', v_available[x] + debits,
                                                  'needed', debits);
                        EXIT;
                    END IF;
                ELSIF v_posted[x] > v_ceiling[x] AND kind <> 1 THEN
                    bad := 'balance_ceiling_exceeded';
                    why := jsonb_build_object('account', v_ids[x], 'ceiling', v_ceiling[x], 'balance', v_posted[x]);
                    EXIT;
                END IF;
            END LOOP;
        END IF;
        IF bad IS NULL AND NOT stale THEN
            FOR w IN wq..wp LOOP
                k := w_key[w]; wu := w;
                k_amount[k] := k_amount[k] + w_amount[w]; k_n[k] := k_n[k] + w_n[w];
                IF k_amount[k] > w_cap_amount[w] OR k_n[k] > w_cap_n[w] THEN
                    bad := w_refusal[w];
                    why := jsonb_build_object('account', w_account[w], 'bucket', w_bucket[w], 'period', w_period[w],
                        'amount', k_amount[k], 'cap_amount', w_cap_amount[w], 'n', k_n[k], 'cap_n', w_cap_n[w]);
                    EXIT;
                END IF;
            END LOOP;
        END IF;

        IF bad IS NULL AND NOT stale THEN
            v_wanted := v_wanted + 1;
            IF kind >= 2 THEN FOR h IN hq..hp LOOP h_state[h] := kind - 1; END LOOP; END IF;
            CONTINUE;
        END IF;
        FOR j IN q..p LOOP                               -- as if the request had never been looked at
            x := l_account[j]; a := l_amount[j]; l_seq[j] := NULL; l_balance[j] := NULL;
            IF v_invalid IS NOT NULL AND j = ANY (v_invalid) THEN a := 0; END IF;
            IF kind <> 1 THEN
                v_available[x] := v_available[x] - a; v_posted[x] := v_posted[x] - a; v_seq[x] := v_seq[x] - 1;
            ELSIF l_reserve[j] THEN
                v_available[x] := v_available[x] - a; v_held[x] := v_held[x] + a;
            END IF;
        END LOOP;
        IF kind >= 2 THEN
            FOR h IN hq..hp LOOP
                x := h_account[h]; a := h_amount[h];
                v_held[x] := v_held[x] + a; v_available[x] := v_available[x] - a;
            END LOOP;
        END IF;
        FOR w IN wq..wu LOOP
            k := w_key[w]; k_amount[k] := k_amount[k] - w_amount[w]; k_n[k] := k_n[k] - w_n[w];
        END LOOP;
        IF stale THEN v_status[i] := 2; CONTINUE; END IF;
        v_wanted := v_wanted + 1; v_status[i] := 1; v_refusal[i] := bad; v_detail[i] := why;
    END LOOP;

    IF 2 = ANY (v_status) AND NOT p_check THEN           -- what is recorded is answered, however old its repeat's facts
        IF EXISTS (SELECT FROM generate_series(1, n) z JOIN ledger.journal t
                       ON t.tenant_id = v_tenant AND t.txn = b.r_txn[z] AND t.step = b.r_step[z]
                    WHERE v_status[z] = 2) THEN
            RAISE EXCEPTION 'a key is recorded already; call again with p_check' USING ERRCODE = 'LB009';
        END IF;
    END IF;

    -- 6 write
    SELECT array_agg(CASE WHEN v_known[z] IS NULL AND v_status[z] <= 1 THEN nextval('ledger.journal_number')
                          ELSE v_number[z] END)
      INTO v_number FROM generate_series(1, n) z;
    INSERT INTO ledger.journal (tenant_id, txn, step, seq, xid, kind, status, code, refusal, detail, fingerprint, hold_step,
                                accounts, amounts, roles, usage_accounts, usage_buckets, usage_periods, usage_amounts,
                                usage_ns, meta, effective_at, business_date)
    SELECT v_tenant, b.r_txn[z], b.r_step[z], v_number[z], v_xid, r_kind[z], v_status[z], r_code[z], v_refusal[z],
           v_detail[z], r_fingerprint[z], r_hold_step[z],
           l_id[r_end[z] - r_legs[z] + 1 : r_end[z]], l_amount[r_end[z] - r_legs[z] + 1 : r_end[z]],
           b.l_role[r_end[z] - r_legs[z] + 1 : r_end[z]],
           g.accounts, g.buckets, g.periods, g.amounts, g.ns,
           r_meta[z]::jsonb, b.r_effective_at[z], b.r_business_date[z]
      FROM generate_series(1, n) z
      LEFT JOIN LATERAL (
           SELECT array_agg(v_ids[u.account]) AS accounts, array_agg(u.bucket) AS buckets, array_agg(u.period) AS periods,
                  array_agg(u.amount) AS amounts, array_agg(u.n) AS ns
             FROM unnest(b.u_request, b.u_account, b.u_bucket, b.u_period, b.u_amount, b.u_n)
                  u (request, account, bucket, period, amount, n)
            WHERE u.request = z) g ON cardinality(b.u_request) > 0
     WHERE v_known[z] IS NULL AND v_status[z] <= 1
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_inserted = ROW_COUNT;
    IF v_inserted <> v_wanted THEN
        RAISE EXCEPTION 'a key is recorded already; call again with p_check' USING ERRCODE = 'LB009';
    END IF;
    INSERT INTO ledger.entry (tenant_id, account_id, seq, period, journal_seq, txn, step, amount, balance)
    SELECT v_tenant, l_id[z],
           CASE WHEN l_id[z] > 0 THEN l_seq[z]
                ELSE v_number[l_request[z]] * 32 + z - r_end[l_request[z]] + r_legs[l_request[z]] - 1 END,
           to_char(now() AT TIME ZONE 'UTC', 'YYYYMM')::int, v_number[l_request[z]], b.r_txn[l_request[z]],
           b.r_step[l_request[z]], l_amount[z], l_balance[z]
      FROM generate_series(1, m) z
     WHERE l_seq[z] IS NOT NULL;
    UPDATE ledger.account t SET posted = v_posted[z], held = v_held[z], seq = v_seq[z]
      FROM generate_series(1, cardinality(v_ids)) z
     WHERE t.tenant_id = v_tenant AND t.id = v_ids[z] AND v_ids[z] > 0
       AND (v_seq[z] <> v_seq0[z] OR v_held[z] <> v_held0[z]);
    INSERT INTO ledger.hot_delta (tenant_id, account_id, amount, n)
    SELECT v_tenant, v_ids[z], v_posted[z], v_seq[z]
      FROM generate_series(1, cardinality(v_ids)) z WHERE v_ids[z] < 0 AND v_seq[z] > 0;
    IF 1 = ANY (r_kind) THEN
        INSERT INTO ledger.hold (tenant_id, txn, step, account_id, amount)
        SELECT v_tenant, b.r_txn[l_request[z]], b.r_step[l_request[z]], l_id[z], -sum(l_amount[z])
          FROM generate_series(1, m) z
         WHERE l_reserve[z] AND r_kind[l_request[z]] = 1 AND v_status[l_request[z]] = 0
           AND v_known[l_request[z]] IS NULL
         GROUP BY l_request[z], l_id[z];
    END IF;
    IF ends_hold THEN
        UPDATE ledger.hold t SET state = r_kind[z] - 1
          FROM generate_series(1, n) z
         WHERE r_kind[z] IN (2, 3, 4) AND v_status[z] = 0 AND v_known[z] IS NULL
           AND t.tenant_id = v_tenant AND t.txn = b.r_txn[z] AND t.step = b.r_hold_step[z];
    END IF;
    IF cardinality(k_amount) > 0 THEN
        INSERT INTO ledger.usage (tenant_id, account_id, bucket, period, amount, n)
        SELECT DISTINCT v_tenant, z.account_id, z.bucket, z.period, k_amount[z.k], k_n[z.k]
          FROM unnest(w_request, w_key, w_account, w_bucket, w_period) z (request, k, account_id, bucket, period)
         WHERE v_status[z.request] = 0 AND v_known[z.request] IS NULL
        ON CONFLICT (tenant_id, account_id, bucket, period) DO UPDATE SET amount = excluded.amount, n = excluded.n;
    END IF;

    result.status := v_status; result.refusal := v_refusal; result.detail := v_detail; result.seq := v_number;
    result.account := l_id; result.balance := l_balance;
    SELECT array_agg(CASE WHEN l_id[z] > 0 OR l_seq[z] IS NULL THEN l_seq[z]
                          ELSE v_number[l_request[z]] * 32 + z - r_end[l_request[z]] + r_legs[l_request[z]] - 1 END
                     ORDER BY z)
      INTO result.entry FROM generate_series(1, m) z;
    RETURN result;
END $$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace WHERE s.nspname = 'ledger' LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO mmo_as_poster', f);
    END LOOP;
    ALTER TYPE ledger.batch OWNER TO mmo_owner;
    ALTER TYPE ledger.outcomes OWNER TO mmo_owner;
END $$;
