"""The paths that bytes take, drawn: subnets by zone, what they pass, where they arrive. Pure.

One SVG that stands alone: no script, no font but the reader's own monospaced one, so that the
width of a text is known and none runs into another. A text that is cut is whole in its tooltip.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lakeferry.network.picture_parts import PALE, Box, Canvas, columns, halves
from lakeferry.network.resources import VpcEndpoint
from lakeferry.network.services import label_of
from lakeferry.network.topology import Finding, Path, Topology

PriceOf = Callable[[Path], Decimal | None]

_LEFT, _MIDDLE, _RIGHT = 24, 430, 900  # where the three columns begin
_SUBNET_W, _DEVICE_W, _END_W = 250, 290, 236
_WIDTH = _RIGHT + _END_W + 24
_ROOM = _RIGHT - _MIDDLE - _DEVICE_W - 20  # for a price, between a device and where bytes arrive
_MOST_FINDINGS = 20  # that are listed
_BOX, _GAP = 62, 14  # height of a box, and room below it
_TOP, _ZONE = 66, 30  # below the title; the name of a zone

COLOURS = {
    "nat_gateway": "#b45309", "nat_instance": "#a16207", "s3_gateway": "#15803d",
    "interface_endpoint": "#1d4ed8", "internet_gateway": "#475569",
    "transit_gateway": "#7e22ce",
}  # fmt: skip
_OTHER, _BAD = "#475569", "#b91c1c"

_KINDS = {
    "nat_gateway": "NAT gateway", "nat_instance": "NAT instance",
    "s3_gateway": "S3 gateway endpoint", "interface_endpoint": "endpoint",
    "internet_gateway": "internet gateway", "transit_gateway": "transit gateway",
    "virtual_private_gateway": "virtual private gateway", "peering": "peering",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    """One path as it is drawn."""

    path: Path
    title: str
    detail: str
    end: str  # where bytes arrive
    end_detail: str
    price: str
    zones: frozenset[str]  # that the device stands in; empty: in all

    @property
    def place(self) -> str:
        return f"in {', '.join(sorted(self.zones))}" if self.zones else "in every zone"


def picture(topology: Topology, price_of: PriceOf) -> str:
    """An SVG document.

    Args:
        price_of: USD a GB that a path costs; None where bytes are not what is paid for.
    """
    lines = _lines(topology, price_of)
    canvas = Canvas(_WIDTH)
    vpc, room = topology.found.vpc, _WIDTH - 2 * _LEFT
    canvas.text(_LEFT, 32, f"Paths of {vpc.id}", room, size=18, bold=True)
    said = f"{vpc.region}, account {vpc.account}, {', '.join(vpc.cidrs)}"
    canvas.text(_LEFT, 54, said, room, colour=PALE)
    subnets = _subnet_boxes(topology, lines)
    lines.sort(key=lambda line: _height(line, subnets))
    devices = _stacked((_height(line, subnets) for line in lines), _MIDDLE, _DEVICE_W)
    ends = _end_boxes(lines, devices)
    for line, device in zip(lines, devices, strict=True):
        _draw_line(canvas, line, device, ends[line.end], subnets, topology)
    marks = _marks(topology)
    _draw_subnets(canvas, topology, subnets, marks)
    for line, device in zip(lines, devices, strict=True):
        mark, colour = marks.get(line.path.id, ""), _colour(line)
        canvas.box(device, line.title, (line.detail, line.place), stroke=colour, mark=mark)
        canvas.label(device.right + 10, device.middle - 6, line.price, _ROOM, colour=colour)
    for line in {line.end: line for line in lines}.values():
        stroke = _BAD if line.path.lost_at else "#94a3b8"
        canvas.box(ends[line.end], line.end, halves(line.end_detail), stroke=stroke)
    boxes = [*subnets.values(), *devices, *ends.values()]
    bottom = max((box.bottom for box in boxes), default=_TOP)
    return canvas.document(_draw_findings(canvas, topology.findings, bottom + 40))


# ---- what is drawn


def _lines(topology: Topology, price_of: PriceOf) -> list[_Line]:
    paths = [one for one in topology.paths if one.kind != "interface_endpoint"]
    seen = {one.id: one for one in topology.paths if one.kind == "interface_endpoint"}
    for point in topology.found.endpoints:
        if point.type == "Interface":
            usual = Path("interface_endpoint", point.id, point.subnet_ids, ())
            paths.append(seen.pop(point.id, usual))
    paths += seen.values()
    return [_line(topology, path, price_of) for path in paths]


def _line(topology: Topology, path: Path, price_of: PriceOf) -> _Line:
    kind = _KINDS.get(path.kind, path.kind.replace("_", " "))
    endpoint = next((one for one in topology.found.endpoints if one.id == path.id), None)
    end, end_detail = _end(path, endpoint)
    label = label_of(endpoint.service) if endpoint and endpoint.type == "Interface" else ""
    return _Line(
        path=path,
        title=f"{label} {kind}".strip() if label else kind,
        detail=" → ".join((path.id, *_after(path))) if path.id else "",
        end=end,
        end_detail=end_detail,
        price=_price_text(path, price_of),
        zones=_zones(topology, path, endpoint),
    )


def _after(path: Path) -> Iterator[str]:
    """The hops after the device that decides the price."""
    ids = [hop.id for hop in path.hops]
    rest = path.hops[ids.index(path.id) + 1 :] if path.id in ids else path.hops
    for hop in rest:
        yield f"{hop.id or hop.kind.replace('_', ' ')}"


def _end(path: Path, endpoint: VpcEndpoint | None) -> tuple[str, str]:
    if path.lost_at:
        return f"? lost sight {path.id}".rstrip(), path.lost_at
    if endpoint is not None:
        label = label_of(endpoint.service)
        return ("S3", "in this Region") if label == "s3" else (label, endpoint.service)
    if path.kind == "s3_gateway":
        return "S3", "in this Region"
    if path.kind in ("virtual_private_gateway", "peering"):
        return _KINDS[path.kind], "another network"
    return "internet", "sources, and S3 of other Regions"


def _price_text(path: Path, price_of: PriceOf) -> str:
    """The price of a GB; from the nearest to the farthest subnet where some are in other zones."""
    usd = price_of(path)
    if usd is None:
        return "paid by the hour" if path.kind == "nat_instance" else "AWS transfer only"
    if not usd:
        return "free"
    near = price_of(replace(path, crosses_zones=False)) if path.crosses_zones else usd
    if near == usd:
        return f"${usd.normalize():f}/GB"
    return f"${(near or Decimal(0)).normalize():f} to {usd.normalize():f}/GB"


def _zones(topology: Topology, path: Path, endpoint: VpcEndpoint | None) -> frozenset[str]:
    zone_of = {one.id: one.zone for one in topology.found.subnets}
    if endpoint is not None:
        return frozenset(zone_of.get(one, "") for one in endpoint.subnet_ids)
    for gateway in topology.nat_gateways:
        if gateway.id == path.id and gateway.availability != "regional":
            return frozenset([zone_of.get(gateway.subnet_id, "")])
    for instance in topology.nat_instances:
        if instance.id == path.id:
            return frozenset([zone_of.get(instance.subnet_id, "")])
    return frozenset()


# ---- where it stands


def _subnet_boxes(topology: Topology, lines: Sequence[_Line]) -> dict[str, Box]:
    """The subnets in question, by zone from above; below each zone is room for the next's name."""
    wanted = {*topology.scope, *(id for line in lines for id in line.path.subnet_ids)}
    known = [one for one in topology.found.subnets if one.id in wanted]
    known.sort(key=lambda one: (one.zone, one.id))
    boxes: dict[str, Box] = {}
    y, zone = float(_TOP), ""
    for one in known:
        if one.zone != zone:
            y, zone = y + _ZONE, one.zone
        boxes[one.id] = Box(_LEFT, y, _SUBNET_W, _BOX)
        y += _BOX + _GAP
    return boxes


def _height(line: _Line, subnets: Mapping[str, Box]) -> float:
    """Where the device would stand best: beside the subnets that it serves."""
    boxes = [subnets[one] for one in line.path.subnet_ids if one in subnets]
    return sum(box.y for box in boxes) / len(boxes) if boxes else float(_TOP + _ZONE)


def _stacked(wishes: Iterable[float], x: float, width: float) -> list[Box]:
    """Boxes from above at the heights that are wished, or below the one before."""
    boxes: list[Box] = []
    for wish in wishes:
        least = boxes[-1].bottom + _GAP if boxes else float(_TOP + _ZONE)
        boxes.append(Box(x, max(wish, least), width, _BOX))
    return boxes


def _end_boxes(lines: Sequence[_Line], devices: Sequence[Box]) -> dict[str, Box]:
    heights: dict[str, list[float]] = {}
    for line, device in zip(lines, devices, strict=True):
        heights.setdefault(line.end, []).append(device.y)
    means = sorted((sum(found) / len(found), name) for name, found in heights.items())
    boxes = _stacked((mean for mean, _ in means), _RIGHT, _END_W)
    return {name: box for (_, name), box in zip(means, boxes, strict=True)}


# ---- drawing


def _colour(line: _Line) -> str:
    return _BAD if line.path.lost_at else COLOURS.get(line.path.kind, _OTHER)


def _draw_line(
    canvas: Canvas,
    line: _Line,
    device: Box,
    end: Box,
    subnets: Mapping[str, Box],
    topology: Topology,
) -> None:
    zone_of = {one.id: one.zone for one in topology.found.subnets}
    tip = f"{line.title} {line.path.id}: {line.price}"
    for id in line.path.subnet_ids:
        if id in subnets:
            far = bool(line.zones) and zone_of[id] not in line.zones
            start = (subnets[id].right, subnets[id].middle)
            colour = _BAD if far else _colour(line)
            said = f"{tip}, from another zone" if far else tip
            canvas.curve(start, (device.x, device.middle), colour=colour, dashed=far, tip=said)
    lost = bool(line.path.lost_at)
    ends = (device.right, device.middle), (end.x, end.middle)
    canvas.curve(*ends, colour=_colour(line), dashed=lost, tip=tip)


def _draw_subnets(
    canvas: Canvas, topology: Topology, boxes: Mapping[str, Box], marks: Mapping[str, str]
) -> None:
    workers = Counter(eni.subnet_id for eni in topology.workers)
    zone = ""
    for one in sorted(topology.found.subnets, key=lambda one: (one.zone, one.id)):
        if one.id not in boxes:
            continue
        box = boxes[one.id]
        if one.zone != zone:
            zone = one.zone
            said = f"{zone} ({one.zone_id})"
            canvas.text(_LEFT, box.y - 9, said, _SUBNET_W, colour=PALE, bold=True)
        count = workers[one.id]
        who = f"{count} worker{'s' * (count != 1)}" if count else "no workers"
        name, place = one.tags.get("Name"), f"{', '.join(one.cidrs)}, {who}"
        details = (one.id, place) if name else (place,)
        canvas.box(box, name or one.id, details, stroke="#94a3b8", mark=marks.get(one.id, ""))


def _marks(topology: Topology) -> dict[str, str]:
    """The signs at a resource: the numbers of its findings in the list below.

    A route table is not drawn; its subnets bear its signs.
    """
    numbers: dict[str, list[str]] = {}
    for number, one in enumerate(topology.findings[:_MOST_FINDINGS], 1):
        for where in (one.where, *_subnets_of(topology, one.where)):
            numbers.setdefault(where, []).append(str(number))
    return {where: f"▲{','.join(found)}" for where, found in numbers.items()}


def _subnets_of(topology: Topology, table_id: str) -> tuple[str, ...]:
    """The subnets that take a route table; the main one's are those that name no other."""
    tables = topology.found.route_tables
    table = next((one for one in tables if one.id == table_id), None)
    if table is None:
        return ()
    named = {subnet for one in tables for subnet in one.subnet_ids}
    rest = (one.id for one in topology.found.subnets if one.id not in named)
    return (*table.subnet_ids, *(rest if table.is_main else ()))


def _draw_findings(canvas: Canvas, findings: Sequence[Finding], y: float) -> float:
    """The list of findings from `y` on, and where the picture ends."""
    room = _WIDTH - 2 * _LEFT
    for number, one in enumerate(findings[:_MOST_FINDINGS], 1):
        colour = _BAD if one.severity == "warning" else _OTHER
        for said in halves(f"▲{number} {one.where}: {one.what}", columns(room, 12)):
            canvas.text(_LEFT, y, said, room, colour=colour, bold=True)
            y += 16
        canvas.text(_LEFT + 22, y, one.next_step, room - 22, size=11, colour=PALE)
        y += 24
    more = len(findings) - _MOST_FINDINGS
    if more > 0:
        canvas.text(_LEFT, y, f"and {more} more findings", room, colour=PALE)
        y += 24
    return y
