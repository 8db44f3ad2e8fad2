-- Who may: users, roles, clients, log-ins, refresh families, and the PIN vault.
--
-- Secrets stand here as hashes only; a TOTP seed is sealed with the tenant's data key. The authorization server writes
-- log-ins and tokens, the API administers users, roles and clients but cannot read what proves them.

CREATE SCHEMA identity AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA identity TO mmo_as_reader;

-- What the resource servers keep in memory about a tenant; its version is raised by every change of what somebody may.
CREATE TABLE identity.policy (
    tenant_id int PRIMARY KEY REFERENCES tenancy.tenant,
    version bigint NOT NULL DEFAULT 1,
    epoch bigint NOT NULL DEFAULT 0,         -- access tokens of an earlier epoch are refused
    pin_demanded jsonb NOT NULL DEFAULT '{"roles": ["customer"], "movements": ["p2p-transfer", "cash-out"]}'
);

CREATE TABLE identity.role (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id int NOT NULL CHECK (id > 0),
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{1,40}$'),
    permissions text[] NOT NULL,             -- scopes that its holders may use
    version int NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE identity.user_account (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    username text NOT NULL CHECK (username ~ '^[a-z0-9][a-z0-9._@-]{1,62}$'),
    name text NOT NULL,
    state text NOT NULL DEFAULT 'invited' CHECK (state IN ('invited', 'active', 'suspended', 'closed')),
    attributes jsonb NOT NULL DEFAULT '{}',  -- claims: office, channel, limit_profile …
    home text,                               -- '<tenant>/<subject>' of somebody who may enter from another tenant
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    version int NOT NULL DEFAULT 1,
    epoch bigint NOT NULL DEFAULT 0,
    invitation bytea,                        -- SHA-256 of the one-time code; its holder sets password and TOTP
    invited_until timestamptz,
    password text,                           -- Argon2id
    totp text,                               -- sealed
    totp_step bigint NOT NULL DEFAULT 0,     -- the last step that was used: a code works once
    failed int NOT NULL DEFAULT 0,
    locked_until timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, username),
    UNIQUE (tenant_id, home)
);

-- A grant is pending until somebody else activates it.
CREATE TABLE identity.role_grant (
    tenant_id int NOT NULL,
    user_id uuid NOT NULL,
    role_id int NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'active', 'revoked')),
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    decided_by text CHECK (state <> 'active' OR decided_by <> asked_by),
    decided_at timestamptz,
    PRIMARY KEY (tenant_id, user_id, role_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES identity.user_account,
    FOREIGN KEY (tenant_id, role_id) REFERENCES identity.role
);

CREATE TABLE identity.client (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id text NOT NULL CHECK (id ~ '^[a-z0-9][a-z0-9._-]{1,62}$'),
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('confidential', 'public')),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended', 'closed')),
    grants text[] NOT NULL,
    scopes text[] NOT NULL,
    redirect_uris text[] NOT NULL DEFAULT '{}',
    trusted_channel boolean NOT NULL DEFAULT false,   -- may send PINs: the operator's own apps and USSD
    attributes jsonb NOT NULL DEFAULT '{}',
    jwks jsonb,                              -- public keys of private_key_jwt
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    version int NOT NULL DEFAULT 1,
    secret bytea,                            -- SHA-256 of 256 random bits
    failed int NOT NULL DEFAULT 0,
    locked_until timestamptz,
    PRIMARY KEY (tenant_id, id)
);

-- Log-ins at the authorization server: the cookie of the log-in page.
CREATE TABLE identity.session (
    tenant_id int NOT NULL,
    hash bytea NOT NULL,
    user_id uuid NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL,
    amr text[] NOT NULL,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES identity.user_account
);

CREATE TABLE identity.token_family (
    tenant_id int NOT NULL,
    id uuid NOT NULL,
    subject text NOT NULL,
    client_id text NOT NULL,
    scope text NOT NULL,
    claims jsonb NOT NULL,                   -- what each access token of the family repeats
    began_at timestamptz NOT NULL DEFAULT now(),
    idle_s int NOT NULL,
    ends_at timestamptz NOT NULL,
    revoked_at timestamptz,
    reason text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, client_id) REFERENCES identity.client
);
CREATE INDEX token_family_subject ON identity.token_family (tenant_id, subject) WHERE revoked_at IS NULL;

CREATE TABLE identity.refresh_token (
    tenant_id int NOT NULL,
    hash bytea NOT NULL,                     -- SHA-256 of 256 random bits
    family_id uuid NOT NULL,
    parent bytea,
    issued_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, family_id) REFERENCES identity.token_family
);
CREATE INDEX refresh_token_parent ON identity.refresh_token (tenant_id, parent);

CREATE TABLE identity.authorization_code (
    tenant_id int NOT NULL,
    hash bytea NOT NULL,
    client_id text NOT NULL,
    user_id uuid NOT NULL,
    redirect_uri text NOT NULL,
    challenge text NOT NULL,                 -- S256
    scope text NOT NULL,
    nonce text,
    amr text[] NOT NULL,
    auth_time bigint NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz,
    family_id uuid,                          -- what it brought forth: revoked when the code comes again
    PRIMARY KEY (tenant_id, hash)
);

-- Ids of client assertions and subject tokens that were used, until they expire.
CREATE TABLE identity.used_assertion (
    tenant_id int NOT NULL,
    client_id text NOT NULL,
    jti text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, client_id, jti)
);

-- The PIN vault. An attempt is counted before the MAC is asked for; the MAC is bound to the wallet.
CREATE TABLE identity.pin (
    tenant_id int NOT NULL,
    wallet_id uuid NOT NULL,
    mac bytea NOT NULL,
    salt bytea NOT NULL,
    key_n int NOT NULL,                      -- number of the key that made the MAC
    earlier jsonb NOT NULL DEFAULT '[]',     -- salt and MAC of the last three, hex, and the key's number
    failed int NOT NULL DEFAULT 0,           -- of this stage
    stage int NOT NULL DEFAULT 0,            -- 0: open; 1: after 15 minutes; 2: after 24 hours; 3: only a reset helps
    locked_until timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, wallet_id)
);

-- Failed tries by what the same hand could have used, for spraying one PIN over many wallets.
CREATE TABLE identity.pin_source (
    tenant_id int NOT NULL,
    source text NOT NULL,                    -- 'client/…', 'subject/…', 'ip/…'
    began_at timestamptz NOT NULL DEFAULT now(),
    wallets uuid[] NOT NULL DEFAULT '{}',
    blocked_until timestamptz,
    PRIMARY KEY (tenant_id, source)
);

-- A PIN that was proved: good for one request, for a minute.
CREATE TABLE identity.pin_proof (
    tenant_id int NOT NULL,
    hash bytea NOT NULL,
    wallet_id uuid NOT NULL,
    subject text NOT NULL,
    request bytea NOT NULL,                  -- SHA-256 of the request that it is for
    expires_at timestamptz NOT NULL,
    used_by text,                            -- the idempotency key that it went with
    PRIMARY KEY (tenant_id, hash)
);

-- A reset is asked for by one and carried out by another.
CREATE TABLE identity.pin_reset (
    tenant_id int NOT NULL,
    id uuid NOT NULL,
    wallet_id uuid NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now(),
    decided_by text CHECK (decided_by <> asked_by),
    code bytea,                              -- SHA-256 of the one-time code that the customer sets a new PIN with
    expires_at timestamptz,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);

CREATE FUNCTION identity.policy_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_tenant int;
BEGIN
    FOR v_tenant IN SELECT DISTINCT tenant_id FROM changed LOOP
        UPDATE identity.policy SET version = version + 1 WHERE tenant_id = v_tenant;
        PERFORM pg_notify('mmo_identity', v_tenant::text);
    END LOOP;
    RETURN NULL;
END $$;
ALTER FUNCTION identity.policy_changed OWNER TO mmo_owner;

DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'identity' LOOP
        EXECUTE format('ALTER TABLE identity.%I OWNER TO mmo_owner', name);
        PERFORM tenancy.isolate(format('identity.%I', name)::regclass);
        EXECUTE format('GRANT ALL ON identity.%I TO mmo_as_background', name);
        EXECUTE format('REVOKE TRUNCATE, REFERENCES, TRIGGER ON identity.%I FROM mmo_as_background', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['role', 'role_grant', 'client'] LOOP
        EXECUTE format('CREATE TRIGGER told_new AFTER INSERT ON identity.%I REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION identity.policy_changed()', name);
        EXECUTE format('CREATE TRIGGER told_changed AFTER UPDATE ON identity.%I REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION identity.policy_changed()', name);
        EXECUTE format('CREATE TRIGGER told_gone AFTER DELETE ON identity.%I REFERENCING OLD TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION identity.policy_changed()', name);
    END LOOP;
END $$;

-- Epochs and settings are raised by a function of the process that changes them.
CREATE FUNCTION identity.raise_epoch(p_tenant int, p_user uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM tenancy.current_tenant() THEN
        RAISE EXCEPTION 'not the tenant of this transaction' USING ERRCODE = '42501';
    END IF;
    IF p_user IS NULL THEN
        UPDATE identity.policy SET epoch = epoch + 1, version = version + 1 WHERE tenant_id = p_tenant;
    ELSE
        UPDATE identity.user_account SET epoch = epoch + 1 WHERE tenant_id = p_tenant AND id = p_user;
        UPDATE identity.policy SET version = version + 1 WHERE tenant_id = p_tenant;
    END IF;
    PERFORM pg_notify('mmo_identity', p_tenant::text);
END $$;
ALTER FUNCTION identity.raise_epoch OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION identity.raise_epoch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.raise_epoch TO mmo_as_poster, mmo_as_authorization, mmo_as_background;
GRANT USAGE ON SCHEMA tenancy TO mmo_owner;

GRANT SELECT ON identity.policy, identity.role, identity.role_grant TO mmo_as_reader;
GRANT SELECT (tenant_id, id, username, name, state, attributes, home, created_by, created_at, version, epoch,
              invited_until, failed, locked_until) ON identity.user_account TO mmo_as_reader;
GRANT SELECT (tenant_id, id, name, kind, state, grants, scopes, redirect_uris, trusted_channel, attributes, jwks,
              created_by, created_at, version) ON identity.client TO mmo_as_reader;

-- The API administers.
GRANT INSERT, UPDATE ON identity.role, identity.role_grant TO mmo_as_poster;
GRANT INSERT (tenant_id, id, username, name, attributes, home, state, created_by, invitation, invited_until),
      UPDATE (name, state, attributes, home, version, invitation, invited_until, failed, locked_until)
   ON identity.user_account TO mmo_as_poster;
GRANT INSERT (tenant_id, id, name, kind, grants, scopes, redirect_uris, trusted_channel, attributes, jwks, created_by, secret),
      UPDATE (name, state, grants, scopes, redirect_uris, trusted_channel, attributes, jwks, version, secret, failed,
              locked_until)
   ON identity.client TO mmo_as_poster;
GRANT UPDATE (pin_demanded) ON identity.policy TO mmo_as_poster;
GRANT SELECT, INSERT, UPDATE ON identity.pin, identity.pin_source, identity.pin_proof, identity.pin_reset TO mmo_as_poster;
GRANT SELECT (tenant_id, id, subject, client_id, began_at, ends_at, revoked_at), UPDATE (revoked_at, reason)
   ON identity.token_family TO mmo_as_poster;

-- The authorization server proves and issues.
GRANT SELECT ON identity.user_account, identity.client TO mmo_as_authorization;
GRANT UPDATE (password, totp, totp_step, failed, locked_until, state, invitation, invited_until) ON identity.user_account
   TO mmo_as_authorization;
GRANT UPDATE (failed, locked_until) ON identity.client TO mmo_as_authorization;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.session, identity.token_family, identity.refresh_token,
      identity.authorization_code, identity.used_assertion TO mmo_as_authorization;
GRANT SELECT, INSERT, UPDATE ON identity.pin, identity.pin_source TO mmo_as_authorization;
GRANT SELECT ON wallets.wallet TO mmo_as_authorization;
