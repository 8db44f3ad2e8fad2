-- What a tenant is. A super-tenant keeps no books: its staff read every tenant, and enter one where they are made
-- guests. Who was there before this migration is active.

ALTER TABLE tenancy.tenant
    ADD kind text NOT NULL DEFAULT 'operator' CHECK (kind IN ('operator', 'super')),
    ADD state text NOT NULL DEFAULT 'active' CHECK (state IN ('pending', 'active', 'suspended', 'closed')),
    ADD country char(2) NOT NULL DEFAULT 'KE' CHECK (country ~ '^[A-Z]{2}$'),
    ADD calendar jsonb NOT NULL DEFAULT '{}',     -- weekend (ISO days) and holidays
    ADD settings jsonb NOT NULL DEFAULT '{}',
    ADD version int NOT NULL DEFAULT 1;
ALTER TABLE tenancy.tenant ALTER state SET DEFAULT 'pending', ALTER country DROP DEFAULT;
ALTER TABLE tenancy.tenant DROP CONSTRAINT IF EXISTS tenant_currencies_check;
ALTER TABLE tenancy.tenant ADD CHECK (kind = 'super' OR cardinality(currencies) > 0);
GRANT UPDATE (name, state, timezone, currencies, calendar, settings, version) ON tenancy.tenant TO mmo_as_background;
CREATE FUNCTION tenancy.tenant_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('mmo_tenancy', NEW.id::text);
    RETURN NULL;
END $$;
ALTER FUNCTION tenancy.tenant_changed OWNER TO mmo_owner;
CREATE TRIGGER told AFTER INSERT OR UPDATE ON tenancy.tenant FOR EACH ROW EXECUTE FUNCTION tenancy.tenant_changed();
