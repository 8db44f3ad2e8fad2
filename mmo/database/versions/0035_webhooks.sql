-- An endpoint that answers 410 wants no more; one that answers Retry-After wants none for a while.
ALTER TABLE notifications.endpoint
    ADD COLUMN disabled_because text NOT NULL DEFAULT '',  -- 'asked': by staff; 'gone': the receiver answered 410
    ADD COLUMN rests_until timestamptz;                    -- nothing is sent to it before
UPDATE notifications.endpoint SET disabled_because = 'asked' WHERE state = 'disabled';
ALTER TABLE notifications.endpoint ADD CHECK (disabled_because IN ('', 'asked', 'gone'));
GRANT UPDATE (state, disabled_because, rests_until, version) ON notifications.endpoint TO mmo_as_effects;
-- A ping is a delivery that staff ask for; whoever disables an endpoint ends what waits for it.
GRANT INSERT, UPDATE (said) ON notifications.delivery TO mmo_as_poster;

UPDATE notifications.delivery d SET state = 'dead', said = 'the endpoint is disabled', changed_at = now()
  FROM notifications.endpoint e
 WHERE e.tenant_id = d.tenant_id AND e.id = d.endpoint_id AND e.state = 'disabled' AND d.state = 'queued';
