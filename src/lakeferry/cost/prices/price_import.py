"""The door of price imports: lists read from files or addresses, compared, written as a new file.

Nothing is written unless everything that was asked for could be read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from lakeferry.connect.web import CHUNK, chunks
from lakeferry.cost.prices.azure_prices import first_page, pages, read_pages
from lakeferry.cost.prices.changes import Change, changes
from lakeferry.cost.prices.discounts import Agreement, agreed
from lakeferry.cost.prices.places import (
    AWS_ENDPOINT,
    AZURE_ENDPOINT,
    check_regions,
    check_services,
    offers,
    offers_url,
    only_of,
    regions,
    services_of,
)
from lakeferry.cost.prices.price_file import overridden, own_book, read_book
from lakeferry.cost.prices.price_list import read_price_list
from lakeferry.cost.prices.price_writing import check_new, write_new, written
from lakeferry.cost.prices.terms import ambiguous, unreadable
from lakeferry.cost.prices.values import PriceBook
from lakeferry.errors import FerryError
from lakeferry.events import Emit, Noted, silent

SMALL = 64 * 2**20  # bytes of an index or a page, beyond which it is none
NOTE_EVERY = 64 * 2**20  # bytes of a list


@dataclass(frozen=True, slots=True)
class PriceRequest:
    """What to import, from where, and where to write it."""

    aws: Sequence[str] = ()  # price list files of AWS, paths or addresses
    azure: Sequence[str] = ()  # answers of Azure: the pages as files, or the first one's address
    refresh: bool = False  # fetch the lists of `aws_regions` and `azure_regions`
    aws_regions: Sequence[str] = ()  # empty: of files, all that they hold
    azure_regions: Sequence[str] = ()
    services: Sequence[str] = ()  # of AWS; empty: all that are of use
    without: Sequence[str] = ()  # ids of AWS that are left as they are
    agreement: Agreement = field(default_factory=Agreement)
    prices: str | None = None  # a file of prices in use, laid upon the own book
    out: str | None = None  # the new file; None: nothing is written
    aws_endpoint: str = AWS_ENDPOINT
    azure_endpoint: str = AZURE_ENDPOINT


@dataclass(frozen=True, slots=True)
class PriceReport:
    """What an import found, beside what was in use."""

    changes: tuple[Change, ...]  # the same ones too
    absent: tuple[str, ...] = ()  # looked for and in no list: they stay as they are
    sources: tuple[str, ...] = ()  # what was read
    file: str | None = None  # that was written
    base: str | None = None  # whose other prices are in it too


def book_in_use(prices: str | None) -> PriceBook:
    """The own book with a file of prices laid upon it.

    Raises:
        FerryError: LF-6503, LF-6504.
    """
    return own_book() if prices is None else overridden(own_book(), _file(prices), prices)


def import_prices(request: PriceRequest, today: date, emit: Emit = silent) -> PriceReport:
    """Read every list, compare with the prices in use, and write the new file if one is named.

    The new file holds what was imported, and of the file in use whatever was not.

    Args:
        today: the day of Azure's answers, which name none.

    Raises:
        FerryError: LF-6503, LF-6504, LF-6507, LF-6541, LF-6542, LF-6543, LF-6651, LF-6652.
    """
    _check(request)
    before = book_in_use(request.prices)
    found, absent, sources = _imported(request, before, today, emit)
    after = agreed(before if found is None else found, request.agreement)
    wanted = request.aws_regions or request.azure_regions
    if wanted and found is None:
        after = only_of(after, {*request.aws_regions, *request.azure_regions}, ())
    compared = changes(before, after)
    if found is None:
        compared = tuple(one for one in compared if one.kind != "same")
        after = _only_ids(after, {one.after.id for one in compared})
    if not compared:
        raise _nothing(sources)
    if request.out is not None:
        whole = after
        if request.prices is not None:
            whole = overridden(_file(request.prices), after, request.out)
        write_new(Path(request.out), written(replace(whole, written=today.isoformat())))
    return PriceReport(compared, absent, sources, request.out, request.prices)


def _check(request: PriceRequest) -> None:
    if request.refresh and not (request.aws_regions or request.azure_regions):
        raise FerryError(
            "LF-2001",
            "--refresh needs a region",
            "on the command line; one list of AWS has up to some hundred megabytes",
            "name those that you use: --region aws:us-east-1 --region azure:westeurope",
        )
    if request.out is not None:
        check_new(Path(request.out))  # before anything is fetched


def _imported(
    request: PriceRequest, own: PriceBook, today: date, emit: Emit
) -> tuple[PriceBook | None, tuple[str, ...], tuple[str, ...]]:
    """The prices of all lists, what they lack, and their names; None without a list."""
    books: list[PriceBook] = []
    absent: set[str] = set()
    sources: list[str] = []
    check_services(request.services, services_of(own))
    for place, name in _aws_lists(request, own, emit):
        emit(Noted(name, f"reading {name}"))
        found = read_price_list(_read(place, name, emit), name, own, request.without)
        of_use = only_of(found.book, request.aws_regions, request.services)
        if not request.refresh:
            _check_found(found.book, request.aws_regions, name)
        books.append(of_use)
        absent |= {id for id in found.absent if _is_asked(id, request)}
        sources.append(name)
    for texts, name, region in _azure_answers(request):
        emit(Noted(name, f"reading {name}"))
        book = read_pages(texts, today, own.currency)
        wanted = (region,) if region else request.azure_regions
        check_regions(wanted, book.regions("azure"), name, own.regions("azure"))
        books.append(only_of(book, wanted, ()))
        sources.append(name)
    if not sources:
        return None, (), ()
    whole = PriceBook({}, {}, own.currency, today.isoformat())
    for book, name in zip(books, sources, strict=True):
        _check_same(whole, book, name)
        whole = overridden(whole, book, name)
    return whole, tuple(sorted(absent - set(whole.prices))), tuple(sources)


def _check_same(whole: PriceBook, book: PriceBook, name: str) -> None:
    """Raises LF-6542 where an earlier list says otherwise: two versions of one list, perhaps."""
    for one in changes(whole, book):
        if one.before is not None and one.kind != "same":
            raise ambiguous(name, f"{one}; the first is of {one.before.source}")


def _is_asked(id: str, request: PriceRequest) -> bool:
    return not request.aws_regions or any(id.endswith(f".{one}") for one in request.aws_regions)


def _check_found(book: PriceBook, wanted: Sequence[str], name: str) -> None:
    met = {one.region for one in book.prices.values()}
    met |= {region for kind in book.instance_types.values() for region in kind.hourly}
    check_regions(wanted, met, name)


def _aws_lists(request: PriceRequest, own: PriceBook, emit: Emit) -> Iterator[tuple[str, str]]:
    """(path or address, name) of each list."""
    for place in request.aws:
        yield place, place.rpartition("/")[2] if _is_address(place) else place
    if not request.refresh or not request.aws_regions:
        return
    url = offers_url(request.aws_endpoint)
    emit(Noted(url, "asking AWS which price lists there are"))
    listed = offers(_small(url), url)
    asked = request.services or services_of(own)
    by_service = {one: regions(_small(listed[one]), listed[one]) for one in asked if one in listed}
    known = {region for found in by_service.values() for region in found}
    check_regions(request.aws_regions, known, url)
    for service, found in by_service.items():
        for region in request.aws_regions:
            if region in found:
                yield found[region], f"{service} of {region}"


def _azure_answers(
    request: PriceRequest,
) -> Iterator[tuple[Iterable[bytes], str, str]]:
    """(pages, name, the region that was asked for)."""
    files = [place for place in request.azure if not _is_address(place)]
    if files:
        yield (b"".join(_read(one, one)) for one in files), ", ".join(files), ""
    for place in request.azure:
        if _is_address(place):
            yield pages(_small, place), place, ""
    if request.refresh:
        for region in request.azure_regions:
            url = first_page(region, endpoint=request.azure_endpoint)
            yield pages(_small, url), f"Azure Retail Prices of {region}", region


def _is_address(place: str) -> bool:
    return "://" in place


def _read(place: str, name: str, emit: Emit = silent) -> Iterator[bytes]:
    """A file or an address, a megabyte at a time."""
    parts = chunks(place) if _is_address(place) else _file_chunks(place)
    done = noted = 0
    for part in parts:
        done += len(part)
        if done - noted >= NOTE_EVERY:
            noted = done
            emit(Noted(name, f"reading {name}: {done >> 20:,} MiB"))
        yield part


def _file_chunks(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            while part := file.read(CHUNK):
                yield part
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def _small(url: str) -> bytes:
    """A whole answer that is read at once."""
    parts, size = [], 0
    for part in chunks(url):
        size += len(part)
        if size > SMALL:
            raise unreadable(urlsplit(url).path, f"it has more than {SMALL >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _file(path: str) -> PriceBook:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise FerryError(
            "LF-6504",
            "a file of prices cannot be read",
            f"{path}: {error.strerror}",
            "name another with --prices FILE",
        ) from error
    return read_book(text, path)


def _only_ids(book: PriceBook, ids: set[str]) -> PriceBook:
    prices = {id: one for id, one in book.prices.items() if id in ids}
    types = {}
    for name, kind in book.instance_types.items():
        hourly = {region: one for region, one in kind.hourly.items() if one.id in ids}
        if hourly:
            types[name] = replace(kind, hourly=hourly)
    return replace(book, prices=prices, instance_types=types)


def _nothing(sources: Sequence[str]) -> FerryError:
    return FerryError(
        "LF-6653",
        "there is nothing to import",
        f"none of the prices that are used stands in {', '.join(sources)}"
        if sources
        else "no price changes by what was asked for",
        "look at what is used with `lakeferry config prices`, and choose other lists, regions or "
        "services",
    )
