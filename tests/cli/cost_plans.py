"""`lakeferry cost` as typed, with the worked plan of facts/cost.md section 8."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.cli.program import Ended, called, json_lines

# 2 PiB in 16,777,216 objects of 128 MiB, Azure East US to us-east-1, 30 days.
WORKED = (
    "--bytes", "2 PiB", "--files", "16777216", "--days", "30",
    "--from", "azure:eastus", "--to", "aws:us-east-1",
    "--overhead", "3.125%", "--workers", "c6in.4xlarge:6", "--nat-instances", "c7gn.large:3",
    "--log-records", "1e9", "--rules", "6", "--alarms", "12", "--dashboards", "1",
)  # fmt: skip
SMALL = ("--bytes", "2 TiB", "--days", "30", "--from", "azure:eastus", "--to", "aws:us-east-1")


def cost(folder: Path, *words: str | Path, **more: Any) -> Ended:
    return called("cost", *words, folder=folder, **more)


def answer(folder: Path, *words: str | Path, code: int = 0, **more: Any) -> list[dict[str, Any]]:
    """The JSON lines of an answer, each held to the schema."""
    ended = cost(folder, *words, "--json", **more)
    assert ended.returncode == code, ended.stdout
    return json_lines(ended)


def routes(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """`{"pull nat_gateway": ...}`."""
    found = [line for line in lines if line["type"] == "route"]
    return {f"{one['placement']} {one['path']}": one for one in found}


def dollars_of(
    lines: list[dict[str, Any]], price_id: str, path: str = "nat_gateway", placement: str = "pull"
) -> Decimal | None:
    """The exact dollars of the one line of a route with this price; None: it is unpriced."""
    (found,) = [
        line
        for line in lines
        if line["type"] == "cost_line"
        and (line["path"], line["placement"], line["price_id"]) == (path, placement, price_id)
    ]
    return None if found["usd"] is None else Decimal(found["usd"])
