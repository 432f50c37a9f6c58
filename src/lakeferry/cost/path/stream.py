"""What a Kinesis stream costs: by shards or on demand, packed or not, and its way to a VPC.

Source: Amazon Kinesis Data Streams pricing ("Data-In": the size of each record rounded up to 1 KB)
and quotas (1,000 records and 1 MiB a second a shard).
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lakeferry.cost.path.charge import charge, charge_by_month
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.paths import interface_endpoint
from lakeferry.cost.path.quote import Line
from lakeferry.cost.path.span import Span
from lakeferry.cost.prices.values import PriceBook

PUT_UNIT = 25 * 1024  # bytes; each record is rounded up to whole units
ON_DEMAND_UNIT = 1024  # bytes, the same for what comes in on demand
WEEK = 7  # days that a shard keeps records by the hour; beyond, each GB is billed by the month
RECORDS_A_SECOND, BYTES_A_SECOND = 1000, 2**20  # that one shard takes

Lines = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What flows through a stream."""

    records: int  # in all, as producers count them
    record_bytes: int
    mode: Literal["shards", "on_demand"] = "shards"
    shards: int = 0
    packed: int = 1  # producers' records in one record of Kinesis, as its library aggregates them
    consumers: int = 1  # that read everything; the first's reading is free of a shard's price
    fan_out: int = 0  # of these, by enhanced fan-out
    kept_days: int = 1  # of records; to 7 a shard's hour costs more, beyond each GB is billed

    @property
    def bytes(self) -> int:
        return self.records * self.record_bytes

    @property
    def put_units(self) -> int:
        """Payload units of 25 KiB, of whole records that are packed together."""
        return self._written * -(-self.record_bytes * self.packed // PUT_UNIT)

    @property
    def on_demand_bytes(self) -> int:
        """What on demand bills as come in. Of what goes out AWS does not say that it is rounded."""
        units = -(-self.record_bytes * self.packed // ON_DEMAND_UNIT)
        return self._written * units * ON_DEMAND_UNIT

    @property
    def _written(self) -> int:
        """Records of Kinesis."""
        return -(-self.records // self.packed)


@exact()
def shards_needed(records_a_second: Decimal, record_bytes: int) -> int:
    """Shards for a rate: size for the peak, not for the average."""
    by_records = records_a_second / RECORDS_A_SECOND
    by_bytes = records_a_second * record_bytes / BYTES_A_SECOND
    return int(max(by_records, by_bytes).to_integral_value("ROUND_CEILING"))


def stream(wanted: Stream, book: PriceBook, region: str, span: Span) -> Lines:
    """The stream's own lines, without the endpoint that it is reached through."""
    if wanted.mode == "on_demand":
        return _on_demand(wanted, book, region, span)
    hours = wanted.shards * span.hours
    lines = [
        _line(book, "aws.kinesis.shard_hour", region, hours, "Kinesis shards, hours"),
        _flow(book, "aws.kinesis.put_unit", region, span, wanted.put_units, "Kinesis PUT units"),
    ]
    if wanted.kept_days > 1:
        item = "Kinesis retention to 7 days, shard-hours"
        lines.append(_line(book, "aws.kinesis.retention_7d", region, hours, item))
    lines += _kept(wanted, book, "aws.kinesis.retention_long", region, span, beyond=WEEK)
    if wanted.fan_out:
        bytes_out, hours_out = wanted.fan_out * wanted.bytes, wanted.fan_out * hours
        lines += [
            _flow(book, "aws.kinesis.efo_gb", region, span, bytes_out, "enhanced fan-out, bytes"),
            _line(book, "aws.kinesis.efo_shard_hour", region, hours_out, "enhanced fan-out, hours"),
        ]
    return tuple(lines)


def _on_demand(wanted: Stream, book: PriceBook, region: str, span: Span) -> Lines:
    shared = max(0, wanted.consumers - wanted.fan_out)
    lines = [
        _line(book, "aws.kinesis.od_hour", region, span.hours, "Kinesis on demand, hours"),
        _flow(
            book, "aws.kinesis.od_in", region, span, wanted.on_demand_bytes, "Kinesis on demand, in"
        ),
    ]
    for id, readers, item in (
        ("aws.kinesis.od_out", shared, "Kinesis on demand, out"),
        ("aws.kinesis.od_efo", wanted.fan_out, "Kinesis on demand, fan-out"),
    ):
        if readers:
            lines.append(_flow(book, id, region, span, readers * wanted.bytes, item))
    lines += _kept(wanted, book, "aws.kinesis.od_retention_7d", region, span, beyond=1, until=WEEK)
    lines += _kept(wanted, book, "aws.kinesis.retention_long", region, span, beyond=WEEK)
    return tuple(lines)


@exact()
def _kept(
    wanted: Stream,
    book: PriceBook,
    id: str,
    region: str,
    span: Span,
    *,
    beyond: int,
    until: int | None = None,
) -> Lines:
    """What it costs to keep each byte after so many days; none where none is kept so long."""
    days = (wanted.kept_days if until is None else min(wanted.kept_days, until)) - beyond
    if days <= 0:
        return ()
    by_month = [
        Decimal(volume) / 2**30 * days * 24 / part.month_hours
        for volume, part in zip(span.split(wanted.bytes), span.parts, strict=True)
    ]
    after = "a day" if beyond == 1 else f"{beyond} days"
    item = f"Kinesis retention after {after}, GB-months"
    return (charge_by_month(book, book.of(id, region), by_month, item, part="stream"),)


def stream_endpoint(
    wanted: Stream, book: PriceBook, region: str, zones: int, span: Span, *, used: int = 0
) -> Lines:
    """The interface endpoint that producers reach the stream through, and their bytes."""
    volumes = span.split(wanted.bytes)
    return interface_endpoint(
        book, region, zones, span, volumes, used=used, name="Kinesis endpoint"
    )


def _line(book: PriceBook, id: str, region: str, hours: int, item: str) -> Line:
    return charge(book, book.of(id, region), hours, item, part="stream")


def _flow(book: PriceBook, id: str, region: str, span: Span, quantity: int, item: str) -> Line:
    price = book.of(id, region)
    return charge_by_month(book, price, span.split(quantity), item, part="stream")
