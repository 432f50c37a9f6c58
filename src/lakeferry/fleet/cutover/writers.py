"""Who made a commit, as its `commitInfo` says: a job, a notebook, a stream, a program. Pure.

Source: Delta protocol, "Commit Provenance Information"; Databricks writes `job` and `notebook`,
Spark's streams their query's id, delta-rs its own name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody who writes a table."""

    kind: str  # 'job', 'notebook', 'stream', 'app'; of files 'whoever wrote' or 'deleted' `id`
    id: str
    name: str = ""
    user: str = ""

    @property
    def text(self) -> str:
        """`job 8812 "hourly-sync" of ann@example.com`."""
        named = f' "{self.name}"' if self.name else ""
        whose = f" of {self.user}" if self.user else ""
        return f"{self.kind} {self.id}{named}{whose}"


@dataclass(frozen=True, slots=True)
class Made:
    """One commit."""

    version: int
    writer: Writer
    made_ms: int | None
    operation: str = ""
    rows: int | None = None  # that it wrote; None: nothing says it
    changes: bool = True  # False: it only rearranged files, or noted something


@dataclass(frozen=True, slots=True)
class Head:
    """The newest version of a table; of what has no log, the number of its newest state."""

    version: int
    made_ms: int | None  # by the clock of its store, right or wrong; None: nothing says it
    listing: str = ""  # of what has no log: told from any other listing by it
    newest: str = ""  # of what has no log: the file that was written last

    def is_after(self, before: "Head") -> bool:
        """Whether somebody wrote between two looks."""
        return self.version > before.version or self.listing != before.listing


class Sighting(NamedTuple):
    """The newest version of a source, and since when we know that it is."""

    head: Head
    at_s: float  # when this run first saw it, by our own monotonic clock
    stood_s: float = 0.0  # how long it had stood by then, see `plan.stood_s`


def writer_of(info: Mapping[str, Any] | None) -> Writer:
    """The writer of one commit; `app unknown` where nothing says it."""
    info = info or {}
    user = str(info.get("userName") or "")
    for kind, key, name in (("job", "jobId", "jobName"), ("notebook", "notebookId", "")):
        named = info.get(kind)
        if isinstance(named, Mapping) and named.get(key):
            return Writer(kind, str(named[key]), str(named.get(name) or ""), user)
    given = info.get("operationParameters")
    query = given.get("queryId") if isinstance(given, Mapping) else None
    if query:
        return Writer("stream", str(query).strip('"'), user=user)
    engine = info.get("engineInfo") or info.get("clientVersion") or "unknown"
    return Writer("app", str(engine), user=user)


def told(writers: Iterable[Writer], *, most: int = 3) -> str:
    """Each once, the first few by name."""
    known = list(dict.fromkeys(one.text for one in writers))
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def rows_of(info: Mapping[str, Any] | None) -> int | None:
    """How many rows a commit wrote, as it counts them itself; None: it does not."""
    metrics = (info or {}).get("operationMetrics")
    if not isinstance(metrics, Mapping):
        return None
    for key in ("numOutputRows", "num_added_rows", "numTargetRowsInserted"):
        if str(metrics.get(key, "")).isdecimal():
            return int(metrics[key])
    return None
