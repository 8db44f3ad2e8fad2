-- Movements that sleep, and the vouchers among them.

-- A step that is only tried may say in which state the movement stays where the step is refused: it waits on. A try that
-- comes too late finds the movement ended, and leaves it so. The function is long and stays as it is but for these lines.
DO $$
DECLARE
    body text := pg_get_functiondef('movements.post'::regproc);
    patch record;
BEGIN
    FOR patch IN SELECT * FROM (VALUES
        ('               CASE WHEN o.status[z] = 1 THEN ''refused'' ELSE e_state[z] END AS state,',
         '               CASE WHEN o.status[z] = 1 THEN coalesce((
                   SELECT CASE WHEN c.state LIKE ''pending%'' THEN e_event[z]::jsonb ->> ''otherwise'' ELSE c.state END
                     FROM movements.command c
                    WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[z] AND e_event[z]::jsonb ? ''otherwise''),
                   ''refused'') ELSE e_state[z] END AS state,
               o.status[z] = 1 AND e_event[z]::jsonb ? ''otherwise'' AS tried,'),
        ('               e_event[z]::jsonb AS event,',
         '               e_event[z]::jsonb - ''otherwise'' AS event,'),
        ('     WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[f.z] AND e_answers[f.z];',
         '     WHERE c.tenant_id = b.tenant_id AND c.movement_id = b.r_txn[f.z] AND e_answers[f.z]
       AND (NOT f.tried OR c.state LIKE ''pending%'');')) p (old, new)
    LOOP
        IF array_length(string_to_array(body, patch.old), 1) <> 2 THEN
            RAISE EXCEPTION 'movements.post is not as it was: %', patch.old;
        END IF;
        body := replace(body, patch.old, patch.new);
    END LOOP;
    EXECUTE body;
END $$;

-- Vouchers: for whom they are, and what is kept of their codes. The money is the movement's.
CREATE SCHEMA vouchers AUTHORIZATION mmo_owner;
GRANT USAGE ON SCHEMA vouchers TO mmo_as_reader;

CREATE TABLE vouchers.voucher (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    movement_id uuid NOT NULL,
    recipient char(32) NOT NULL CHECK (recipient ~ '^[0-9a-f]{32}$'),   -- blind index of the number, as wallets have it
    msisdn text NOT NULL CONSTRAINT msisdn_is_sealed CHECK (starts_with(msisdn, 'enc:v1:')),
    currency char(3) NOT NULL,
    salt bytea NOT NULL,
    mac bytea NOT NULL,                      -- of the code
    key_n int NOT NULL,                      -- which of the tenant's keys made it
    tries smallint NOT NULL DEFAULT 0,       -- wrong codes since it was unlocked
    PRIMARY KEY (tenant_id, movement_id),
    FOREIGN KEY (tenant_id, movement_id) REFERENCES movements.command
);
CREATE INDEX voucher_recipient ON vouchers.voucher (tenant_id, recipient);
ALTER TABLE vouchers.voucher OWNER TO mmo_owner;
SELECT tenancy.isolate('vouchers.voucher');
GRANT SELECT ON vouchers.voucher TO mmo_as_reader;
GRANT INSERT, UPDATE (tries) ON vouchers.voucher TO mmo_as_poster;
