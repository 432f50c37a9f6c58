"""What `config iam --for STEP` does for a migration: the least rights of one of its steps."""

from collections.abc import Iterator

from lakeferry.catalog import rights as glue
from lakeferry.cli.config.configuring import OK, check_account, show_policy
from lakeferry.cli.fleet.alarm_metrics import rules_of
from lakeferry.cli.manifest_flags import ManifestFlags, migration, read
from lakeferry.cli.render import Screen
from lakeferry.connect.aws import AwsAccess, account_of, usual_access
from lakeferry.errors import FerryError
from lakeferry.fleet.discovery.from_catalog import aws_access
from lakeferry.fleet.manifest.wanted import Migration
from lakeferry.fleet.rights import Statement, Step, databases, needs, registers_in_glue
from lakeferry.monitor.wanted.migration_alarms import right_to_put

_WRITES = "`WriteSources` is for `rollback --reverse` alone; without it, leave that statement out"
_TAKES = (
    "`TakeRoles` is for whoever starts lakeferry, all else for the role that a connection takes"
)


def fleet_iam(manifest: ManifestFlags, step: Step, *, account: str | None, screen: Screen) -> int:
    """The policy on stdout; what other clouds and catalogs ask for on stderr.

    Args:
        account: 12 digits, for the ARNs of Glue; None: the account of who asks.

    Raises:
        FerryError: LF-2001 where nothing of the migration lies in AWS.
        ExceptionGroup: of FerryError, for what is wrong with the manifest.
    """
    check_account(account)
    wanted = migration(manifest, is_of_tables=True)
    region = wanted.target.region or usual_access().region
    partition = AwsAccess(region).partition
    found = needs(wanted, step, tuple(_glue(wanted, step, account)), partition)
    statements = [*found.statements, *_metrics(manifest, step)]
    for line in found.elsewhere:
        screen.say(f"- {line}")
    if any(one["Sid"] == "TakeRoles" for one in found.statements):
        screen.say(f"- {_TAKES}")
    if any(one["Sid"] == "WriteSources" for one in found.statements):
        screen.say(f"- {_WRITES}")
    if not statements:
        raise FerryError(
            "LF-2001", "nothing of this migration lies in AWS, so no policy is needed",
            wanted.file, "give the rights that are listed above where the stores are",
        )  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": statements}
    show_policy(policy, {"for": step}, screen)
    return OK


def _glue(wanted: Migration, step: Step, account: str | None) -> Iterator[Statement]:
    reads: dict[str, list[str]] = {}
    for source in wanted.sources.values():
        if source.names_from.catalog == "glue":
            begin = _catalog_arn(aws_access(source.names_from.link), account)
            reads.setdefault(begin, []).append(source.names_from.name or "*")
    look = glue.reading if step in ("discover", "cutover") else glue.looking
    for number, (begin, named) in enumerate(reads.items()):
        for one in look(begin, sorted(set(named))):
            yield {**one, "Sid": f"{one['Sid']}{number or ''}"}
    if registers_in_glue(wanted, step) and wanted.target.catalog is not None:
        access = aws_access(wanted.target.catalog.link)
        region = wanted.target.region or access.region
        begin = _catalog_arn(access, account, region)
        change = glue.taking_away if step == "rollback" else glue.registering
        yield from change(begin, databases(wanted))


def _metrics(chosen: ManifestFlags, step: Step) -> Iterator[Statement]:
    """Where the manifest has alarms that a sync tells of how it stands."""
    manifest = read(chosen, is_needed=True, is_of_tables=True).manifest
    if step == "sync" and rules_of(manifest):
        yield from right_to_put(manifest.deployment.role)


def _catalog_arn(access: AwsAccess, account: str | None, region: str | None = None) -> str:
    number = account or account_of(access)
    return f"arn:{access.partition}:glue:{region or access.region}:{number}"
