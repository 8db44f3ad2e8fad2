-- One-time authorisation codes: a customer's yes, given before a merchant asks. Whether one is used is known to the claim
-- that the payment takes.

CREATE SCHEMA authorisations AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA authorisations TO mmo_as_reader;

CREATE TABLE authorisations.code (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    wallet uuid NOT NULL,                    -- that would pay
    amount bigint NOT NULL CHECK (amount > 0),
    currency char(3) NOT NULL,
    amount_type text NOT NULL CHECK (amount_type IN ('exact', 'maximum')),
    expires_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    salt bytea NOT NULL,
    mac bytea NOT NULL,                      -- of the code
    key_n int NOT NULL,                      -- which of the tenant's keys made it
    tries smallint NOT NULL DEFAULT 0,       -- wrong codes that were held against it
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX code_wallet ON authorisations.code (tenant_id, wallet, id);
ALTER TABLE authorisations.code OWNER TO mmo_owner;
SELECT tenancy.isolate('authorisations.code');
GRANT SELECT ON authorisations.code TO mmo_as_reader;
GRANT INSERT, UPDATE (tries, cancelled_at) ON authorisations.code TO mmo_as_poster;
