-- Opening tenants, groups of tenants, what a group shares, and code lists, the first table that can be shared.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mmo_as_onboarding') THEN
        CREATE ROLE mmo_as_onboarding NOLOGIN;
    END IF;
END $$;
GRANT mmo_as_reader, mmo_as_every_tenant TO mmo_as_onboarding;

-- Who asked for which tenant. A row is the intention: the process `keys` carries it out, whatever dies meanwhile.
CREATE TABLE tenancy.onboarding (
    tenant_id int NOT NULL CHECK (tenant_id >= 0),   -- the super-tenant whose staff asked; 0: whoever is at the machine
    slug text NOT NULL CHECK (slug ~ '^[a-z][a-z0-9-]{1,30}$' AND slug <> 'platform'),
    name text NOT NULL,
    timezone text NOT NULL,
    currencies text[] NOT NULL,
    country char(2) NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    kind text NOT NULL CHECK (kind IN ('operator', 'super')),
    administrator text NOT NULL,             -- user name of the first administrator
    administrator_name text NOT NULL,
    invitation bytea NOT NULL CHECK (length(invitation) = 32),   -- SHA-256 of the one-time code; the code is nowhere
    console text,                            -- where the tenant's console takes people back after log-in
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    PRIMARY KEY (tenant_id, slug),
    CHECK (kind = 'super' OR cardinality(currencies) > 0)
);
ALTER TABLE tenancy.onboarding OWNER TO mmo_owner;
CREATE UNIQUE INDEX onboarding_slug ON tenancy.onboarding (slug);
SELECT tenancy.isolate('tenancy.onboarding');
GRANT SELECT ON tenancy.onboarding TO mmo_as_reader;
GRANT INSERT (tenant_id, slug, name, timezone, currencies, country, kind, administrator, administrator_name, invitation,
              console, asked_by) ON tenancy.onboarding TO mmo_as_poster;

GRANT INSERT, UPDATE (state, version) ON tenancy.tenant TO mmo_as_onboarding;
GRANT UPDATE (done_at) ON tenancy.onboarding TO mmo_as_onboarding;
GRANT INSERT ON movements.chart TO mmo_as_onboarding;
GRANT INSERT ON identity.policy, identity.role, identity.role_grant TO mmo_as_onboarding;
GRANT INSERT (tenant_id, id, username, name, attributes, home, state, created_by, invitation, invited_until)
   ON identity.user_account TO mmo_as_onboarding;
GRANT INSERT (tenant_id, id, name, kind, grants, scopes, redirect_uris, trusted_channel, attributes, jwks, created_by,
              secret) ON identity.client TO mmo_as_onboarding;
GRANT INSERT (tenant_id, id, actor, client, act, action, object, outcome, reason, before, after, request_id, ip,
              workflow_id) ON audit.record TO mmo_as_onboarding;
GRANT EXECUTE ON FUNCTION ledger.open_tenant, ledger.open_account TO mmo_as_onboarding;

-- A super-tenant's staff suspend and resume operators, and change nothing else of them.
CREATE FUNCTION tenancy.set_state(p_slug text, p_state text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_state NOT IN ('active', 'suspended') OR NOT EXISTS (
            SELECT FROM tenancy.tenant
             WHERE id = tenancy.current_tenant() AND kind = 'super' AND state = 'active') THEN
        RAISE EXCEPTION 'only a super-tenant suspends and resumes' USING ERRCODE = '42501';
    END IF;
    UPDATE tenancy.tenant SET state = p_state, version = version + 1
     WHERE slug = p_slug AND kind = 'operator' AND state IN ('active', 'suspended');
    RETURN FOUND;
END $$;
ALTER FUNCTION tenancy.set_state OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION tenancy.set_state FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.set_state TO mmo_as_poster;

-- A group belongs to the super-tenant that made it, which is its tenant_id. Its members and owners are other tenants.
CREATE TABLE tenancy.tenant_group (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{1,40}$'),
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);
CREATE TABLE tenancy.group_member (
    tenant_id int NOT NULL,
    group_id uuid NOT NULL,
    member int NOT NULL REFERENCES tenancy.tenant,
    PRIMARY KEY (tenant_id, group_id, member),
    FOREIGN KEY (tenant_id, group_id) REFERENCES tenancy.tenant_group (tenant_id, id)
);
-- What is shared, and whose: read by the members, changed by the owner. Never ledger, wallets or audit.
CREATE TABLE tenancy.group_share (
    tenant_id int NOT NULL,
    group_id uuid NOT NULL,
    resource text NOT NULL CHECK (resource IN ('code_lists')),
    owner int NOT NULL,
    PRIMARY KEY (tenant_id, group_id, resource, owner),
    FOREIGN KEY (tenant_id, group_id, owner) REFERENCES tenancy.group_member (tenant_id, group_id, member)
);
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenant_group', 'group_member', 'group_share'] LOOP
        EXECUTE format('ALTER TABLE tenancy.%I OWNER TO mmo_owner', name);
        EXECUTE format('GRANT SELECT ON tenancy.%I TO mmo_as_reader', name);
        PERFORM tenancy.isolate(format('tenancy.%I', name)::regclass);
    END LOOP;
END $$;
GRANT INSERT ON tenancy.tenant_group, tenancy.group_member, tenancy.group_share TO mmo_as_poster;
GRANT UPDATE (version) ON tenancy.tenant_group TO mmo_as_poster;
GRANT DELETE ON tenancy.group_member, tenancy.group_share TO mmo_as_poster;

-- What is shared with the tenant of the transaction, and by whom: read at each request, so that leaving binds at once.
CREATE FUNCTION tenancy.shares() RETURNS TABLE (group_name text, resource text, owner int)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT g.name, s.resource, s.owner
      FROM tenancy.group_member m
      JOIN tenancy.tenant_group g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
      JOIN tenancy.tenant above ON above.id = g.tenant_id AND above.kind = 'super' AND above.state = 'active'
      JOIN tenancy.group_share s ON s.tenant_id = g.tenant_id AND s.group_id = g.id
     WHERE m.member = tenancy.current_tenant()
$$;
ALTER FUNCTION tenancy.shares OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION tenancy.shares FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.shares TO mmo_as_reader;

-- The tenants whose rows of a resource the transaction may read, itself included; the server has put them there.
CREATE FUNCTION tenancy.visible(p_resource text) RETURNS int[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT string_to_array(nullif(current_setting('app.tenants_' || p_resource, true), ''), ',')::int[]
$$;
ALTER FUNCTION tenancy.visible OWNER TO mmo_owner;

-- Let a table, isolated already, be read by whoever it is shared with. Written it is by its own tenant alone.
CREATE FUNCTION tenancy.make_shareable(t regclass, p_resource text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY shared_select ON %s FOR SELECT TO mmo_as_reader USING (tenant_id = ANY '
                   '(string_to_array(nullif(current_setting(%L, true), ''''), '','')::int[]))',
                   t, 'app.tenants_' || p_resource);
END $$;
REVOKE ALL ON FUNCTION tenancy.make_shareable FROM PUBLIC;

-- Code lists: values that forms offer and rules name, each active or not.
CREATE SCHEMA code_lists AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA code_lists TO mmo_as_reader;
CREATE TABLE code_lists.value (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    list text NOT NULL CHECK (list ~ '^[a-z][a-z0-9-]{1,40}$'),
    code text NOT NULL CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'),
    label text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    version int NOT NULL DEFAULT 1,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, list, code)
);
ALTER TABLE code_lists.value OWNER TO mmo_owner;
SELECT tenancy.isolate('code_lists.value');
SELECT tenancy.make_shareable('code_lists.value', 'code_lists');
GRANT SELECT ON code_lists.value TO mmo_as_reader;
GRANT INSERT, UPDATE ON code_lists.value TO mmo_as_poster;
