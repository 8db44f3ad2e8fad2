-- Isolation of tenants: whatever a process of one tenant's request asks, other tenants' rows are not there.
--
-- A transaction names its tenant by SET LOCAL app.tenant; without it nothing is seen. Loops that carry out all tenants'
-- work are members of mmo_as_every_tenant, the super-tenant's readers of mmo_as_super; the API is neither.

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mmo_as_every_tenant', 'mmo_as_super', 'mmo_as_keys', 'mmo_as_authorization'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END $$;
GRANT mmo_as_reader TO mmo_as_keys, mmo_as_authorization, mmo_as_super;
GRANT mmo_as_every_tenant TO mmo_as_projector, mmo_as_relay, mmo_as_sweeper, mmo_as_exporter, mmo_as_background,
                             mmo_as_keys;
GRANT mmo_as_keys TO mmo_as_background;

-- Only SET LOCAL names a tenant: a function call smuggled into a SELECT cannot.
REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.current_tenant() RETURNS int LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('app.tenant', true), '')::int
$$;
ALTER FUNCTION tenancy.current_tenant OWNER TO mmo_owner;

-- Bind a table to its tenant. Every table of a tenant is given to this once, in the migration that makes it. Rights
-- (GRANT) say which tables a group may touch; these policies say which rows.
CREATE FUNCTION tenancy.isolate(t regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE own CONSTANT text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::int';
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_select ON %s FOR SELECT TO mmo_as_reader USING (%s)', t, own);
    EXECUTE format('CREATE POLICY own_insert ON %s FOR INSERT TO mmo_as_reader WITH CHECK (%s)', t, own);
    EXECUTE format('CREATE POLICY own_update ON %s FOR UPDATE TO mmo_as_reader USING (%s) WITH CHECK (%s)', t, own, own);
    EXECUTE format('CREATE POLICY own_delete ON %s FOR DELETE TO mmo_as_reader USING (%s)', t, own);
    EXECUTE format('CREATE POLICY every_tenant ON %s TO mmo_as_every_tenant USING (true) WITH CHECK (true)', t);
    EXECUTE format('CREATE POLICY super_select ON %s FOR SELECT TO mmo_as_super USING (true)', t);
    -- Functions that work for a caller (SECURITY DEFINER) run as the owner, and name the tenant in each statement.
    EXECUTE format('CREATE POLICY owner_works ON %s TO mmo_owner USING (true) WITH CHECK (true)', t);
END $$;
REVOKE ALL ON FUNCTION tenancy.isolate FROM PUBLIC;
