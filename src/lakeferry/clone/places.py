"""Where a clone is from and where it goes: two stores that do not overlap, and those paths name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from lakeferry.clone.report import CloneRequest
from lakeferry.errors import FerryError
from lakeferry.store.open import NO_OPTIONS, contains, open_store, same_place
from lakeferry.store.protocol import Store


@dataclass(frozen=True)
class Places:
    """The stores of one clone, and a way to open those that absolute paths name."""

    source: Store
    target: Store
    elsewhere: Callable[[str], tuple[Store, str]]  # decoded URL -> store, path in it
    asked: CloneRequest | None = None  # by which other machines open them; None: none can


def open_places(request: CloneRequest) -> Places:
    """Both stores, and those that absolute paths name, opened when first needed."""
    source = open_store(request.source, request.source_options)
    target = open_store(request.target, request.target_options)

    @cache
    def root(address: str) -> Store:
        return open_store(address, request.source_options)

    def elsewhere(url: str) -> tuple[Store, str]:
        address, path = split_url(url)
        return root(address), path

    return Places(source, target, elsewhere, request)


def split_url(url: str) -> tuple[str, str]:
    """A canonical URL of a file -> the root of its service, and the path below it."""
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    return f"{scheme}://{authority}/", path


def refuse_overlap(
    source: str,
    target: str,
    *,
    source_options: Mapping[str, str] = NO_OPTIONS,
    target_options: Mapping[str, str] = NO_OPTIONS,
) -> None:
    """LF-2103 where one table's folder is the other's, or lies inside it."""
    theirs, ours = source_options, target_options
    if same_place(source, target, a_options=theirs, b_options=ours):
        raise _overlap("source and target are the same place", source, target)
    if contains(source, target, outer_options=theirs, inner_options=ours):
        raise _overlap("the target lies inside the source", source, target)
    if contains(target, source, outer_options=ours, inner_options=theirs):
        raise _overlap("the source lies inside the target", source, target)


def _overlap(what: str, source: str, target: str) -> FerryError:
    return FerryError(
        "LF-2103", what, f"{source} -> {target}", "choose a target outside the source table"
    )
