"""A new manifest with a comment for each choice, from what flags or a discovery say. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lakeferry.cli.config.manifest_answers import scalar
from lakeferry.fleet.manifest.links import LINK_OF
from lakeferry.fleet.manifest.wanted import LAYOUT
from lakeferry.fleet.manifest.wanted_values import kind_of_root

SCHEMA_FILE = ".lakeferry/schema.json"
FIRST_LINE = f"# yaml-language-server: $schema=./{SCHEMA_FILE}"
# Another way to sign in than the identity of the machine, by kind of connection.
_ELSE = {
    "azure": '{kind: azure, tenant: "${env:AZURE_TENANT_ID}", client: "${env:AZURE_CLIENT_ID}", '
             'secret: "${aws-secret:NAME#KEY}"}',
    "aws": '{kind: aws, role: "arn:aws:iam::111122223333:role/NAME"}',
    "gcs": '{kind: gcs, credentials: "${file:/etc/lakeferry/gcp.json}"}',
    "hdfs": '{kind: hdfs, auth: kerberos, principal: NAME@REALM, '
            'keytab: "${file:/etc/NAME.keytab}"}',
}  # fmt: skip
_DEFAULTS = (
    ("mode", "snapshot", "or mirror: with history and time travel, so that streams go on"),
    ("verify", "replayed", "listed, hashed, replayed or rows: the proof asked before a cut-over"),
    ("schema_changes", "additive", "none, additive or any: what is followed without asking"),
    ("on_vacuumed", "block", "or latest: when files of the planned version are gone"),
    ("lag_target", "6 h", "how far the target may be behind"),
)
_TARGET = "root: s3://my-bucket/lake"
_SOURCE = 'sales: {root: "abfss://sales@myaccount.dfs.core.windows.net/", wave: 1}'


@dataclass(frozen=True, slots=True)
class NewManifest:
    """What is known before anything is decided."""

    name: str
    target: str | None = None  # an address
    region: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)  # name -> address


def manifest_text(new: NewManifest) -> str:
    """The manifest. What nothing is known of stands in it as a comment."""
    parts = (_head(new), *head_parts(new), _sources(new), _waves(), limits_part())
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def head_parts(new: NewManifest) -> tuple[Iterator[str], Iterator[str], Iterator[str]]:
    """Connections, target and defaults."""
    return _connections(new), _target(new), _defaults()


def _head(new: NewManifest) -> Iterator[str]:
    yield FIRST_LINE
    yield "# The whole migration. It is read and never rewritten; after each change:"
    yield "#   lakeferry config check"
    yield "version: 1"
    yield f"name: {scalar(new.name)}"


def _connections(new: NewManifest) -> Iterator[str]:
    yield "# As whom each service is met. Secrets only by reference: ${env:NAME}, ${file:PATH},"
    yield "# ${aws-secret:ID#KEY}, ${aws-param:/path}."
    kinds = _kinds(new)
    yield "connections:" if kinds else "# connections:"
    for kind in kinds:
        yield f"  {kind}: {{kind: {kind}}}    # the identity of this machine; or"
        if kind in _ELSE:
            yield f"  # {kind}: {_ELSE[kind]}"
    if not kinds:
        yield f"#   azure: {_ELSE['azure']}"


def _kinds(new: NewManifest) -> list[str]:
    """Of the connections that the addresses need; this machine's own folders need none."""
    addresses = [*new.sources.values(), *([new.target] if new.target else [])]
    found = {LINK_OF[kind] for one in addresses if (kind := kind_of_root(one)) is not None}
    return sorted(found - {"local"})


def link_name(new: NewManifest, address: str) -> str | None:
    """The connection that an address is reached by; None: it needs none."""
    kind = kind_of_root(address)
    link = LINK_OF[kind] if kind is not None else None
    return link if link in _kinds(new) else None


def _target(new: NewManifest) -> Iterator[str]:
    if new.target is None:
        yield "# Where the tables land."
        yield f"# target: {{{_TARGET}}}"
        return
    link = link_name(new, new.target)
    yield "target:"
    if link is not None:
        yield f"  connection: {link}"
    if new.region is not None:
        yield f"  region: {scalar(new.region)}"
    yield f"  root: {scalar(new.target)}"
    yield f'  layout: "{LAYOUT}"    # also {{catalog}} {{wave}} {{kind}} {{path}}'
    yield '  # catalog: {kind: glue, schema: "{source}_{schema}", register: at-cutover}'


def _defaults() -> Iterator[str]:
    yield "# Of all tables; a family, a source, and `tables:` of a source say otherwise."
    yield "defaults:"
    for key, value, about in _DEFAULTS:
        yield f"  {key}: {value}    # {about}"
    # Not set: a pattern that fits no table is told of at each discovery.
    yield '  # exclude: ["**/_tmp/**"]    # globs of schema.table, or of paths where they hold a /'


def _sources(new: NewManifest) -> Iterator[str]:
    yield "# What many sources share goes into a family, with their key as {name}:"
    yield '# families: {az: {connection: azure, root: "abfss://{name}@account.dfs.core.windows.net/"}}'
    if not new.sources:
        yield "# sources:"
        yield f"#   {_SOURCE}"
        return
    yield "sources:"
    for name, address in new.sources.items():
        link = link_name(new, address)
        said = f", connection: {link}" if link is not None else ""
        yield f"  {scalar(name)}: {{root: {scalar(address)}{said}, wave: 1}}"


def _waves() -> Iterator[str]:
    yield "# Tables that one job writes together belong in one wave: they are cut over together."
    yield "waves:"
    yield "  1: {title: pilot, cutover: manual}"
    yield "  # 2: {title: core, after: 1, cutover: 2027-01-16T22:00Z, freeze: 30 min}"


def limits_part() -> Iterator[str]:
    """Limits, all of them as a comment."""
    yield "# limits:"
    yield "#   bandwidth: 10 Gbit/s"
    yield "#   stop_if: {cost_usd: 20000, error_rate: 1%}"
    yield "#   windows:"
    yield '#     - {days: mon-fri, from: "08:00", to: "18:00", tz: Europe/Berlin,'
    yield "#        bandwidth: 2 Gbit/s}"
