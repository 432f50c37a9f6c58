"""Rows of flow logs, looked at by who they are about: device or worker, which side, which way."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from lakeferry.network.members import INSIDE, Member, Members

UP, DOWN, UNKNOWN = 0, 1, 2  # from workers, to workers
DIRECTIONS = ("up", "down")

Codes = np.ndarray  # int64, one a row
_EITHER = -1  # neither stated nor to be told


class FlowRows:
    """The rows of one batch. Distinct texts are looked at once, and their answers spread.

    coming: whether a row's bytes entered its interface. direction: UP, DOWN or UNKNOWN. inner:
    rows of a NAT device on the side where the workers are.
    """

    def __init__(self, table: pa.RecordBatch, members: Members) -> None:
        self.table = table
        self.network = members
        self._read: dict[str, tuple[Codes, list[str | None]]] = {}
        self._numbers: dict[str | None, int] = {}
        ids, texts = self.coded("interface_id")
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

    def coded(self, name: str) -> tuple[Codes, list[str | None]]:
        """Codes of a text column and its texts; the last is None, as is all of a missing one."""
        found = self._read.get(name)
        if found is None:
            found = self._read[name] = _coded(self.table, name)
        return found

    def numbers(self, name: str) -> Codes:
        """An integer column; -1 where there is no number."""
        if name not in self.table.schema.names:
            return np.full(len(self.table), -1, np.int64)
        return np.asarray(pc.fill_null(self.table[name], -1)).astype(np.int64)

    def where(self, name: str, answer: Callable[[str | None], bool | int]) -> np.ndarray:
        """An answer about each distinct text of a column, spread over the rows."""
        codes, texts = self.coded(name)
        found: np.ndarray = np.array([answer(one) for one in texts])[codes]
        return found

    def by_member(self, answer: Callable[[Member], bool | int]) -> np.ndarray:
        """An answer about each interface, spread over the rows."""
        found: np.ndarray = np.array([answer(one) for one in self.members])[self._ids]
        return found

    def of_member(self, name: Callable[[Member], str], at: np.ndarray) -> pa.DictionaryArray:
        return named([name(one) for one in self.members], self._ids[at])

    # ---- the two ends of a packet

    def end(self, side: str, answer: Callable[[str | None], bool | int]) -> np.ndarray:
        """An answer about a packet's `src` or `dst`; the row's own address stands in for it."""
        stated = self.where(f"pkt_{side}addr", lambda one: one is not None)
        packet = self.where(f"pkt_{side}addr", answer)
        return np.where(stated, packet, self.where(f"{side}addr", answer))

    def far_end(self, answer: Callable[[str | None], bool | int]) -> np.ndarray:
        """An answer about the end that is no worker."""
        return np.where(self.direction == UP, self.end("dst", answer), self.end("src", answer))

    def near_end(self, answer: Callable[[str | None], bool | int]) -> np.ndarray:
        """An answer about the worker's end."""
        return np.where(self.direction == UP, self.end("src", answer), self.end("dst", answer))

    def texts(
        self,
        end: Callable[[Callable[[str | None], int]], np.ndarray],
        at: np.ndarray,
        name: Callable[[str | None], str | None] = lambda one: one,
    ) -> pa.DictionaryArray:
        """One end of rows as texts, under the names that `name` gives to addresses."""
        numbers: dict[str | None, int] = {}
        codes = end(lambda one: numbers.setdefault(name(one), len(numbers)))[at]
        return named(list(numbers), codes)

    def hashes(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A hash of rows' worker, remote address, ports and protocol; and of the first two."""
        interface = self.by_member(lambda one: _hash(one.id))[at].astype(np.uint64)
        remote = self.far_end(_hash)[at].astype(np.uint64)
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
        known = {id: first + at for at, id in enumerate(regional)}
        given = self.where("resource_id", lambda one: known.get(one or "", -1))
        self._ids = np.where(given >= 0, given, self._ids)

    def _coming(self) -> Codes:
        """1 for rows that entered their interface, 0 for those that left, -1 where none tells."""
        stated = {"ingress": 1, "egress": 0}
        found = self.where("flow_direction", lambda one: stated.get(one or "", _EITHER))
        return np.where(found < 0, self._coming_by_address(), found)

    def _coming_by_address(self) -> Codes:
        owner = {ip: at for at, one in enumerate(self.members) for ip in one.ips}
        to, of = (
            self.where(name, lambda one: owner.get(one or "", -1)) == self._ids
            for name in ("dstaddr", "srcaddr")
        )
        inside_to, inside_of = (self.inside(name) for name in ("dstaddr", "srcaddr"))
        # An interface that came after discovery: whoever is inside is its own.
        stranger = self.by_member(lambda one: not one.ips)
        to, of = np.where(stranger, inside_to, to), np.where(stranger, inside_of, of)
        return np.where(to == of, _EITHER, np.where(to, 1, 0))

    def inside(self, name: str) -> np.ndarray:
        return self.where(name, lambda one: self.network.address(one) & INSIDE > 0)

    def _is_inner(self) -> np.ndarray:
        """The packet is for or from another than the device, as the row has it.

        A log without packet addresses shows only who is inside the VPC.
        """
        came = self._forwarded("dst", "srcaddr")
        left = self._forwarded("src", "dstaddr")
        return np.where(self.coming, came, left)

    def _forwarded(self, side: str, peer: str) -> np.ndarray:
        packet, row = (
            self.where(name, self._number) for name in (f"pkt_{side}addr", f"{side}addr")
        )
        stated = self.where(f"pkt_{side}addr", lambda one: one is not None)
        return np.where(stated, packet != row, self.inside(peer))

    def _number(self, text: str | None) -> int:
        return self._numbers.setdefault(text, len(self._numbers))


def named(names: Sequence[str | None], codes: Codes) -> pa.DictionaryArray:
    """Texts by their codes. Names may repeat: they are sums of one group all the same."""
    distinct: dict[str | None, int] = {}
    known = np.array([distinct.setdefault(one, len(distinct)) for one in names] or [0])
    texts = pa.array(list(distinct), pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(known[codes], pa.int32()), texts)


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
