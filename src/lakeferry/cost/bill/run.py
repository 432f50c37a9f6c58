"""A bill, what was copied and what flow logs saw, each read from where it lies, and reconciled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO

from lakeferry.cost.bill.billed import byte_lines
from lakeferry.cost.bill.copied_report import read_report
from lakeferry.cost.bill.days import Day, by_day
from lakeferry.cost.bill.forecast import Forecast, forecast
from lakeferry.cost.bill.judging import Tolerances
from lakeferry.cost.bill.lines import fetched_file, local_file
from lakeferry.cost.bill.observed import Copied, Seen, read_copied, read_seen
from lakeferry.cost.bill.place import Options, bill_of, options_at
from lakeferry.cost.bill.reconcile import Reconciliation, reconcile
from lakeferry.cost.bill.usage_types import NAT
from lakeferry.cost.bill.whole_bill import Bill
from lakeferry.cost.prices.values import PriceBook
from lakeferry.errors import FerryError
from lakeferry.store.open import NO_OPTIONS, open_store

CopiedBy = Callable[[str], Sequence[Copied]]  # of the path that the bytes took

SEEN_HEADER = b"hour,interface_id"  # how the CSV form of what was seen begins


@dataclass(frozen=True, slots=True)
class Asked:
    """How a bill is to be reconciled."""

    region: str | None = None  # whose NAT gateways are meant; None: those of the paths
    path_of: Mapping[str, str] | None = None  # interface -> path, as known
    through: str | None = None  # path of the bytes in a clone's report
    rate: Decimal | None = None  # per GB, for hours of which the bill has none; None: the book's
    tolerances: Tolerances | None = None
    whole: int | None = None  # payload of the whole migration; None: no forecast


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A bill set beside what was copied and seen."""

    bill: Bill
    found: Reconciliation
    days: tuple[Day, ...]
    ahead: Forecast | None  # None: not asked for, or nothing to go by
    whole: int | None = None  # payload of the whole migration, as it was asked about

    @property
    def needs_a_look(self) -> bool:
        """Whether anything is beyond its tolerance, or part of the bill could not be read."""
        return self.found.needs_a_look or bool(self.bill.report.malformed)


def reconcile_bill(
    places: Sequence[str],
    copied: str | Sequence[Copied] | CopiedBy | None = None,
    seen: str | Sequence[Seen] | None = None,
    asked: Asked = Asked(),
    *,
    book: PriceBook | None = None,
    options: Options = NO_OPTIONS,
) -> Reconciled:
    """Reconcile a bill in one call.

    Args:
        places: of the bill, see `place.bill_at`.
        copied: what was copied, by hour; or a file of it, see `copied_in`; or what tells it of
            the path that it is asked for. None: not known.
        seen: what flow logs saw, by hour; or the CSV file of it. None: not known.
        book: whose price of a NAT gateway's GB stands in where the bill has none.
        options: of the stores that these lie in: of all, or what gives them for a place.

    Raises:
        FerryError: LF-6601 to LF-6609, LF-6641, LF-6642.
    """
    bill = bill_of(places, options)
    if isinstance(copied, str):
        copied = copied_in(copied, bill, asked, options)
    elif callable(copied):
        copied = copied(asked.through or _only_gateway(bill, asked.region, "what was copied"))
    if isinstance(seen, str):
        seen = seen_in(seen, options)
    rate = asked.rate if asked.rate is not None else _listed(book, asked.region)
    found = reconcile(
        bill, copied, seen, region=asked.region, path_of=asked.path_of, list_rate=rate,
        tolerances=asked.tolerances,
    )  # fmt: skip
    left = None if asked.whole is None else max(0, asked.whole - sum(found.copied.values()))
    ahead = forecast(bill, found, left) if left is not None else None
    return Reconciled(bill, found, by_day(found.cells), ahead, asked.whole)


def copied_in(
    place: str, bill: Bill, asked: Asked = Asked(), options: Options = NO_OPTIONS
) -> tuple[Copied, ...]:
    """What was copied, from `hour,nat,payload_bytes` as CSV or from a clone's report.

    Args:
        place: a file; one that begins with `{` is a report, see `copied_report.read_report`.
        bill: names the path of a report's bytes where it bills one NAT gateway alone.

    Raises:
        FerryError: LF-6607; LF-6642 where nothing says which path a report's bytes took.
    """
    with _opened(place, options) as file:
        is_report = file.read(1) == b"{"
        file.seek(0)
        if is_report:
            through = asked.through or _only_gateway(bill, asked.region, place)
            return read_report(file, place, through)
        return read_copied((_text(line, place) for line in file), place)


def seen_in(place: str, options: Options = NO_OPTIONS) -> tuple[Seen, ...]:
    """What flow logs saw, from its CSV form. Raises LF-6607."""
    with _opened(place, options) as file:
        return read_seen((_text(line, place) for line in file), place)


def _opened(place: str, options: Options) -> BinaryIO:
    try:
        if "://" not in place:
            return local_file(place).open()
        folder, _, name = place.rpartition("/")
        store = open_store(folder, options_at(place, options))
        return fetched_file(place, lambda: store.read(name)).open()
    except OSError as error:
        raise FerryError(
            "LF-6607",
            f"the file cannot be opened: {error.strerror or error}",
            place,
            "name a file of what was copied or seen",
        ) from error


def _text(line: bytes, place: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise FerryError(
            "LF-6607",
            "this is no text",
            place,
            "write CSV in UTF-8, or give what `lakeferry clone --log-file FILE` wrote",
        ) from error


def _only_gateway(bill: Bill, region: str | None, place: str) -> str:
    nat = (one for one in byte_lines(bill) if one.path == NAT and one.resource)
    found = sorted({one.resource for one in nat if region in (None, one.region)})
    if len(found) == 1:
        return found[0]
    named = ", ".join(found[:4]) or "it bills none"
    raise FerryError(
        "LF-6642",
        "nothing says which path the copied bytes took",
        f"{place} does not say, and the bill has {len(found)} NAT gateways: {named}",
        "say which: --through nat-…; or give `hour,nat,payload_bytes` as CSV",
    )


def _listed(book: PriceBook | None, region: str | None) -> Decimal | None:
    if book is None or region not in book.crossed("aws"):
        return None
    return book.of("aws.natgw.gb", region).first_usd
