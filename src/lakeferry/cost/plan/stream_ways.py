"""A plan's Kinesis stream by each way of paying for it: shards, packed records, on demand."""

from collections.abc import Mapping
from dataclasses import replace

from lakeferry.cost.path.quote import Line, Quote
from lakeferry.cost.path.stream import PUT_UNIT, stream, stream_endpoint
from lakeferry.cost.plan.values import CostPlan
from lakeferry.cost.prices.values import PriceBook


def stream_lines(plan: CostPlan, book: PriceBook) -> tuple[Line, ...]:
    """The stream as the plan has it, with the endpoint that producers reach it through."""
    wanted = plan.stream
    if wanted is None:
        return ()
    used = plan.used.get(f"aws.vpce.gb.{plan.region}", 0)
    endpoint = stream_endpoint(wanted, book, plan.region, plan.zones, plan.span, used=used)
    own = stream(wanted, book, plan.region, plan.span)
    return (*own, *(replace(one, part="stream") for one in endpoint))


def stream_quotes(plan: CostPlan, book: PriceBook) -> Mapping[str, Quote]:
    """What the stream costs as planned, and what it would cost otherwise."""
    wanted = plan.stream
    if wanted is None:
        return {}
    most = max(1, PUT_UNIT // wanted.record_bytes)
    ways = {f"{wanted.shards} shards": replace(wanted, mode="shards")}
    if wanted.packed < most:
        ways[f"{wanted.shards} shards, {most} records packed"] = replace(
            wanted, mode="shards", packed=most
        )
    ways["on demand"] = replace(wanted, mode="on_demand")
    return {
        label: Quote(stream_lines(replace(plan, stream=one), book), book.currency)
        for label, one in ways.items()
    }
