"""Which of the manifest's alarms a migration itself has to tell of, and with what."""

from typing import TYPE_CHECKING

from lakeferry.cli.fleet.flags import ledger_path
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.render import Screen
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.ledger.open import reading
from lakeferry.ledger.read import moved_bytes

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
    chosen: ManifestFlags, wanted: "Migration", screen: Screen
) -> "AlarmMetrics | None":
    """What is to be put; None where the manifest wants none. What cannot be is warned of.

    Raises:
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
    """
    manifest = read(chosen, is_needed=True, is_of_tables=True).manifest
    rules = rules_of(manifest)
    if not rules:
        return None
    from lakeferry.cli.cost.manifest_keys import assumed
    from lakeferry.fleet.planning.route_prices import Asked
    from lakeferry.fleet.standing.alarm_values import AlarmMetrics
    from lakeferry.monitor.choices import access_of

    with reading(ledger_path(wanted)) as db:
        moved = moved_bytes(db)
    try:
        access = access_of(manifest)
        prices = Asked(*assumed(chosen)) if FORECAST in rules else None
    except FerryError as error:
        what = f"no alarm is told anything: {error.what}"
        screen.event(Warned(wanted.name, error.code, what, error.next_step))
        return None
    return AlarmMetrics(access, LAG in rules, prices, moved)
