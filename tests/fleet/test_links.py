"""Connections of a manifest are what stores are opened with."""

from pathlib import Path

import pytest

from lakeferry.config.migration_shape import CONNECTION, SECRET_OPTIONS
from lakeferry.connect.connection import OPTIONS
from lakeferry.fleet.manifest.links import KEYS, STORE_OF
from lakeferry.store.open import open_store
from tests.fleet.manifests import faults, migration

ALL = """\
version: 1
name: lake
connections:
  az: {kind: azure, sas: "${env:SAS}", endpoint: "http://127.0.0.1:10000/a",
       options: {account: a, account_key: "${env:KEY}"}}
  s3: {kind: aws, profile: lake, endpoint: "http://127.0.0.1:9000", region: eu-west-1}
  gs: {kind: gcs, credentials: "${file:/etc/gcp.json}"}
  dc: {kind: hdfs, auth: kerberos, principal: me@REALM, keytab: "${file:/etc/me.keytab}"}
  here: {kind: local}
target: {root: s3://lake, connection: s3, region: us-east-1}
sources:
  a: {root: az://container/a, connection: az}
  b: {root: s3a://bucket/b, connection: s3}
  c: {root: gs://bucket/c, connection: gs}
  d: {root: hdfs://host:8020/d, connection: dc}
  e: {root: /lake/e, connection: here}
"""


def test_each_kind_of_connection_gives_the_options_of_its_store(tmp_path: Path) -> None:
    found = migration(tmp_path, ALL)

    assert {name: dict(one.store_options) for name, one in found.sources.items()} == {
        "a": {"sas_token": "${env:SAS}", "endpoint": "http://127.0.0.1:10000/a", "account": "a",
              "account_key": "${env:KEY}"},
        "b": {"profile": "lake", "endpoint": "http://127.0.0.1:9000", "region": "eu-west-1"},
        "c": {"service_account_file": "/etc/gcp.json"},
        "d": {"principal": "me@REALM", "keytab": "/etc/me.keytab"},
        "e": {},
    }  # fmt: skip
    # What the connection says of the Region comes before what the target says.
    assert found.target.store_options["region"] == "eu-west-1"


def test_a_source_in_a_folder_is_opened_with_what_its_connection_gives(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "file").write_bytes(b"x")
    text = ALL.replace("root: /lake/e", f"root: {tmp_path}/lake")

    source = migration(tmp_path, text).sources["e"]

    store = open_store(source.root or "", source.store_options)
    assert [one.path for one in store.list("")] == ["file"]


def test_every_key_of_a_connection_is_an_option_of_its_store() -> None:
    unknown = {
        (kind, option)
        for kind, keys in KEYS.items()
        for option in keys.values()
        if option and option not in OPTIONS[STORE_OF[kind]]
    }

    assert unknown == set()
    assert {key for keys in KEYS.values() for key in keys} | {"kind", "auth", "options"} == set(
        CONNECTION.fields
    )


def test_every_secret_of_a_store_is_taken_as_a_reference_only() -> None:
    secrets = {name for options in OPTIONS.values() for name, one in options.items() if one.secret}

    assert secrets == set(SECRET_OPTIONS)


@pytest.mark.parametrize(
    ("connection", "said", "step"),
    [
        ("{kind: hdfs, auth: oauth-m2m}", "hdfs has no `oauth-m2m`", "known: default, kerberos"),
        ("{kind: databricks, host: 'https://w', auth: token}", "x.token is missing", "add `token"),
        ("{kind: hdfs, keytab: '${env:K}'}", "it is read as a file", "write ${file:PATH}"),
        ("{kind: local, region: us-east-1}", "local has none", "remove it"),
        ("{kind: aws, options: {checksm: none}}", "options.checksm: aws has none", "`checksum`"),
        ("{kind: azure, secret: '${env:S}', client: c}", "x.tenant is missing", "add `tenant:`"),
    ],
)
def test_a_connection_that_cannot_be_is_refused(
    tmp_path: Path, connection: str, said: str, step: str
) -> None:
    (fault,) = faults(tmp_path, f"version: 1\nconnections: {{x: {connection}}}\n")

    assert said in fault
    assert step in fault.splitlines()[-1]
