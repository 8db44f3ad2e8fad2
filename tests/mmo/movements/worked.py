"""The worked numbers of the trade's handbook, and the legs that a step makes of numbers."""

from mmo.movements.support.movement import Step

WORKED = {"A": 100_000, "F": 2_500, "X": 500, "C1": 800, "C2": 200, "W1": 40, "W2": 10}
"""The worked numbers of the trade's handbook: 1000.00, fee 25, excise 5, commission 8 and 2."""


def legs(step: Step, values: dict[str, int]) -> dict[str, int]:
    return {str(account): minor for account, minor in step.rule.fill(values)}
