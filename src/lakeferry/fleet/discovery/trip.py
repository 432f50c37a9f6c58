"""How far the look at one source is: what is still to be looked at, and what could not be.

Folders are taken depth first, so that few wait at a time. A folder that refuses, or a schema of its
catalog, is told and leaves the others alone; a service that refuses, or does not answer, ends the
trip to its source.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from lakeferry.catalog.tables import CatalogTable
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.found import Kind, Remark
from lakeferry.fleet.discovery.known_place import KnownPlace, path_below, place_to_look
from lakeferry.fleet.discovery.look_at_folder import Clock, Look, look_at
from lakeferry.fleet.discovery.plain_folders import PlainFolders
from lakeferry.fleet.discovery.sums import NotSeen
from lakeferry.fleet.discovery.table_names import name_of_path
from lakeferry.fleet.flaw import flaw_of
from lakeferry.fleet.manifest.wanted import Source
from lakeferry.store.open import open_store
from lakeferry.store.part import Part, Requests

NO_ADDRESS = "LF-2104"
ENDS_A_TRIP = ("LF-1001", "LF-1003", "LF-1201", "LF-1202", "LF-1204", "LF-2001", NO_ADDRESS)
MOST_WAITING = 200_000  # folders; of more the rest is not looked into
TABLES_A_TASK = 200  # of a catalog
NONE_REFUSES: Mapping[str, FerryError] = MappingProxyType({})
IsWanted = Callable[[Source, str, str, str, Kind], bool]  # source, schema, table, path, kind


@dataclass(frozen=True, slots=True)
class FolderTask:
    """One folder to look at."""

    part: Part
    path: str  # relative to the root of the source; '': the root, or elsewhere
    depth: int
    known: CatalogTable | None = None  # that is registered there


@dataclass(frozen=True, slots=True)
class CatalogTask:
    """Some more tables of a catalog to ask for."""

    tables: Iterator[CatalogTable]


Task = FolderTask | CatalogTask
Listed = tuple[CatalogTable, ...]  # fewer than `TABLES_A_TASK`: there are no more
Answer = Look | Listed | FerryError


class Trip:
    """The look at one source. Only `perform` is called from other threads."""

    def __init__(
        self,
        source: Source,
        *,
        most_depth: int,
        is_wanted: IsWanted,
        clock: Clock,
        tables: Iterator[CatalogTable] | None,
        refusing: Mapping[str, FerryError] = NONE_REFUSES,
        walks: bool = True,
    ) -> None:
        """
        Args:
            most_depth: folders below the root that are looked into; 0 is the root alone.
            is_wanted: whether a table of that name is to be read.
            tables: of the source's catalog; None: its folders alone say what there is.
            refusing: schemas of which these are not all, and why; grows as they are taken.
            walks: whether the folders below the root are looked at.
        """
        self.source = source
        self.requests = Requests()
        self.flying = 0
        self.fault: FerryError | None = None
        self.refused = NotSeen()
        self.deep = NotSeen()  # further below the root than was to be looked
        self.plain = PlainFolders()
        self.asks_catalog = tables is not None
        self.refusing = refusing
        self.unopened: dict[str, Remark] = {}  # tables of the catalog by name -> why not
        self._most_depth = most_depth
        self._walks = walks
        self._is_wanted = is_wanted
        self._clock = clock
        self._stores: dict[str, Part] = {}
        self._registered: set[str] = set()  # paths below the root
        self._todo: list[Task] = []
        if tables is not None:
            self._todo.append(CatalogTask(tables))
        else:
            self._begin_walk()

    @property
    def is_over(self) -> bool:
        return not self._todo and not self.flying

    @property
    def is_whole(self) -> bool:
        """Whether all of the source was seen, so that what is missing is gone."""
        return self.is_over and self.fault is None and not (self.refused.count or self.unlisted)

    @property
    def unlisted(self) -> dict[str, FerryError]:
        """The schemas that refuse and may have tables that are in scope, and why they do."""
        return {name: why for name, why in self.refusing.items() if self.source.may_want(name)}

    @property
    def leaves_folders(self) -> bool:
        """Whether folders are left alone: which of them such a schema knows, nobody can tell."""
        return bool(self.unlisted) and self._walks and self.source.root is not None

    def next(self) -> Task | None:
        """A task to perform now; None: there is none, or not yet."""
        if not self._todo:
            return None
        self.flying += 1
        return self._todo.pop()

    def perform(self, task: Task) -> Answer:
        """Do it, in any thread. What the world refuses is an answer, and so is our own flaw."""
        try:
            if isinstance(task, CatalogTask):
                return tuple(islice(task.tables, TABLES_A_TASK))
            return look_at(
                task.part, is_wanted=lambda kind: self._wants(task, kind), clock=self._clock
            )
        except FerryError as error:
            return error
        except Exception as flaw:  # noqa: BLE001 - one folder's trouble is no other's
            where = self.source.name if isinstance(task, CatalogTask) else task.part.url
            return flaw_of(flaw, where, "report it; what else there is was looked at")

    def give_up(self, error: FerryError) -> None:
        """The source cannot be read."""
        self.fault = self.fault or error
        self._todo.clear()

    def take(self, task: Task, answer: Answer) -> None:
        """Go on from an answer: folders to look into, or why not."""
        self.flying -= 1
        if isinstance(answer, FerryError):
            self._refused(task, answer)
        elif isinstance(task, CatalogTask):
            assert isinstance(answer, tuple)
            if self.fault is None:
                self._take_tables(task, answer)
        elif isinstance(answer, Look) and task.known is None and self.fault is None:
            self._take_folder(task, answer)

    def open(self, root: str) -> Part:
        """The store at an address, one for all of its folders."""
        if root not in self._stores:
            store = open_store(root, self.source.store_options)
            self._stores[root] = Part(store, "", self.requests)
        return self._stores[root]

    def name_of(self, task: FolderTask) -> tuple[str, str]:
        """Schema and table."""
        if task.known is not None:
            return task.known.schema, task.known.table
        return name_of_path(task.path, self.source.root or "")

    # --- inside ------------------------------------------------------------------------------

    def _wants(self, task: FolderTask, kind: Kind) -> bool:
        return self._is_wanted(self.source, *self.name_of(task), task.path, kind)

    def _begin_walk(self) -> None:
        if self.source.root is None or not self._walks or "" in self._registered:
            return
        try:
            self._todo.append(FolderTask(self.open(self.source.root), "", 0))
        except FerryError as error:
            self.give_up(error)

    def _refused(self, task: Task, error: FerryError) -> None:
        is_root = isinstance(task, FolderTask) and not task.path and task.known is None
        if error.code in ENDS_A_TRIP or is_root or isinstance(task, CatalogTask):
            self.give_up(error)
        elif isinstance(task, FolderTask):
            self.refused.add(task.part.url, f"{error.code} {error.what}")

    def _take_tables(self, task: CatalogTask, tables: Listed) -> None:
        for known in tables:
            place = place_to_look(known, self.source.names_from.mounts)
            if not isinstance(place, KnownPlace):
                continue
            path = path_below(place.url, self.source.root)
            if path is not None:
                self._registered.add(path)
            try:
                part = self.open(place.root).part(place.folder)
            except FerryError as error:
                if error.code != NO_ADDRESS:  # of the connection, so of all tables
                    self.give_up(error)
                    return
                what = f"it is registered at `{place.url}`: {error.what}"
                step = "register it at a place that can be read, or exclude it"
                self.unopened[known.full_name] = Remark("LF-8053", what, step)
                continue
            self._todo.append(FolderTask(part, path or "", 0, known))
        if len(tables) == TABLES_A_TASK:
            self._todo.insert(0, task)  # when these have been looked at, so that few wait
        elif not self.unlisted:
            self._begin_walk()

    def _take_folder(self, task: FolderTask, look: Look) -> None:
        if not task.path and not look.is_there and look.kind is None:
            self.give_up(_nothing_at(task.part.url))
            return
        if look.plain is not None:
            self.plain.add(task.path, look.plain)
        if look.kind is not None:
            self.plain.keep_apart(task.path)
        for name in look.folders:
            path = f"{task.path}/{name}" if task.path else name
            if _is_no_text(name):
                self.refused.add(repr(path), "its name is no UTF-8")
            elif path in self._registered:
                self.plain.keep_apart(path)
            elif task.depth >= self._most_depth:
                self.deep.add(path, f"more than {self._most_depth} folders below the root")
            elif len(self._todo) >= MOST_WAITING:
                self.refused.add(path, f"{MOST_WAITING:,} folders were waiting already")
            else:
                self._todo.append(FolderTask(task.part.part(name), path, task.depth + 1))


def _is_no_text(name: str) -> bool:
    """Whether bytes of the name of a local folder are no UTF-8: no other store could hold them."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def _nothing_at(url: str) -> FerryError:
    return FerryError(
        "LF-2101",
        f"there is nothing at `{url}`",
        "no folder, or no object under this prefix",
        "check the path and the spelling of the address",
    )
