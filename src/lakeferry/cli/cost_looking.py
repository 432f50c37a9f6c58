"""`cost --reconcile`: read the three, call the door of the room, show its answer, exit code."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import Any

from lakeferry.cli import reconcile_answers as answers
from lakeferry.cli.columns import screen_width
from lakeferry.cli.cost_look_flags import LookFlags, share_of
from lakeferry.cli.manifest_flags import NO_MANIFEST
from lakeferry.cli.network_flags import request_of
from lakeferry.cli.plan_file import write_file
from lakeferry.cli.planned_bytes import planned_bytes
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import parse_pairs
from lakeferry.cli.watching import Asked as Network
from lakeferry.connect.aws import usual_region
from lakeferry.cost.judging import Tolerances
from lakeferry.cost.observed import Seen
from lakeferry.cost.plan_keys import MONEY
from lakeferry.cost.plan_values import CostPlan
from lakeferry.cost.prices import PriceBook
from lakeferry.cost.reconcile_run import SEEN_HEADER, Asked, reconcile_bill, seen_in
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.monitor.logs import store_options
from lakeferry.monitor.read_seen import SeenLogs, read_seen_logs

OK, LOOK = 0, 3


@dataclass(frozen=True, slots=True)
class Wish:
    """How an answer is wanted."""

    look: LookFlags
    keys: tuple[tuple[str, str, Any], ...]  # of a plan, as typed, see `cost.plan_keys`
    csv: str | None  # a file, or `-`
    verbose: bool

    @property
    def hourly(self) -> bool:
        return self.look.hourly or self.verbose

    def given(self, name: str) -> Any:
        """The text of a plan's key; None where it was not given."""
        return next((text for _, key, text in self.keys if key == name), None)


def look(wish: Wish, *, screen: Screen, stop: Flag) -> int:
    """Look at a bill, or at what flowed."""
    if wish.look.observe is not None and wish.look.reconcile:
        what = "--observe and --reconcile are two questions"
        raise FerryError("LF-2001", what, "on the command line", "ask one after the other")
    return reconcile(wish, screen=screen, stop=stop)


def reconcile(wish: Wish, *, screen: Screen, stop: Flag) -> int:
    """Set a bill beside what was copied and seen. Exit 3 where that needs a look."""
    look = wish.look
    asked = _asked(wish)
    seen = _seen(look, screen, stop)
    places = tuple(look.reconcile or ())
    options = _options(look, *places)
    result = reconcile_bill(
        places, look.copied, seen, asked, book=_book(wish, asked.region), options=options
    )
    for one in answers.reconciled_bodies(result, hourly=wish.hourly):
        screen.result([], one)
    if wish.csv not in (None, "-"):
        rows = answers.csv_lines(result, hourly=wish.hourly)
        write_file(str(wish.csv), "\n".join([*rows, ""]).encode())
    if wish.csv == "-":
        lines = answers.csv_lines(result, hourly=wish.hourly)
    else:
        signs, width = marks(sys.stdout), screen_width()
        lines = answers.reconciled_lines(result, signs, width, hourly=wish.hourly)
    screen.result(lines, answers.summary_body(result))
    return LOOK if result.needs_a_look else OK


def _asked(wish: Wish) -> Asked:
    look, usual = wish.look, Tolerances()
    gap = usual.gap if look.tolerance is None else share_of(look.tolerance, "--tolerance")
    whole = wish.given("bytes")
    decimal = wish.given("units") == "decimal"
    return Asked(
        region=look.region,
        path_of=look.path_of(),
        through=look.through,
        tolerances=replace(usual, gap=gap),
        whole=None if whole is None else planned_bytes(whole, decimal=decimal, flag="--bytes"),
    )


def _book(wish: Wish, region: str | None) -> PriceBook | None:
    """The prices that stand in where the bill has none: --prices and --price before our own."""
    if region is None:
        return None
    usual = {"from": "on-premises", "to": f"aws:{region}", "bytes": "1 B", "hours": "1"}
    keys = [one for one in wish.keys if one[1] in MONEY]
    return planned(usual, keys)[1]


def planned(
    usual: Mapping[str, str], keys: Iterable[tuple[str, str, Any]]
) -> tuple[CostPlan, PriceBook]:
    """A plan of what was looked at, with what was typed laid upon it; and its prices."""
    from lakeferry.cost.plan_prices import book_for
    from lakeferry.cost.run import CostRequest, listed_prices, read_plan

    seen = [("what was looked at", key, text) for key, text in usual.items()]
    plan = read_plan(CostRequest(keys=[*seen, *keys]))
    return plan, book_for(plan, listed_prices(plan.prices))


def _options(look: LookFlags, *places: str) -> Mapping[str, str]:
    """Settings of the stores: S3 is met as the rest of AWS, unless it is said otherwise."""
    given = parse_pairs(look.store_option or [], "--store-option")
    at_s3 = next((one for one in places if one.startswith("s3://")), "")
    region = look.region or (usual_region(look.aws_profile) if at_s3 else None)
    return store_options(
        at_s3, given, region=region, profile=look.aws_profile, endpoint=look.endpoint_url
    )


# ---- what flow logs saw


def _seen(look: LookFlags, screen: Screen, stop: Flag) -> tuple[Seen, ...] | None:
    """From the CSV form, from flow logs, or None where there are none."""
    place = look.flow if look.flow is not None else look.logs
    if place is not None and _is_csv_form(place):
        return seen_in(place, _options(look, place))
    if not look.has_network:
        if place is None:
            return None
        raise FerryError(
            "LF-2001",
            "nothing says whose flow logs these are",
            place,
            "give --vpc, or --topology FILE saved by `lakeferry monitor discover --save FILE`; "
            "or the CSV form `hour,interface_id,bytes,bytes_to_s3_prefix_list`",
        )
    found = _read(look, place, stop)
    for said in _untold(found):
        screen.event(said)
    return found.seen


def _is_csv_form(place: str) -> bool:
    if "://" in place or not Path(place).is_file():
        return place.endswith(".csv")
    with Path(place).open("rb") as file:
        return file.read(len(SEEN_HEADER) + 3).removeprefix(b"\xef\xbb\xbf").startswith(b"hour,")


def _read(look: LookFlags, place: str | None, stop: Flag) -> SeenLogs:
    network = network_of(look)
    where, fields = network.place(place)
    bounds = network.bounds(where)
    return read_seen_logs(
        where, network.topology, fields=fields, options=network.options(where),
        log_events=partial(network.log_events, bounds), start_s=bounds[0], end_s=bounds[1],
        stop=stop,
    )  # fmt: skip


def network_of(look: LookFlags) -> Network:
    """The network in question, asked of AWS when it is needed and not before."""
    return Network(
        look.as_rows(), look.as_span(),
        lambda: request_of(NO_MANIFEST, look.as_network(), needs_name=False),
        called=("--since", "--until"),
    )  # fmt: skip


def _untold(found: SeenLogs) -> Iterator[Warned]:
    """What these logs cannot tell, or AWS left out."""
    for device, size in sorted(found.undated_leak.items()):
        said = f"{size:,} B of {device} were to or from S3; the log's format does not say when"
        yield _warned(said, "make a flow log with pkt-srcaddr and pkt-dstaddr: `monitor plan`")
    for device, size in sorted(found.not_forwarded.items()):
        said = f"{size:,} B reached {device} and went no further: nobody had asked for them"
        yield _warned(said, "they are in no figure; refuse them with a network ACL if they grow")
    if found.report.bad_lines:
        said = f"{found.report.bad_lines:,} lines of the flow logs cannot be read"
        yield _warned(said, "see that they are as AWS delivered them")


def _warned(said: str, next_step: str) -> Any:
    return Warned("", None, said, next_step)
