-- The day of the books. A day is cut off in one short transaction: from then on postings belong to the next one. What was
-- under way settles by itself; then the day is derived, balanced, sealed and closed, and nothing is dated into it any more.

CREATE SCHEMA books AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA books TO mmo_as_reader;

ALTER TABLE ledger.tenant ADD closed_through date;      -- nothing is dated on this day or before it any more

CREATE TABLE books.day (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    business_date date NOT NULL,
    state text NOT NULL DEFAULT 'closing' CHECK (state IN ('closing', 'closed')),
    opened_xid bigint NOT NULL,              -- nothing of the day has a lower one …
    cut_xid bigint NOT NULL,                 -- … and whatever has a higher one, and is not derived, is of a later day
    cut_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cut_by text NOT NULL,
    next_date date NOT NULL,
    journals bigint,                         -- accepted requests of the day, derived ones included
    previous bytea,                          -- the hash of the day before
    hash bytea,
    closed_at timestamptz,
    PRIMARY KEY (tenant_id, business_date),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);
CREATE UNIQUE INDEX day_closing ON books.day (tenant_id) WHERE state = 'closing';

-- Accounts that moved on a day: minor units, both sums positive; closing is credit-positive.
CREATE TABLE books.account_day (
    tenant_id int NOT NULL,
    account_id bigint NOT NULL,
    business_date date NOT NULL,
    debits bigint NOT NULL CHECK (debits >= 0),
    credits bigint NOT NULL CHECK (credits >= 0),
    closing bigint NOT NULL,
    PRIMARY KEY (tenant_id, account_id, business_date),
    FOREIGN KEY (tenant_id, business_date) REFERENCES books.day
);
CREATE INDEX account_day_date ON books.account_day (tenant_id, business_date);

CREATE TABLE books.trial_balance (
    tenant_id int NOT NULL,
    business_date date NOT NULL,
    book char(1) NOT NULL,
    currency char(3) NOT NULL,
    code text NOT NULL,
    opening bigint NOT NULL,
    debits bigint NOT NULL,
    credits bigint NOT NULL,
    closing bigint NOT NULL,
    PRIMARY KEY (tenant_id, business_date, book, currency, code),
    FOREIGN KEY (tenant_id, business_date) REFERENCES books.day
);

-- What the day is told by: certificates, reports. As they were when it was closed.
CREATE TABLE books.report (
    tenant_id int NOT NULL,
    business_date date NOT NULL,
    name text NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (tenant_id, business_date, name),
    FOREIGN KEY (tenant_id, business_date) REFERENCES books.day
);

-- Statements of the banks that hold clients' money: one per bank, currency and day.
CREATE TABLE books.bank_statement (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    bank text NOT NULL,
    currency char(3) NOT NULL,
    as_of date NOT NULL,
    opening bigint NOT NULL,                 -- minor units that the bank owes
    closing bigint NOT NULL,
    lines jsonb NOT NULL,                    -- [{reference, amount, date}], signed minor units
    filed_by text NOT NULL,
    filed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, bank, currency, as_of)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['day', 'account_day', 'trial_balance', 'report', 'bank_statement'] LOOP
        EXECUTE format('ALTER TABLE books.%I OWNER TO mmo_owner', name);
        PERFORM tenancy.isolate(format('books.%I', name)::regclass);
        EXECUTE format('GRANT SELECT ON books.%I TO mmo_as_reader', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['account_day', 'trial_balance', 'report', 'bank_statement'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON books.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION messaging.refuse_change()', name);
    END LOOP;
END $$;
GRANT INSERT ON books.account_day, books.trial_balance, books.report TO mmo_as_bulk;
GRANT UPDATE (journals, previous, hash) ON books.day TO mmo_as_bulk;
GRANT INSERT ON books.bank_statement TO mmo_as_poster;
GRANT EXECUTE ON FUNCTION ledger.post TO mmo_as_bulk;    -- what is derived from the day

-- Cut the open day off: what is decided from here on is dated on the next one. Decisions under way turn stale. NULL: the
-- open day has not begun by the tenant's own clock; the same day again: it is being closed already.
CREATE FUNCTION books.cut_off(p_tenant int, p_by text) RETURNS date
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_today date; v_open date; v_closing date; v_next date;
BEGIN
    SELECT coalesce(l.business_date, (clock_timestamp() AT TIME ZONE t.timezone)::date),
           (clock_timestamp() AT TIME ZONE t.timezone)::date
      INTO v_open, v_today
      FROM ledger.tenant l JOIN tenancy.tenant t ON t.id = l.tenant_id
     WHERE l.tenant_id = p_tenant FOR NO KEY UPDATE OF l;
    SELECT d.business_date INTO v_closing FROM books.day d WHERE d.tenant_id = p_tenant AND d.state = 'closing';
    IF v_closing IS NOT NULL THEN RETURN v_closing; END IF;
    IF v_open > v_today THEN RETURN NULL; END IF;
    v_next := greatest(v_open + 1, v_today);
    INSERT INTO books.day (tenant_id, business_date, opened_xid, cut_xid, cut_by, next_date)
    VALUES (p_tenant, v_open,
            coalesce((SELECT max(d.cut_xid) FROM books.day d WHERE d.tenant_id = p_tenant), 0),
            pg_current_xact_id()::text::bigint, p_by, v_next);
    UPDATE ledger.tenant SET business_date = v_next WHERE tenant_id = p_tenant;
    PERFORM ledger.raise_rules(p_tenant);
    RETURN v_open;
END $$;

-- Close the day for ever. Safe to repeat.
CREATE FUNCTION books.close(p_tenant int, p_date date) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE ledger.tenant SET closed_through = greatest(closed_through, p_date) WHERE tenant_id = p_tenant;
    UPDATE books.day SET state = 'closed', closed_at = clock_timestamp()
     WHERE tenant_id = p_tenant AND business_date = p_date AND state = 'closing' AND hash IS NOT NULL;
$$;

DO $$
DECLARE
    f regprocedure;
    body text := pg_get_functiondef('ledger.post'::regproc);
    patch record;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'books'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION books.cut_off TO mmo_as_poster, mmo_as_bulk;
    GRANT EXECUTE ON FUNCTION books.close TO mmo_as_bulk;
    GRANT USAGE ON SCHEMA books TO mmo_owner;

    -- Nothing is dated into a closed day: whoever would is stale, and decides again with the day that is open.
    FOR patch IN SELECT * FROM (VALUES
        ('v_rules bigint;', 'v_rules bigint; v_closed date;'),
        ('SELECT t.rules_version INTO v_rules FROM', 'SELECT t.rules_version, t.closed_through INTO v_rules, v_closed FROM'),
        ('IF r_rules[i] <> v_rules THEN', 'IF r_rules[i] <> v_rules OR b.r_business_date[i] <= v_closed THEN')) p (old, new)
    LOOP
        IF array_length(string_to_array(body, patch.old), 1) <> 2 THEN
            RAISE EXCEPTION 'ledger.post is not as it was: %', patch.old;
        END IF;
        body := replace(body, patch.old, patch.new);
    END LOOP;
    EXECUTE body;
END $$;
