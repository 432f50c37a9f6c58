"""Every key of a plan whose cost is asked: what it means, how it is written, what is too much."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal[
    "size",  # `2 PiB`; a bare number is bytes
    "count",  # a whole number
    "number",
    "usd",
    "share",  # `28%` or `0.28`
    "days",  # whole or not; `month`: a typical one of 730 hours
    "time",  # ISO 8601
    "place",  # `azure:westeurope`
    "devices",  # `c7gn.large:3`
    "choice",
    "yes",  # true or false
    "choices",  # several of them
    "used",  # a map: price id -> a size or a number a month
    "shares",  # a map: name -> share
    "prices",  # a map: price id -> dollars a unit
    "path",  # of a file
]


@dataclass(frozen=True, slots=True)
class Key:
    """One key, the same in a plan file, as a flag, in `--assume` and in Python."""

    kind: Kind
    about: str  # one line, no full stop
    default: str = ""  # as it would be written; empty: there is none
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(10) ** 9  # above it is a slip of the hand, and refused
    choices: tuple[str, ...] = ()


def _count(about: str, default: str = "", *, least: int = 0, most: int = 10**6) -> Key:
    return Key("count", about, default, Decimal(least), Decimal(most))


def _size(about: str, default: str = "", *, most: int = 2**70) -> Key:
    return Key("size", about, default, Decimal(1), Decimal(most))


def _choice(about: str, *choices: str, default: str = "") -> Key:
    return Key("choice", about, default or choices[0], choices=choices)


_RECORDS = 10**15
_RATE = Decimal("0.001")  # Gbit/s; nothing is moved at none

VOLUME: Mapping[str, Key] = {
    "bytes": _size("what is moved", most=2**65),
    "files": _count("in how many files", "of 128 MiB each", least=1, most=10**12),
    "days": Key("days", "how long it takes; `month` is a typical one of 730 hours",
                least=Decimal("0.04"), most=Decimal(3650)),
    "hours": _count("the same in hours", least=1, most=87_600),
    "start": Key("time", "when it begins; cuts it by calendar months"),
    "deadline": Key("days", "days within which it has to be done", "as planned",
                    least=Decimal("0.04"), most=Decimal(3650)),
    "units": _choice("what kB to PB mean; with `decimal` powers of 1000", "binary", "decimal"),
}  # fmt: skip
SOURCE: Mapping[str, Key] = {
    "from": Key("place", "where the bytes are: `azure:westeurope`, `on-premises`"),
    "to": Key("place", "where they go: `aws:us-east-1`"),
    "routing": _choice("how they leave Azure", "default", "internet"),
    "egress_waiver": _choice("what the cloud waives", "none", "exit", "eu_at_cost"),
    "egress_accounts": _count("billing accounts that share the bytes", "1", least=1, most=10**5),
    "egress_usd_per_gb": Key("usd", "an agreed price of egress, a GB of 2^30 bytes",
                             most=Decimal(10)),
    "egress_with_overhead": Key("yes", "the source's cloud counts headers, too", "false"),
    "source_gbps": Key("number", "the most that leaves there, Gbit/s", least=_RATE,
                       most=Decimal(10**5)),
    "azure_gb": _choice("what a GB of Azure's prices is", "binary", "decimal"),
    "read_size": _size("of a ranged read at the source", "8 MiB", most=2**40),
}  # fmt: skip
NETWORK: Mapping[str, Key] = {
    "zones": _count("availability zones of the workers", "3", least=1, most=12),
    "nat_gateways": _count("NAT gateways", "one a zone", least=1, most=1000),
    "nat_instances": Key("devices", "NAT instances, TYPE:COUNT", "auto", most=Decimal(1000)),
    "nat_disk": _count("GB of gp3 of each NAT instance", "8", most=65_536),
    "nat_standby": Key("yes", "an idle NAT gateway stands by in each zone", "true"),
    "s3_endpoint": Key("yes", "S3 is reached by a gateway endpoint, not through NAT", "true"),
    "overhead": Key("share", "headers and what is sent again, on top of the bytes", "3%",
                    most=Decimal(2)),
    "port": Key("choice", "Gbit/s of a Direct Connect port", "10", choices=("1", "10", "100")),
    "scale_units": _count("of an ExpressRoute gateway, 2 Gbit/s each", "5", least=1, most=1000),
    "nat_credit": _size("that a NAT instance may carry above what it sustains", "0", most=2**50),
    "connections": _count("open at once through NAT", "0", most=10**9),
    "connections_a_second": _count("new ones through NAT", "0", most=10**7),
    "connections_to_one": _count("open at once to the busiest address and port", "0", most=10**9),
    "packet_bytes": _count("of a packet, on average", "1500", least=40, most=9001),
    "policy": Key("choices", "what shall not be used", "none",
                  choices=("no-public-ip", "no-instance", "no-gateway")),
    "failures_a_month": Key("number", "of one NAT instance, expected", "0", most=Decimal(1000)),
    "outage_minutes": _count("that a lost NAT instance is gone", "10", least=1, most=10_000),
    "dark_minutes": _count("of these, until its route has moved", "5", most=10_000),
    "lead_days": _count("days left until the first byte is to move", "no limit", most=3650),
}  # fmt: skip
WORK: Mapping[str, Key] = {
    "workers": Key(
        "devices", "instances that copy, TYPE:COUNT, or `none`", "auto", most=Decimal(10**5)
    ),
    "push_usd_hour": Key("usd", "an hour of a worker beside the source", most=Decimal(10**4)),
    "push_gbps": Key("number", "what one of them sends, Gbit/s", least=_RATE, most=Decimal(10**4)),
    "part": _size("of a multipart upload", "64 MiB", most=2**40),
    "single_put": _size("up to this, one PUT", "the part", most=2**40),
    "verify": Key("yes", "one HEAD an object afterwards", "true"),
    "with_storage": Key("yes", "both copies, for as long as it lasts", "false"),
    "overrun": _count("hours that all may last longer", "0", most=87_600),
    "delay_usd_hour": Key("usd", "an hour of all that waits when it ends late", "0"),
}
WATCH: Mapping[str, Key] = {
    "log_records": _count("flow log records, in all", "0", most=_RECORDS),
    "log_record_bytes": _count("of one of them", "150", least=1, most=10**6),
    "log_months": Key("number", "months that they are kept", "1", most=Decimal(1200)),
    "rules": _count("Contributor Insights rules", "0"),
    "matched_events": _count("that they match together", "all of each rule", most=_RECORDS),
    "alarms": _count("metrics that alarms read", "0"),
    "dashboards": _count("CloudWatch dashboards", "0"),
}
STREAM: Mapping[str, Key] = {
    "records_a_day": _count("records that go through Kinesis a day", most=_RECORDS),
    "record_size": _size("of one of them", "1 KiB", most=10 * 2**20),
    "stream_mode": _choice("how the stream is paid for", "shards", "on_demand"),
    "shards": _count("of the stream", "as the average needs", most=10**6),
    "packed": _count("records in one record of Kinesis", "1", least=1, most=10**6),
    "consumers": _count("that read all of it", "1", most=1000),
    "fan_out": _count("of these, by enhanced fan-out", "0", most=1000),
    "kept_days": _count("days that records are kept", "1", least=1, most=365),
}
MONEY: Mapping[str, Key] = {
    "prices": Key("path", "a file of prices that override those that come along"),
    "price": Key("prices", "ID: dollars a unit, in place of a price or for one that is missing"),
    "discount": Key(
        "shares", "SERVICE: share off list prices, `AmazonVPC: 10%`; one share is of all AWS"
    ),
    "savings_plan": Key("shares", "FAMILY: share off its instances, such as `c7gn: 28%`"),
    "used": Key("used", "PRICE ID: what else climbs its tiers each month"),
    "credits": Key("usd", "dollars that are taken off", "0"),
    "free_tier": Key("yes", "take AWS's and Google's free amounts off", "false"),
}
KEYS: Mapping[str, Key] = {
    **VOLUME, **SOURCE, **NETWORK, **WORK, **WATCH, **STREAM, **MONEY,
}  # fmt: skip
