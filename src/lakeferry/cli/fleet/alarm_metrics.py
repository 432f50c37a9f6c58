"""Which of the manifest's alarms a migration itself has to tell of, and with what."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from lakeferry.cli.fleet.flags import ledger_path
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.render import Screen
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.ledger.open import reading
from lakeferry.ledger.read import moved_bytes
from lakeferry.ledger.rows import LakeTable

if TYPE_CHECKING:
    from lakeferry.config.manifest import Manifest
    from lakeferry.fleet.manifest.wanted import Migration
    from lakeferry.fleet.standing.alarm_values import AlarmMetrics

LAG, FORECAST = "lag", "cost-forecast"  # as the manifest names them


def rules_of(manifest: "Manifest") -> frozenset[str]:
    """Those of the two that the manifest wants."""
    wanted = (one.name for one in manifest.alarms.rules if one.enabled and one.limit is not None)
    return frozenset(wanted) & {LAG, FORECAST}


def alarm_metrics(
    chosen: ManifestFlags, wanted: "Migration", tables: Sequence[LakeTable], screen: Screen
) -> "AlarmMetrics | None":
    """What is to be put; None where the manifest wants none. What cannot be is warned of."""
    manifest = read(chosen, is_needed=True, is_of_tables=True).manifest
    rules = rules_of(manifest)
    if not rules:
        return None
    from lakeferry.fleet.standing.alarm_values import AlarmMetrics
    from lakeferry.monitor.choices import access_of

    with reading(ledger_path(wanted)) as db:
        moved = moved_bytes(db)
    try:
        access = access_of(manifest)
        usd = _dollars(chosen, wanted, tables, moved, screen) if FORECAST in rules else None
    except FerryError as error:
        screen.event(_warned(wanted, error))
        return None
    return AlarmMetrics(access, LAG in rules, usd, moved)


def _dollars(
    chosen: ManifestFlags,
    wanted: "Migration",
    tables: Sequence[LakeTable],
    moved: Mapping[str, int],
    screen: Screen,
) -> Mapping[str, Decimal] | None:
    """By byte and route; None, and a warning, where something has no price."""
    from lakeferry.cli.cost.manifest_keys import assumed
    from lakeferry.fleet.planning.route_prices import Asked
    from lakeferry.fleet.planning.run_price import usd_per_byte_of_all
    from lakeferry.fleet.standing.states import OUT_OF_SCOPE

    meant = [
        one for one in tables if one.source in wanted.sources and one.state not in OUT_OF_SCOPE
    ]
    try:
        under, texts = assumed(chosen)
        return usd_per_byte_of_all(meant, moved, wanted, Asked(under, texts))
    except FerryError as error:
        screen.event(_warned(wanted, error))
    except ExceptionGroup as faults:
        for one in faults.exceptions:
            if not isinstance(one, FerryError):
                raise
            screen.event(_warned(wanted, one))
    return None


def _warned(wanted: "Migration", error: FerryError) -> Warned:
    what = f"an alarm is told nothing: {error.what}"
    return Warned(wanted.name, error.code, what, error.next_step)
