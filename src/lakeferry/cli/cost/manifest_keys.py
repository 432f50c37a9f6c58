"""What a manifest says of cost: assumptions, prices, policy, NAT; as keys of a plan."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lakeferry.cli.manifest_flags import STDIN, ManifestFlags, read
from lakeferry.config.tree import Entry, Value
from lakeferry.cost.plan.values import USUAL_ZONES


def assumed(chosen: ManifestFlags) -> tuple[Value | None, Mapping[str, str]]:
    """The keys of a plan that a manifest gives, and its texts to quote; None: there is none.

    Raises:
        FerryError, ExceptionGroup: see `manifest_flags.read`.
    """
    if chosen.path() is None and not chosen.set and not chosen.profile:
        return None, {}
    found = read(chosen)
    root, texts = found.manifest.root, found.document.texts
    entries = dict(_network(root))
    assume = root.get("cost", "assume")
    if assume is not None:
        entries |= assume.entries
    prices = root.get("cost", "prices")
    if prices is not None:
        entries["prices"] = Entry(prices.place, _beside(prices, found.manifest.file))
    return Value("map", root.place, entries=entries), texts


def _network(root: Value) -> Iterator[tuple[str, Entry]]:
    """What other parts of the manifest say that a price depends on."""
    policy = root.get("network", "policy")
    if policy is not None:
        yield "policy", Entry(policy.place, policy)
    region = root.get("network", "region") or root.get("target", "region")
    if region is not None and "$" not in region.text:
        yield "to", _entry(region, f"aws:{region.text}")
    type, count = root.get("network", "nat", "type"), root.get("network", "nat", "count")
    if type is not None and type.text != "auto":
        zones = root.get("cost", "assume", "zones")
        one_a_zone = zones.text if zones is not None else str(USUAL_ZONES)
        number = count.text if count is not None else one_a_zone
        yield "nat_instances", _entry(type, f"{type.text}:{number}")
    standby = root.get("network", "nat", "recovery", "standby")
    if standby is not None:
        yield "nat_standby", _entry(standby, "true" if standby.text == "gateway" else "false")


def _entry(at: Value, text: str) -> Entry:
    return Entry(at.place, Value("text", at.place, text=text))


def _beside(prices: Value, manifest: str) -> Value:
    """The path of a file of prices as seen from the manifest."""
    folder = Path() if manifest == STDIN else Path(manifest).parent
    return Value("text", prices.place, text=str(folder / prices.text))
