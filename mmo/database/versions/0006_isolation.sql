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
GRANT EXECUTE ON FUNCTION tenancy.isolate TO mmo_as_projector;

-- Which movements a wallet is in: a list by wallet is found by an index that leads with the tenant. Behind a row policy
-- an index of arrays is not used, for its operators might tell what they see.
CREATE TABLE projections.movement_wallet (
    tenant_id int NOT NULL,
    wallet uuid NOT NULL,
    movement_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, wallet, movement_id)
);
ALTER TABLE projections.movement_wallet OWNER TO mmo_as_projector;
GRANT SELECT ON projections.movement_wallet TO mmo_as_reader;
INSERT INTO projections.movement_wallet
SELECT DISTINCT tenant_id, wallet, id FROM projections.movement_view, unnest(wallets) wallet;
DROP INDEX projections.movement_view_wallets;
ALTER TABLE projections.movement_view DROP COLUMN wallets;
CREATE INDEX movement_view_actor ON projections.movement_view (tenant_id, actor, id);

-- Every table that was there before. By name, for a list that is read is a list that can be missed.
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT a.attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
              WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p')
                AND c.relnamespace::regnamespace::text IN ('ledger', 'messaging', 'movements', 'wallets', 'projections',
                                                           'histories') LOOP
        PERFORM tenancy.isolate(t);
    END LOOP;
END $$;

-- A view shows what its caller may see, not what its owner may.
ALTER VIEW ledger.balance SET (security_invoker = true);

-- A rebuild makes its shadow tables by this: bound to their tenants like those that they take the place of.
CREATE FUNCTION projections.make_shadow(p_table text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS projections_shadow.%I', p_table);
    EXECUTE format('CREATE TABLE projections_shadow.%1$I (LIKE projections.%1$I INCLUDING ALL)', p_table);
    EXECUTE format('GRANT SELECT ON projections_shadow.%I TO mmo_as_reader', p_table);
    PERFORM tenancy.isolate(format('projections_shadow.%I', p_table)::regclass);
END $$;
ALTER FUNCTION projections.make_shadow OWNER TO mmo_as_projector;
REVOKE ALL ON FUNCTION projections.make_shadow FROM PUBLIC;

-- How far each reader of the feed is behind, counted over all tenants: numbers only, for whoever measures a process.
CREATE FUNCTION messaging.lags(p_max bigint) RETURNS TABLE (consumer text, events bigint, age_s float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.consumer, behind.n, coalesce(extract(epoch FROM now() - behind.oldest), 0)::float8
      FROM messaging.cursor c
     CROSS JOIN LATERAL (SELECT count(*) AS n, min(e.occurred_at) AS oldest
                           FROM (SELECT occurred_at FROM messaging.event
                                  WHERE xid > c.xid ORDER BY xid LIMIT p_max) e) behind
     ORDER BY c.consumer
$$;
ALTER FUNCTION messaging.lags OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION messaging.lags FROM PUBLIC;
GRANT EXECUTE ON FUNCTION messaging.lags TO mmo_as_reader;

-- What only opening a tenant, activating rules and rolling up need, a process of requests has no business with.
REVOKE EXECUTE ON FUNCTION ledger.open_tenant, ledger.raise_rules, ledger.rollup FROM mmo_as_poster;
GRANT EXECUTE ON FUNCTION ledger.open_tenant, ledger.raise_rules TO mmo_as_background;
