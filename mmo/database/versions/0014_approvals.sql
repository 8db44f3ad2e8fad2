-- Approvals, decisions and substitutes.

CREATE SCHEMA approvals AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA approvals TO mmo_as_reader;

-- What waits for agreement, or has waited: the fold of its events.
CREATE TABLE approvals.approval (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,                        -- the movement's or the change's
    kind text NOT NULL CHECK (kind IN ('movement', 'change')),
    event text NOT NULL,
    about text NOT NULL,                     -- hash of the request
    maker text NOT NULL,
    people text[] NOT NULL,                  -- every name of the maker
    asks jsonb NOT NULL,
    roles text[] NOT NULL,                   -- of the asks: whose inbox shows it
    summary jsonb NOT NULL,
    state text NOT NULL DEFAULT 'open'
        CHECK (state IN ('open', 'approved', 'rejected', 'expired', 'cancelled', 'refused')),
    opened_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX approval_open ON approvals.approval (tenant_id, id) WHERE state = 'open';

CREATE TABLE approvals.decision (
    tenant_id int NOT NULL,
    approval_id uuid NOT NULL,
    subject text NOT NULL,
    document text NOT NULL,                  -- its id
    choice text NOT NULL CHECK (choice IN ('approve', 'reject', 'cancel')),
    roles text[] NOT NULL,
    note text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, approval_id, subject),
    FOREIGN KEY (tenant_id, approval_id) REFERENCES approvals.approval
);

-- Who stands in for whom while they are away. Never for what the absent one asked for.
CREATE TABLE approvals.substitute (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    absent text NOT NULL,
    substitute text NOT NULL CHECK (substitute <> absent),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until > since),
    named_by text NOT NULL,
    PRIMARY KEY (tenant_id, absent)
);

-- The roles that somebody may agree with now: their own, and those of whoever is away and named them; but not of people
-- among p_but, who asked for it. A substitute's own substitute stands in for nobody else.
CREATE FUNCTION approvals.roles_of(p_tenant int, p_subject text, p_but text[]) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH standing AS (
        SELECT p_subject AS subject
        UNION
        SELECT s.absent FROM approvals.substitute s
         WHERE s.tenant_id = p_tenant AND s.substitute = p_subject AND now() >= s.since AND now() < s.until
           AND s.absent <> ALL (p_but)
    ), held AS (
        SELECT r.name FROM standing p
          JOIN identity.user_account u ON u.tenant_id = p_tenant AND u.id::text = p.subject AND u.state = 'active'
          JOIN identity.role_grant g ON g.tenant_id = p_tenant AND g.user_id = u.id AND g.state = 'active'
          JOIN identity.role r ON r.tenant_id = p_tenant AND r.id = g.role_id
        UNION
        SELECT unnest(c.roles) FROM standing p
          JOIN identity.client c ON c.tenant_id = p_tenant AND c.id = p.subject AND c.state = 'active'
    )
    SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM held
$$;
ALTER FUNCTION approvals.roles_of OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION approvals.roles_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION approvals.roles_of TO mmo_as_poster;

ALTER TABLE approvals.approval OWNER TO mmo_owner;
ALTER TABLE approvals.decision OWNER TO mmo_owner;
ALTER TABLE approvals.substitute OWNER TO mmo_owner;
SELECT tenancy.isolate('approvals.approval'), tenancy.isolate('approvals.decision'), tenancy.isolate('approvals.substitute');
GRANT SELECT ON approvals.approval, approvals.decision, approvals.substitute TO mmo_as_reader;
GRANT INSERT, UPDATE ON approvals.approval TO mmo_as_poster;
GRANT INSERT ON approvals.decision TO mmo_as_poster;
GRANT INSERT, UPDATE, DELETE ON approvals.substitute TO mmo_as_poster;
