"""What `plan` does: look at the tables that are meant, price it, keep it, show it, write it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Event as Flag
from typing import TYPE_CHECKING

from lakeferry.cli.columns import screen_width
from lakeferry.cli.cost.flags import keys_of
from lakeferry.cli.fleet import plan_answers as answers
from lakeferry.cli.fleet.flags import TableFlags, known_tables, led, ledger_path
from lakeferry.cli.fleet.plan_flags import PlanFlags
from lakeferry.cli.manifest_flags import ManifestFlags, migration
from lakeferry.cli.named_file import write_file
from lakeferry.cli.render import Screen
from lakeferry.cli.units import parse_rate
from lakeferry.config.check import nearest
from lakeferry.connect.references import resolved
from lakeferry.cost.plan.keys import KEYS
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.fleet.manifest.apart import refuse_inside
from lakeferry.fleet.manifest.facts import as_said, facts_of, is_let_in
from lakeferry.fleet.manifest.moved import check_new_places, check_places
from lakeferry.fleet.planning.gone import GONE
from lakeferry.fleet.planning.keeping import keep_plan, still_so
from lakeferry.fleet.planning.plan_file import plan_bytes
from lakeferry.fleet.planning.planned import FleetPlan
from lakeferry.fleet.planning.route_prices import Asked, beside_routes, priced
from lakeferry.fleet.planning.run import Planned, plan_fleet
from lakeferry.fleet.planning.totals import moving
from lakeferry.fleet.standing.estimate import HORIZON_S
from lakeferry.ledger import read
from lakeferry.ledger.open import reading
from lakeferry.ledger.rows import LakeTable, Pace
from lakeferry.ledger.write import now_ms

if TYPE_CHECKING:
    from lakeferry.fleet.manifest.wanted import Migration

OK, LOOK = 0, 3
# Why a ledger does not keep a plan, which is told all the same.
_NOT_KEPT = {
    "LF-8001": "the ledger is led by another run, so it does not keep this plan",
    "LF-8006": "the ledger cannot be written, so it does not keep this plan",
}


def plan(
    chosen: ManifestFlags,
    tables: TableFlags,
    flags: PlanFlags,
    *,
    screen: Screen,
    stop: Flag,
    is_verbose: bool,
) -> int:
    """Plan; exit 3 with --check where anything is left to move or to decide.

    Raises:
        FerryError: LF-8007 nothing was discovered; LF-2041 tables that have begun would land
            elsewhere; LF-2107 no table is meant; LF-2001 a secret of the target is not there.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
        KeyboardInterrupt: stopped.
    """
    wanted = migration(chosen)
    rate, keys = _assumed(flags.assume or ())
    made = planned(wanted, tables, bytes_per_s=rate, screen=screen, stop=stop)
    found = _with_prices(made.plan, wanted, chosen, flags.route, keys)
    _keep(wanted, replace(made, plan=found), screen)
    size = None if flags.out is None else _write(found, flags.out)
    for line in found.tables:
        if line.code == GONE:
            what = f"the target of {line.name} is gone: {line.why}"
            screen.event(Warned(line.name, GONE, what, line.next_step))
    for body in answers.item_bodies(found):
        screen.told("", body)
    shown = answers.Shown(
        is_verbose=is_verbose, explains=flags.explain, file=flags.out, file_bytes=size,
        left_out=made.left_out, width=screen_width(),
    )  # fmt: skip
    screen.result(answers.plan_lines(found, shown), answers.plan_body(found, shown))
    return LOOK if flags.check and any(one.action != "keep" for one in found.tables) else OK


def _write(plan: FleetPlan, path: str) -> int:
    """Write the plan; how many bytes the file has."""
    body = plan_bytes(plan)
    write_file(path, body)
    return len(body)


def planned(
    wanted: "Migration",
    tables: TableFlags,
    *,
    bytes_per_s: float | None,
    screen: Screen,
    stop: Flag,
) -> Planned:
    """Look at the tables that are meant. Raises as `plan` does."""
    refuse_inside(wanted)
    check_secrets(wanted)
    known, seq, paces = known_at(wanted)
    check_places(wanted, (facts_of(wanted, table) for table in known))
    tell_let_in(wanted, known, screen)
    meant = tables.of(wanted, known)
    check_new_places(wanted, (facts_of(wanted, table) for table in meant))
    began = time.monotonic()

    def show(done: int, total: int) -> None:
        body = {"type": "progress", "table": wanted.name, "entries": done}
        seconds = time.monotonic() - began
        text = f"{done:,} of {total:,} tables looked at"
        screen.moving(seconds, (text,), {**body, "seconds": round(seconds, 3)})

    select = [*(tables.select or ()), *([f"wave:{tables.wave}"] if tables.wave else ())]
    return plan_fleet(
        wanted, meant, ledger_seq=seq, paces=paces, select=select, bytes_per_s=bytes_per_s,
        on_look=show, stop=stop,
    )  # fmt: skip


def check_secrets(wanted: "Migration") -> None:
    """That what the target's options refer to is there; else every table would be blocked by it.

    Raises:
        FerryError: as `references.resolved`.
    """
    for text in wanted.target.store_options.values():
        resolved(text)


def tell_let_in(wanted: "Migration", known: Sequence[LakeTable], screen: Screen) -> None:
    """Tables that the manifest lets in again are passed over until they are looked for."""
    names = sorted(one.name for one in known if is_let_in(wanted, one))
    if names:
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        what = f"the manifest lets {', '.join(names[:3])}{more} in, which it left out before"
        screen.event(Warned(wanted.name, None, what, "lakeferry discover looks for them again"))


def known_at(wanted: "Migration") -> tuple[list[LakeTable], int, list[Pace]]:
    """The tables of the ledger as the manifest wants them now, the number of its last event, and
    the paces of two days.
    """
    since_ms = now_ms() - HORIZON_S * 1000
    with reading(ledger_path(wanted)) as db, read.at_one_moment(db):
        found, seq = read.tables(db), read.last_seq(db)
        paces = read.paces(db, since_ms=since_ms, each_s=60)
    return [as_said(wanted, one) for one in found], seq, paces


def _assumed(given: Sequence[str]) -> tuple[float | None, list[tuple[str, str, str]]]:
    """`rate=20Gbit/s` in bytes a second, and what else is for prices."""
    rates = [text for text in given if text.startswith("rate=")]
    rate = parse_rate(rates[-1].removeprefix("rate="), "--assume rate") if rates else None
    keys = list(keys_of(assume=[text for text in given if text not in rates]))
    for flag, key, _ in keys:
        if key not in KEYS:
            step = nearest(key, ["rate", *KEYS])
            raise FerryError("LF-2001", f"`{key}` cannot be assumed", flag, step)
    return rate, keys


def _with_prices(
    found: FleetPlan,
    wanted: "Migration",
    chosen: ManifestFlags,
    route: str | None,
    keys: Sequence[tuple[str, str, str]],
) -> FleetPlan:
    from lakeferry.cli.cost.manifest_keys import assumed

    under, texts = assumed(chosen)
    asked = Asked(under, texts, keys, (route or "").replace("-", "_"))
    if moving(found.tables):
        dollars = priced(found.tables, wanted, found.left, asked)
        found = replace(found, priced=dollars, price_book=_book(dollars))
    return beside_routes(found, wanted, asked)


def _book(dollars: Mapping[str, object]) -> str:
    if not dollars:
        return ""
    from lakeferry.cost.prices.price_file import own_book

    return own_book().written


def _keep(wanted: "Migration", made: Planned, screen: Screen) -> None:
    """Let the ledger know what was found; while another coordinator leads, it knows better."""
    try:
        with led(wanted, "plan") as ledger:
            tables = still_so(made.tables, known_tables(wanted))
            keep_plan(ledger, tables, made.seen, made.plan.tables, now_ms=now_ms())
            ledger.end(OK)
    except FerryError as error:
        if error.code not in _NOT_KEPT:
            raise
        step = "`status` goes on to show the plan before"
        screen.event(Warned(wanted.name, error.code, _NOT_KEPT[error.code], step))
