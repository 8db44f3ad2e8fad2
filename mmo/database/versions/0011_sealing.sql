-- A wallet's number and name are kept sealed (`enc:v1:…`) under the tenant's data key; a number is found by `alias`,
-- its HMAC under the tenant's key, cut to 16 bytes. A database whose wallets are in clear is refused: sealing them
-- needs the tenants' keys, which a migration has not, and their events would keep the names in clear for ever.

DO $$ BEGIN
    IF EXISTS (SELECT FROM wallets.wallet) THEN
        RAISE EXCEPTION 'the wallets in this database were opened before names were sealed'
            USING HINT = 'start on a fresh data directory (mmo reset), or keep the release before';
    END IF;
END $$;

DROP INDEX wallets.wallet_alias;
ALTER TABLE wallets.wallet
    ADD alias char(32) NOT NULL CHECK (alias ~ '^[0-9a-f]{32}$'),
    ADD CONSTRAINT number_is_sealed CHECK (starts_with(msisdn, 'enc:v1:')),
    ADD CONSTRAINT name_is_sealed CHECK (starts_with(name, 'enc:v1:'));
CREATE UNIQUE INDEX wallet_alias ON wallets.wallet (tenant_id, alias) WHERE state <> 'closed';
