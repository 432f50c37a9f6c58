"""What `ingest` does: the run, and the looks that change nothing."""

import sys
from contextlib import ExitStack
from threading import Event as Flag
from typing import TYPE_CHECKING

import orjson

from lakeferry.cli.ingest.answers import ended_body, ended_lines
from lakeferry.cli.ingest.flags import Wanted
from lakeferry.cli.ingest.talk import IngestTalk
from lakeferry.cli.render import Screen, marks
from lakeferry.cli.units import counted
from lakeferry.errors import FerryError
from lakeferry.events import Warned
from lakeferry.ingest.kinesis.endpoint_check import way_of
from lakeferry.ingest.kinesis.endpoint_look import resolved_host
from lakeferry.ingest.metrics_page import IngestMetrics
from lakeferry.monitor.logs.metrics_page import is_loopback, parse_address, served

if TYPE_CHECKING:
    from lakeferry.ingest.position.adopt import Adopted
    from lakeferry.ingest.settings import Ingest

OK, FAILED, LOOK = 0, 1, 3


def ingest(
    wanted: Wanted,
    *,
    adopt: str | None,
    metrics: str | None,
    screen: Screen,
    stop: Flag,
    begun: Flag,
) -> int:
    """Run until stopped, or with `once` until all is there.

    Exit 3 where a gap was accepted, or not one record was as declared.

    Once something was committed, whatever ends it is a failure: exit 2 says that nothing was done.

    Args:
        begun: set here when reading begins: from then on `stop` is looked at.

    Raises:
        FerryError: it failed before anything was committed.
        KeyboardInterrupt: stopped, and all that was read is committed.
    """
    from lakeferry.ingest.run import run
    from lakeferry.ingest.table.quarantine import quarantine_settings

    asked = wanted.ingest()
    shown = IngestMetrics()
    talk = IngestTalk(screen, asked.target.url, shown, begun)
    with ExitStack() as at_end:
        if metrics is not None:
            _serve(shown, metrics, at_end, screen)
        say_way(asked, screen)
        adopted = _adopted(asked, adopt, screen)
        try:
            ended = run(asked, emit=talk.emit, stop=stop, adopted=adopted)
        except FerryError as error:
            if not talk.commits:
                raise
            screen.error(error)  # a right that was taken away is no wrong request: much was done
            return FAILED
    sign = marks(sys.stdout)["ok"]
    target, rejected = asked.target.url, quarantine_settings(asked.target).url
    screen.result(ended_lines(ended, target, sign, rejected), ended_body(ended))
    if stop.is_set():
        raise KeyboardInterrupt
    return LOOK if talk.gaps or (ended.bad and not ended.rows) else OK


def _serve(shown: IngestMetrics, address: str, at_end: ExitStack, screen: Screen) -> None:
    host, _ = parse_address(address)
    server, found = served(shown, address)
    at_end.callback(server.server_close)
    at_end.callback(server.shutdown)
    screen.say(f"metrics: http://{found}/metrics")
    if not is_loopback(host):
        screen.say("others than this machine can read them: they are not secret, and not guarded")


def say_way(asked: "Ingest", screen: Screen) -> None:
    """Warn where bytes would leave by a public address. No service is asked: names are resolved."""
    host = asked.source.endpoint.host
    way = way_of(resolved_host("kinesis-streams", host), None)
    if way.path == "public":
        step = f"{way.next_step}; --check says more"
        screen.event(Warned(asked.target.url, "LF-7065", way.text, step))


def _adopted(asked: "Ingest", adopt: str | None, screen: Screen) -> "Adopted | None":
    """Where another consumer stands; None where nothing is adopted, or was so already."""
    if adopt is None:
        return None
    from lakeferry.ingest.position.adopt import adopted_text
    from lakeferry.ingest.position.adopt_read import adopt as read_positions
    from lakeferry.ingest.position.way_back import knows
    from lakeferry.spark.adopted import own_source

    if knows(asked.target, asked.name):
        screen.say(f"the table has positions of `{asked.name}`: nothing is adopted any more")
        return None
    found = read_positions(adopt, asked, own=own_source)
    screen.say(adopted_text(found, adopt))
    for note in found.notes:
        screen.say(note)
    return found


def check(
    wanted: Wanted,
    *,
    screen: Screen,
    writes: bool = False,
    knows_rows: bool = True,
    adopt: str | None = None,
    strict: bool = False,
) -> int:
    """Try endpoint and rights; exit 1 on a blocker, with `strict` 3 on a warning.

    Args:
        writes: try the table's store by writing below `_lakeferry_probe/`, too.
        knows_rows: the payload is as it will be; else nothing was said of it.
        adopt: look where the other consumer stands, too.
    """
    from lakeferry.cli.commands import show_checks
    from lakeferry.doctor.ingest import examine_ingest

    asked = wanted.ingest()
    return show_checks(
        lambda show: examine_ingest(
            asked, writes=writes, knows_rows=knows_rows, adopt=adopt, on_check=show
        ),
        strict=strict,
        screen=screen,
    )


def positions(wanted: Wanted, *, screen: Screen) -> int:
    """Where the table stands, as JSON on stdout. The stream is not asked."""
    from lakeferry.ingest.position.way_back import committed_state, way_back

    target = wanted.target()
    version, state = committed_state(target, wanted.name())
    body = way_back(state, target.url, version)
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    screen.result([text], {"positions": body})
    return OK


def infer(wanted: Wanted, count: int, *, screen: Screen) -> int:
    """Propose a schema, as DDL on stdout. Exit 3 where the sample left something open."""
    from lakeferry.ingest.kinesis.sample import sample
    from lakeferry.ingest.payload.declared_schema import ddl_text
    from lakeferry.ingest.payload.infer import propose

    if count < 1:
        raise FerryError("LF-2001", f"--infer {count} looks at nothing", "--infer", "give 10000")
    source = wanted.source()
    found = propose(sample(source, wanted.said.start or "trim-horizon", count))
    if not found.records:
        raise FerryError(
            "LF-7066", "the stream gave no record to look at", f"{source.stream}, 30 s",
            "sample from the oldest record: --from trim-horizon",
        )  # fmt: skip
    screen.say(f"of {counted(found.records, 'record')}; review it: tomorrow's may differ")
    if found.unreadable:
        screen.say(f"{counted(found.unreadable, 'record')} of them are no JSON objects")
    if found.unreadable == found.records:
        screen.say("declare columns: --schema with --format csv or avro; or take them in --raw")
    for note in found.notes:
        screen.say(note)
    text = ddl_text(found.schema)
    body = {"records": found.records, "unreadable": found.unreadable, "notes": list(found.notes)}
    screen.result([text] if text else [], {**body, "ddl": text})
    return LOOK if found.notes or found.unreadable or not text else OK
