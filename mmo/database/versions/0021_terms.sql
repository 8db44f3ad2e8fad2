-- Terms in decisions: limits and free uses are counters of the ledger, and the books have a date of their own.

ALTER TABLE ledger.tenant ADD business_date date;       -- the open day of the books; NULL: they follow the calendar

-- Two numbers of counters mean something else. Under -1 nothing is counted: the cap is what the account may hold once the
-- request is posted. And whoever is refused for the reason 'stale' was decided on a count that others have moved since.
-- The function is long and stays as it is but for these lines.
DO $$
DECLARE
    body text := pg_get_functiondef('ledger.post'::regproc);
    patch record;
BEGIN
    FOR patch IN SELECT * FROM (VALUES
        ('                k := w_key[w]; wu := w;
',
         '                k := w_key[w]; wu := w;
                IF w_bucket[w] = -1 THEN
                    x := array_position(v_ids, w_account[w]);
                    IF v_posted[x] > w_cap_amount[w] THEN
                        bad := w_refusal[w];
                        why := jsonb_build_object(''account'', w_account[w], ''balance'', v_posted[x],
                                                  ''cap_amount'', w_cap_amount[w]);
                        EXIT;
                    END IF;
                    CONTINUE;
                END IF;
'),
        ('        IF bad IS NULL AND NOT stale THEN
            v_wanted := v_wanted + 1;
',
         '        IF bad = ''stale'' THEN
            bad := NULL; why := NULL; stale := true;
        END IF;
        IF bad IS NULL AND NOT stale THEN
            v_wanted := v_wanted + 1;
'),
        ('            WHERE u.request = z) g ON', '            WHERE u.request = z AND u.bucket <> -1) g ON'),
        ('         WHERE v_status[z.request] = 0 AND v_known[z.request] IS NULL
        ON CONFLICT (tenant_id, account_id, bucket, period)',
         '         WHERE v_status[z.request] = 0 AND v_known[z.request] IS NULL AND z.bucket <> -1
        ON CONFLICT (tenant_id, account_id, bucket, period)')) p (old, new)
    LOOP
        IF array_length(string_to_array(body, patch.old), 1) <> 2 THEN
            RAISE EXCEPTION 'ledger.post is not as it was: %', patch.old;
        END IF;
        body := replace(body, patch.old, patch.new);
    END LOOP;
    EXECUTE body;
END $$;

-- Tenants that were opened before have the accounts that movements need by now.
INSERT INTO movements.chart (tenant_id, code, currency, account_id)
SELECT t.id, a.code, c.currency, ledger.open_account(t.id, a.code, c.currency, a.book, a.deferred)
  FROM tenancy.tenant t
 CROSS JOIN unnest(t.currencies) c (currency)
 CROSS JOIN (VALUES ('OP.MARKETING_POOL', 'E', false), ('OP.LOSS_POOL', 'E', false), ('TAX.LEVY', 'E', true),
                    ('CORP_BANK', 'C', true), ('OWN_EMONEY.fees', 'C', true), ('OWN_EMONEY.commission_pool', 'C', true),
                    ('OWN_EMONEY.marketing_pool', 'C', true), ('OWN_EMONEY.loss_pool', 'C', true),
                    ('FEE_REVENUE', 'C', true), ('AGENT_COMMISSION_EXPENSE', 'C', true), ('MARKETING_EXPENSE', 'C', true),
                    ('OPERATIONAL_LOSS', 'C', true)) a (code, book, deferred)
 WHERE EXISTS (SELECT FROM movements.chart k WHERE k.tenant_id = t.id AND k.code = 'OP.FEES' AND k.currency = c.currency)
   AND NOT EXISTS (SELECT FROM movements.chart k
                    WHERE k.tenant_id = t.id AND k.code = a.code AND k.currency = c.currency);

-- As before; each wallet tells its party and tier, and an agent's the wallets of the two above it in the tree, which are
-- among the wallets. Beside the date of the books stands that of the tenant's clock; and of the counters named, which are
-- those of free uses, from 10000 on with a window told by the number, how many there were.
DROP FUNCTION movements.facts;
CREATE FUNCTION movements.facts(p_tenant int, p_txn uuid[], p_wallets uuid[],
                                p_free_wallets uuid[] DEFAULT '{}', p_free_buckets smallint[] DEFAULT '{}') RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH earner AS (
        SELECT n.id AS agent, above.role, e.id
          FROM wallets.wallet n
          JOIN parties.party a ON a.tenant_id = p_tenant AND a.id = n.party
          JOIN parties.party s ON s.tenant_id = p_tenant AND s.id = a.parent
         CROSS JOIN LATERAL (VALUES ('super-agent', s.id), ('master-agent', s.parent)) above (role, party)
         CROSS JOIN LATERAL (SELECT w.id FROM wallets.wallet w
                              WHERE w.tenant_id = p_tenant AND w.party = above.party AND w.currency = n.currency
                                AND w.kind = 'super_agent' AND w.state <> 'closed'
                              ORDER BY w.opened_at, w.id LIMIT 1) e
         WHERE n.tenant_id = p_tenant AND n.id = ANY (p_wallets) AND n.kind = 'agent'
    ), clock AS (
        SELECT t.id, l.rules_version, l.business_date, (clock_timestamp() AT TIME ZONE t.timezone)::date AS today
          FROM tenancy.tenant t JOIN ledger.tenant l ON l.tenant_id = t.id
         WHERE t.id = p_tenant
    )
    SELECT jsonb_build_object(
        'now', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
        'today', c.today,
        'business_date', coalesce(c.business_date, c.today),
        'rules_version', c.rules_version,
        'wallets', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'id', w.id, 'kind', w.kind, 'state', w.state, 'currency', w.currency, 'owner', w.owner,
                       'product', w.product, 'flags', w.flags, 'party', w.party, 'tier', w.tier,
                       'earners', CASE WHEN w.kind = 'agent' THEN (
                           SELECT coalesce(jsonb_object_agg(e.role, e.id), '{}') FROM earner e WHERE e.agent = w.id) END,
                       'accounts', (SELECT jsonb_object_agg(p.key, jsonb_build_object('id', a.id, 'version', a.facts_version))
                                      FROM jsonb_each_text(w.accounts) p
                                      JOIN ledger.account a ON a.tenant_id = p_tenant AND a.id = p.value::bigint))), '[]')
              FROM wallets.wallet w
             WHERE w.tenant_id = p_tenant AND w.id = ANY (p_wallets || ARRAY(SELECT e.id FROM earner e))),
        'journal', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'txn', j.txn, 'step', j.step, 'seq', j.seq, 'xid', j.xid, 'refusal', j.refusal,
                       'detail', j.detail, 'fingerprint', encode(j.fingerprint, 'hex'), 'meta', j.meta)
                       ORDER BY j.txn, j.step), '[]')
              FROM unnest(p_txn) k (txn)
              JOIN ledger.journal j ON j.tenant_id = p_tenant AND j.txn = k.txn),
        'free', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('wallet', f.wallet, 'bucket', f.bucket, 'n', u.n)), '[]')
              FROM unnest(p_free_wallets, p_free_buckets) f (wallet, bucket)
              JOIN wallets.wallet w ON w.tenant_id = p_tenant AND w.id = f.wallet
              JOIN ledger.usage u ON u.tenant_id = p_tenant AND u.account_id = (w.accounts ->> 'wallet')::bigint
                                 AND u.bucket = f.bucket
                                 AND u.period = CASE (f.bucket - 10000) % 3 WHEN 0 THEN c.today
                                                     WHEN 1 THEN date_trunc('week', c.today)::date
                                                     ELSE date_trunc('month', c.today)::date END))
      FROM clock c
$$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
              WHERE p.pronamespace = 'movements'::regnamespace AND p.proname = 'facts' LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO mmo_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
    GRANT EXECUTE ON FUNCTION movements.facts TO mmo_as_poster, mmo_as_sweeper;
END $$;
