"""The least that a role needs for a migration: one policy of AWS, and rights elsewhere. Pure.

AWS itself has not judged these texts; see README. Nothing is deleted at a target but by `rollback
--purge`, and never at a source, so no policy has a right to delete objects. Google takes to write
over an object, as `_last_checkpoint` is, for a deletion. A source is written by `rollback
--reverse` alone.

Source: Service Authorization Reference of S3, KMS and STS; Cloud Storage, "IAM permissions";
Databricks, "Unity Catalog privileges and securable objects"; design of each store for the words.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lakeferry.catalog.rights import statement
from lakeferry.config.commit_lock import ACTIONS, lock_address
from lakeferry.config.target_encryption import OF_NO_KEY, is_of_a_key
from lakeferry.fleet.manifest.wanted import Catalog, Migration, Source

Step = Literal["discover", "sync", "cutover", "rollback"]
Statement = Mapping[str, Any]
_S3 = ("s3://", "s3a://", "s3n://")
# By how an address begins: who reads there, and who writes.
_ELSEWHERE = {
    ("abfss", "abfs", "az", "wasbs", "azure"): (
        "Storage Blob Data Reader on its container",
        "Storage Blob Data Contributor on its container",
    ),
    ("gs",): (
        "storage.objects.get, storage.objects.list on its bucket",
        "storage.objects.get, storage.objects.list, storage.objects.create, "
        "storage.objects.delete on its bucket",
    ),
    ("hdfs", "webhdfs", "swebhdfs"): ("r-x on its tree", "rwx on its tree"),
}


@dataclass(frozen=True, slots=True)
class Needs:
    """What one step needs."""

    statements: tuple[Statement, ...]  # of one policy of AWS
    elsewhere: tuple[str, ...]  # one line each, for people


def needs(wanted: Migration, step: Step, glue: Sequence[Statement], partition: str) -> Needs:
    """What `step` needs at the stores of a migration.

    Args:
        glue: statements for the catalogs, as `catalog.rights` has them.
        partition: of AWS: 'aws', 'aws-cn', 'aws-us-gov'.
    """
    sources = [one.root for one in wanted.sources.values() if one.root is not None]
    found = [*_reading("Sources", sources, partition)]
    if step != "discover":
        found += _reading("Target", [wanted.target.root], partition)
        found += _writing("Target", [wanted.target.root], partition)
        found += [*_key(wanted), *_lock(wanted, partition)]
    if step == "rollback":
        found += _writing("Sources", sources, partition)
    roles = sorted({role for role in _roles(wanted) if role.startswith("arn:")})
    if roles:
        found.append(statement("TakeRoles", ("sts:AssumeRole",), roles))
    return Needs((*found, *glue), tuple(dict.fromkeys(_elsewhere(wanted, step))))


def databases(wanted: Migration) -> tuple[str, ...]:
    """Names of the databases of Glue that a target registers in; `*` and `?` as IAM reads them."""
    catalog = wanted.target.catalog
    if catalog is None:
        return ()
    found = []
    for source in wanted.sources:
        plain = re.sub(r"[^a-z0-9_]", "?", source.lower())
        named = catalog.schema.replace("{source}", plain)
        found.append(re.sub(r"\{[^}]*\}", "*", named).lower())
    return tuple(dict.fromkeys(found))


def _reading(whose: str, urls: Sequence[str], partition: str) -> Iterator[Statement]:
    places = _places(urls)
    if not places:
        return
    buckets = [f"arn:{partition}:s3:::{bucket}" for bucket, _ in places]
    # Without a condition on the prefix: S3 weighs ListBucket when an object that is read is not
    # there, too, and would say 403 in place of 404, which is how a new table is told.
    yield statement(f"List{whose}", ("s3:ListBucket",), buckets)
    yield statement(f"Read{whose}", ("s3:GetObject",), _objects(places, partition))


def _writing(whose: str, urls: Sequence[str], partition: str) -> Iterator[Statement]:
    places = _places(urls)
    if places:
        writes = ("s3:AbortMultipartUpload", "s3:PutObject")
        yield statement(f"Write{whose}", writes, _objects(places, partition))


def _key(wanted: Migration) -> Iterator[Statement]:
    key = wanted.target.kms_key
    if key is not None and is_of_a_key(key) and _places([wanted.target.root]):
        yield statement("UseKey", ("kms:Decrypt", "kms:GenerateDataKey"), [key])


def _lock(wanted: Migration, partition: str) -> Iterator[Statement]:
    address = lock_address(wanted.target.lock or "")
    arn = None if address is None else address.arn(partition, wanted.target.region)
    if arn is not None:
        yield statement("CommitLock", ACTIONS, [arn])


def _elsewhere(wanted: Migration, step: Step) -> Iterator[str]:
    """Rights that AWS does not give, and what a policy of AWS cannot name."""
    writes = int(step == "rollback")
    for name, source in wanted.sources.items():
        if source.root is None:
            may = "read and written" if writes else "read"
            yield f"source {name}: its tables may be {may} wherever its catalog says that they lie"
        else:
            yield from _at_store(f"source {name}", source.root, writes)
        yield from _at_catalog(name, source)
    if any((one.root or "").startswith(_S3) for one in wanted.sources.values()):
        use = "kms:Decrypt and kms:GenerateDataKey" if writes else "kms:Decrypt"
        yield f"a source that is encrypted with a key of its own asks for {use} on that key"
    if writes:
        yield (
            "a checkpoint that `--checkpoint` names outside of the sources: to list, read and "
            "write what lies beside it"
        )
        yield "`rollback --purge`, and it alone, has to delete at the target: in S3 s3:DeleteObject"
    if step == "discover":
        return
    yield from _at_store("the target", wanted.target.root, 1)
    key = wanted.target.kms_key
    if key is not None and not is_of_a_key(key):
        yield OF_NO_KEY
    catalog = wanted.target.catalog
    if catalog is not None and _registers(wanted, step):
        yield from _in_catalog(catalog, step)


def _in_catalog(catalog: Catalog, step: Step) -> Iterator[str]:
    """To make tables known, or to take away what a switch made known."""
    if catalog.kind == "unity" and step == "rollback":
        yield (
            f"catalog {catalog.catalog}: USE CATALOG; USE SCHEMA and BROWSE on its schemas; on "
            "the tables that the switch registered APPLY TAG, and MANAGE unless it is their owner"
        )
    elif catalog.kind == "unity":
        yield (
            f"catalog {catalog.catalog}: USE CATALOG; USE SCHEMA and CREATE TABLE on its schemas; "
            "CREATE EXTERNAL TABLE on the external location of the target; APPLY TAG"
        )
    elif catalog.kind == "hive":
        may = "to alter and drop the tables that the switch registered"
        if step != "rollback":
            may = "to make databases and tables, and to alter these tables"
        yield f"metastore {catalog.uri}: {may}, where it asks for rights (Ranger, Sentry)"


def _registers(wanted: Migration, step: Step) -> bool:
    catalog = wanted.target.catalog
    if catalog is None or catalog.register == "never":
        return False
    return step in ("cutover", "rollback") or (step == "sync" and catalog.register == "at-sync")


def registers_in_glue(wanted: Migration, step: Step) -> bool:
    """Whether a step makes tables known in Glue, or takes away what was made known."""
    catalog = wanted.target.catalog
    return catalog is not None and catalog.kind == "glue" and _registers(wanted, step)


def _at_store(what: str, url: str, writes: int) -> Iterator[str]:
    scheme = url.partition("://")[0]
    for schemes, rights in _ELSEWHERE.items():
        if scheme in schemes:
            yield f"{what}, {url}: {rights[writes]}"


def _at_catalog(name: str, source: Source) -> Iterator[str]:
    names = source.names_from
    if names.catalog == "unity" and names.warehouse is None:
        yield (
            f"source {name}: USE CATALOG, USE SCHEMA and SELECT or BROWSE on `{names.name}` in "
            "Unity Catalog"
        )
    elif names.warehouse is not None:
        yield (
            f"source {name}: CAN USE on warehouse {names.warehouse}; USAGE, READ_METADATA and "
            "SELECT on its schemas"
        )
    elif names.catalog == "hive":
        yield (
            f"source {name}: to list and read databases, tables and partitions of metastore "
            f"{names.uri}, where it asks for rights (Ranger, Sentry)"
        )


def _roles(wanted: Migration) -> Iterator[str]:
    links = [source.link for source in wanted.sources.values()]
    links += [source.names_from.link for source in wanted.sources.values()]
    links.append(wanted.target.link)
    if wanted.target.catalog is not None:
        links.append(wanted.target.catalog.link)
    for link in links:
        if link is not None and link.options.get("role"):
            yield link.options["role"]


Places = Sequence[tuple[str, str]]  # bucket, prefix


def _places(urls: Sequence[str]) -> Places:
    found = (url.partition("://")[2].partition("/") for url in urls if url.startswith(_S3))
    return list(dict.fromkeys((bucket, prefix.rstrip("/")) for bucket, _, prefix in found))


def _objects(places: Places, partition: str) -> list[str]:
    return [
        f"arn:{partition}:s3:::{bucket}/{prefix}{'/' if prefix else ''}*"
        for bucket, prefix in places
    ]
