"""Every scope there is, in one list: the fixed ones, and those that the catalogue brings along."""

from api.movements.answers import answers
from api.security import FIXED_SCOPES
from mmo.movements.support.catalogue import movements


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
