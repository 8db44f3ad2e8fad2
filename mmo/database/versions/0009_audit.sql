-- Audit: who did what, for ever, and seals that show whether it was changed afterwards.
--
-- Records are appended like events. The sealer follows them and the journal below the oldest transaction still running,
-- where nothing can appear any more, and signs a chain of hashes for each tenant with a key outside the database.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mmo_as_sealer') THEN
        CREATE ROLE mmo_as_sealer NOLOGIN;
    END IF;
END $$;
GRANT mmo_as_reader, mmo_as_every_tenant TO mmo_as_sealer;
GRANT mmo_as_sealer TO mmo_as_background;

CREATE SCHEMA audit AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA audit TO mmo_as_reader;

CREATE TABLE audit.record (
    tenant_id int NOT NULL CHECK (tenant_id >= 0),   -- 0: the platform itself
    seq bigint GENERATED ALWAYS AS IDENTITY,
    xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,                     -- the subject
    client text NOT NULL,                    -- the client that its token was issued to
    act jsonb NOT NULL DEFAULT '[]',         -- who really acts, where somebody entered from elsewhere; the nearest first
    action text NOT NULL,                    -- 'wallet.freeze', 'role.grant', 'super.read', …
    object text NOT NULL,                    -- 'wallet/01a2…'
    outcome text NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    reason text,                             -- the code of a refusal, or why somebody looked
    before bytea, after bytea,               -- SHA-256 of the object's canonical content; the content is not here
    request_id text, ip text, workflow_id text,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, id)
);
CREATE INDEX record_feed ON audit.record (xid, seq);
CREATE INDEX record_object ON audit.record (tenant_id, object, seq);

CREATE TABLE audit.seal (
    tenant_id int NOT NULL CHECK (tenant_id >= 0),
    stream text NOT NULL CHECK (stream IN ('audit', 'journal')),
    n bigint NOT NULL CHECK (n > 0),
    from_xid bigint NOT NULL,                -- exclusive: the seal before this one ended here
    to_xid bigint NOT NULL,                  -- inclusive
    rows int NOT NULL CHECK (rows > 0),
    previous bytea NOT NULL,                 -- hash of the seal before; zeros before the first
    hash bytea NOT NULL,                     -- of `previous` and the hashes of the rows, in the order of (xid, seq)
    epoch int NOT NULL DEFAULT 0,            -- raised after a restore into a new cluster, where transactions count anew
    signed text NOT NULL,                    -- all of this as ES256 token
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, stream, n),
    CHECK (from_xid < to_xid)
);

-- How far each stream is sealed, over all tenants. Where the sealer goes on, and nothing that a proof rests on.
CREATE TABLE audit.sealed_to (
    stream text PRIMARY KEY,
    xid bigint NOT NULL
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['record', 'seal'] LOOP
        EXECUTE format('ALTER TABLE audit.%I OWNER TO mmo_owner', name);
        EXECUTE format('GRANT SELECT ON audit.%I TO mmo_as_reader', name);
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION messaging.refuse_change()', name);
        PERFORM tenancy.isolate(format('audit.%I', name)::regclass);
    END LOOP;
END $$;
ALTER TABLE audit.sealed_to OWNER TO mmo_owner;
GRANT SELECT ON audit.sealed_to TO mmo_as_reader;

-- Place and time of a record are the database's to say.
GRANT INSERT (tenant_id, id, actor, client, act, action, object, outcome, reason, before, after, request_id, ip,
              workflow_id) ON audit.record TO mmo_as_poster, mmo_as_authorization, mmo_as_keys;
GRANT INSERT (tenant_id, stream, n, from_xid, to_xid, rows, previous, hash, epoch, signed) ON audit.seal TO mmo_as_sealer;
GRANT INSERT, UPDATE ON audit.sealed_to TO mmo_as_sealer;
