-- What reactions bring about: messages, notifications, webhooks and tasks.

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mmo_as_reactor', 'mmo_as_effects'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
END $$;
GRANT mmo_as_reader TO mmo_as_reactor, mmo_as_effects;
GRANT mmo_as_every_tenant TO mmo_as_reactor, mmo_as_effects;
GRANT mmo_as_reactor, mmo_as_effects TO mmo_as_background;
GRANT INSERT, UPDATE ON messaging.cursor TO mmo_as_reactor;
GRANT EXECUTE ON FUNCTION bep.rules TO mmo_as_reactor;

-- What happened before there were reactions gives no cause for any.
INSERT INTO messaging.cursor (consumer, xid) SELECT 'reactor', max(xid) FROM messaging.event HAVING count(*) > 0;

CREATE SCHEMA notifications AUTHORIZATION mmo_owner;
CREATE SCHEMA tasks AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA notifications, tasks TO mmo_as_reader;

CREATE TABLE notifications.settings (
    tenant_id int PRIMARY KEY REFERENCES tenancy.tenant,
    language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'sw', 'fr')),
    sender text NOT NULL DEFAULT 'MMO' CHECK (sender ~ '^[A-Za-z0-9 ]{1,11}$')
);

-- A short message. Its text is sealed, its number is the wallet's: neither is anywhere in clear.
CREATE TABLE notifications.message (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,                        -- of the event that asked for it
    wallet uuid NOT NULL,
    definition uuid NOT NULL,
    text text NOT NULL CHECK (starts_with(text, 'enc:v1:')),
    coding text NOT NULL CHECK (coding IN ('gsm-7', 'ucs-2')),
    segments int NOT NULL,
    dedupe text,                             -- hash of the key under which it is sent once a day
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'delivered', 'failed')),
    reason text NOT NULL DEFAULT '',
    tries int NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX message_due ON notifications.message (due_at) WHERE state = 'queued';
CREATE INDEX message_dedupe ON notifications.message (tenant_id, dedupe, created_at) WHERE dedupe IS NOT NULL;

-- A part of a message as the SMS centre knows it: receipts come by its id.
CREATE TABLE notifications.part (
    tenant_id int NOT NULL,
    message_id uuid NOT NULL,
    number int NOT NULL,
    centre_id text NOT NULL,
    state text NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'delivered', 'failed')),
    PRIMARY KEY (tenant_id, message_id, number),
    FOREIGN KEY (tenant_id, message_id) REFERENCES notifications.message
);
CREATE INDEX part_centre ON notifications.part (centre_id);

-- Where an operator's programs want to hear of events.
CREATE TABLE notifications.endpoint (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    events text[] NOT NULL,                  -- names of business events; empty: all that rules send
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
    secret text NOT NULL CHECK (starts_with(secret, 'enc:v1:')),
    former_secret text CHECK (starts_with(former_secret, 'enc:v1:')),
    former_until timestamptz,                -- both secrets sign until then
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE notifications.delivery (
    tenant_id int NOT NULL,
    id uuid NOT NULL,                        -- of the event that asked for it: the receiver's webhook-id
    endpoint_id uuid NOT NULL,
    body text NOT NULL,                      -- as it is signed and sent, byte for byte
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'dead')),
    tries int NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    status int,                              -- of the last answer
    said text NOT NULL DEFAULT '',           -- the beginning of the last answer, or why there was none
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES notifications.endpoint
);
CREATE INDEX delivery_due ON notifications.delivery (due_at) WHERE state = 'queued';
CREATE INDEX delivery_endpoint ON notifications.delivery (tenant_id, endpoint_id, id);

-- What one user of staff is told.
CREATE TABLE notifications.notification (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    user_id text NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL,                        -- of the event that asked for it
    topic text NOT NULL,
    text text NOT NULL,
    about jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at timestamptz,
    PRIMARY KEY (tenant_id, user_id, seq),
    UNIQUE (tenant_id, user_id, id)
);

-- Those who hold a role now, within an office and what is below it; without the one who caused it.
CREATE FUNCTION notifications.audience(p_tenant int, p_role text, p_office text, p_but text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.id::text FROM identity.user_account u
      JOIN identity.role_grant g ON g.tenant_id = p_tenant AND g.user_id = u.id AND g.state = 'active'
      JOIN identity.role r ON r.tenant_id = p_tenant AND r.id = g.role_id AND r.name = p_role
     WHERE u.tenant_id = p_tenant AND u.state = 'active' AND u.id::text <> p_but
       AND (p_office = '' OR u.attributes ->> 'office' = p_office
            OR starts_with(u.attributes ->> 'office', p_office || '/'))
     GROUP BY u.id ORDER BY u.id LIMIT 1000
$$;

-- What somebody of a role has to do.
CREATE TABLE tasks.task (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,                        -- of the event that asked for it
    definition uuid NOT NULL,
    title text NOT NULL,
    role text NOT NULL,
    escalated_to text NOT NULL DEFAULT '',
    checklist text[] NOT NULL,
    blocks text[] NOT NULL,                  -- names of events that may not happen before it is done
    wallet uuid,
    event text NOT NULL,
    about jsonb NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
    opened_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz,
    escalated_at timestamptz,
    done_at timestamptz,
    done_by text,
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX task_of_role ON tasks.task (tenant_id, role, id);
CREATE INDEX task_blocks ON tasks.task (tenant_id, wallet) WHERE state = 'open' AND blocks <> '{}';

-- The open tasks that block an event, about any wallet that takes part in it.
CREATE FUNCTION bep.need_tasks(p_tenant int, p_need jsonb) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'definition', t.definition, 'title', t.title)
                              ORDER BY t.id), '[]')
      FROM tasks.task t
     WHERE t.tenant_id = p_tenant AND t.state = 'open'
       AND t.wallet = ANY (ARRAY(SELECT w.value::uuid FROM jsonb_each_text(p_need -> 'wallets') w))
       AND t.blocks @> ARRAY[p_need ->> 'event']
$$;

DO $$
DECLARE t regclass; f regprocedure;
BEGIN
    FOR t IN SELECT c.oid FROM pg_class c
              WHERE c.relnamespace IN ('notifications'::regnamespace, 'tasks'::regnamespace) AND c.relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO mmo_owner', t);
        EXECUTE format('GRANT SELECT ON %s TO mmo_as_reader', t);
        PERFORM tenancy.isolate(t);
    END LOOP;
    FOREACH f IN ARRAY ARRAY['notifications.audience(int, text, text, text)', 'bep.need_tasks(int, jsonb)']::regprocedure[]
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA tasks, notifications TO mmo_owner;
GRANT INSERT, UPDATE ON notifications.settings, notifications.endpoint, tasks.task TO mmo_as_poster;
GRANT UPDATE (state, tries, due_at, changed_at) ON notifications.delivery TO mmo_as_poster;
GRANT UPDATE (read_at) ON notifications.notification TO mmo_as_poster;
GRANT INSERT, UPDATE ON notifications.message, notifications.part, notifications.delivery TO mmo_as_effects;
GRANT INSERT ON notifications.notification TO mmo_as_effects;
GRANT EXECUTE ON FUNCTION notifications.audience TO mmo_as_effects;
