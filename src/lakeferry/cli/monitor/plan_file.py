"""A plan of monitoring as a file to review; its fingerprint is what `apply` holds it to."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from lakeferry.cli.monitor.plan_answers import change_sums
from lakeferry.errors import FerryError
from lakeferry.monitor.changes import Change
from lakeferry.monitor.run import ProvisionReport
from lakeferry.version import VERSION

FORMAT = "lakeferry.monitor-plan/1"
_FINGERPRINT = re.compile(r"[0-9a-fA-F]{8,64}")


def plan_text(report: ProvisionReport) -> bytes:
    """The plan as JSON: no secret, no clock, equal plans give equal bytes."""
    plan = report.plan
    usd = {(one.kind, one.name): one.usd for one in report.desired.costs}
    body = {
        "format": FORMAT,
        "lakeferry": VERSION,
        "deployment": plan.deployment,
        "account": plan.account,
        "region": plan.region,
        "fingerprint": plan.fingerprint,
        "sums": change_sums(plan),
        "usd_a_month": float(round(report.desired.usd_a_month, 2)),
        "brakes": [one.kind for one in report.brakes],
        "changes": [
            _change(one, float(round(usd.get(one.key, Decimal(0)), 4)))
            for one in plan.of("create", "update", "replace", "delete")
        ],
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"


def fingerprint_of(given: str) -> str:
    """The fingerprint of a plan file, or the one that was typed.

    Raises:
        FerryError: LF-2052 where it is neither.
    """
    path = Path(given)
    if not path.is_file():
        if _FINGERPRINT.fullmatch(given):
            return given
        raise _no_plan(given, "there is no such file, and it is no fingerprint")
    try:
        body = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise _no_plan(given, "it is no JSON") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise _no_plan(given, f"its `format` is not {FORMAT}")
    fingerprint = body.get("fingerprint")
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        raise _no_plan(given, "it has no fingerprint")
    return fingerprint


def _change(one: Change, usd: float) -> dict[str, Any]:
    hidden = "subscriptions"  # a URL may be a secret
    return {
        "action": one.action,
        "kind": one.kind,
        "name": one.name,
        "usd_a_month": usd,
        "why": one.why,
        "differences": [
            {"field": each.field, "before": each.before, "after": each.after}
            for each in one.differences
            if not each.field.startswith(hidden)
        ],
    }


def _no_plan(given: str, why: str) -> FerryError:
    return FerryError(
        "LF-2052",
        "this is no plan of monitoring",
        f"{given}: {why}",
        "make one with `lakeferry monitor plan -o FILE`",
    )
