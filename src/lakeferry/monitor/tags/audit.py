"""Which tags are missing, wrong or misspelt, and what is put where. Pure.

A key is held exactly: AWS counts `Map-Migrated` as another tag, which earns nothing. Nobody's value
is written over unless a person says so, and no tag is ever taken away.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from lakeferry.config.map_value import nearest_value
from lakeferry.cost.bill import map_tags
from lakeferry.errors import FerryError
from lakeferry.network.resources import Tags
from lakeferry.network.tag_bearers import AWS_OWN, Bearer

# What mending may do beyond putting a tag where there was none.
WORDS = {
    "overwrite": "write over a value that is there",
    "restart": "restart clusters and SQL warehouses that run",
    "template": "make new versions of launch templates",
}
NAME = "Name"  # each resource's own; Databricks loses a cluster whose instances it is put on
_MOST_KEY, _MOST_VALUE = 128, 256  # characters

Kind = Literal["missing", "value", "case", "idle", "reserved"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One tag of one bearer that is not as it shall be."""

    key: str
    wanted: str
    kind: Kind
    found: str = ""  # the value that is there, or the key as it is spelt there

    @property
    def said(self) -> str:
        match self.kind:
            case "missing":
                return f"{self.key} is missing"
            case "value":
                return f"{self.key} is `{self.found}`"
            case "case":
                return f"{self.key} is spelt `{self.found}`, which is another key"
            case "idle":
                return f"{self.key} does not reach what is launched"
            case "reserved":
                return f"{self.key} is Databricks' own, and its value wins"


@dataclass(frozen=True, slots=True)
class Audited:
    """One bearer whose tags are not as they shall be."""

    bearer: Bearer
    faults: tuple[Fault, ...]  # by key
    put: Tags  # what mending writes, as far as the words that were given go
    asks: tuple[str, ...] = ()  # words of WORDS that mending all of it needs, and were not given
    held: str = ""  # why it cannot be mended at all; ''

    @property
    def is_mended_by(self) -> bool:
        """Whether all of its faults go with `put`."""
        return not self.asks and not self.held


@dataclass(frozen=True, slots=True)
class TagAudit:
    """What bears the tags, what does not, and what cannot."""

    wanted: Tags
    right: tuple[Bearer, ...]
    wrong: tuple[Audited, ...]
    elsewhere: tuple[Bearer, ...]  # no tag is put on them: each says where it goes instead
    notes: tuple[str, ...] = ()

    @property
    def work(self) -> tuple[Audited, ...]:
        """What mending writes to."""
        return tuple(one for one in self.wrong if one.put)

    @property
    def asks(self) -> tuple[str, ...]:
        """Words that were not given and would mend more, in the order of WORDS."""
        wanted = {word for one in self.wrong for word in one.asks}
        return tuple(word for word in WORDS if word in wanted)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of all that was looked at, as they were first met."""
        every = (*self.right, *(one.bearer for one in self.wrong), *self.elsewhere)
        return tuple(dict.fromkeys(sorted(one.kind for one in every)))


def checked_tags(tags: Tags, edition: map_tags.Edition = "current") -> Tags:
    """The tags that things shall bear; the name of each is its own.

    Raises:
        FerryError: LF-6421 where there is none, for AWS's own keys, for what is too long, and for
            `map-migrated` in another spelling; LF-6610 for a value of it that does not count.
    """
    found = {key: value for key, value in tags.items() if key != NAME}
    if not found:
        raise _refused(
            "no tag is wanted", "`tags` of the manifest, --put-tag",
            "write `tags: {map-migrated: ...}`, or give --put-tag KEY=VALUE",
        )  # fmt: skip
    for key, value in found.items():
        if key.lower().startswith(AWS_OWN):
            raise _refused(f"`{key}` is a key of AWS's own", f"tag {key}", "choose another key")
        if len(key) > _MOST_KEY or len(value) > _MOST_VALUE:
            raise _refused(
                f"`{key[:40]}` has {len(key)} characters, its value {len(value)}", f"tag {key}",
                f"a key has at most {_MOST_KEY}, a value {_MOST_VALUE}",
            )  # fmt: skip
        if key != map_tags.KEY and _means(key):
            raise _refused(
                f"`{key}` is another key than `{map_tags.KEY}`", f"tag {key}",
                f"AWS counts `{map_tags.KEY}`, spelt so, in small letters",
            )  # fmt: skip
    if map_tags.KEY in found:
        _check_map(found[map_tags.KEY], edition)
    return found


def _means(key: str) -> bool:
    plain = key.lower().replace("_", "-").replace(" ", "-").strip("-")
    return bool(get_close_matches(plain, [map_tags.KEY], cutoff=0.9))


def _check_map(value: str, edition: map_tags.Edition) -> None:
    fault = map_tags.fault_of(value, edition)
    if fault is None:
        return
    near = nearest_value(value)
    raise FerryError(
        "LF-6610",
        f"`{value}` is no value of {map_tags.KEY}: {fault}",
        f"tag {map_tags.KEY}",
        (f"nearest: `{near}`; " if near else "")
        + "take it from the agreement: `mig`, `sap`, `oracle`, `comm`, `mig_ec2_` or `comm_ec2_` "
        "and its id of 5 digits, or of 10 of A-Z and 0-9",
    )


def audit(
    bearers: Iterable[Bearer],
    wanted: Tags,
    *,
    allow: Collection[str] = (),
    notes: Iterable[str] = (),
) -> TagAudit:
    """Hold each bearer to the tags that it shall have.

    Args:
        wanted: of `checked_tags`.
        allow: of WORDS, what mending may do.

    Returns:
        Tuples sorted by where, kind and id: equal inputs give equal audits.
    """
    right: list[Bearer] = []
    wrong: list[Audited] = []
    elsewhere: list[Bearer] = []
    for one in sorted(bearers, key=lambda each: each.key):
        faults = tuple(_faults(one, wanted))
        if one.elsewhere:
            elsewhere.append(one)
        elif not faults:
            right.append(one)
        else:
            wrong.append(_audited(one, faults, allow))
    return TagAudit(wanted, tuple(right), tuple(wrong), tuple(elsewhere), tuple(notes))


def _faults(bearer: Bearer, wanted: Tags) -> Iterator[Fault]:
    spelt = {key.lower(): key for key in sorted((*bearer.tags, *bearer.idle))}
    for key, value in sorted(wanted.items()):
        found = bearer.tags.get(key)
        idle = bearer.idle.get(key)
        if found == value:
            continue
        if key in bearer.reserved:
            yield Fault(key, value, "reserved", found or "")
        elif found is not None or idle not in (None, value):
            yield Fault(key, value, "value", (found if found is not None else idle) or "")
        elif idle == value:
            yield Fault(key, value, "idle", value)
        elif key.lower() in spelt:
            yield Fault(key, value, "case", spelt[key.lower()])
        else:
            yield Fault(key, value, "missing")


def _audited(bearer: Bearer, faults: tuple[Fault, ...], allow: Collection[str]) -> Audited:
    asks: list[str] = []
    put: dict[str, str] = {}
    for one in faults:
        if one.kind == "value" and "overwrite" not in allow:
            asks.append("overwrite")
        elif one.kind != "reserved":
            put[one.key] = one.wanted
    held = "the key is Databricks' own" if all(one.kind == "reserved" for one in faults) else ""
    if bearer.asks and put and bearer.asks not in allow:
        asks.append(bearer.asks)
        put = {}
    new = [one for one in put if one not in {**bearer.tags, **bearer.idle}]
    # AWS does not count `map-migrated` among the tags of a person's own.
    own = [one for one in {**bearer.tags, **bearer.idle} if not one.startswith(AWS_OWN)]
    counted = [one for one in (*own, *new) if one != map_tags.KEY or bearer.where]
    if new and len(counted) > bearer.most:
        held, put = f"it has {len(own)} tags, and at most {bearer.most} fit", {}
    return Audited(bearer, faults, put, tuple(dict.fromkeys(asks)), held)


def _refused(what: str, where: str, next_step: str) -> FerryError:
    return FerryError("LF-6421", what, where, next_step)
