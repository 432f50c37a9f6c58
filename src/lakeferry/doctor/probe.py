"""Try in a target what a clone will do there: all below `_lakeferry_probe/`, and nothing else."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress

from lakeferry.doctor.check import BLOCKER, OK, WARNING, Check, tried
from lakeferry.doctor.folders import Folders
from lakeferry.doctor.machine import clock, skew
from lakeferry.errors import FerryError
from lakeferry.store.open import Address
from lakeferry.store.protocol import AlreadyThere, Store, read_all

FOLDER = "_lakeferry_probe"
RACES = 3
LARGE_COMMIT_BYTES = 6 << 20  # the threshold that the probe asks for; S3's parts are 5 MiB or more
LARGE_BODY = 7 << 20  # bytes, so that two parts go up
MOST_NAMED = 5  # probes left behind that a warning names

_ASK = "do not use this store: it does not keep what it is given"
_NO_CONDITION = (
    "use a store that keeps such writes apart, or a commit lock: commit_lock=dynamodb://TABLE, or "
    "be the only writer: --single-writer"
)


class Probe:
    """The trials on one target. Each may be run once; `clean` takes back what they left."""

    def __init__(
        self,
        at: Address,
        folders: Folders,
        open_one: Callable[[bool], Store],
        *,
        is_locked: bool = False,
    ) -> None:
        """
        Args:
            at: where the target is.
            folders: of the target, looked at before anything is written.
            open_one: opens the target anew, as another process would; True: with a low threshold
                for commits in parts.
            is_locked: commits there go by a lock.
        """
        self._at = at
        self._open = open_one
        self._store = open_one(False)
        self._folder = f"{FOLDER}/{uuid.uuid4().hex}"
        self._folders = folders
        self._is_locked = is_locked

    def run(self) -> Iterator[Check]:
        """All trials, in order; after a refused write the others would only repeat it."""
        try:
            yield from self._trials()
        except KeyboardInterrupt:
            with suppress(FerryError):
                self.clean()
            raise

    def _trials(self) -> Iterator[Check]:
        first = tried("write", self._write)
        yield first
        if first.outcome != BLOCKER:
            yield tried("clock", self._clock)
            name = "rename" if self._at.kind == "hdfs" else "replace"
            yield tried(name, lambda: self._replace(name))
            yield tried("put-if-absent", self._races)
            if self._at.kind in ("s3", "azure", "gcs"):
                yield tried("large commit", self._large)
            yield tried("delete", self.clean)
        elif self._leftovers_possible():
            left = tried("delete", self.clean)
            if left.outcome != OK:
                yield left

    def _leftovers_possible(self) -> bool:
        try:
            return next(iter(self._store.list(self._folder)), None) is not None
        except FerryError:
            return False

    def _write(self) -> Check:
        started = time.monotonic()
        self._store.write(f"{self._folder}/write", [b"lakeferry"], size=9)
        if read_all(self._store, f"{self._folder}/write") != b"lakeferry":
            return Check("write", BLOCKER, "what was written reads as something else", _ASK)
        took = (time.monotonic() - started) * 1000
        return Check("write", OK, f"9 bytes written and read back in {took:.0f} ms")

    def _clock(self) -> Check:
        before = time.time()
        path = f"{self._folder}/clock"
        self._store.write(path, [b"tick"], size=4)
        after = time.time()
        found = self._store.head(path)
        if found is None or found.modified_ms is None:
            return Check("clock", OK, "the target's store tells no modification times")
        # Most services keep whole seconds.
        off = skew(before, found.modified_ms / 1000, after, precision_s=1.0)
        return clock(off, "the target", is_signed=self._at.kind in ("s3", "azure", "gcs"))

    def _replace(self, name: str) -> Check:
        """`_last_checkpoint` is written over; on HDFS by a rename that replaces."""
        path = f"{self._folder}/replace"
        for body in (b"first", b"again"):
            self._store.write(path, [body], size=len(body))
        if read_all(self._store, path) != b"again":
            return Check(name, BLOCKER, "a file that is written over keeps its old bytes", _ASK)
        how = "renamed over an old one" if name == "rename" else "written over"
        return Check(name, OK, f"a file can be {how}, and is read as the new one at once")

    def _races(self) -> Check:
        for number in range(RACES):
            if trouble := self._race(f"{self._folder}/race-{number}"):
                return Check("put-if-absent", BLOCKER, trouble, _NO_CONDITION)
        how = {"hdfs": "by rename without overwrite", "local": "by hard link"}.get(
            self._at.kind, "by the commit lock" if self._is_locked else "by condition"
        )
        return Check(
            "put-if-absent", OK, f"holds {how}: one of two writers won, {RACES} times of {RACES}"
        )

    def _race(self, path: str) -> str | None:
        """Two writers start at once; what went wrong, or None."""
        tokens = [uuid.uuid4().bytes for _ in range(2)]
        stores = [self._open(False) for _ in tokens]
        for store in stores:
            store.head(path)  # connected beforehand, so that both start at once
        gate = threading.Barrier(2)
        won: list[bytes] = []
        errors: list[FerryError] = []

        def put(store: Store, token: bytes) -> None:
            gate.wait()
            try:
                store.put_if_absent(path, [token], size_hint=len(token))
                won.append(token)
            except AlreadyThere:
                pass
            except FerryError as error:
                errors.append(error)

        threads = [
            threading.Thread(target=put, args=pair) for pair in zip(stores, tokens, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        if len(won) > 1:
            return "LF-5004 two writers of one name both won: commits could overwrite each other"
        body = read_all(self._store, path)
        # A winner whose answer was lost is told that the name is taken: by itself.
        if body not in tokens or (won and body != won[0]):
            return "LF-5004 the file holds other bytes than the winner's"
        return self._third(path, body)

    def _third(self, path: str, body: bytes) -> str | None:
        with suppress(AlreadyThere):
            self._store.put_if_absent(path, [b"late"], size_hint=4)
            return "LF-5004 a late writer wrote over the winner"
        if read_all(self._store, path) != body:
            return "LF-5004 a refused writer changed the file all the same"
        return None

    def _large(self) -> Check:
        """A commit in parts: the condition must hold for the last request, not for the first."""
        store, path = self._open(True), f"{self._folder}/large"
        started = time.monotonic()
        store.put_if_absent(path, _zeros(), size_hint=LARGE_BODY)
        took = time.monotonic() - started
        with suppress(AlreadyThere):
            store.put_if_absent(path, _zeros(), size_hint=LARGE_BODY)
            what = "LF-5004 put-if-absent does not hold for commits that go up in parts"
            return Check("large commit", BLOCKER, what, _NO_CONDITION)
        rate = LARGE_BODY / took / 1e6
        text = f"holds in parts too: {LARGE_BODY / 1e6:.1f} MB in {took:.1f} s ({rate:.1f} MB/s)"
        return Check("large commit", OK, text)

    def clean(self) -> Check:
        """Delete what this probe wrote; name what could not be."""
        trouble: FerryError | None = None
        for meta in list(self._store.list(self._folder)):
            try:
                self._store.delete(meta.path)
            except FerryError as error:
                trouble = error
        self._remove_folders()
        left = sorted(meta.path for meta in self._store.list(self._folder))
        if not left:
            return Check("delete", OK, "the probes are gone again")
        named = ", ".join(left[:MOST_NAMED])
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        why = f" ({trouble.code} {trouble.what})" if trouble else ""
        step = "delete them; a clone itself never deletes, so it works without this right"
        return Check("delete", WARNING, f"left behind: {named}{more}{why}", step)

    def _remove_folders(self) -> None:
        self._folders.remove(self._folder)
        self._folders.remove(FOLDER)
        if not self._folders.root_was_there:
            self._folders.remove("")


def _zeros() -> Iterator[bytes]:
    for _ in range(LARGE_BODY >> 20):
        yield bytes(1 << 20)
