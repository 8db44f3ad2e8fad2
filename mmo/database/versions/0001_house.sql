-- Schemas, groups of database users, tenants, and the event store.
--
-- Nobody logs in as the owner. A process logs in as mmo_<role>, a member of one group mmo_as_<what it may do>;
-- rights are given to groups only.

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mmo_owner', 'mmo_as_reader', 'mmo_as_poster', 'mmo_as_projector', 'mmo_as_relay',
                                'mmo_as_sweeper', 'mmo_as_exporter', 'mmo_as_background'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END $$;
GRANT mmo_as_reader TO mmo_as_poster, mmo_as_projector, mmo_as_relay, mmo_as_sweeper, mmo_as_exporter;
GRANT mmo_as_poster, mmo_as_projector, mmo_as_relay, mmo_as_sweeper, mmo_as_exporter TO mmo_as_background;

CREATE SCHEMA tenancy AUTHORIZATION mmo_owner;
CREATE SCHEMA messaging AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA tenancy, messaging TO mmo_as_reader;

-- A tenant is one operator. Its number leads every key of every table.
CREATE TABLE tenancy.tenant (
    id int PRIMARY KEY CHECK (id > 0),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{1,30}$'),
    name text NOT NULL,
    timezone text NOT NULL,
    currencies text[] NOT NULL CHECK (cardinality(currencies) > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE tenancy.tenant OWNER TO mmo_owner;
GRANT SELECT ON tenancy.tenant TO mmo_as_reader;
GRANT INSERT ON tenancy.tenant TO mmo_as_background;

-- The event store of every aggregate, and the outbox. Append-only: the order of the feed is (xid, seq), read below
-- pg_snapshot_xmin(pg_current_snapshot()), so that nothing can appear behind a reader.
CREATE TABLE messaging.event (
    tenant_id int NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    id uuid NOT NULL,
    aggregate text NOT NULL,                 -- 'wallet', 'movement', …
    aggregate_id uuid NOT NULL,
    version int NOT NULL,                    -- of the aggregate after this event; a movement's is the number of its step
    type text NOT NULL,                      -- 'mmo.wallet.opened.v1'
    actor text NOT NULL,                     -- the subject that asked
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,                     -- the full content: folding the events gives the state
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, aggregate, aggregate_id, version),
    UNIQUE (tenant_id, id)
);
ALTER TABLE messaging.event OWNER TO mmo_owner;
CREATE INDEX event_feed ON messaging.event (xid, seq);
GRANT SELECT ON messaging.event TO mmo_as_reader;
GRANT INSERT ON messaging.event TO mmo_as_poster, mmo_as_exporter;

CREATE FUNCTION messaging.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'LB010';
END $$;
ALTER FUNCTION messaging.refuse_change OWNER TO mmo_owner;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON messaging.event
    FOR EACH STATEMENT EXECUTE FUNCTION messaging.refuse_change();

-- How far each reader of the feed has come.
CREATE TABLE messaging.cursor (
    consumer text PRIMARY KEY,
    xid bigint NOT NULL DEFAULT 0,
    moved_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE messaging.cursor OWNER TO mmo_owner;
GRANT SELECT ON messaging.cursor TO mmo_as_reader;
GRANT INSERT, UPDATE ON messaging.cursor TO mmo_as_projector, mmo_as_relay, mmo_as_exporter;
