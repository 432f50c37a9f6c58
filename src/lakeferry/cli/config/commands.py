"""`lakeferry config ...`: the manifest checked, shown, what it asks of AWS; and the prices."""

from dataclasses import dataclass
from threading import Event as Flag
from typing import Annotated, Literal

from cyclopts import App, Parameter

from lakeferry.cli.config.price_flags import (
    NO_AGREEMENT,
    NO_LISTS,
    AgreementFlags,
    ListFlags,
    is_import,
    price_request,
)
from lakeferry.cli.faults import all_told
from lakeferry.cli.flag_types import Many
from lakeferry.cli.manifest_flags import NO_MANIFEST, ManifestFlags
from lakeferry.cli.monitor.network_flags import (
    NO_NETWORK,
    NO_WATCH,
    NetworkFlags,
    WatchFlags,
    request_of,
)
from lakeferry.cli.render import Screen
from lakeferry.cli.talk import QUIET_TALK, Talk, guarded

config = App(name="config", help="Look at the manifest, and at what it asks for.")


@config.command
def check(*, manifest: ManifestFlags = NO_MANIFEST, talk: Talk = QUIET_TALK) -> int:
    """Check the manifest: every fault with its line, at most 20. Exit 2 where there is one."""

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.config import configuring

        return configuring.check(manifest, screen=screen)

    return guarded("config check", talk, all_told(run))


@config.command
def show(
    *,
    resolved: Annotated[
        bool,
        Parameter(negative="", help="Every value with where it comes from, defaults too."),
    ] = False,
    select: Annotated[
        str | None,
        Parameter(
            name=["--select", "-s"],
            help="What holds for this source or source.schema.table, and where it is written.",
        ),
    ] = None,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Show the manifest with its profile and --set laid upon it. References stay references."""

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.config import configuring

        return configuring.show(manifest, screen=screen, resolved=resolved, select=select)

    return guarded("config show", talk, all_told(run))


@config.command
def schema(
    *,
    events: Annotated[
        bool, Parameter(negative="", help="Of a line of --json, in place of the manifest.")
    ] = False,
    talk: Talk = QUIET_TALK,
) -> int:
    """Print the JSON Schema of the manifest, for editors."""

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.config import configuring

        return configuring.schema(screen=screen, events=events)

    return guarded("config schema", talk, run)


@Parameter(name="*")
@dataclass(frozen=True)
class InitFlags:
    """What a new manifest is made from, and where it goes."""

    source: Annotated[
        Many, Parameter(negative="", help="NAME=ADDRESS of a source, such as sales=s3://sales.")
    ] = None
    target: Annotated[str | None, Parameter(help="Address below which all tables land.")] = None
    region: Annotated[str | None, Parameter(help="AWS Region of the target.")] = None
    name: Annotated[str | None, Parameter(help="Of the migration; default: the folder's name.")] = (
        None
    )
    from_discovery: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help="Propose sources, families and waves from this: a ledger, a manifest with one, or "
            "what `discover --json` or --out wrote; - is stdin.",
        ),
    ] = None
    out: Annotated[
        str,
        Parameter(
            name=["--out", "-o"],
            allow_leading_hyphen=True,
            help="The new file, never an old one but with --replace; - is stdout.",
        ),
    ] = "lakeferry.yaml"
    replace: Annotated[bool, Parameter(negative="", help="Write over the file that is there.")] = (
        False
    )


NO_INIT = InitFlags()


@config.command
def init(
    *,
    wish: InitFlags = NO_INIT,
    manifest: ManifestFlags = NO_MANIFEST,
    talk: Talk = QUIET_TALK,
) -> int:
    """Write a manifest with a comment for each choice, and its schema for editors.

    With --from-discovery it proposes what was found: sources, families where addresses repeat, and
    waves, small tables first, tables of one stream together. What the manifest says under which it
    was discovered stays: connections, target, defaults, options, limits.
    """

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.config.initiating import Asked, init

        asked = Asked(
            wish.name, wish.target, wish.region, wish.source or (), wish.out, wish.replace,
            wish.from_discovery,
        )  # fmt: skip
        return init(asked, manifest, screen=screen)

    return guarded("config init", talk, all_told(run))


@Parameter(name="*")
@dataclass(frozen=True)
class IamFlags:
    """Whose a policy is, and what it is for beside the manifest."""

    account: Annotated[
        str | None, Parameter(help="12 digits; default: the account of who asks.")
    ] = None
    reads: Annotated[
        Many,
        Parameter(
            negative="",
            help="Log group of others that rules read in place of our own, as the plan says.",
        ),
    ] = None
    table: Annotated[
        Many, Parameter(negative="", help="A table that --for ingest writes, with --stream.")
    ] = None
    adopt: Annotated[
        Many, Parameter(negative="", help="What an ingest takes over: kcl:TABLE, checkpoint:DIR.")
    ] = None


NO_IAM = IamFlags()


@config.command
def iam(
    step: Annotated[
        Literal["plan", "apply", "destroy", "watch", "tags", "tags-fix", "failback", "failover"],
        Parameter(help="What the role shall do."),
    ] = "apply",
    /,
    *,
    for_: Annotated[
        Literal["monitor", "ingest", "discover", "sync", "cutover", "rollback"],
        Parameter(name="--for", help="Which commands it is for."),
    ] = "monitor",
    wish: IamFlags = NO_IAM,
    manifest: ManifestFlags = NO_MANIFEST,
    network: NetworkFlags = NO_NETWORK,
    watch: WatchFlags = NO_WATCH,
    talk: Talk = QUIET_TALK,
) -> int:
    """Print the least policy that a role needs, with the names of this manifest.

    For `discover`, `sync`, `cutover` and `rollback` it is that of all `sources` and the `target`;
    what other clouds ask for is told on stderr. For `ingest` it is that of all `streams`, or of
    --stream and --table; with --adopt it may read where another consumer stands. AWS itself has
    not judged these texts; README says what has.
    """

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.config import configuring

        if for_ == "ingest":
            from lakeferry.cli.ingest.rights import ingest_iam

            named = tuple(watch.stream or ()), tuple(wish.table or ())
            return ingest_iam(
                manifest, network, named, wish.adopt, account=wish.account, screen=screen
            )
        if for_ != "monitor":
            from lakeferry.cli.fleet.rights import fleet_iam

            return fleet_iam(manifest, for_, account=wish.account, screen=screen)
        request = request_of(manifest, network, watch)
        return configuring.iam(
            request, step, account=wish.account, reads=wish.reads or (), screen=screen
        )

    return guarded(f"config iam --for {for_}", talk, all_told(run))


@config.command
def rebuild_ledger(*, manifest: ManifestFlags = NO_MANIFEST, talk: Talk = QUIET_TALK) -> int:
    """Read a lost ledger back from sources and targets. Never over one that knows tables.

    The lake is the truth: which version of which source a target holds lies beside its log, and so
    do the receipts. Nothing but the ledger is written.
    """

    def run(screen: Screen, stop: Flag) -> int:
        from lakeferry.cli.fleet.rebuilding import rebuild_ledger

        return rebuild_ledger(manifest, screen=screen, stop=stop)

    return guarded(
        "config rebuild-ledger", talk, all_told(run), hears_stop=True,
        on_stop="stopped; the ledger is as empty as it was",
    )  # fmt: skip


@config.command
def prices(
    *words: Annotated[str, Parameter(help="Parts of an id, such as natgw: these prices alone.")],
    region: Annotated[
        Many, Parameter(negative="", help="aws:us-east-1 or azure:westeurope; default: all.")
    ] = None,
    service: Annotated[
        Many, Parameter(negative="", help="Of AWS, such as AmazonEC2; default: all of use.")
    ] = None,
    prices: Annotated[
        str | None, Parameter(help="A file of prices that is laid upon the own ones.")
    ] = None,
    out: Annotated[
        str | None,
        Parameter(name=["--out", "-o"], help="Write what is imported into this new file."),
    ] = None,
    lists: ListFlags = NO_LISTS,
    terms: AgreementFlags = NO_AGREEMENT,
    talk: Talk = QUIET_TALK,
) -> int:
    """Show the prices that costs are reckoned with; or import lists of AWS and Azure.

    An import shows what changes. It writes a new file, and never over an old one.
    """

    def run(screen: Screen, stop: Flag) -> int:  # noqa: ARG001
        from lakeferry.cli.config import pricing

        request = price_request(
            lists, terms, region=region, service=service, prices=prices, out=out
        )
        if is_import(lists, terms):
            return pricing.take(request, screen=screen)
        return pricing.show(request, words, screen=screen)

    return guarded("config prices", talk, all_told(run))
