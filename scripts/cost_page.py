"""The reference page of a plan's keys, made from them."""

from collections.abc import Mapping

from lakeferry.cost.plan.keys import MONEY, NETWORK, SOURCE, STREAM, VOLUME, WATCH, WORK, Key

RULES = """\
`lakeferry cost` prices a plan. Each of its keys is a key of a plan file, a flag (`nat_gateways` is
`--nat-gateways`; `units: decimal` is `--decimal-units`), a word of `--assume KEY=VALUE`, a keyword
of [`lakeferry.cost`](cost-api.md) in Python (`source` and `target` there, for `from` and `to`), and
may stand below `cost.assume` in the [manifest](manifest.md). [Price a
migration](../guides/price-a-migration.md) goes through it.

```yaml
bytes: 2 PiB
files: 16777216
days: 30
start: 2026-12-01
from: azure:westeurope
to: aws:us-east-1
overhead: 3.125%
workers: c6in.4xlarge:6
nat_instances: c7gn.large:3
policy: [no-public-ip]
used: {azure.egress.mgn.westeurope: 10 TiB}
price: {carrier.circuit.month: 1500}
savings_plan: {c7gn: 28%}
```

## Rules

- A plan file is YAML or JSON, told by its ending; `-` is stdin. Every fault is told at once, with
  its line (LF-2001, LF-6621, LF-6622); what is no plan is LF-6623.
- **Order of meaning**: what the manifest assumes, then the plan file, then flags, then `--assume`.
  Maps are joined key by key; `hours` takes the place of `days`, and the reverse.
- **What has no default** is `bytes`, `from`, `to` and `days` (or `hours`); a stream alone, by
  `records_a_day`, needs `to` and `days`. What else was left open is told as assumed.
- From the manifest also come `network.policy`, `network.nat` (type, count, standby), the Region,
  and `cost.prices.values`, a file that lies beside it.
- **Sizes say which unit they mean**: `2 PiB`, or plain bytes. `2 PB` is refused (LF-2011), unless
  `units` is `decimal`: AWS bills a GB of 2^30 bytes, and the two are 12.6 % apart.
- **Time**: without `start` a month has 720 hours and each ladder is climbed once; with it the plan
  is cut by calendar months, and each climbs its own. `days: month` is a typical month of 730 hours.
- **Money** is exact and rounded once, where it is shown; `--json` and `--csv` have every digit. A
  line without a price is *unpriced*, and its total a lower bound: `price` gives it one, by the id
  that `--route` and `--json` show. Free tiers are off unless asked for.
- **A path**: `nat-gateway`, `nat-instance`, `internet-gateway` (workers with public addresses),
  `s3-gateway`, `interface-endpoint`, `privatelink`, `direct-connect`, `expressroute`,
  `interconnect`; with `push:` before it for workers beside the source. `--routes` chooses those of
  the table, `--route` shows every line of one.
- **Exit codes**: 0; 2 where the plan is wrong, or where nothing carries the bytes in time
  (LF-6521): what was asked for cannot be met as it stands, and nothing was changed. The table is
  shown all the same, as it says how far each path is from it.
"""

GROUPS: Mapping[str, Mapping[str, Key]] = {
    "What is moved": VOLUME,
    "From where to where": SOURCE,
    "The network between": NETWORK,
    "Who copies": WORK,
    "What watches": WATCH,
    "A Kinesis stream": STREAM,
    "Prices": MONEY,
}
TAKES: Mapping[str, str] = {
    "size": "size", "count": "whole number", "number": "number", "usd": "dollars",
    "share": "share, `3%`", "days": "days", "time": "time, ISO 8601", "place": "CLOUD:REGION",
    "devices": "TYPE:COUNT", "yes": "`true` or `false`", "path": "path of a file",
    "used": "map of size or number by price id", "shares": "map of share by name",
    "prices": "map of dollars by price id",
}  # fmt: skip


def cost_page(made_by: str) -> str:
    """Every key with what it takes, its default and what it means."""
    parts = [made_by, "# The keys of a plan", RULES]
    for title, keys in GROUPS.items():
        rows = ["| key | takes | default | what it means |", "|---|---|---|---|"]
        rows += [
            f"| `{name}` | {_takes(key)} | {key.default} | {key.about} |"
            for name, key in keys.items()
        ]
        parts += [f"## {title}", "\n".join(rows)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _takes(key: Key) -> str:
    if key.choices:
        listed = " or ".join(f"`{one}`" for one in key.choices)
        return f"list of {listed}" if key.kind == "choices" else listed
    return TAKES[key.kind]
