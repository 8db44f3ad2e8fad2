-- The broker carries copies. What it loses is put back from the feed, and what it repeats is known.

-- Where the stream stood when it last held every event before the relay's position.
CREATE TABLE messaging.stream_mark (
    stream text PRIMARY KEY,
    created text NOT NULL,                   -- by the broker: a stream that was made again has another
    last bigint NOT NULL,                    -- number of its newest message
    missing bigint NOT NULL,                 -- numbers below it without a message
    marked_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE messaging.stream_mark OWNER TO mmo_owner;
GRANT SELECT ON messaging.stream_mark TO mmo_as_reader;
GRANT INSERT, UPDATE ON messaging.stream_mark TO mmo_as_relay;

-- Reactions that were written down or given up, above the position of the consumer `effects`. All below it are done,
-- so the table stays short; with it, a message that the broker brings again is passed over, however old it is.
CREATE TABLE notifications.reaction_intake (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,                        -- of the event that asked
    xid bigint NOT NULL,                     -- its place in the feed
    outcome text NOT NULL CHECK (outcome IN ('taken', 'given_up')),
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX reaction_intake_xid ON notifications.reaction_intake (xid);
ALTER TABLE notifications.reaction_intake OWNER TO mmo_owner;
SELECT tenancy.isolate('notifications.reaction_intake');
GRANT SELECT ON notifications.reaction_intake TO mmo_as_reader;
GRANT INSERT, DELETE ON notifications.reaction_intake TO mmo_as_effects;
GRANT INSERT, UPDATE ON messaging.cursor TO mmo_as_effects;

-- The first reaction that is not done yet is found without walking the movements between.
CREATE INDEX event_reaction ON messaging.event (xid, seq) WHERE aggregate = 'reaction';

-- What was asked for a while ago is done, and so is what has left a row.
INSERT INTO messaging.cursor (consumer, xid)
SELECT 'effects', max(xid) FROM messaging.event WHERE occurred_at < now() - interval '2 days' HAVING count(*) > 0;
INSERT INTO notifications.reaction_intake (tenant_id, id, xid, outcome)
SELECT e.tenant_id, e.id, e.xid, 'taken' FROM messaging.event e
 WHERE e.aggregate = 'reaction' AND e.occurred_at >= now() - interval '2 days'
   AND (EXISTS (SELECT FROM notifications.message m WHERE m.tenant_id = e.tenant_id AND m.id = e.id)
        OR EXISTS (SELECT FROM notifications.delivery d WHERE d.tenant_id = e.tenant_id AND d.id = e.id)
        OR EXISTS (SELECT FROM notifications.notification n WHERE n.tenant_id = e.tenant_id AND n.id = e.id));
