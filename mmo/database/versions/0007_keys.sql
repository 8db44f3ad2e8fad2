-- Keys: their register. The material of a key lies in the token and nowhere else; what is here says which key is for
-- what, and whether it may still be relied on. Tenant 0 is the platform.

CREATE SCHEMA keys AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA keys TO mmo_as_reader;

CREATE TABLE keys.key (
    tenant_id int NOT NULL CHECK (tenant_id >= 0),
    id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('jwt', 'decision', 'pin', 'msisdn', 'kek', 'temporal', 'audit')),
    n int NOT NULL CHECK (n > 0),
    state text NOT NULL CHECK (state IN ('next', 'active', 'retired', 'disabled', 'destroyed')),
    kid text,                                -- RFC 7638 thumbprint of a signing key, the same in every database
    public_jwk jsonb,
    pkcs11_id bytea NOT NULL CHECK (length(pkcs11_id) = 16),   -- CKA_ID: labels are not unique, this is
    not_before timestamptz,                  -- when it became active
    not_after timestamptz,                   -- retired: until then what it signed may be relied on
    version int NOT NULL DEFAULT 1,          -- raised by each change, so that a reader sees one by a sum
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, purpose, n),
    CHECK ((kid IS NULL) = (public_jwk IS NULL))
);
ALTER TABLE keys.key OWNER TO mmo_owner;
CREATE UNIQUE INDEX key_one_active ON keys.key (tenant_id, purpose) WHERE state = 'active';
CREATE UNIQUE INDEX key_one_next ON keys.key (tenant_id, purpose) WHERE state = 'next';
SELECT tenancy.isolate('keys.key');
-- Public keys are public: whoever verifies a token needs the keys of every tenant before it knows whose the token is.
CREATE POLICY public_keys ON keys.key FOR SELECT TO mmo_as_reader USING (true);
GRANT SELECT ON keys.key TO mmo_as_reader;
GRANT INSERT, UPDATE ON keys.key TO mmo_as_keys;

CREATE TABLE keys.data_key (
    tenant_id int NOT NULL,
    id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose ~ '^[a-z]{2,16}$'),
    kek_id uuid NOT NULL,
    wrapped bytea NOT NULL,                  -- by RFC 3394 under the KEK; worthless without it
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'destroyed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, kek_id) REFERENCES keys.key (tenant_id, id)
);
ALTER TABLE keys.data_key OWNER TO mmo_owner;
CREATE INDEX data_key_newest ON keys.data_key (tenant_id, purpose, created_at);
CREATE INDEX data_key_kek ON keys.data_key (tenant_id, kek_id);
SELECT tenancy.isolate('keys.data_key');
GRANT SELECT, INSERT ON keys.data_key TO mmo_as_keys, mmo_as_authorization;
GRANT UPDATE ON keys.data_key TO mmo_as_keys;

CREATE FUNCTION keys.raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'destroyed' AND NEW.state <> 'destroyed' THEN
        RAISE EXCEPTION 'a destroyed key stays destroyed' USING ERRCODE = 'LB010';
    END IF;
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
ALTER FUNCTION keys.raise_version OWNER TO mmo_owner;
CREATE TRIGGER raise_version BEFORE UPDATE ON keys.key FOR EACH ROW EXECUTE FUNCTION keys.raise_version();

-- Everybody who trusts or has unwrapped a key hears of the change at once. It happens a few times a day.
CREATE FUNCTION keys.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('mmo_keys', '');
    RETURN NULL;
END $$;
ALTER FUNCTION keys.tell OWNER TO mmo_owner;
CREATE TRIGGER tell AFTER INSERT OR UPDATE ON keys.key FOR EACH STATEMENT EXECUTE FUNCTION keys.tell();
