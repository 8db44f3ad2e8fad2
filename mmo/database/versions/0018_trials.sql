-- Trials of rules. A back-test reads decision records and nothing else: its login can call one function.

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mmo_as_bulk', 'mmo_as_replayer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END $$;
GRANT mmo_as_reader TO mmo_as_bulk;
GRANT mmo_as_bulk TO mmo_as_background;

CREATE SCHEMA trials AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA trials TO mmo_as_reader, mmo_as_replayer;

CREATE TABLE trials.backtest (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    rules jsonb NOT NULL,                    -- what is tried, canonical: [{definition, version, event, …, metadata}]
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    types text[] NOT NULL DEFAULT '{}',      -- movement types; none named: all
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
    parts int NOT NULL CHECK (parts > 0),
    parts_done int NOT NULL DEFAULT 0,
    decisions bigint NOT NULL DEFAULT 0,     -- made again so far
    result jsonb,
    effort jsonb,                            -- {"cpu_s", "decisions_per_cpu_s"}: of this run alone
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (since < until)
);
ALTER TABLE trials.backtest OWNER TO mmo_owner;
SELECT tenancy.isolate('trials.backtest');
GRANT SELECT ON trials.backtest TO mmo_as_reader;
GRANT INSERT ON trials.backtest TO mmo_as_poster;
GRANT UPDATE (state, parts_done, decisions, result, effort, ended_at) ON trials.backtest TO mmo_as_bulk;

-- The decision records of the first step of movements, of the tenant that the transaction names, in order. Steps: 1
-- executed or settled, 1001 reserved; `first` is the decision that was made before anybody was asked.
CREATE FUNCTION trials.records(p_after uuid, p_after_step int, p_until uuid, p_types text[], p_limit int)
RETURNS TABLE (txn uuid, step int, first boolean, refusal text, meta text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT j.txn, j.step::int,
           j.step = 1001 OR NOT EXISTS (SELECT FROM ledger.journal r
                                         WHERE r.tenant_id = j.tenant_id AND r.txn = j.txn AND r.step = 1001),
           j.refusal, j.meta::text
      FROM ledger.journal j
     WHERE j.tenant_id = tenancy.current_tenant() AND j.txn >= p_after AND j.txn < p_until
       AND (j.txn, j.step) > (p_after, p_after_step) AND j.step IN (1, 1001)
       AND (p_types = '{}' OR j.code = ANY (p_types))
     ORDER BY j.txn, j.step LIMIT p_limit
$$;
ALTER FUNCTION trials.records OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION trials.records FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trials.records TO mmo_as_replayer;
