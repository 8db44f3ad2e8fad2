"""Every scope there is, in one list: the fixed ones, and those that the catalogue brings along.

Nothing of HTTP is needed for it: the command line knows them, too.
"""

from mmo.movements.support.catalogue import answers, movements

ON_BEHALF = "wallets:on-behalf"
"""Staff: may act for wallets that are not the caller's own."""
READ_ALL = "movements:read:all"
"""Staff: may read every movement and wallet of the tenant."""
SUPER_READ = "super:read"
"""Staff of a super-tenant: may read every tenant, with a reason."""
FIXED_SCOPES = {
    "movements:read": "Read movements that one asked for or takes part in.",
    READ_ALL: "Read every movement and wallet of the tenant.",
    "wallets:read": "Read one's own wallets, their balances and statements.",
    "wallets:write": "Open, freeze, unfreeze and close wallets.",
    ON_BEHALF: "Do so for wallets of other people.",
    "wallets:flag": "Put flags on wallets, take them off, and read them.",
    "parties:read": "Read parties, the agent tree and offices, without what is personal.",
    "parties:write": "Register and change parties, their place in the tree, and offices.",
    "parties:personal": "Read names, numbers and addresses of parties.",
    "parties:documents": "Add, remove and read documents of KYC.",
    "products:read": "Read products.",
    "products:write": "Add products.",
    "documents:read": "Read documents, data tables and their kinds.",
    "documents:write": "Write documents, data tables and their kinds.",
    "wallets:pin:reset": "Ask that a customer may set a new PIN.",
    "wallets:pin:reset:approve": "Approve that a customer may set a new PIN.",
    "vouchers:unlock": "Let the codes of a voucher be tried again after too many wrong ones.",
    "identity:read": "Read users, roles and clients.",
    "identity:write": "Create and change users, roles and clients; ask for role grants.",
    "identity:activate": "Activate role grants that somebody else asked for.",
    "histories:decode": "Read the histories of the tenant's movements in clear.",
    "bep:read": "Read rules, events and what rules would do.",
    "bep:write": "Set rules: a definition, its next version, and its end.",
    "bep:approve": "Approve rules that somebody else set.",
    "tariffs:read": "Read tariffs, and whether terms need a second person.",
    "tariffs:write": "Set tariffs: a definition, its next version, and its end.",
    "tariffs:approve": "Approve tariffs that somebody else set.",
    "limit-profiles:read": "Read limit profiles.",
    "limit-profiles:write": "Set limit profiles: a definition, its next version, and its end.",
    "limit-profiles:approve": "Approve limit profiles that somebody else set.",
    "authorisation-codes:write": "Make codes for payments out of one's own wallet; cancel them.",
    "operations:read": "See which movements do not go on.",
    "operations:mend": "Make a movement go on whose process does not.",
    "figures:read": "Read what moved by the minute, over all wallets.",
    "suspensions:read": "Read suspensions.",
    "suspensions:write": "Suspend types of movements, and ask that a suspension end.",
    "suspensions:approve": "Approve suspensions, and their ends, that somebody else set.",
    "books:read": "Read days of the books, trial balances, reports and certificates.",
    "books:close": "Cut the open day off, and have it closed.",
    "books:reconcile": "Hold workflow histories, journal and events against each other.",
    "trust:file": "File statements of the banks that hold clients' money.",
    "approvals:decide": "Decide about what waits for a role that one holds.",
    "code-lists:read": "Read code lists.",
    "code-lists:write": "Change the tenant's own code lists.",
    "webhooks:read": "Read webhook endpoints, and what was delivered to them.",
    "webhooks:write": "Register webhook endpoints, rotate their secrets, deliver again.",
    "notifications:read": "Read one's own notifications.",
    "tasks:read": "Read the tasks of one's roles.",
    "tasks:write": "Do the tasks of one's roles.",
    "tenancy:read": "Read the tenant, and the groups it is in.",
    "tenants:read": "Read the register of tenants and groups.",
    "tenants:write": "Open, suspend and group tenants.",
    SUPER_READ: "Read every tenant, with a reason that is recorded.",
}
"""The scopes that no movement brings along; the catalogue adds the others."""


def scopes() -> dict[str, str]:
    """Scope → what it allows."""
    found = dict(FIXED_SCOPES)
    for movement in movements().values():
        found[movement.scope] = f"Ask for a {movement.title}."
        if movement.asked_by is not None:
            found[movement.scope_on_behalf] = f"Ask for a {movement.title} for somebody else."
    for answer in answers():
        found[answer.scope] = answer.summary
        if answer.asked_by is not None:
            found[answer.scope_on_behalf] = f"For the {answer.asked_by}: {answer.summary}"
    return found
