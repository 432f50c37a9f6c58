"""Attribution row by row in plain Python, written apart from the one in columns."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any

from lakeferry.network.members import Members

Row = Mapping[str, Any]
Known = tuple[str, str, str, str, bool, int]  # path, device, interface, direction, leak, minute
BY_PATH_NUMBER = {
    2: "internet_gateway", 3: "virtual_private_gateway", 4: "peering", 5: "peering",
    6: "local_gateway", 8: "internet_gateway",
}  # fmt: skip


class Reference:
    """Sums by path as `attribute.BY_PATH`; all rows must be there before `sums` is asked."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._rows: list[Row] = []

    def add(self, row: Row) -> None:
        if row["bytes"] is not None and row["action"] != "REJECT":
            self._rows.append(row)

    def sums(self) -> Counter[Known]:
        found: Counter[Known] = Counter()
        devices = {self._member(r).device for r in self._rows if self._member(r).role == "nat"
                   and self._direction(r)}  # fmt: skip
        for row in self._rows:
            way = self._way(row)
            if way is None or (way[2] and way[0].startswith("nat_") and way[1] in devices):
                continue
            direction = self._direction(row) or ""
            leak = way[0].startswith("nat_") and self._is_s3(row)
            minute = row["start"] // 60 * 60
            key = (way[0], way[1], row["interface_id"], direction, leak, minute)
            found[key] += row["bytes"]
        return found

    def _way(self, row: Row) -> tuple[str, str, bool] | None:
        """Path, device, and whether the row is a worker's."""
        member, direction = self._member(row), self._direction(row)
        if direction is None:
            return None
        if member.role == "nat":
            return (member.path, member.device, False) if self._is_inner(row) else None
        if member.role == "endpoint":
            return member.path, member.device, False
        far = self._far(row)
        if self._is_inside(far):
            own = self._by_address(far)
            is_device = own is not None and own.role != "other"
            return ("vpc", "", True) if direction == "up" and not is_device else None
        way = self._sent(row) if direction == "up" else self._returned(row)
        return (*way, True)

    def _sent(self, row: Row) -> tuple[str, str]:
        subnet = self._member(row).subnet_id or row["subnet_id"] or ""
        out, gateway = self._members.out.get(subnet), self._members.to_s3.get(subnet)
        usual = (out.path, out.device) if out else ("unknown", "")
        s3 = (gateway.path, gateway.device) if gateway else ("s3_gateway", "")
        number, service = row["traffic_path"], row["pkt_dst_aws_service"]
        if number == 7 or (number == 2 and service in ("S3", "DYNAMODB")):
            return ("dynamodb_gateway", "") if service == "DYNAMODB" else s3
        if number in BY_PATH_NUMBER:
            return BY_PATH_NUMBER[number], ""
        if number != 1 and self._is_s3(row) and gateway:
            return s3
        return usual

    def _returned(self, row: Row) -> tuple[str, str]:
        """The way of the last request of the same ports in this minute, the last, the next."""
        sent = self._requests[row["interface_id"], self._far(row)]
        same = [one for one in sent if (one["srcport"], one["dstport"], one["protocol"])
                == (row["dstport"], row["srcport"], row["protocol"])]  # fmt: skip
        minute = row["start"] // 60 * 60
        for step in (0, -60, 60):
            near = [one for one in same if one["start"] // 60 * 60 == minute + step]
            if near:
                return self._sent(near[-1])
        for some in (same, sent):
            if some:
                newest = max(one["start"] // 60 for one in some)
                return self._sent([one for one in some if one["start"] // 60 == newest][-1])
        return self._sent({**row, "traffic_path": None, "pkt_dst_aws_service": None})

    @cached_property
    def _requests(self) -> Mapping[tuple[str, str | None], list[Row]]:
        """What workers sent out of the VPC, by interface and remote address."""
        found: defaultdict[tuple[str, str | None], list[Row]] = defaultdict(list)
        for row in filter(self._is_worker_s_request, self._rows):
            found[row["interface_id"], self._far(row)].append(row)
        return found

    def _is_worker_s_request(self, row: Row) -> bool:
        is_other = self._member(row).role == "other"
        return is_other and self._direction(row) == "up" and not self._is_inside(self._far(row))

    def _direction(self, row: Row) -> str | None:
        coming = self._is_coming(row)
        if coming is None:
            return None
        return "up" if coming == (self._member(row).role != "other") else "down"

    def _is_coming(self, row: Row) -> bool | None:
        if row["flow_direction"]:
            return bool(row["flow_direction"] == "ingress")
        own = self._members.interfaces.get(row["interface_id"])
        if own is None or not own.ips:
            to, of = self._is_inside(row["dstaddr"]), self._is_inside(row["srcaddr"])
        else:
            to, of = row["dstaddr"] in own.ips, row["srcaddr"] in own.ips
        return None if to == of else to

    def _is_inner(self, row: Row) -> bool:
        """At a NAT device: the packet is not for the device, or not from it."""
        side, peer = ("dst", "srcaddr") if self._is_coming(row) else ("src", "dstaddr")
        packet = row[f"pkt_{side}addr"]
        if packet is None:
            return self._is_inside(row[peer])
        return bool(packet != row[f"{side}addr"])

    def _far(self, row: Row) -> str | None:
        side = "dst" if self._direction(row) == "up" else "src"
        found: str | None = row[f"pkt_{side}addr"] or row[f"{side}addr"]
        return found

    def _is_s3(self, row: Row) -> bool:
        side = "dst" if self._direction(row) == "up" else "src"
        stated = row[f"pkt_{side}_aws_service"] == "S3"
        return stated or self._within(self._far(row), self._members.s3)

    def _is_inside(self, address: str | None) -> bool:
        return self._by_address(address) is not None or self._within(address, self._members.inside)

    def _by_address(self, address: str | None) -> Any:
        members = self._members.interfaces.values()
        return next((one for one in members if address in one.ips), None)

    @staticmethod
    def _within(address: str | None, cidrs: Sequence[str]) -> bool:
        return address is not None and any(ip_address(address) in ip_network(c) for c in cidrs)

    def _member(self, row: Row) -> Any:
        return self._members.member(row["interface_id"])
