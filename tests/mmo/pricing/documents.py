"""Tariffs as people write them, and strategies that write any."""

from typing import Any

from hypothesis import strategies as st

from mmo.pricing.tariff import Tariff, read

FLAT_FEE = {"name": "fee", "payer": "sender", "schedule": {"kind": "flat", "amount": "25.00"},
            "tax": "0.20"}  # fmt: skip
COMMISSION = {
    "schedule": {"kind": "flat", "amount": "10.00"},
    "split": [{"role": "agent", "share": "0.8"}, {"role": "super-agent", "share": "0.2"}],
    "withholding": "0.05",
}
TREE = frozenset({"agent", "super-agent", "master-agent"})


def document(**more: Any) -> dict[str, Any]:
    return {"currency": "KES", **more}


def charged(schedule: dict[str, Any], payer: str = "sender", **more: Any) -> Tariff:
    """A tariff of one charge."""
    charge = {"name": "fee", "payer": payer, "schedule": schedule}
    rounding = {"rounding": more.pop("rounding")} if "rounding" in more else {}
    return read(document(charges=[charge | more], **rounding))


def decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def decimals(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most).map(decimal)


def rate(millionths: int) -> str:
    return f"{millionths // 10**6}.{millionths % 10**6:06}"


rates = st.one_of(st.integers(0, 10**6), st.sampled_from([0, 1, 50_000, 200_000, 10**6])).map(rate)


@st.composite
def clamps(draw: st.DrawFn, most: int) -> dict[str, str]:
    low, high = sorted((draw(st.integers(0, most)), draw(st.integers(0, most))))
    bounds = {"floor": decimal(low), "cap": decimal(high)}
    return {name: bounds[name] for name in draw(st.sets(st.sampled_from(["floor", "cap"])))}


@st.composite
def bands(draw: st.DrawFn, most: int, name: str) -> list[dict[str, str]]:
    starts = [0, *sorted(draw(st.sets(st.integers(1, most), max_size=4)))]
    value = rates if name == "rate" else decimals(most // 3 + 1)
    return [{"from": decimal(start), name: draw(value)} for start in starts]


@st.composite
def paid(draw: st.DrawFn, most: int = 400) -> dict[str, Any]:
    """Any schedule that is not free, with edges up to so many minor units."""
    kind = draw(
        st.sampled_from(["flat", "percent", "banded_flat", "banded_percent", "tiered_marginal"])
    )
    match kind:
        case "flat":
            return {"kind": kind, "amount": draw(decimals(most // 3 + 1))}
        case "percent":
            return {"kind": kind, "rate": draw(rates), **draw(clamps(most))}
        case "banded_flat":
            return {"kind": kind, "bands": draw(bands(most, "amount"))}
        case "banded_percent":
            return {"kind": kind, "bands": draw(bands(most, "rate")), **draw(clamps(most))}
        case _:
            return {"kind": kind, "tiers": draw(bands(most, "rate"))}


@st.composite
def schedules(draw: st.DrawFn, most: int = 400) -> dict[str, Any]:
    then = draw(paid(most))
    if draw(st.booleans()):
        return then
    per = draw(st.sampled_from(["day", "week", "month"]))
    return {"kind": "free", "count": draw(st.integers(1, 3)), "per": per, "then": then}


@st.composite
def charges(draw: st.DrawFn, most: int, index: int) -> dict[str, Any]:
    payer = draw(st.sampled_from(["sender", "receiver", "third_party", "shared"]))
    schedule = draw(schedules(most) if index == 0 else paid(most))
    charge: dict[str, Any] = {"name": f"fee-{index}", "payer": payer, "schedule": schedule}
    if payer == "shared":
        charge["sender_share"] = draw(rates)
    if draw(st.booleans()):
        charge["tax"] = draw(rates)
    return charge


@st.composite
def commissions(draw: st.DrawFn, most: int) -> dict[str, Any]:
    roles = draw(st.lists(st.sampled_from(sorted(TREE)), min_size=1, max_size=3, unique=True))
    cuts = sorted(draw(st.integers(0, 10**6)) for _ in roles[1:])
    shares = [high - low for low, high in zip([0, *cuts], [*cuts, 10**6], strict=True)]
    split = [
        {"role": role, "share": rate(share)} for role, share in zip(roles, shares, strict=True)
    ]
    told = {"schedule": draw(paid(most)), "split": split, "remainder": draw(st.sampled_from(roles))}
    return told | ({"withholding": draw(rates)} if draw(st.booleans()) else {})


@st.composite
def tariffs(draw: st.DrawFn, most: int = 400) -> dict[str, Any]:
    """Any tariff that can be read."""
    told = document(
        rounding=draw(st.sampled_from(["half_even", "half_up", "up", "down"])),
        charges=[draw(charges(most, index)) for index in range(draw(st.integers(0, 3)))],
    )
    if draw(st.booleans()):
        told["levy"] = {"rate": draw(rates), **draw(clamps(most))}
    if draw(st.booleans()):
        told["commission"] = draw(commissions(most))
    return told
