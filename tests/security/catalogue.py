"""What the database must look like so that tenants stay apart, read from its own catalogue.

A new table, view, index or key that forgets the tenant is named by one of these checks. What may
do without is listed here, each with its reason.
"""

from collections.abc import Callable
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

TENANTLESS = {
    "public.alembic_version": "which migrations have run",
    "tenancy.tenant": "the register of tenants itself: its id is the tenant",
    "messaging.cursor": "how far each reader of the feed of all tenants is",
    "messaging.stream_mark": "where the broker's stream of all tenants stood",
    "audit.sealed_to": "how far the sealer of all tenants is",
}
OTHER_INDEXES = {
    "messaging.event_feed": "the feed is read for all tenants at once, in the order of commits",
    "messaging.event_reaction": "what stands in the way of effects is of any tenant",
    "notifications.reaction_intake_xid": "the position of effects is that of all tenants",
    "tenancy.onboarding_slug": "a tenant's name is unique on the platform",
    "audit.record_feed": "the sealer reads all tenants at once, in the order of commits",
    "ledger.journal_xid": "the sealer reads all tenants at once, in the order of commits",
    "notifications.message_due": "the sender looks at all tenants, the longest waiting first",
    "notifications.part_exact": "a receipt names the centre's id, and no tenant",
    "notifications.part_as_decimal": "a receipt names the centre's id, and no tenant",
    "notifications.part_as_hexadecimal": "a receipt names the centre's id, and no tenant",
    "notifications.delivery_due": "the sender looks at all tenants, the longest waiting first",
    "movements.command_without_outcome": "the sweeper looks at all tenants, the oldest first",
    "movements.command_waiting": "the sweeper looks at all tenants, the oldest first",
    "movements.command_not_kept": "the exporter looks at all tenants, the oldest first",
}
OTHER_KEYS = {
    "tenancy.group_member.group_member_member_fkey": "a super-tenant's group is of other tenants",
}
SHARED = {"code_lists.value": "code lists are offered by forms; nothing in them is anybody's"}
"""Tables that a group of tenants may share, and why they may. Never ledger, wallets or audit."""
OTHER_POLICIES = {
    "keys.key public_keys": "public keys: whoever verifies needs those of every tenant",
}
"""`<table> <policy>` → why there is a policy that `tenancy.isolate` does not make."""

APP_LOGINS = ("mmo_front", "mmo_api", "mmo_movements", "mmo_authorization")
"""Who carries out what one tenant's callers ask for."""
BEYOND = ("mmo_as_every_tenant", "mmo_as_super", "mmo_owner")

WRITERS = {
    "mmo_as_poster": {"messaging.event", "wallets.*", "movements.command", "movements.answer",
                      "movements.stuck", "audit.record",
                      "parties.*", "identity.*", "code_lists.*", "bep.*", "approvals.*",
                      "changes.*",
                      "notifications.*", "tasks.*", "documents.*", "trials.*", "dated.*",
                      "books.bank_statement", "histories.reconciliation",
                      "vouchers.*", "authorisations.*",
                      "tenancy.onboarding",
                      "tenancy.tenant_group", "tenancy.group_member", "tenancy.group_share"},
    "mmo_as_onboarding": {"tenancy.*", "movements.chart", "identity.*", "audit.record"},
    "mmo_as_authorization": {"audit.record", "identity.*", "keys.data_key"},
    "mmo_as_keys": {"audit.record", "keys.*"},
    "mmo_as_projector": {"messaging.cursor", "projections.*"},
    "mmo_as_relay": {"messaging.cursor", "messaging.stream_mark"},
    "mmo_as_sweeper": {"movements.stuck"},
    "mmo_as_reactor": {"messaging.cursor"},
    "mmo_as_effects": {"messaging.cursor", "notifications.*"},
    "mmo_as_bulk": {"trials.backtest", "books.account_day", "books.trial_balance",
                    "books.report", "books.day", "books.watch",
                    "histories.reconciliation"},
    "mmo_as_exporter": {"messaging.event", "messaging.cursor", "histories.history"},
    "mmo_as_sealer": {"audit.seal", "audit.sealed_to"},
    "mmo_as_background": {"tenancy.*", "movements.chart", "identity.*"},
}  # fmt: skip
"""Group → the tables that it may write by itself: those of its own context. Money it may not write
at all, but by the ledger's functions."""
READERS_CALLS = {"messaging.lags(bigint)", "tenancy.shares()"}
"""Functions with their owner's rights that every reader may call: they change nothing."""

_OWN = "n.nspname !~ '^(pg_|information_schema)'"
_TABLES = f"""SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relrowsecurity,
                     c.relforcerowsecurity, EXISTS (
                         SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                            AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS has_tenant
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p') AND {_OWN}"""


def tables_without_tenant(connection: Connection) -> list[str]:
    """Tables that have no tenant_id and no reason to have none."""
    rows = connection.execute(_TABLES).fetchall()
    return [name for _, name, _, _, has_tenant in rows if not has_tenant and name not in TENANTLESS]


def tables_not_bound(connection: Connection) -> list[str]:
    """Tables of tenants whose rows are not bound to them: for each command, and for the owner."""
    found: list[str] = []
    for oid, name, enabled, forced, has_tenant in connection.execute(_TABLES).fetchall():
        if not has_tenant:
            continue
        if not (enabled and forced):
            found.append(f"{name}: row level security is not enabled and forced")
        own = connection.execute(
            """SELECT string_agg(p.polcmd::text, '' ORDER BY p.polcmd)
                 FROM pg_policy p
                WHERE p.polrelid = %s AND p.polpermissive AND p.polname <> 'shared_select'
                  AND p.polroles = ARRAY['mmo_as_reader'::regrole::oid]
                  AND concat(pg_get_expr(p.polqual, p.polrelid),
                             pg_get_expr(p.polwithcheck, p.polrelid)) LIKE '%%app.tenant%%'""",
            [oid],
        ).fetchone()
        if own != ("adrw",):
            found.append(f"{name}: has not one policy per command")
    return found


def policies_beyond(connection: Connection) -> list[str]:
    """Policies that show rows of other tenants and have no reason to."""
    rows = connection.execute(
        """SELECT n.nspname || '.' || c.relname || ' ' || p.polname
             FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE NOT (p.polroles <@ ARRAY['mmo_as_every_tenant'::regrole::oid,
                                           'mmo_owner'::regrole::oid]
                       OR p.polroles = ARRAY['mmo_as_super'::regrole::oid] AND p.polcmd = 'r')
              AND (coalesce(pg_get_expr(p.polqual, p.polrelid), 'app.tenant') !~ 'app\\.tenant'
                OR coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'app.tenant')
                   !~ 'app\\.tenant')"""
    )
    return [name for (name,) in rows.fetchall() if name not in OTHER_POLICIES]


def shared_beyond(connection: Connection) -> list[str]:
    """Tables that others may read by a list of tenants, and that are not to be shared."""
    rows = connection.execute(
        """SELECT n.nspname || '.' || c.relname, p.polname = 'shared_select' AND p.polcmd = 'r'
             FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE concat(pg_get_expr(p.polqual, p.polrelid),
                         pg_get_expr(p.polwithcheck, p.polrelid)) LIKE '%app.tenants%'"""
    )
    return [name for name, reads in rows.fetchall() if not reads or name not in SHARED]


def indexes_that_do_not_lead(connection: Connection) -> list[str]:
    """Indexes and keys of tables of tenants that the tenant does not lead. Parts follow theirs."""
    rows = connection.execute(
        f"""SELECT n.nspname || '.' || x.relname
              FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
              JOIN ({_TABLES}) t ON t.oid = i.indrelid
              JOIN pg_namespace n ON n.oid = x.relnamespace
              LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
             WHERE t.has_tenant AND a.attname IS DISTINCT FROM 'tenant_id'
               AND NOT x.relispartition"""
    ).fetchall()
    return [name for (name,) in rows if name not in OTHER_INDEXES]


def foreign_keys_that_do_not_lead(connection: Connection) -> list[str]:
    """Foreign keys by which a row could point at another tenant's."""
    rows = connection.execute(
        f"""SELECT t.name || '.' || k.conname
              FROM pg_constraint k
              JOIN ({_TABLES}) t ON t.oid = k.conrelid
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
              JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
             WHERE k.contype = 'f' AND NOT (a.attname = 'tenant_id' AND (f.attname = 'tenant_id'
                OR k.confrelid = 'tenancy.tenant'::regclass AND f.attname = 'id'))
               AND t.has_tenant"""
    ).fetchall()
    return [name for (name,) in rows if name not in OTHER_KEYS]


def views_of_their_owner(connection: Connection) -> list[str]:
    """Views that show what their owner may see, and every view that keeps rows."""
    rows = connection.execute(
        f"""SELECT n.nspname || '.' || c.relname FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE {_OWN} AND (c.relkind = 'm' OR c.relkind = 'v'
               AND NOT coalesce(c.reloptions, '{{}}') @> ARRAY['security_invoker=true'])"""
    ).fetchall()
    return [name for (name,) in rows]


def members_beyond(connection: Connection) -> list[str]:
    """Logins of requests that are, by any path, members of what sees more than one tenant."""
    rows = connection.execute(
        """WITH RECURSIVE reach (login, role) AS (
                SELECT rolname, oid FROM pg_roles WHERE rolname = ANY (%s)
                 UNION
                SELECT r.login, m.roleid FROM reach r JOIN pg_auth_members m ON m.member = r.role)
           SELECT r.login || ' → ' || g.rolname FROM reach r JOIN pg_roles g ON g.oid = r.role
            WHERE g.rolname = ANY (%s) OR g.rolsuper OR g.rolbypassrls OR g.rolcreaterole""",
        [list(APP_LOGINS), list(BEYOND)],
    ).fetchall()
    return [path for (path,) in rows]


def logins_that_inherit(connection: Connection) -> list[str]:
    """Logins that would inherit what they are given by mistake, or could become their group."""
    rows = connection.execute(
        """SELECT r.rolname || ': ' || coalesce(g.rolname, 'inherits')
             FROM pg_roles r
             LEFT JOIN pg_auth_members m ON m.member = r.oid
             LEFT JOIN pg_roles g ON g.oid = m.roleid
            WHERE r.rolcanlogin AND r.rolname LIKE 'mmo\\_%'
              AND (r.rolinherit OR m.set_option OR m.admin_option OR r.rolsuper
                OR r.rolbypassrls)"""
    ).fetchall()
    return [name for (name,) in rows]


def scope_setters(connection: Connection) -> list[str]:
    """Logins that can call set_config: by it a query would name another tenant."""
    rows = connection.execute(
        """SELECT rolname FROM pg_roles WHERE rolname LIKE 'mmo\\_%' AND rolname <> 'mmo_owner'
              AND has_function_privilege(oid, 'set_config(text, text, boolean)', 'EXECUTE')"""
    ).fetchall()
    return [name for (name,) in rows]


def rights_past_policies(connection: Connection) -> list[str]:
    """Rights that no row policy binds, given to anybody but the owner."""
    rows = connection.execute(
        f"""SELECT n.nspname || '.' || c.relname || ': ' || a.privilege_type || ' to '
                   || coalesce(r.rolname, 'PUBLIC')
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL aclexplode(c.relacl) a
              LEFT JOIN pg_roles r ON r.oid = a.grantee
             WHERE {_OWN} AND a.grantee <> c.relowner
               AND a.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')"""
    ).fetchall()
    return [name for (name,) in rows]


def writers_beyond_their_context(connection: Connection) -> list[str]:
    """Groups that may write a table which is not their context's, and logins that may by name."""
    rows = connection.execute(
        f"""SELECT DISTINCT pg_get_userbyid(a.grantee), n.nspname, c.relname
              FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             CROSS JOIN LATERAL (
                   SELECT * FROM aclexplode(c.relacl)
                    UNION ALL
                   SELECT e.* FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) e
                    WHERE t.attrelid = c.oid) a
             WHERE {_OWN} AND c.relkind IN ('r', 'p', 'v') AND a.grantee <> c.relowner
               AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')"""
    ).fetchall()
    return [
        f"{group} writes {schema}.{table}"
        for group, schema, table in rows
        if not {f"{schema}.{table}", f"{schema}.*"} & WRITERS.get(group, set())
    ]


def readers_that_change(connection: Connection) -> list[str]:
    """Functions with their owner's rights that a mere reader, the super-tenant's too, may call."""
    rows = connection.execute(
        f"""SELECT p.oid::regprocedure::text
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE {_OWN} AND p.prosecdef AND p.prorettype <> 'trigger'::regtype
               AND has_function_privilege('mmo_as_super', p.oid, 'EXECUTE')"""
    ).fetchall()
    return [name for (name,) in rows if name not in READERS_CALLS]


def loose_functions(connection: Connection) -> list[str]:
    """Functions that work with their owner's rights for everybody, or on a path of the caller's."""
    rows = connection.execute(
        f"""SELECT p.oid::regprocedure::text
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              JOIN pg_roles o ON o.oid = p.proowner
             WHERE {_OWN} AND p.prosecdef AND (
                   o.rolsuper OR o.rolcanlogin
                OR NOT coalesce(array_to_string(p.proconfig, ',') ~ 'search_path=', false)
                OR p.prorettype <> 'trigger'::regtype AND EXISTS (
                           SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                            WHERE a.grantee = 0))"""
    ).fetchall()
    return [name for (name,) in rows]


Check = Callable[[Connection], list[str]]
CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        tables_without_tenant,
        tables_not_bound,
        policies_beyond,
        shared_beyond,
        indexes_that_do_not_lead,
        foreign_keys_that_do_not_lead,
        views_of_their_owner,
        members_beyond,
        logins_that_inherit,
        scope_setters,
        rights_past_policies,
        writers_beyond_their_context,
        readers_that_change,
        loose_functions,
    )
}
