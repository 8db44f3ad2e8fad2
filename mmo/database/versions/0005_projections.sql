-- Read models, folded from the feed by the projector, and workflow histories kept for ever.
--
-- The projector owns its tables: a rebuild fills a shadow of each beside it and changes places with it.

CREATE SCHEMA projections AUTHORIZATION mmo_as_projector;
CREATE SCHEMA projections_shadow AUTHORIZATION mmo_as_projector;
CREATE SCHEMA histories AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA projections, histories TO mmo_as_reader;
GRANT DELETE ON messaging.cursor TO mmo_as_projector;

CREATE TABLE projections.movement_view (
    tenant_id int NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    state text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    parties jsonb NOT NULL,                  -- role → wallet
    wallets uuid[] NOT NULL,                 -- the same wallets, to search by
    prices jsonb NOT NULL,                   -- symbol → minor units
    actor text NOT NULL,
    requested_at timestamptz NOT NULL,
    posted_at timestamptz,
    journal bigint,                          -- the number of the newest accepted posting
    refusal text,
    detail jsonb,
    position bigint NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX movement_view_wallets ON projections.movement_view USING gin (wallets);

CREATE TABLE projections.balance_view (
    tenant_id int NOT NULL,
    account_id bigint NOT NULL,
    currency text NOT NULL,
    posted bigint NOT NULL,
    held bigint NOT NULL,
    entries bigint NOT NULL,                 -- how many entries the balance sums
    position bigint NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
);

CREATE TABLE projections.statement_view (
    tenant_id int NOT NULL,
    account_id bigint NOT NULL,
    number bigint NOT NULL,                  -- the ledger's number of the account's entry
    movement_id uuid NOT NULL,
    step int NOT NULL,
    type text NOT NULL,
    role text NOT NULL,
    journal bigint NOT NULL,
    amount bigint NOT NULL,                  -- credit-positive minor units
    balance bigint,                          -- right after the entry; NULL on a deferred account
    currency text NOT NULL,
    parties jsonb NOT NULL,
    at timestamptz NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tenant_id, account_id, number)
);

CREATE TABLE projections.timeline_view (
    tenant_id int NOT NULL,
    movement_id uuid NOT NULL,
    position bigint NOT NULL,
    line int NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    actor text,
    detail jsonb NOT NULL,
    PRIMARY KEY (tenant_id, movement_id, position, line)
);

-- Closed histories, before Temporal forgets them: compressed, hashed, never changed.
CREATE TABLE histories.history (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    movement_id uuid NOT NULL,
    workflow_id text NOT NULL,
    run_id text NOT NULL,
    workflow_type text NOT NULL,
    closed_at timestamptz NOT NULL,
    events int NOT NULL,
    content bytea NOT NULL,                  -- zlib of the history as protocol buffer
    sha256 bytea NOT NULL,                   -- of the protocol buffer
    exported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, movement_id)
);
ALTER TABLE histories.history OWNER TO mmo_owner;
GRANT SELECT ON histories.history TO mmo_as_reader;
GRANT INSERT ON histories.history TO mmo_as_exporter;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON histories.history
    FOR EACH STATEMENT EXECUTE FUNCTION messaging.refuse_change();

DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'projections' LOOP
        EXECUTE format('ALTER TABLE projections.%I OWNER TO mmo_as_projector', name);
        EXECUTE format('GRANT SELECT ON projections.%I TO mmo_as_reader', name);
    END LOOP;
END $$;
