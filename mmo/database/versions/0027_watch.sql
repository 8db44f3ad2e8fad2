-- The watch over the books, which looks every few seconds, and the freeze of issuance where clients' money is missing.

-- What the watch found when it looked last: one row per invariant.
CREATE TABLE books.watch (
    tenant_id int NOT NULL REFERENCES tenancy.tenant,
    invariant text NOT NULL,
    violations bigint NOT NULL,
    detail jsonb NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),        -- since when it says so
    PRIMARY KEY (tenant_id, invariant)
);
ALTER TABLE books.watch OWNER TO mmo_owner;
SELECT tenancy.isolate('books.watch');
GRANT SELECT ON books.watch TO mmo_as_reader;
GRANT INSERT, UPDATE ON books.watch TO mmo_as_bulk;

-- Suspend a type of movement, for a cause; once for each cause, so that an end that people have agreed to stands. False: it
-- is suspended already, or was for this cause.
CREATE FUNCTION books.suspend(p_tenant int, p_movement text, p_currency text, p_reason text, p_by text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_key CONSTANT jsonb := jsonb_build_object('movement', p_movement, 'currency', p_currency, 'product', NULL);
    v_content CONSTANT jsonb := jsonb_build_object('currency', p_currency, 'reason', p_reason);
    v_id uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(7303, p_tenant);
    IF EXISTS (SELECT FROM dated.definition d
                 JOIN dated.version v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id
                WHERE d.tenant_id = p_tenant AND d.kind = 'suspension' AND d.key = v_key
                  AND (v.content = v_content AND v.made_by = p_by
                       OR v.state = 'active' AND v.since <= now() AND (v.until IS NULL OR v.until > now()))) THEN
        RETURN false;
    END IF;
    SELECT d.id INTO v_id FROM dated.definition d
     WHERE d.tenant_id = p_tenant AND d.kind = 'suspension' AND d.key = v_key AND d.retired_at IS NULL FOR UPDATE;
    IF v_id IS NULL THEN
        v_id := gen_random_uuid();
        UPDATE dated.definition d SET retired_at = now()     -- what ends in a while ends now
         WHERE d.tenant_id = p_tenant AND d.kind = 'suspension' AND d.key = v_key AND d.retired_at > now();
        INSERT INTO dated.definition (tenant_id, id, kind, key, created_by)
        VALUES (p_tenant, v_id, 'suspension', v_key, p_by);
    END IF;
    INSERT INTO dated.version (tenant_id, definition_id, number, title, state, wanted, content, since, made_by, decided_by, decided_at)
    SELECT p_tenant, v_id, coalesce(max(v.number), 0) + 1, 'by the watch', 'active', 'active', v_content, now(), p_by, p_by, now()
      FROM dated.version v WHERE v.tenant_id = p_tenant AND v.definition_id = v_id;
    RETURN true;
END $$;
ALTER FUNCTION books.suspend OWNER TO mmo_owner;
REVOKE ALL ON FUNCTION books.suspend FROM PUBLIC;
GRANT EXECUTE ON FUNCTION books.suspend TO mmo_as_bulk;

-- Figures: movements by the minute, type, currency, and what they were refused for.
CREATE TABLE projections.figure_view (
    tenant_id int NOT NULL,
    minute timestamptz NOT NULL,
    type text NOT NULL,
    currency text NOT NULL,
    refusal text NOT NULL,                   -- '': posted
    movements bigint NOT NULL,
    value bigint NOT NULL,                   -- minor units
    fees bigint NOT NULL,
    taxes bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tenant_id, minute, type, currency, refusal)
);
ALTER TABLE projections.figure_view OWNER TO mmo_as_projector;
GRANT SELECT ON projections.figure_view TO mmo_as_reader;
SELECT tenancy.isolate('projections.figure_view');

-- What the projector has read already is counted here once; it goes on from where it is.
INSERT INTO projections.figure_view
SELECT e.tenant_id, date_trunc('minute', e.occurred_at), e.data ->> 'type', e.data #>> '{amount,currency}', o.refusal, count(*),
       sum(coalesce((p.prices ->> 'A')::bigint, (e.data ->> 'amount_minor')::bigint)),
       sum(coalesce((p.prices ->> 'F')::bigint, 0) + coalesce((p.prices ->> 'M')::bigint, 0)
           + coalesce((p.prices ->> 'S')::bigint, 0)),
       sum(coalesce((p.prices ->> 'X')::bigint, 0) + coalesce((p.prices ->> 'XM')::bigint, 0)
           + coalesce((p.prices ->> 'XS')::bigint, 0) + coalesce((p.prices ->> 'T')::bigint, 0)),
       max(e.xid)
  FROM messaging.event e
 CROSS JOIN LATERAL (SELECT CASE WHEN e.data ->> 'outcome' = 'posted' THEN '' ELSE coalesce(e.data ->> 'refusal', '') END) o (refusal)
 CROSS JOIN LATERAL (SELECT CASE WHEN o.refusal = '' THEN e.data -> 'prices' ELSE '{}' END) p (prices)
 WHERE e.aggregate = 'movement' AND e.data ->> 'step' = '1' AND e.data ->> 'outcome' IN ('posted', 'refused', 'released')
   AND e.xid <= (SELECT c.xid FROM messaging.cursor c WHERE c.consumer = 'projector')
 GROUP BY e.tenant_id, date_trunc('minute', e.occurred_at), e.data ->> 'type', e.data #>> '{amount,currency}', o.refusal;
