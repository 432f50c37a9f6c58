"""A bill where it lies: a file, a folder, or a prefix of an object store, opened for reading."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from lakeferry.cost.bill.delivery import choose, is_manifest
from lakeferry.cost.bill.lines import BillFile, fetched_file, local_file
from lakeferry.cost.bill.whole_bill import Bill, read_bill
from lakeferry.errors import FerryError
from lakeferry.store.open import NO_OPTIONS, open_store
from lakeferry.store.protocol import Store, read_all

# Settings of stores: the same for all, or what gives those of a place.
Options = Mapping[str, str] | Callable[[str], Mapping[str, str]]


def options_at(place: str, options: Options) -> Mapping[str, str]:
    return options(place) if callable(options) else options


@dataclass(frozen=True, slots=True)
class BillAt:
    """The files of a bill that are read, and those that newer deliveries have replaced."""

    files: tuple[BillFile, ...]
    replaced: tuple[str, ...] = ()


def bill_of(
    places: Iterable[str],
    options: Options = NO_OPTIONS,
    *,
    by_resource: bool = False,
) -> Bill:
    """Read a bill from where it lies, in bounded memory.

    Args:
        places: each a file, a folder or an object store's prefix, see `bill_at`; together they
            are one bill, and what stands in two of them counts once.
        options: of the stores, see docs/reference/stores.md.
        by_resource: sum by resource and day as well, see `map_tags.gap_of`.

    Raises:
        FerryError: those of `bill_at` and `read_bill`.
    """
    found = [bill_at(place, options_at(place, options)) for place in places]
    return read_bill(
        [file for one in found for file in one.files],
        replaced=[name for one in found for name in one.replaced],
        by_resource=by_resource,
    )


def bill_at(place: str, options: Mapping[str, str] = NO_OPTIONS) -> BillAt:
    """The files of the bill at a place.

    Args:
        place: a file, a folder, or `s3://bucket/prefix` (any store's address). Of a folder the
            newest delivery of each period is taken, see `delivery.choose`.

    Raises:
        FerryError: LF-6641 where there is no file of a bill; LF-6604 where a delivery is not
            complete; LF-6605 where nothing tells which of two is newer.
    """
    whole = place.rstrip("/") or place
    parent, slash, name = whole.rpartition("/")
    if name not in ("", ".", "..") and not parent.endswith("/"):  # not a bucket itself
        above = open_store(parent or slash or ".", options)
        if above.head(name) is not None:
            return BillAt((_file(above, name, whole),))
    store = open_store(whole, options)
    paths = sorted(meta.path for meta in store.list(""))
    manifests = {path: _read(store, path) for path in paths if is_manifest(path)}
    chosen = choose(paths, manifests)
    if not chosen.files:
        raise _no_bill(place, paths)
    return BillAt(
        tuple(_file(store, path, f"{whole}/{path}") for path in chosen.files), chosen.replaced
    )


def _file(store: Store, path: str, named: str) -> BillFile:
    """A file as `cost.bill.lines` opens it: on this machine where it lies, else fetched."""
    if urlsplit(store.url).scheme in ("", "file") and Path(named).is_file():
        return local_file(named)
    return fetched_file(named, partial(_fetched, store, path))


def _fetched(store: Store, path: str) -> Iterator[bytes]:
    try:
        yield from store.read(path)
    except FileNotFoundError as error:
        raise FerryError(
            "LF-6604",
            "a file of the bill was removed while the bill was read",
            f"{store.url}/{path}",
            "AWS is writing the period anew: run again when its manifest is there",
        ) from error


def _read(store: Store, path: str) -> bytes:
    try:
        return read_all(store, path)
    except FileNotFoundError:
        return b""  # taken away just now: it names nothing


def _no_bill(place: str, paths: list[str]) -> FerryError:
    where = place
    if paths:
        where = f"{place}: {len(paths)} files, the first is {paths[0]}"
    return FerryError(
        "LF-6641",
        "there is no bill here",
        where,
        "name a file of a Cost and Usage Report (.csv, .csv.gz, .zip, .parquet), or the folder or "
        "s3:// prefix that it is delivered to",
    )
