-- Dated terms: documents of several kinds (tariffs …) whose versions begin and end in time, each approved by two people.

CREATE SCHEMA dated AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA dated TO mmo_as_reader;

-- A definition is what terms are for; what they say is its versions.
CREATE TABLE dated.definition (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    kind text NOT NULL,                      -- 'tariff', …
    key jsonb NOT NULL,                      -- what it is for, such as {"movement", "currency", "product"}
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,                  -- when its last version ends; it may be a moment to come
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX definition_key ON dated.definition (tenant_id, kind, key) WHERE retired_at IS NULL;

-- A version that was approved never changes but for its end: what priced a movement of last year can be read for ever.
CREATE TABLE dated.version (
    tenant_id int NOT NULL,
    definition_id uuid NOT NULL,
    number int NOT NULL CHECK (number > 0),
    title text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'rejected', 'withdrawn', 'retired')),
    wanted text NOT NULL CHECK (wanted IN ('active', 'retired')),             -- what approval makes of it
    content jsonb NOT NULL,
    since timestamptz,                       -- NULL while it waits: when it is approved
    until timestamptz,                       -- NULL: until the next version begins
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    decided_by text,
    decided_at timestamptz,
    PRIMARY KEY (tenant_id, definition_id, number),
    FOREIGN KEY (tenant_id, definition_id) REFERENCES dated.definition,
    CHECK (since IS NOT NULL OR state IN ('pending', 'rejected')),
    CHECK (since IS NULL OR until IS NULL OR since < until)
);
-- Whatever the code believes: no moment has two versions. A lock on the definition keeps them apart; this says so.
CREATE UNIQUE INDEX version_begins ON dated.version (tenant_id, definition_id, since) WHERE state = 'active';
CREATE UNIQUE INDEX version_open ON dated.version (tenant_id, definition_id) WHERE state = 'active' AND until IS NULL;
CREATE UNIQUE INDEX version_pending ON dated.version (tenant_id, definition_id) WHERE state = 'pending';

CREATE TABLE dated.settings (
    tenant_id int PRIMARY KEY REFERENCES tenancy.tenant,
    four_eyes boolean NOT NULL DEFAULT true, -- whether a version needs a second person
    waiver_by text                           -- who has asked that it need none; somebody else must agree
);

ALTER TABLE dated.definition OWNER TO mmo_owner;
ALTER TABLE dated.version OWNER TO mmo_owner;
ALTER TABLE dated.settings OWNER TO mmo_owner;
SELECT tenancy.isolate('dated.definition'), tenancy.isolate('dated.version'), tenancy.isolate('dated.settings');
GRANT SELECT ON dated.definition, dated.version, dated.settings TO mmo_as_reader;
GRANT INSERT ON dated.definition, dated.version, dated.settings TO mmo_as_poster;
GRANT UPDATE (retired_at) ON dated.definition TO mmo_as_poster;
GRANT UPDATE (state, since, until, decided_by, decided_at) ON dated.version TO mmo_as_poster;
GRANT UPDATE ON dated.settings TO mmo_as_poster;

-- Whoever changes what is in force raises the version of all rules in the same transaction: decisions that are made under
-- the old terms turn stale. A trigger, so that nobody can forget it.
CREATE FUNCTION dated.terms_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM ledger.raise_rules(NEW.tenant_id);
    RETURN NULL;
END $$;
CREATE TRIGGER begins AFTER INSERT ON dated.version FOR EACH ROW WHEN (NEW.state = 'active')
    EXECUTE FUNCTION dated.terms_changed();
CREATE TRIGGER changes AFTER UPDATE OF state, since, until ON dated.version FOR EACH ROW
    WHEN (OLD.state = 'active' OR NEW.state = 'active') EXECUTE FUNCTION dated.terms_changed();

-- The terms in force now and later, with the version of all rules: read together, so that they fit. Those that ended
-- within a day are told, too: whoever decides by a clock that is read before this still finds the terms of that moment.
CREATE FUNCTION dated.in_force(p_tenant int) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('version', l.rules_version, 'terms', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
                   'kind', d.kind, 'id', d.id, 'key', d.key, 'number', v.number, 'content', v.content,
                   'since', v.since, 'until', v.until) ORDER BY v.since), '[]')
          FROM dated.definition d
          JOIN dated.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id AND v.state = 'active'
         WHERE d.tenant_id = p_tenant AND (v.until IS NULL OR v.until > now() - interval '1 day')))
      FROM ledger.tenant l WHERE l.tenant_id = p_tenant
$$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'dated'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION dated.in_force TO mmo_as_poster, mmo_as_background, mmo_as_sweeper;
    GRANT USAGE ON SCHEMA dated TO mmo_owner;
END $$;
