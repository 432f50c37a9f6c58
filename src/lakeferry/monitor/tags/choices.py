"""What a person chose about tags, in the manifest and by flags -> one request to their door."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from lakeferry.config.manifest import Manifest
from lakeferry.config.tree import Value
from lakeferry.connect.databricks import WorkspaceAccess
from lakeferry.cost.bill.map_tags import EXCLUDED, Edition
from lakeferry.errors import FerryError
from lakeferry.monitor.choices import Extras, monitor_request
from lakeferry.monitor.tags.audit import WORDS
from lakeferry.monitor.tags.run import TagRequest

MOST_DAYS = 3660
ELSEWHERE = (".azuredatabricks.net", ".databricks.azure.cn", ".gcp.databricks.com")


@dataclass(frozen=True, slots=True)
class TagExtras:
    """What only the command line says."""

    workspaces: tuple[str, ...] = ()  # URLs; met with credentials of the environment
    allow: tuple[str, ...] = ()
    edition: Edition = "current"
    rate: str | None = None  # '25%'
    bill: tuple[str, ...] = ()
    days: int = 30
    prices: str | None = None  # a file of prices
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def tag_request(manifest: Manifest, extras: Extras, chosen: TagExtras) -> TagRequest:
    """The request that a manifest and the command line make.

    Raises:
        FerryError: LF-2001 for a word, a share or days that cannot be; those of `monitor_request`.
    """
    words = frozenset(word for one in chosen.allow for word in one.split(",") if word)
    for word in sorted(words - set(WORDS)):
        known = "; ".join(f"{name}: {said}" for name, said in WORDS.items())
        raise _wrong(f"--allow `{word}` is not known", f"known: {known}")
    if not 1 <= chosen.days <= MOST_DAYS:
        raise _wrong(f"--days {chosen.days} is no number of days", f"write 1 to {MOST_DAYS}")
    return TagRequest(
        network=monitor_request(manifest, extras, needs_name=False),
        workspaces=_workspaces(manifest, chosen.workspaces),
        allow=words,
        edition=chosen.edition,
        rate=_share(chosen.rate),
        bill=chosen.bill,
        days=chosen.days,
        prices=chosen.prices,
        included=chosen.included or ("*",),
        excluded=chosen.excluded or EXCLUDED,
    )


def _workspaces(manifest: Manifest, urls: tuple[str, ...]) -> tuple[WorkspaceAccess, ...]:
    """Those of `connections`, and those that were named; one that is both has the connection's.

    A connection may be of the source in another cloud, where nothing is tagged for AWS.
    """
    found: dict[str, WorkspaceAccess] = {}
    for one in urls:
        host = _host(one)
        if host.endswith(ELSEWHERE):
            raise _wrong(f"--workspace `{one}` is not on AWS", "name a workspace on AWS")
        found[host] = WorkspaceAccess(host)
    links = manifest.root.get("connections")
    for entry in links.entries.values() if links is not None else ():
        link = entry.value
        if _text(link, "kind") != "databricks" or not _text(link, "host"):
            continue
        host = _host(_text(link, "host") or "")
        if "accounts." not in host and not host.endswith(ELSEWHERE):
            found[host] = WorkspaceAccess(
                host,
                client_id=_text(link, "client"),
                client_secret=_text(link, "secret"),
                token=_text(link, "token"),
                profile=_text(link, "profile"),
            )
    return tuple(found[host] for host in sorted(found))


def _host(url: str) -> str:
    whole = url if "://" in url else f"https://{url}"
    return whole.rstrip("/")


def _text(link: Value, key: str) -> str | None:
    value = link.get(key)
    return value.text if value is not None else None


def _share(text: str | None) -> Decimal | None:
    """`25%` or `0.25`. A bare 25 could be either, so it is refused."""
    if text is None:
        return None
    plain = text.strip()
    try:
        number = Decimal(plain.removesuffix("%").strip())
    except InvalidOperation:
        number = Decimal("NaN")
    share = number / 100 if plain.endswith("%") else number
    if not share.is_finite() or not 0 <= share <= 1:
        raise _wrong(f"--rate `{text}` is no share", "write it as the agreement says: 25%, or 0.25")
    return share


def _wrong(what: str, next_step: str) -> FerryError:
    return FerryError("LF-2001", what, "on the command line", next_step)
