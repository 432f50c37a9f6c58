"""Thirty manifests that are wrong: each fault has its line, its column and what to do next."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fleet.manifests import faults

HEAD = "version: 1\nname: lake\n"


class Bad(NamedTuple):
    """A manifest behind HEAD, so its first line is line 3."""

    about: str
    text: str
    at: str  # code, line and column
    said: str
    step: str  # begins the line behind `next:`


MANIFESTS = [
    Bad(
        "a storage class where there is none",
        "target: {root: hdfs://nn/lake, storage_class: STANDARD_IA}",
        "LF-2001 3:47", "target.storage_class: only buckets of S3 have storage classes",
        "remove it",
    ),
    Bad(
        "an archive as the place of a table",
        "target: {root: s3://b, storage_class: DEEP_ARCHIVE}",
        "LF-2001 3:39", "target.storage_class: `DEEP_ARCHIVE` is not known here", "",
    ),
    Bad(
        "an encryption of S3 where S3 is not",
        "target: {root: hdfs://nn/lake, encryption: {sse: AES256}}",
        "LF-2001 3:50", "target.encryption.sse: only objects of S3 are encrypted by it",
        "remove it",
    ),
    Bad(
        "a key of another Region than the target's",
        "target: {root: s3://b, region: us-east-1, encryption: {sse: aws:kms, key: "
        "'arn:aws:kms:eu-west-1:111122223333:key/1'}}",
        "LF-2001 3:75", "target.encryption.key: a key in eu-west-1, and the target is in us-east-1",
        "name a key, or a replica of it, in us-east-1",
    ),
    Bad(
        "a bucket key that this encryption has not",
        "target: {root: s3://b, encryption: {sse: AES256, bucket_key: true}}",
        "LF-2001 3:62", "target.encryption.bucket_key: `sse: AES256` has none",
        "write `sse: aws:kms`, or remove it",
    ),
    Bad(
        "a lock of a store that needs none",
        "target: {root: hdfs://nn/lake, commit: {lock: dynamodb://locks}}",
        "LF-2001 3:47", "target.commit.lock: only commits in S3 go by a lock", "remove it",
    ),
    Bad(
        "a lock that is no table of DynamoDB",
        "target: {root: s3://b, commit: {lock: redis://locks}}",
        "LF-2001 3:39", "target.commit.lock: `redis://locks` is no table of DynamoDB",
        "write dynamodb://TABLE",
    ),
    Bad(
        "a key with a letter missing",
        "sources: {hr: {root: s3://hr, exlude: ['*.salary']}}",
        "LF-2001 3:31", "sources.hr.exlude is not a key", "did you mean `exclude`?",
    ),
    Bad(
        "a part with a letter too many",
        "sourcess: {hr: {root: s3://hr}}",
        "LF-2001 3:1", "sourcess is not a key", "did you mean `sources`?",
    ),
    Bad(
        "a secret written out",
        "connections: {azure: {kind: azure, secret: hunter2}}",
        "LF-2031 3:44", "connections.azure.secret holds a literal (value not shown)",
        "put it into a secret store and write ${aws-secret:NAME#KEY}, or ${env:NAME}",
    ),
    Bad(
        "a store's own secret written out",
        "connections: {azure: {kind: azure, options: {account_key: hunter2}}}",
        "LF-2031 3:59", "connections.azure.options.account_key holds a literal",
        "put it into a secret store",
    ),
    Bad(
        "a size that may be bits",
        "limits: {max_bytes: 2 pb}",
        "LF-2011 3:21", '"2 pb" can mean 2 petabytes (2 PB) or 2 petabits (2 Pb = 250 TB)',
        "write 2 PB (10^15 bytes) or 2 PiB (2^50 bytes)",
    ),
    Bad(
        "a rate that may be bits",
        "limits: {bandwidth: 40 gb/s}",
        "LF-2011 3:21", '"40 gb/s" can mean', "write 40 Gbit/s or 40 GB/s",
    ),
    Bad(
        "a size without its unit",
        "limits: {max_bytes: 64}",
        "LF-2001 3:21", "limits.max_bytes: `64` has no unit", "write `64 GB`, `2 PiB` or `512 MB`",
    ),
    Bad(
        "a key that meant nothing",
        "limits: {buffer: 64 GB}",
        "LF-2001 3:10", "limits.buffer is not a key",
        "remove it: files go from store to store in parts, and need no disk on their way",
    ),
    Bad(
        "a lag without its unit",
        "defaults: {lag_target: 6}",
        "LF-2001 3:24", "defaults.lag_target: `6` has no unit", "write `60 s`, `30 min`",
    ),
    Bad(
        "a word that no choice has",
        "defaults: {verify: row}",
        "LF-2001 3:20", "defaults.verify: `row` is not known here", "did you mean `rows`?",
    ),
    Bad(
        "a number that YAML reads twice",
        "limits: {stop_if: {cost_usd: 2e4}}",
        "LF-2001 3:30", "`2e4` is not the same in YAML 1.1 and 1.2", "write the number out",
    ),
    Bad(
        "a key that stands twice",
        "sources: {a: {root: s3://a}, a: {root: s3://b}}",
        "LF-2002 3:30", "`a` stands here a second time; first in line 3", "keep one of them",
    ),
    Bad(
        "a name with capitals",
        "sources: {Sales: {root: s3://a}}",
        "LF-2001 3:11", "`Sales` is no name here", "write small letters, digits, `-` and `_`",
    ),
    Bad(
        "a family that there is not",
        "families: {azure-weu: {root: 's3://{name}'}}\nsources: {a: {use: azure-wue}}",
        "LF-2001 4:20", "there is no family `azure-wue`", "did you mean `azure-weu`?",
    ),
    Bad(
        "a connection that there is not",
        "connections: {hadoop: {kind: hdfs}}\nsources: {a: {root: hdfs://x/a, connection: hadop}}",
        "LF-2001 4:45", "sources.a.connection: there is no connection `hadop`",
        "did you mean `hadoop`?",
    ),
    Bad(
        "a connection of another service",
        "connections: {aws: {kind: aws}}\nsources: {a: {root: gs://a, connection: aws}}",
        "LF-2001 4:41", "sources.a.connection: `aws` is of kind aws, where gcs is wanted",
        "add one of kind gcs",
    ),
    Bad(
        "a key of another service",
        "connections: {aws: {kind: aws, keytab: '${file:/k}'}}",
        "LF-2001 3:32", "connections.aws.keytab: aws has none",
        "known: role, external_id, profile, endpoint, region",
    ),
    Bad(
        "half of a service principal",
        "connections: {az: {kind: azure, auth: service-principal, tenant: t, secret: '${env:S}'}}",
        "LF-2001 3:19", "connections.az.client is missing", "add `client:`",
    ),
    Bad(
        "a source without a place",
        "sources: {a: {wave: 1}}",
        "LF-2001 3:11", "sources.a.root is missing", "add `root: ADDRESS`, or `use:`",
    ),
    Bad(
        "a place of no store",
        "sources: {a: {root: 'ftp://host/a'}}",
        "LF-2104 3:21", "`ftp://host/a` is no address of a store", "begin it with abfss://, s3://",
    ),
    Bad(
        "a kind that the address is not of",
        "sources: {a: {kind: s3, root: gs://a}}",
        "LF-2001 3:21", "sources.a.kind: `s3`, where the address is one of gcs", "write `gcs`",
    ),
    Bad(
        "a brace without a word",
        "families: {dc: {root: 'hdfs://{dc}/{area}'}}\nsources: {a: {use: dc, with: {dc: d1}}}",
        "LF-2001 4:14", "sources.a.root: nothing stands for `{area}`", "add `with: {area: ...}`",
    ),
    Bad(
        "a word without a brace",
        "sources: {a: {root: s3://a, with: {arae: x}}}",
        "LF-2001 3:36", "sources.a.with.arae: no brace of its family is `{arae}`", "remove it",
    ),
    Bad(
        "a wave after one that there is not",
        "waves: {1: {}, 2: {after: 3}}",
        "LF-2001 3:27", "waves.2.after: there is no wave 3", "known: 1, 2",
    ),
    Bad(
        "waves in a circle",
        "waves: {1: {after: 3}, 2: {after: 1}, 3: {after: [2]}}",
        "LF-2001 3:20", "waves.1.after: these waves wait for each other: 1 → 3 → 2 → 1",
        "let one of them wait for none of these",
    ),
    Bad(
        "a source of a wave that there is not",
        "waves: {1: {}}\nsources: {a: {root: s3://a, wave: 11}}",
        "LF-2001 4:35", "sources.a.wave: there is no wave 11", "known: 1; or add `11: {}`",
    ),
    Bad(
        "a cut-over at a time without a zone",
        "waves: {1: {cutover: 2026-11-26T22:00}}",
        "LF-2001 3:22", "`2026-11-26T22:00` is not valid here", "write `manual`, or a time with",
    ),
    Bad(
        "a cut-over on a day that no calendar has",
        "waves: {1: {cutover: 2026-02-30T22:00Z}}",
        "LF-2001 3:22", "no calendar has `2026-02-30T22:00Z`", "write a day that there is",
    ),
    Bad(
        "two sources in one place",
        "target: {root: s3://lake, layout: 'in/{schema}/{table}'}\n"
        "sources: {a: {root: s3://a}, b: {root: s3://b, layout: 'IN/{schema}/{table}'}}",
        "LF-2001 4:56", "sources.b would land where sources.a does: `in/{schema}/{table}`",
        "let the layout of one tell them apart",
    ),
    Bad(
        "a layout without its table",
        "target: {root: s3://lake, layout: '{source}/{schema}'}",
        "LF-2001 3:35", "target.layout: all tables of a source would land in one place",
        "add {table}, or {path}",
    ),
    Bad(
        "a field that no layout has",
        "target: {root: s3://lake, layout: '{source}/{shcema}/{table}'}",
        "LF-2001 3:35", "target.layout: `{shcema}` is not known here", "did you mean `schema`?",
    ),
    Bad(
        "two sources of one name in the catalog",
        "target: {root: s3://l, catalog: {kind: glue}}\n"
        "sources: {a-b: {root: s3://a}, a_b: {root: s3://b}}",
        "LF-2001 4:32", "sources.a_b is `a_b` in the catalog, and so is sources.a-b",
        "give one of them another key",
    ),
    Bad(
        "a name that the catalog cannot have",
        "connections: {ws: {kind: databricks, host: 'https://w'}}\n"
        "target: {root: s3://l, catalog: {kind: unity, connection: ws, catalog: my lake}}",
        "LF-2001 4:72", "target.catalog.catalog: `my lake` is no name in unity",
        "write `my_lake`",
    ),
    Bad(
        "a time zone that there is not",
        "limits:\n  windows:\n"
        "    - {from: '08:00', to: '18:00', tz: Berlin, bandwidth: 2 Gbit/s}",
        "LF-2001 5:40", "there is no time zone `Berlin`", "did you mean `Europe/Berlin`?",
    ),
    Bad(
        "a window that says nothing",
        "limits: {windows: [{from: '08:00', to: '18:00'}]}",
        "LF-2001 3:20", "limits.windows.0 says nothing of its hours",
        "add `bandwidth:` or `pause: true`",
    ),
    Bad(
        "a window of tables in a state that there is not",
        "limits: {windows: [{from: '08:00', to: '18:00', select: 'state:done', pause: true}]}",
        "LF-2001 3:57", "limits.windows.0.select: `done` is no state of a table", "known: ",
    ),
    Bad(
        "a password in an address",
        "ledger: 'postgresql://ferry:hunter2@db/ledger'",
        "LF-2031 3:9", "ledger holds a password or a signature (value not shown)",
        "write ${env:NAME} in its place",
    ),
    Bad(
        "a signature in an address",
        "sources: {a: {root: 'abfss://a@b.dfs.core.windows.net/?sv=2&sig=hunter2'}}",
        "LF-2031 3:21", "sources.a.root holds a password or a signature",
        "write ${env:NAME} in its place",
    ),
    Bad(
        "an hour that no clock has",
        "limits: {windows: [{from: '25:00', to: '18:00', pause: true}]}",
        "LF-2001 3:27", "limits.windows.0.from: `25:00` is not valid here", 'write `"18:00"`',
    ),
    Bad(
        "a metastore without an address",
        "sources: {a: {root: hdfs://x/a, from: {catalog: hive}}}",
        "LF-2001 3:39", "sources.a.from: a hive metastore has an address",
        "add `uri: thrift://host:9083`",
    ),
    Bad(
        "a reference of no kind",
        "sources: {a: {root: 's3://${BUCKET}/a'}}",
        "LF-2001 3:21", "`${BUCKET}` names no kind", "write `${KIND:NAME}`",
    ),
    Bad(
        "a command that shall be run",
        "sources: {a: {root: '${sh:rm -rf /}'}}",
        "LF-2001 3:21", "`sh` is no kind of reference", "write `${KIND:NAME}`",
    ),
    Bad(
        "a line that is no YAML",
        "sources: {a: {root: s3://a}",
        "LF-2002 4:1", "this is no YAML: while parsing a flow mapping", "mend the YAML",
    ),
]  # fmt: skip


@pytest.mark.parametrize("bad", MANIFESTS, ids=[one.about for one in MANIFESTS])
def test_each_fault_has_its_line_its_column_and_what_to_do_next(tmp_path: Path, bad: Bad) -> None:
    (fault,) = faults(tmp_path, f"{HEAD}{bad.text}\n")

    code, place = bad.at.split(" ")
    first, *_, last = fault.splitlines()
    assert first.startswith(f"{code} lakeferry.yaml:{place}  ")
    assert bad.said in first
    assert last.startswith(f"  next: {bad.step}")
    assert "hunter2" not in fault


def test_there_are_thirty_and_more() -> None:
    assert len(MANIFESTS) >= 30


def test_the_line_is_shown_with_a_caret_below_what_is_wrong(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, HEAD + "sources: {hr: {root: s3://hr, wave: 2, exlude: [x]}}\n")

    assert fault == (
        "LF-2001 lakeferry.yaml:3:40  sources.hr.exlude is not a key\n"
        "       3 | sources: {hr: {root: s3://hr, wave: 2, exlude: [x]}}\n"
        "         |                                        ^^^^^^\n"
        "  next: did you mean `exclude`?"
    )


def test_of_many_faults_twenty_are_shown_and_the_rest_are_counted(tmp_path: Path) -> None:
    sources = "".join(f"  s{number}: {{wave: 1}}\n" for number in range(50))

    found = faults(tmp_path, f"{HEAD}sources:\n{sources}")

    assert len(found) == 20
    assert found[-1].endswith("then 30 more errors will be shown")
