-- Wallets: each row is the fold of the wallet's events, written in their transaction.

CREATE SCHEMA wallets AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA wallets TO mmo_as_reader;

CREATE TABLE wallets.wallet (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'frozen', 'closed')),
    currency char(3) NOT NULL,
    msisdn text NOT NULL,
    name text NOT NULL,
    owner text,                              -- the subject whose wallet it is; NULL: staff act for it
    accounts jsonb NOT NULL,                 -- product → ledger account
    version int NOT NULL,
    opened_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX wallet_alias ON wallets.wallet (tenant_id, msisdn) WHERE state <> 'closed';
CREATE INDEX wallet_owner ON wallets.wallet (tenant_id, owner);
ALTER TABLE wallets.wallet OWNER TO mmo_owner;
GRANT SELECT ON wallets.wallet TO mmo_as_reader;
GRANT INSERT, UPDATE ON wallets.wallet TO mmo_as_poster;
