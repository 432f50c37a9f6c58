"""Whatever stands in a plan: an answer that adds up, or errors with a code; never anything else."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.cli.cost.answers import report_lines
from lakeferry.cli.cost.rows import bodies, csv_text, summary
from lakeferry.cli.json_lines import encoded
from lakeferry.cost.path.money import exact
from lakeferry.cost.plan.cost_report import CostReport
from lakeferry.cost.plan.keys import KEYS, Key
from lakeferry.cost.run import CostRequest, cost_of
from lakeferry.errors import FerryError

SIGNS = {"ok": "✓", "warning": "▲", "error": "✗"}
ODD = st.sampled_from(["", "x", "-1", "NaN", "1e400", "½", "٣", "0x10", "1_000", "inf", "2 PB"])
TEXTS = {
    "size": ["5", "64 KiB", "8 MiB", "0.5 TiB", "2 PiB"],
    "number": ["0", "0.5", "3", "12.75"],
    "usd": ["0", "0.5", "3", "12.75", "5000"],
    "share": ["0", "3%", "0.5"],
    "days": ["1", "30", "0.05", "month", "60", "12.345"],
    "time": ["2026-12-01", "2026-02-28T23:30+05:00", "2027-01-31"],
    "devices": ["c7gn.large:3", "auto", "t4g.nano:1", "c6in.32xlarge:2", "none", "c7gn.large:0"],
    "yes": ["true", "false"],
    "path": ["nowhere.json"],
}
PLACES = {
    "from": ["azure:eastus", "azure:westeurope", "gcp:us-central1", "aws:us-east-1",
             "aws:eu-west-1", "on-premises", "partner"],
    "to": ["aws:us-east-1", "aws:eu-west-1", "aws:us-west-2", "aws:ap-southeast-2"],
}  # fmt: skip
MAPS = {
    "used": {"azure.egress.mgn.eastus": "3 TiB"},
    "price": {"carrier.circuit.month": "100"},
    "discount": {"*": "5%", "AmazonVPC": "10%"},
    "savings_plan": {"c7gn": "28%"},
}


def of(name: str, key: Key) -> st.SearchStrategy[Any]:
    if name in MAPS:
        return st.just(MAPS[name])
    if key.kind == "choices":
        return st.lists(st.sampled_from(key.choices), min_size=1, max_size=2)
    if key.kind == "count":
        least, most = int(key.least), min(int(key.most), 10**6)
        return st.one_of(st.integers(least, min(most, 40)), st.integers(least, most)).map(str)
    choices = list(key.choices) or TEXTS.get(key.kind, [])
    return st.sampled_from(PLACES.get(name, choices))


USUAL = {"bytes": "2 TiB", "days": "30", "from": "azure:eastus", "to": "aws:us-east-1"}
PLANS = st.fixed_dictionaries(
    {name: of(name, KEYS[name]) for name in ("bytes", "from", "to")},
    optional={
        name: st.one_of(of(name, key), of(name, key), of(name, key), ODD)
        for name, key in KEYS.items()
        if name not in ("bytes", "from", "to", "hours", "prices")
    },
)


def answered(plan: dict[str, Any]) -> CostReport | None:
    """None: it was refused, as everything here is refused."""
    keys = [(name, name, value) for name, value in {**USUAL, **plan}.items()]
    try:
        return cost_of(CostRequest(keys=keys), today=date(2026, 11, 26))
    except FerryError:
        return None
    except ExceptionGroup as group:
        _, others = group.split(FerryError)
        assert others is None
        return None


@settings(max_examples=50, deadline=None)
@given(PLANS)
def test_any_plan_is_answered_or_refused_and_an_answer_adds_up(plan: dict[str, Any]) -> None:
    found = answered(plan)
    if found is None:
        return

    for route, body in zip(
        found.routes,
        (one for one in bodies(found, found.routes) if one["type"] == "route"),
        strict=True,
    ):
        with exact():
            lines = sum((one.usd for one in route.quote.lines if one.usd is not None), Decimal(0))
        assert Decimal(body["usd"]) == lines
        assert route.hours >= found.plan.span.hours
        assert body["at_least"] == any(one.usd is None for one in route.quote.lines)
    assert encoded(summary(found))
    assert csv_text(found, found.routes).count("\n") == 1 + sum(
        len(one.quote.lines) for one in found.routes
    )
    assert max(map(len, report_lines(found, found.routes, SIGNS, 100))) <= 100


@settings(max_examples=15, deadline=None)
@given(st.integers(1000, 2**52), st.integers(1000, 2**52))
def test_more_bytes_never_cost_less_by_any_route(one: int, other: int) -> None:
    small, large = sorted((one, other))
    less, more = (
        answered({"bytes": str(size), "files": "1000", "workers": "none", "part": "5 GiB",
                  "nat_instances": "c7gn.large:3", "days": "60"})
        for size in (small, large)
    )  # fmt: skip

    assert less is not None
    assert more is not None
    for route, total in less.totals.items():
        assert more.totals[route] >= total


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.sampled_from(["t4g.nano", "c7g.2xlarge"]))
def test_more_workers_never_end_later_by_any_route(count: int, more: int, kind: str) -> None:
    few, many = (
        answered({"bytes": "300 TiB", "workers": f"{kind}:{workers}"})
        for workers in (count, count + more)
    )

    assert few is not None
    assert many is not None
    later = {(one.placement, one.path): one.hours for one in few.routes}
    for one in many.routes:
        assert one.hours <= later[one.placement, one.path]
        assert one.gbps is None or one.gbps > 0
