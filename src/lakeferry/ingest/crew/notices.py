"""What a person should look at while an ingest runs: told when it begins, and when it is over."""

from collections.abc import Collection, Mapping

from lakeferry.errors import FerryError
from lakeferry.ingest.events import Emit, Noted, Progress, Warned
from lakeferry.ingest.payload.columns import MOST_FIELDS

SHORT = 0.25  # of a stream's retention: so much must be left, or it is told
LATE_S = 20.0  # from a flush until the table has what it brought; seconds are usual
MOST_LEFT_OUT = 100  # fields that are named; of names without end, some are enough
MOST_SHOWN = 8  # of them in one line
AMPLE = 0.4  # when so much is left again, it may be told again


class Notices:
    """Remembers what was told. For one thread."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._paused: dict[str, str] = {}
        self._is_short = False
        self._is_late = False
        self._left_out: set[str] = set()
        self._is_full = False
        self._ignored: set[str] = set()

    def ignored(self, fields: Collection[str]) -> None:
        """New fields that are to be left out, as far as a look now and then shows them."""
        new = sorted(set(fields) - self._ignored)[: MOST_LEFT_OUT - len(self._ignored)]
        if not new:
            return
        self._ignored.update(new)
        some = ", ".join(new[:MOST_SHOWN])
        some += f" and {len(new) - MOST_SHOWN} more" if len(new) > MOST_SHOWN else ""
        self._emit(Noted(f"left out, as they are not declared: {_printable(some)}"))

    def left_out(self, fields: Mapping[str, str], *, full: bool = False) -> None:
        """New fields that can be no columns, and why.

        Args:
            full: the table has so many that none is added any more.
        """
        if full and not self._is_full:
            self._is_full = True
            self._emit(
                Warned(
                    None,
                    f"the table has {MOST_FIELDS:,} fields or more, and gets no new ones: records "
                    "with such are bad ones from here on",
                    "names that are values, such as ids, are no columns: rescue new fields "
                    "(`--on-new-fields rescue`), or declare their parent as a string",
                )
            )
        way = "rows come without it; declare it under another name, or rescue new fields"
        for path in sorted(fields.keys() - self._left_out):
            if len(self._left_out) == MOST_LEFT_OUT:
                return
            self._left_out.add(path)
            told = f"the field `{path}` is left out: {fields[path]}"
            self._emit(Warned(None, _printable(told), way))
            if len(self._left_out) == MOST_LEFT_OUT:
                what = f"{MOST_LEFT_OUT} fields are left out; further ones are not told any more"
                self._emit(Warned(None, what, "rescue new fields: `--on-new-fields rescue`"))

    def paused(self, now: Mapping[str, str]) -> None:
        """The shards that are not read, and why."""
        for shard in sorted(now.keys() - self._paused.keys()):
            way = "other shards go on; mend it before the stream's retention takes the records"
            self._emit(Warned(None, f"{shard} is not read now: {now[shard]}", way))
        for shard in sorted(self._paused.keys() - now.keys()):
            self._emit(Noted(f"{shard} is read again"))
        self._paused = dict(now)

    def found_again(self, shards: Collection[str]) -> None:
        """Shards that were given up, and are listed after all."""
        for shard in sorted(shards):
            way = (
                "nothing: what it holds is read from where it stood; of one key it comes behind "
                "records of the shards that follow"
            )
            self._emit(Warned(None, f"{shard} is listed after it was given up as gone", way))

    def trouble(self, error: FerryError) -> None:
        """The stream cannot be looked at; what is known of it is read on."""
        self._emit(Warned(error.code, f"{error.what}: {error.where}", error.next_step))

    def late(self, waited_s: float, table: str) -> None:
        """An epoch that was flushed so long ago is not in the table."""
        if waited_s < LATE_S or self._is_late:
            return
        self._is_late = True
        self._emit(
            Warned(
                None,
                f"what was read waits for its commit since {waited_s:.0f} s: {table}",
                "nothing is lost, and it is tried on; see whether the store answers, and whether "
                "files get out of this machine as fast as they are written",
            )
        )

    def taken(self, waited_s: float) -> None:
        """The table has an epoch, so long after its flush."""
        if self._is_late and waited_s < LATE_S:
            self._is_late = False
            self._emit(Noted("the table takes commits in time again"))

    def retention(self, told: Progress, retention_s: float) -> None:
        """How long the stream keeps what is not committed."""
        left_s = told.retention_left_s
        if left_s is None or left_s > AMPLE * retention_s:
            self._is_short = False
        elif left_s < SHORT * retention_s and not self._is_short:
            self._is_short = True
            self._emit(
                Warned(
                    None,
                    f"in {max(0.0, left_s) / 3600:.1f} h the stream forgets records that are not "
                    "committed yet",
                    "raise its retention now (`aws kinesis increase-stream-retention-period`), "
                    "then see what holds the ingest up",
                )
            )


def _printable(told: str) -> str:
    """Producers say what fields are called, and a terminal obeys some signs."""
    return "".join(sign if sign.isprintable() else "?" for sign in told)
