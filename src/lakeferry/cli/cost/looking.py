"""`cost --observe | --reconcile`: read what is looked at, call a door, show its answer."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import Any

from lakeferry.cli.columns import screen_width
from lakeferry.cli.cost import observe_answers as observed
from lakeferry.cli.cost import reconcile_answers as answers
from lakeferry.cli.cost.look_flags import LookFlags, share_of
from lakeferry.cli.cost.planned_bytes import planned_bytes
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.monitor.network_flags import request_of
from lakeferry.cli.monitor.watching import Asked as Network
from lakeferry.cli.named_file import write_file
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import parse_pairs
from lakeferry.connect.aws import usual_region
from lakeferry.cost.bill.judging import Tolerances
from lakeferry.cost.bill.observed import Seen
from lakeferry.cost.bill.run import SEEN_HEADER, Asked, CopiedBy, reconcile_bill, seen_in
from lakeferry.cost.observe.flow_choice import Terms
from lakeferry.cost.observe.run import observe
from lakeferry.cost.path.options import Trouble
from lakeferry.cost.plan.keys import MONEY
from lakeferry.cost.plan.values import CostPlan
from lakeferry.cost.prices.values import PriceBook
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.monitor.logs.opening import store_options
from lakeferry.monitor.logs.read_flow import FlowRead, read_flow
from lakeferry.monitor.logs.read_seen import SeenLogs, read_seen_logs
from lakeferry.network.topology import Topology
from lakeferry.store.open import NO_OPTIONS

OK, LOOK = 0, 3
_SEEN = ("bytes", "files", "days", "hours", "start", "to", "overhead", "deadline")
_OF_A_BILL = (*MONEY, "bytes", "units")  # what of a plan a reconciliation asks for


@dataclass(frozen=True, slots=True)
class Wish:
    """How an answer is wanted."""

    look: LookFlags
    keys: tuple[tuple[str, str, Any], ...]  # of a plan, as typed, see `cost.plan.keys`
    csv: str | None  # a file, or `-`
    verbose: bool
    manifest: ManifestFlags = NO_MANIFEST  # names the network where no flag does

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
    if wish.look.observe is not None:
        return observe_flow(wish, screen=screen, stop=stop)
    return reconcile(wish, screen=screen, stop=stop)


def observe_flow(wish: Wish, *, screen: Screen, stop: Flag) -> int:
    """Price what flowed, and say which path each group should take. Nothing is changed."""
    look, network = wish.look, network_of(wish)
    place, fields = network.place(look.logs if look.logs is not None else look.flow)
    bounds = network.bounds(place)
    network.warn(place, screen)
    topology = _same_network(look, network)
    plan, book = _observed_plan(wish, topology.found.vpc.region)
    read = read_flow(
        place, topology, fields=fields, options=network.options(place),
        log_events=partial(network.log_events, bounds), start_s=bounds[0], end_s=bounds[1],
        stop=stop,
    )  # fmt: skip
    found = observe(
        read.flow, read.who, topology, book=book, terms=_terms(plan),
        undated_leak=read.undated_leak,
    )  # fmt: skip
    for one in observed.observed_bodies(found):
        screen.result([], one)
    rows = observed.observed_csv(found)
    if wish.csv not in (None, "-"):
        write_file(str(wish.csv), "\n".join([*rows, ""]).encode())
    lines = observed.observed_lines(found, marks(sys.stdout), screen_width())
    screen.result(
        rows if wish.csv == "-" else [*lines, *_left_out(read)],
        {**observed.observed_summary(found), "place": place, **_unseen(read)},
    )
    return OK


def _same_network(look: LookFlags, network: Network) -> Topology:
    topology = network.topology
    if look.observe not in ("-", topology.found.vpc.id):
        raise FerryError(
            "LF-2001",
            f"the saved network is of {topology.found.vpc.id or 'another VPC'}, not of "
            f"{look.observe}",
            str(look.topology),
            "leave --topology out, or write `--observe -`",
        )
    return topology


def _observed_plan(wish: Wish, region: str) -> tuple[CostPlan, PriceBook]:
    """What was typed of a plan, with the bytes and the time of what was seen in their place."""
    usual = {"from": "on-premises", "to": f"aws:{region}", "bytes": "1 B", "hours": "720"}
    for flag, key, _ in wish.keys:
        if key in _SEEN:
            raise _of_a_plan(flag, "--observe", "what flowed says it")
    return planned(usual, wish.keys)


def _of_a_plan(flag: str, beside: str, why: str) -> FerryError:
    return FerryError(
        "LF-2001",
        f"{flag} is for the price of a plan: {why}",
        f"on the command line, beside {beside}",
        "leave it out; --last, --since and --until choose the time",
    )


def _terms(plan: CostPlan) -> Terms:
    migration = plan.migration
    assert migration is not None
    wanted = migration.nat_instances
    return Terms(
        plan.region,
        source=migration.source,
        instances=None if plan.sizes_instances else wanted,
        disk_gb=wanted.disk_gb,
        standby=wanted.standby,
        refused=plan.refused,
        trouble=Trouble(
            plan.outage_minutes, plan.dark_minutes, plan.failures_a_month, plan.delay_usd_hour
        ),
        used=migration.used,
    )


def _unseen(read: FlowRead) -> dict[str, Any]:
    return {
        "rows": read.report.records,
        "bad_lines": read.report.bad_lines,
        "skipped_rows": read.skipped,
        "undirected_rows": read.undirected,
    }


def _left_out(read: FlowRead) -> Iterator[str]:
    """What the sums do not hold, in words."""
    if read.skipped:
        yield f"  AWS left records out: {read.skipped:,} rows of SKIPDATA"
    if read.report.bad_lines:
        yield f"  {read.report.bad_lines:,} bad lines"
    if read.undirected:
        yield f"  {read.undirected:,} rows not counted: nothing says whether they came or went"
    for device, size in sorted(read.undated_leak.items()):
        yield f"  {size:,} B of {device} are S3's; the format does not tell whose: no group of them"


def reconcile(wish: Wish, *, screen: Screen, stop: Flag) -> int:
    """Set a bill beside what was copied and seen. Exit 3 where that needs a look."""
    look = wish.look
    for flag, key, _ in wish.keys:
        if key not in _OF_A_BILL:
            raise _of_a_plan(flag, "--reconcile", "a bill has no use for it")
    asked = _asked(wish)
    seen = _seen(wish, screen, stop)
    places = tuple(look.reconcile or ())
    options = partial(_options, look)
    result = reconcile_bill(
        places, _copied(look), seen, asked, book=_book(wish, asked.region), options=options
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
    keys = [one for one in wish.keys if one[1] in MONEY]
    if region is None:
        if not keys:
            return None
        raise FerryError(
            "LF-2001",
            f"nothing says of which Region the price by {keys[0][0]} is",
            "on the command line, beside --reconcile",
            "give --region",
        )
    usual = {"from": "on-premises", "to": f"aws:{region}", "bytes": "1 B", "hours": "1"}
    return planned(usual, keys)[1]


def planned(
    usual: Mapping[str, str], keys: Iterable[tuple[str, str, Any]]
) -> tuple[CostPlan, PriceBook]:
    """A plan of what was looked at, with what was typed laid upon it; and its prices."""
    from lakeferry.cost.plan.prices import book_for, check_names
    from lakeferry.cost.run import CostRequest, listed_prices, read_plan

    seen = [("what was looked at", key, text) for key, text in usual.items()]
    plan = read_plan(CostRequest(keys=[*seen, *keys]))
    listed = listed_prices(plan.prices)
    check_names(plan, listed, _askable(listed, plan.region))
    return plan, book_for(plan, listed)


def _askable(listed: PriceBook, region: str) -> Iterator[str]:
    """Ids that may be priced although the book has no figure of them."""
    yield "carrier.circuit.month"
    for id, one in listed.prices.items():
        if one.region and id.endswith(f".{one.region}"):
            yield f"{id.removesuffix(one.region)}{region}"


def _options(look: LookFlags, place: str) -> Mapping[str, str]:
    """Settings of a place's store: S3 is met as the rest of AWS, unless it is said otherwise."""
    if "://" not in place:
        return NO_OPTIONS
    given = parse_pairs(look.store_option or [], "--store-option")
    region = look.region or (usual_region(look.aws_profile) if place.startswith("s3://") else None)
    return store_options(
        place, given, region=region, profile=look.aws_profile, endpoint=look.endpoint_url,
        role=look.role, external_id=look.external_id,
    )  # fmt: skip


# ---- what was copied, what flow logs saw


def _copied(look: LookFlags) -> str | CopiedBy | None:
    """A file, or the target of clones, which wrote down there what they brought."""
    place = look.copied
    if place is None or Path(place).is_file():
        return place
    options = _options(look, place)
    if place.startswith("s3://") or Path(place).is_dir():
        from lakeferry.clone.landed import has_records, landed

        if has_records(place, options) or Path(place).is_dir():
            return lambda path: landed(place, path, options)
    return place


def _seen(wish: Wish, screen: Screen, stop: Flag) -> tuple[Seen, ...] | None:
    """From the CSV form, from flow logs, or None where there are none."""
    look = wish.look
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
    found = _read(wish, place, stop)
    for said in _untold(found):
        screen.event(said)
    return found.seen


def _is_csv_form(place: str) -> bool:
    if "://" in place or not Path(place).is_file():
        return place.endswith(".csv")
    with Path(place).open("rb") as file:
        return file.read(len(SEEN_HEADER) + 3).removeprefix(b"\xef\xbb\xbf").startswith(b"hour,")


def _read(wish: Wish, place: str | None, stop: Flag) -> SeenLogs:
    network = network_of(wish)
    where, fields = network.place(place)
    bounds = network.bounds(where)
    return read_seen_logs(
        where, network.topology, fields=fields, options=network.options(where),
        log_events=partial(network.log_events, bounds), start_s=bounds[0], end_s=bounds[1],
        stop=stop,
    )  # fmt: skip


def network_of(wish: Wish) -> Network:
    """The network in question, asked of AWS when it is needed and not before."""
    look = wish.look
    return Network(
        look.as_rows(), look.as_span(),
        lambda: request_of(wish.manifest, look.as_network(), needs_name=False),
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
