-- Reconciliations: histories, journal and events of a span held against each other, and what broke.

CREATE TABLE histories.reconciliation (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    id uuid NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
    result jsonb,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK (since < until)
);
ALTER TABLE histories.reconciliation OWNER TO mmo_owner;
SELECT tenancy.isolate('histories.reconciliation');
GRANT SELECT ON histories.reconciliation TO mmo_as_reader;
GRANT INSERT ON histories.reconciliation TO mmo_as_poster;
GRANT UPDATE (state, result, ended_at) ON histories.reconciliation TO mmo_as_bulk;
