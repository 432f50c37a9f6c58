"""What many sources share, where their addresses repeat in a pattern. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# So many sources make a family: of addresses that hold the source's own name (`{name}`), and of
# addresses that differ in some other word (`{part}`), which may be alike by chance.
LEAST_NAMED, LEAST_WORDS = 2, 3
WORD = "part"
_SIGN = re.compile(r"([A-Za-z0-9_]+)")


@dataclass(frozen=True, slots=True)
class ProposedSource:
    """A source before it is written."""

    name: str  # its key
    root: str | None  # address; None: a catalog says where its tables lie
    values: Mapping[str, str] = field(default_factory=dict)  # its other keys, as YAML
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # glob -> likewise
    asked: str = ""  # the catalogs that knew its tables, where nothing else says so


@dataclass(frozen=True, slots=True)
class ProposedFamily:
    """What sources share."""

    name: str
    root: str  # with `{name}`, or `{part}`
    values: Mapping[str, str]
    words: Mapping[str, str]  # source -> what stands for `{part}`; '' where there is none


def propose_families(
    sources: Sequence[ProposedSource], shared: Sequence[str], kind_of: Mapping[str, str]
) -> tuple[ProposedFamily, ...]:
    """Families of sources that say the same but for one word of their addresses.

    Those by name are looked for first, and a source is of one family at most.

    Args:
        shared: keys that a family says for its sources; what else a source says stays with it.
        kind_of: source -> what its family is named after.
    """
    families: list[ProposedFamily] = []
    taken: set[str] = set()
    groups = _grouped(sources, shared)
    for by_name in (True, False):
        least = LEAST_NAMED if by_name else LEAST_WORDS
        for values, group in groups:
            left = [one for one in group if one.name not in taken]
            for root, words in _patterns(left, by_name=by_name).items():
                those = {name: word for name, word in words.items() if name not in taken}
                if len(those) < least:
                    continue
                taken |= those.keys()
                kind = kind_of[next(iter(those))]
                name = _free(kind, {one.name for one in families})
                families.append(ProposedFamily(name, root, values, those))
    return tuple(families)


def _grouped(
    sources: Sequence[ProposedSource], shared: Sequence[str]
) -> list[tuple[Mapping[str, str], list[ProposedSource]]]:
    groups: dict[tuple[tuple[str, str], ...], list[ProposedSource]] = {}
    for one in sources:
        if one.root is not None and "{" not in one.root:
            said = tuple((key, one.values[key]) for key in shared if key in one.values)
            groups.setdefault(said, []).append(one)
    return [(dict(said), group) for said, group in groups.items()]


def _patterns(sources: Sequence[ProposedSource], *, by_name: bool) -> dict[str, dict[str, str]]:
    """Address with a brace -> source -> its word; the pattern with most sources first."""
    found: dict[str, dict[str, str]] = {}
    for one in sources:
        for pattern, word in _of_name(one) if by_name else _of_word(one):
            found.setdefault(pattern, {})[one.name] = word
    return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))


def _of_name(one: ProposedSource) -> list[tuple[str, str]]:
    """Its address with `{name}`, where its name stands in it once and as a whole word."""
    root = one.root or ""
    whole = rf"(?<![A-Za-z0-9_]){re.escape(one.name)}(?![A-Za-z0-9_])"
    if len(re.findall(whole, root)) != 1:
        return []
    return [(re.sub(whole, "{name}", root), "")]


def _of_word(one: ProposedSource) -> list[tuple[str, str]]:
    """Each word behind the scheme left open in turn."""
    scheme, colon, rest = (one.root or "").partition("://")
    parts = _SIGN.split(rest if colon else scheme)
    head = f"{scheme}://" if colon else ""
    return [
        (head + "".join([*parts[:at], f"{{{WORD}}}", *parts[at + 1 :]]), parts[at])
        for at in range(1, len(parts), 2)
    ]


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"
