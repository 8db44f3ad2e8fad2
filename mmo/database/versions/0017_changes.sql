-- Changes: every command that moves no money, with what rules said of it; some wait until people have agreed.

CREATE SCHEMA changes AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA changes TO mmo_as_reader;

CREATE TABLE changes.change (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,                        -- UUIDv7: when it was asked for
    event text NOT NULL,                     -- '<entity>.<action>'
    object text NOT NULL,                    -- '<entity>/<id>'
    body jsonb NOT NULL,                     -- what was asked; never a secret, and nothing personal once it has ended
    maker jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'done', 'refused')),
    asks jsonb NOT NULL DEFAULT '[]',        -- of one that waits: whose agreement is asked for
    record jsonb NOT NULL DEFAULT '{}',      -- on what it was decided, and what each rule said
    refusal jsonb,                           -- {"code", "reason"}
    asked_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX change_pending ON changes.change (tenant_id, id) WHERE state = 'pending';

ALTER TABLE changes.change OWNER TO mmo_owner;
SELECT tenancy.isolate('changes.change');
GRANT SELECT ON changes.change TO mmo_as_reader;
GRANT INSERT, UPDATE ON changes.change TO mmo_as_poster;

-- What the rules of a change are decided on. A super-tenant has no rules: their version is 0.
CREATE FUNCTION changes.facts(p_tenant int, p_wallets uuid[]) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
        'business_date', (clock_timestamp() AT TIME ZONE t.timezone)::date,
        'rules_version', coalesce(l.rules_version, 0),
        'wallets', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'id', w.id, 'kind', w.kind, 'state', w.state, 'currency', w.currency, 'owner', w.owner,
                       'product', w.product, 'flags', w.flags)), '[]')
              FROM wallets.wallet w WHERE w.tenant_id = p_tenant AND w.id = ANY (p_wallets)))
      FROM tenancy.tenant t LEFT JOIN ledger.tenant l ON l.tenant_id = t.id
     WHERE t.id = p_tenant
$$;
ALTER FUNCTION changes.facts OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION changes.facts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION changes.facts TO mmo_as_poster;

-- Who stands too close to what they decide about: they created its maker, or set or approved a rule of the event within a
-- day. An alert tells of it; where the tenant says so, the vote does not count.
ALTER TABLE bep.settings ADD close text NOT NULL DEFAULT 'alert' CHECK (close IN ('alert', 'block'));
CREATE FUNCTION approvals.close(p_tenant int, p_subject text, p_maker text[], p_event text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'blocks', coalesce((SELECT close = 'block' FROM bep.settings WHERE tenant_id = p_tenant), false),
        'why', array_remove(ARRAY[
            CASE WHEN EXISTS (SELECT FROM identity.user_account u
                               WHERE u.tenant_id = p_tenant AND u.id::text = ANY (p_maker) AND u.created_by = p_subject)
                   OR EXISTS (SELECT FROM identity.client c
                               WHERE c.tenant_id = p_tenant AND c.id = ANY (p_maker) AND c.created_by = p_subject)
                 THEN 'created the maker' END,
            CASE WHEN EXISTS (SELECT FROM bep.definition d
                                JOIN bep.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id
                               WHERE d.tenant_id = p_tenant AND d.event = p_event
                                 AND (v.made_by = p_subject AND v.made_at > now() - interval '1 day'
                                   OR v.decided_by = p_subject AND v.decided_at > now() - interval '1 day'))
                 THEN 'set a rule of the event within a day' END], NULL))
$$;
ALTER FUNCTION approvals.close OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION approvals.close FROM PUBLIC;
GRANT EXECUTE ON FUNCTION approvals.close TO mmo_as_poster;
