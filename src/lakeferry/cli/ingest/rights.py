"""What `config iam --for ingest` does: the least policy of the streams that are named."""

from collections.abc import Iterable, Iterator, Sequence

from lakeferry.cli.config.configuring import OK, account_said, check_account, show_policy
from lakeferry.cli.ingest.flags import StreamFlags, Wanted, WhoFlags, wanted
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.monitor.network_flags import NetworkFlags
from lakeferry.cli.render import Screen
from lakeferry.config.commit_lock import lock_address
from lakeferry.config.target_encryption import OF_NO_KEY, is_of_a_key
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.ingest.position.adopt_read import parse_wish
from lakeferry.ingest.rights import Reach, ingest_policy
from lakeferry.ingest.settings import SourceSettings, TargetSettings
from lakeferry.ingest.table.quarantine import quarantine_settings


def ingest_iam(
    manifest: ManifestFlags,
    network: NetworkFlags,
    named: tuple[tuple[str, ...], tuple[str, ...]],
    adopt: Sequence[str] | None,
    *,
    account: str | None,
    screen: Screen,
) -> int:
    """The policy of streams and tables, those of the manifest where none are named.

    Args:
        adopt: other consumers whose positions are read, as `lakeferry ingest --adopt` has them.

    Raises:
        FerryError: LF-2001 where streams and tables do not pair; LF-7082 where nothing is meant by
            `adopt`; as `wanted` and `ingest_of`.
    """
    check_account(account)
    who = WhoFlags(None, network.region, network.aws_profile, network.role, network.external_id)
    keys: tuple[str, ...] = ()
    if any(named):
        asked = _named(named, manifest, who)
    else:
        asked, keys = _of_manifest(manifest, who)
    sources = [one.source() for one in asked]
    reach = Reach(
        tuple(_arn(one, account) for one in sources),
        tuple(url for one in asked for url in _tables(one.target())),
        sources[0].access.partition,
        tuple(filter(is_of_a_key, keys)),
        *_adopted(adopt or (), sources[0].access, account),
        locks=tuple(_locks([one.target() for one in asked], sources[0].access, account)),
    )
    screen.say(
        "- a stream that is encrypted with a key of yours asks for kms:Decrypt on that key, too"
    )
    if reach.keys != keys:
        screen.say(f"- {OF_NO_KEY}")
    show_policy(ingest_policy(reach), {"for": "ingest"}, screen)
    return OK


def _named(
    named: tuple[tuple[str, ...], tuple[str, ...]], manifest: ManifestFlags, who: WhoFlags
) -> list[Wanted]:
    """Of flags: each stream with its table."""
    streams, tables = named
    if len(streams) != len(tables):
        raise FerryError(
            "LF-2001", f"{len(streams)} streams and {len(tables)} tables do not pair",
            "--stream, --table", "give --stream and --table once for each ingest",
        )  # fmt: skip
    flags = StreamFlags(who=who)
    return [wanted(*one, manifest, flags) for one in zip(streams, tables, strict=True)]


def _of_manifest(manifest: ManifestFlags, who: WhoFlags) -> tuple[list[Wanted], tuple[str, ...]]:
    """All streams of the manifest, and the key that its tables are encrypted with."""
    found = read(manifest, is_needed=True).manifest
    if not found.streams:
        raise FerryError(
            "LF-7063", "the manifest has no streams", found.file,
            "name them: --stream NAME --table s3://BUCKET/PREFIX",
        )  # fmt: skip
    key = found.root.get("target", "encryption", "key")
    keys = (key.text,) if key is not None else ()
    return [wanted(name, None, manifest, StreamFlags(who=who)) for name in found.streams], keys


def _arn(source: SourceSettings, account: str | None) -> str:
    stream, access = source.stream, source.access
    if stream.startswith("arn:"):
        return stream
    number = account_said(account, access)
    return f"arn:{access.partition}:kinesis:{access.region}:{number}:stream/{stream}"


def _adopted(
    adopt: Sequence[str], access: AwsAccess, account: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tables of leases, as ARNs, and folders of checkpoints in S3."""
    wishes = [parse_wish(one) for one in adopt]
    tables = [one.place for one in wishes if one.kind == "kcl"]
    number = account_said(account, access) if tables else ""
    begin = f"arn:{access.partition}:dynamodb:{access.region}:{number}:table"
    folders = [place for one in wishes for place in (one.place, one.metadata)]
    return tuple(f"{begin}/{one}" for one in tables), tuple(filter(_is_in_s3, folders))


def _locks(
    targets: Sequence[TargetSettings], access: AwsAccess, account: str | None
) -> Iterator[str]:
    """ARNs of the tables by which commits go, each once."""
    said = {one.options["commit_lock"]: one for one in targets if "commit_lock" in one.options}
    for text, target in said.items():
        address = lock_address(text)
        region = target.options.get("region") or access.region
        arn = None if address is None else address.arn(access.partition, region, account)
        if arn is not None:
            yield arn


def _is_in_s3(url: str) -> bool:
    return url.startswith(("s3://", "s3a://", "s3n://"))


def _tables(target: TargetSettings) -> Iterable[str]:
    """Addresses in S3: of the table, and of the one beside it that bad records go to."""
    both = (target.url, quarantine_settings(target).url)
    return [one for one in both if _is_in_s3(one)]
