"""The door to tags: what bears them, what their absence costs, and putting them where they lack.

Nothing is kept on this side: what is there is what AWS and Databricks answer, so mending that was
cut short goes on when it is run again, and mending twice is mending once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from threading import Event as Flag

from lakeferry.aws import read as aws_read
from lakeferry.aws.ensure_tags import put_tags
from lakeferry.aws.place import Place
from lakeferry.aws.read_tagged import find_bearers
from lakeferry.connect.aws import account_of
from lakeferry.connect.databricks import WorkspaceAccess
from lakeferry.cost.bill.map_tags import EXCLUDED, KEY, Edition, MapTerms, fault_of
from lakeferry.cost.bill.place import bill_of
from lakeferry.cost.run import listed_prices
from lakeferry.events import Emit, Noted, silent
from lakeferry.monitor.run import MonitorRequest
from lakeferry.monitor.tags.audit import Audited, TagAudit, audit, checked_tags
from lakeferry.monitor.tags.gap import Billed, Estimate, billed, estimate
from lakeferry.network import discover as network
from lakeferry.network.resources import Tags
from lakeferry.network.tag_bearers import Bearer, Put


@dataclass(frozen=True, slots=True)
class TagRequest:
    """Whose tags, which, and what is known of the agreement."""

    network: MonitorRequest  # whose settings hold the tags that things shall bear
    workspaces: tuple[WorkspaceAccess, ...] = ()  # of Databricks, that are looked at too
    allow: frozenset[str] = frozenset()  # of `audit.WORDS`
    edition: Edition = "current"
    rate: Decimal | None = None  # credit for each dollar, as the agreement says; None: not told
    bill: tuple[str, ...] = ()  # where a Cost and Usage Report lies
    days: int = 30  # that are to come
    prices: str | None = None  # a file of prices, before those that come along
    included: tuple[str, ...] = ("*",)  # patterns of usage types that earn
    excluded: tuple[str, ...] = EXCLUDED


@dataclass(frozen=True, slots=True)
class TagReport:
    """What bears the tags, and what it costs where they lack."""

    audit: TagAudit
    account: str
    region: str
    vpc: str
    estimate: Estimate | None  # None where `map-migrated` is not among the tags
    billed: Billed | None  # None without a bill
    edition: Edition

    @property
    def exit_code(self) -> int:
        return 3 if self.audit.wrong else 0


@dataclass(frozen=True, slots=True)
class MendReport:
    """What became of mending."""

    done: tuple[Put, ...]
    failed: tuple[Put, ...]
    left: tuple[Audited, ...]  # asks for a word that was not given, cannot be, or was stopped
    stopped: bool = False
    notes: tuple[str, ...] = field(default=())  # what stays as it was though the tag is there

    @property
    def exit_code(self) -> int:
        if self.failed:
            return 1
        return 3 if self.left else 0


def look(request: TagRequest, *, emit: Emit = silent) -> TagReport:
    """Hold every bearer to the tags that it shall have. Nothing is changed.

    Raises:
        FerryError: LF-6421, LF-6610 for tags that cannot be; those of `run.discover`; LF-1301 to
            LF-1303 for a workspace; those of `bill_of` for the bill.
    """
    asked = request.network
    wanted = checked_tags(asked.settings.tags, request.edition)
    account = asked.settings.account or account_of(asked.access)
    book = listed_prices(request.prices)
    bill = bill_of(request.bill, by_resource=True) if request.bill else None
    groups = (asked.settings.group,) if asked.settings.deployment else ()
    sight = aws_read.read(asked.access, asked.scope, groups=groups, emit=emit)
    topology = network.topology(sight.found, asked.scope, beyond=sight.beyond)
    chosen = bool(asked.scope.worker_tags or asked.scope.interfaces or asked.scope.worker_subnets)
    bearers = [*find_bearers(asked.access, topology, account, chosen=chosen)]
    for one in request.workspaces:
        emit(
            Noted(one.host, f"reading clusters, pools, policies, jobs and warehouses of {one.host}")
        )
        bearers += _workspace(one)
    found = audit(bearers, wanted, allow=request.allow, notes=_notes(request))
    guess = loss = None
    if KEY in wanted:
        guess = estimate(
            bearers, book, asked.access.region, rate=request.rate, days=request.days,
            edition=request.edition,
        )  # fmt: skip
        if bill is not None:
            rate = request.rate if request.rate is not None else Decimal(0)
            terms = MapTerms(rate, request.included, request.excluded, request.edition)
            right = _right(bearers, request.edition)
            loss = replace(billed(bill, terms, days=request.days, right=right), rate=request.rate)
    return TagReport(
        found, account, asked.access.region, topology.found.vpc.id, guess, loss, request.edition
    )


def mend(
    request: TagRequest, report: TagReport, *, emit: Emit = silent, stop: Flag | None = None
) -> MendReport:
    """Put the tags that lack, as far as the words that were given go.

    Only what `report.audit.work` says is written, each tag only where it lacks or, with the word
    `overwrite`, where another value is. One refusal does not stop the others.

    Raises:
        FerryError: LF-1201 to LF-1206, LF-1303: nothing more can be asked; what was put is kept.
    """
    asked = request.network
    place = Place(asked.access, report.account, asked.settings.deployment, asked.access.partition)
    done: list[Put] = []
    stopped = False
    work = report.audit.work
    parts: list[tuple[WorkspaceAccess | None, list[tuple[Bearer, Tags]]]] = [
        (None, [(one.bearer, one.put) for one in work if not one.bearer.where])
    ]
    for each in request.workspaces:
        own = [(one.bearer, one.put) for one in work if one.bearer.where == each.host]
        parts.append((each, own))
    # Each is put when it is asked for, so a stop leaves what follows as it is.
    for one in (put for workspace, own in parts for put in _put(place, workspace, own)):
        done.append(one)
        said = f"{one.bearer.shown}: {one.fault}" if one.fault else one.bearer.shown
        emit(Noted(report.vpc, f"{len(done)}/{len(work)} tagged {said}"))
        if stop is not None and stop.is_set():
            stopped = True
            break
    return _mended(report.audit, done, stopped=stopped)


def _put(
    place: Place, workspace: WorkspaceAccess | None, wishes: Sequence[tuple[Bearer, Tags]]
) -> Iterator[Put]:
    if workspace is None:
        return put_tags(place, wishes)
    from lakeferry.databricks import put_tags as theirs

    return theirs.put_tags(workspace, wishes)


def _workspace(access: WorkspaceAccess) -> tuple[Bearer, ...]:
    from lakeferry.databricks.read_tags import find_bearers as found

    return found(access)


def _mended(found: TagAudit, puts: Sequence[Put], *, stopped: bool) -> MendReport:
    done = tuple(one for one in puts if not one.fault)
    ready = {one.bearer.key for one in puts}
    left = tuple(one for one in found.wrong if not one.is_mended_by or one.bearer.key not in ready)
    notes = dict.fromkeys(one.bearer.then for one in done if one.bearer.then)
    return MendReport(done, tuple(one for one in puts if one.fault), left, stopped, tuple(notes))


def _right(bearers: Sequence[Bearer], edition: Edition) -> set[str]:
    """Ids of what bears a value that counts."""
    return {one.id for one in bearers if fault_of(one.tags.get(KEY, ""), edition) is None}


def _notes(request: TagRequest) -> tuple[str, ...]:
    said = []
    if "Name" in request.network.settings.tags:
        said.append("`Name` is left out: it is each resource's own")
    if not request.workspaces:
        said.append(
            "no Databricks workspace was looked at: --workspace URL, or a connection with its host"
        )
    return tuple(said)
