"""Rows of flow logs, looked at by who they are about: device or worker, which side, which way."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from lakeferry.network.known_texts import KnownTexts
from lakeferry.network.members import INSIDE, S3, Member, Members

UP, DOWN, UNKNOWN = 0, 1, 2  # from workers, to workers
DIRECTIONS = ("up", "down")

Codes = np.ndarray  # int64, one a row
_EITHER = -1  # neither stated nor to be told


class FlowRows:
    """The rows of one batch. Texts that are `known` are not looked at again; answers are spread.

    coming: whether a row's bytes entered its interface. direction: UP, DOWN or UNKNOWN. inner:
    rows of a NAT device on the side where the workers are.
    """

    def __init__(
        self, table: pa.RecordBatch, members: Members, known: KnownTexts | None = None
    ) -> None:
        self.table = table
        self.network = members
        self._known = KnownTexts() if known is None else known
        self._known.make_room()
        self._read: dict[str, Codes] = {}
        self._ends: dict[str, Codes] = {}
        ids, texts = _coded(table, "interface_id")
        self.members = [members.member(one) for one in texts]
        self._ids = ids
        self._take_regional()
        self.is_nat = self.by_member(lambda one: one.role == "nat")
        self.is_endpoint = self.by_member(lambda one: one.role == "endpoint")
        coming = self._coming()
        self.coming = coming == 1
        enters_device = (self.is_nat | self.is_endpoint) == self.coming
        self.direction = np.where(coming < 0, UNKNOWN, np.where(enters_device, UP, DOWN))
        self.inner = self.is_nat & self._is_inner()

    # ---- columns as codes

    def coded(self, name: str) -> Codes:
        """The numbers of a text column's texts; that of no text for all of a missing one."""
        found = self._read.get(name)
        if found is None:
            codes, texts = _coded(self.table, name)
            found = self._read[name] = self._known.numbers(texts)[codes]
        return found

    def numbers(self, name: str) -> Codes:
        """An integer column; -1 where there is no number."""
        if name not in self.table.schema.names:
            return np.full(len(self.table), -1, np.int64)
        return np.asarray(pc.fill_null(self.table[name], -1)).astype(np.int64)

    def where(self, name: str, answer: Callable[[str | None], bool | int]) -> np.ndarray:
        """An answer about each text of a column. `answer` is a function or method, no lambda."""
        codes = self.coded(name)
        found: np.ndarray = self._known.answers(answer)[codes]
        return found

    def by_member(self, answer: Callable[[Member], bool | int]) -> np.ndarray:
        """An answer about each interface, spread over the rows."""
        found: np.ndarray = np.array([answer(one) for one in self.members])[self._ids]
        return found

    def of_member(self, name: Callable[[Member], str], at: np.ndarray) -> pa.DictionaryArray:
        return named([name(one) for one in self.members], self._ids[at])

    # ---- the two ends of a packet

    def end(self, side: str) -> Codes:
        """Numbers of a packet's `src` or `dst`; the row's own address stands in for it."""
        found = self._ends.get(side)
        if found is None:
            packet, own = self.coded(f"pkt_{side}addr"), self.coded(f"{side}addr")
            found = self._ends[side] = np.where(packet > 0, packet, own)
        return found

    @cached_property
    def far_end(self) -> Codes:
        """Numbers of the end that is no worker."""
        return np.where(self.direction == UP, self.end("dst"), self.end("src"))

    @cached_property
    def near_end(self) -> Codes:
        """Numbers of the worker's end."""
        return np.where(self.direction == UP, self.end("src"), self.end("dst"))

    @cached_property
    def is_s3(self) -> np.ndarray:
        """Rows whose far end is S3: by its address range, or by the row's own word."""
        to, of = (self.where(f"pkt_{side}_aws_service", is_s3_text) for side in ("dst", "src"))
        stated = np.where(self.direction == UP, to, of)
        found: np.ndarray = (self.about(self.far_end, self.network.address) & S3 > 0) | stated
        return found

    def about(self, end: Codes, answer: Callable[[str | None], bool | int]) -> np.ndarray:
        """An answer about each of these numbers; as `where`."""
        found: np.ndarray = self._known.answers(answer)[end]
        return found

    def texts(
        self, end: Codes, at: np.ndarray, name: Callable[[str | None], str | None]
    ) -> pa.DictionaryArray:
        """One end of rows as texts, under the names that `name` gives to addresses."""
        codes, names = self._known.named(name)
        return named(names, codes[end[at]])

    def hashes(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A hash of rows' worker, remote address, ports and protocol; and of the first two."""
        interface = self.by_member(lambda one: _hash(one.id))[at].astype(np.uint64)
        remote = self.about(self.far_end[at], _hash).astype(np.uint64)
        peer = _mixed(interface, remote)
        up = (self.direction == UP)[at]
        src, dst = self.numbers("srcport")[at], self.numbers("dstport")[at]
        near, far = np.where(up, src, dst), np.where(up, dst, src)
        ports = _mixed(peer, (near << 32 | far << 8 | self.numbers("protocol")[at] & 255))
        return ports.view(np.int64), peer.view(np.int64)

    # ---- which side, which way

    def _take_regional(self) -> None:
        """A regional NAT gateway is named in `resource-id`; it has no interface here."""
        regional = self.network.regional
        if not regional or "resource_id" not in self.table.schema.names:
            return
        first = len(self.members)
        self.members += [Member(id, "nat", "nat_gateway", id) for id in regional]
        codes = self.coded("resource_id")
        given = np.full(len(self._known), -1, np.int64)
        for at, id in enumerate(regional):
            given[max(0, self._known.number(id))] = first + at
        given[0] = -1
        given = given[codes]
        self._ids = np.where(given >= 0, given, self._ids)

    def _coming(self) -> Codes:
        """1 for rows that entered their interface, 0 for those that left, -1 where none tells."""
        found = self.where("flow_direction", _stated_direction)
        return np.where(found < 0, self._coming_by_address(), found) if (found < 0).any() else found

    def _coming_by_address(self) -> Codes:
        ends = [self.coded(name) for name in ("dstaddr", "srcaddr")]
        owner = np.full(len(self._known), -1, np.int64)
        for at, one in enumerate(self.members):
            for ip in one.ips:
                owner[max(0, self._known.number(ip))] = at
        owner[0] = -1
        to, of = (owner[codes] == self._ids for codes in ends)
        inside_to, inside_of = (self.inside(name) for name in ("dstaddr", "srcaddr"))
        # An interface that came after discovery: whoever is inside is its own.
        stranger = self.by_member(lambda one: not one.ips)
        to, of = np.where(stranger, inside_to, to), np.where(stranger, inside_of, of)
        return np.where(to == of, _EITHER, np.where(to, 1, 0))

    def inside(self, name: str) -> np.ndarray:
        return self.where(name, self.network.address) & INSIDE > 0

    def _is_inner(self) -> np.ndarray:
        """The packet is for or from another than the device, as the row has it.

        A log without packet addresses shows only who is inside the VPC.
        """
        came = self._forwarded("dst", "srcaddr")
        left = self._forwarded("src", "dstaddr")
        return np.where(self.coming, came, left)

    def _forwarded(self, side: str, peer: str) -> np.ndarray:
        packet, row = self.coded(f"pkt_{side}addr"), self.coded(f"{side}addr")
        return np.where(packet > 0, packet != row, self.inside(peer))


def named(names: Sequence[str | None], codes: Codes) -> pa.DictionaryArray:
    """Texts by their codes, null for None. Names may repeat: they are one group all the same.

    The dictionary holds those alone that are used: a batch names few of all.
    """
    used = np.zeros(max(1, len(names)), bool)
    used[codes] = True
    distinct: dict[str | None, int] = {}
    at = np.full(len(used), -1, np.int64)
    for code in np.flatnonzero(used).tolist():
        name = names[code]
        if name is not None:
            at[code] = distinct.setdefault(name, len(distinct))
    found = at[codes]
    indices = pa.array(found.astype(np.int32), mask=found < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(distinct), pa.string()))


def is_s3_text(text: str | None) -> bool:
    """Whether `pkt-…-aws-service` says S3."""
    return text == "S3"


def _stated_direction(text: str | None) -> int:
    return {"ingress": 1, "egress": 0}.get(text or "", _EITHER)


def _coded(table: pa.RecordBatch, name: str) -> tuple[Codes, list[str | None]]:
    if name not in table.schema.names:
        return np.zeros(len(table), np.int64), [None]
    column = table[name]
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = [*coded.dictionary.to_pylist(), None]
    codes = np.asarray(pc.fill_null(coded.indices, len(texts) - 1)).astype(np.int64)
    return codes, texts


def _hash(text: str | None) -> int:
    return xxhash.xxh3_64_intdigest((text or "").encode()) >> 1  # fits int64, as answers are


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A hash of two: the finisher of SplitMix64 over one and a multiple of the other."""
    found = one * _GOLDEN + other.astype(np.uint64)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))
