-- Movements whose workflow does not go on: its task fails, somebody ended it by hand, or its deadline has passed.

CREATE TABLE movements.stuck (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    movement_id uuid NOT NULL,
    reason text NOT NULL CHECK (reason IN ('task_fails', 'ended', 'paused', 'overdue')),
    detail text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    mends int NOT NULL DEFAULT 0,            -- how often it was begun anew or reset since then
    mended_at timestamptz,
    PRIMARY KEY (tenant_id, movement_id),
    FOREIGN KEY (tenant_id, movement_id) REFERENCES movements.command
);
ALTER TABLE movements.stuck OWNER TO mmo_owner;
SELECT tenancy.isolate('movements.stuck');
GRANT SELECT ON movements.stuck TO mmo_as_reader;
GRANT INSERT, UPDATE, DELETE ON movements.stuck TO mmo_as_sweeper, mmo_as_poster;

-- Nothing ends a movement that was accepted but its own process, which is begun anew from the rows.
DROP FUNCTION movements.fail;
