-- Parties: who the operator knows and how well, the tree of agents, and the offices that look after them. Each row is the
-- fold of the party's events, written in their transaction.

CREATE SCHEMA parties AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA parties TO mmo_as_reader;

CREATE TABLE parties.office (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    name text NOT NULL,
    parent uuid,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    version int NOT NULL DEFAULT 1,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, parent) REFERENCES parties.office,
    CHECK (parent <> id)
);
CREATE INDEX office_parent ON parties.office (tenant_id, parent);

CREATE TABLE parties.party (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('subscriber', 'agent', 'super_agent', 'merchant', 'organisation')),
    state text NOT NULL CHECK (state IN ('registered', 'active', 'suspended', 'closed')),
    tier smallint NOT NULL CHECK (tier BETWEEN 0 AND 3),
    kyc text NOT NULL CHECK (kyc IN ('unverified', 'verified', 'rejected')),
    parent uuid,                             -- the super-agent above
    office uuid,
    person text NOT NULL CONSTRAINT person_is_sealed CHECK (starts_with(person, 'enc:v1:')),
    alias char(32) NOT NULL CHECK (alias ~ '^[0-9a-f]{32}$'),   -- blind index of the number, as wallets have it
    language text NOT NULL,
    stores jsonb NOT NULL,
    documents jsonb NOT NULL,                -- of KYC: what is on file; the files are kept elsewhere
    version int NOT NULL,
    registered_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, parent) REFERENCES parties.party,
    FOREIGN KEY (tenant_id, office) REFERENCES parties.office,
    CHECK (parent <> id)
);
CREATE UNIQUE INDEX party_number ON parties.party (tenant_id, alias, kind) WHERE state <> 'closed';
CREATE INDEX party_parent ON parties.party (tenant_id, parent);
CREATE INDEX party_office ON parties.party (tenant_id, office);

ALTER TABLE parties.office OWNER TO mmo_owner;
ALTER TABLE parties.party OWNER TO mmo_owner;
SELECT tenancy.isolate('parties.office'), tenancy.isolate('parties.party');
GRANT SELECT ON parties.office, parties.party TO mmo_as_reader;
GRANT INSERT, UPDATE ON parties.office, parties.party TO mmo_as_poster;

ALTER TABLE wallets.wallet
    ADD party uuid,
    ADD tier smallint NOT NULL DEFAULT 1 CHECK (tier BETWEEN 0 AND 3),
    ADD frozen_with_party boolean NOT NULL DEFAULT false,
    ADD FOREIGN KEY (tenant_id, party) REFERENCES parties.party;
CREATE INDEX wallet_party ON wallets.wallet (tenant_id, party);

-- As before, with the tier.
CREATE OR REPLACE FUNCTION changes.facts(p_tenant int, p_wallets uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
        'business_date', (clock_timestamp() AT TIME ZONE t.timezone)::date,
        'rules_version', coalesce(l.rules_version, 0),
        'wallets', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'id', w.id, 'kind', w.kind, 'state', w.state, 'currency', w.currency, 'owner', w.owner,
                       'product', w.product, 'flags', w.flags, 'tier', w.tier)), '[]')
              FROM wallets.wallet w WHERE w.tenant_id = p_tenant AND w.id = ANY (p_wallets)))
      FROM tenancy.tenant t LEFT JOIN ledger.tenant l ON l.tenant_id = t.id
     WHERE t.id = p_tenant
$$;
