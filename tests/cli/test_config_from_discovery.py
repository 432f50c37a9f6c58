"""`lakeferry config init --from-discovery`: a manifest proposed from what a lake holds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lakeferry.cli.config.discovered_manifest import Basis, discovered_text
from lakeferry.cli.config.flow_yaml import block
from lakeferry.cli.config.manifest_answers import tree_body
from lakeferry.cli.config.new_manifest import NewManifest
from lakeferry.config.read import checked_text
from lakeferry.fleet.discovery.discovered import Discovered
from lakeferry.fleet.manifest.proposed_families import ProposedSource
from lakeferry.fleet.manifest.proposed_waves import propose_waves
from lakeferry.fleet.manifest.wanted_problems import wanted_problems
from lakeferry.fleet.manifest.wanted_values import migration_of
from lakeferry.ledger.rows import Inventoried
from lakeferry.ledger.write import Ledger
from tests.cli.program import called

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "migration.yaml"
MANIFEST = """version: 1
name: atlas
ledger: l.db
connections:
  c: {kind: azure, tenant: "${env:T}", secret: "${aws-secret:a/b#c}", client: "it's"}
target: {root: s3://lake, region: us-east-1}
defaults: {exclude: ["*.tmp"]}
sources:
  a: {root: "abfss://a@x.dfs.core.windows.net/", connection: c, verify: rows,
      tables: {"eu.items": {wave: 4, lag_target: 1 h}}}
  b: {root: "abfss://b@x.dfs.core.windows.net/", connection: c}
  empty: {root: s3://nothing}
limits:
  windows: [{days: mon-fri, from: "08:00", to: "18:00", pause: true}]
"""


def found(name: str, size: int = 1000, **other: Any) -> dict[str, Any]:
    """One thing as `discover` keeps it."""
    source, schema, table = name.split(".")
    return {
        "source": source, "schema": schema, "table": table, "kind": "delta",
        "url": f"abfss://{source}@x.dfs.core.windows.net/{schema}/{table}",
        "path": f"{schema}/{table}", "catalog": "", "files": 1, "bytes": size,
        "head": {"id": name, "streams": []}, "query": None, "is_in_scope": True, "why_not": "",
        "remarks": [], **other,
    }  # fmt: skip


LAKE = [
    found("a.eu.items", 5 * 10**12),
    found("a.eu.orders", 9),
    *(found(f"b.us.t{number}", 10**11) for number in range(5)),
    found("b.us.ckpt", 0, kind="checkpoint", head=None, is_in_scope=False,
          why_not="beside the tables", query={"query_id": "q", "reads": ["a.eu.items"]}),
]  # fmt: skip


def inventory(folder: Path) -> Path:
    """As `discover --out` writes it."""
    return lines_in(folder / "inventory.jsonl", ({**one, **names(one)} for one in LAKE))


def older_inventory(folder: Path) -> Path:
    """As releases wrote it that had the two names the other way round."""
    lines = ({**one, "name": names(one)["table"]} for one in LAKE)
    return lines_in(folder / "older.jsonl", lines)


def names(one: dict[str, Any]) -> dict[str, Any]:
    return {"table": f"{one['source']}.{one['schema']}.{one['table']}", "name": one["table"]}


def lines_in(file: Path, lines: Iterable[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def ledger(folder: Path) -> Path:
    with Ledger(folder / "l.db", run_id="r", command="discover") as one:
        one.take_inventory(
            Inventoried(each["source"], f"{each['schema']}.{each['table']}", each["url"],
                        each["kind"], None, "p", 1, json.dumps(each))
            for each in LAKE
        )  # fmt: skip
    return folder / "l.db"


def told_by_json(folder: Path) -> Path:
    """As `discover --json` prints it."""
    lines = [{"v": 1, "type": "start"}]
    lines += [{**one, **names(one), "type": "found"} for one in LAKE]
    return lines_in(folder / "out.jsonl", [*lines, {"type": "summary"}])


def proposed(folder: Path, *words: str | Path) -> str:
    ended = called("config", "init", *words, "-o", "-", folder=folder)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_ledger_its_manifest_and_both_kinds_of_lines_propose_the_same(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text(MANIFEST)

    texts = {
        proposed(tmp_path, "--from-discovery", file)
        for file in (ledger(tmp_path), inventory(tmp_path), older_inventory(tmp_path),
                     told_by_json(tmp_path), tmp_path / "lakeferry.yaml")
    }  # fmt: skip

    [text] = texts
    for line in (
        '  c: {kind: azure, tenant: "${env:T}", secret: "${aws-secret:a/b#c}", client: "it\'s"}',
        '  adls: {connection: c, root: "abfss://{name}@x.dfs.core.windows.net/"}',
        "    use: adls",
        '      "eu.items": {lag_target: 1 h, mode: mirror}'
        "    # a stream reads it, and goes on only from its history",
        '      "eu.orders": {wave: 1}    # 9 B',
        "    # not moved: 1 checkpoint",
        "  1: {title: pilot, cutover: manual}    # 1 table, 9 B",
        "  3: {title: volume, after: 1, cutover: manual}    # 1 table, 5.0 TB",
        "ledger: l.db",
        '  windows: [{days: mon-fri, from: "08:00", to: "18:00", pause: true}]',
        '  exclude: ["*.tmp"]',
    ):
        assert line in text.splitlines()


def test_what_is_proposed_is_checked_as_it_is_written(tmp_path: Path) -> None:
    ended = called(
        "config", "init", "--from-discovery", inventory(tmp_path), "--target", "s3://lake",
        "--name", "first", folder=tmp_path,
    )  # fmt: skip
    checked = called("config", "check", folder=tmp_path)

    assert (ended.returncode, checked.returncode) == (0, 0), checked.stderr
    assert "2 sources, 3 waves" in checked.stdout
    text = (tmp_path / "lakeferry.yaml").read_text()
    assert "  azure: {kind: azure}    # the identity of this machine; or" in text
    assert "\nname: first\n" in text


def test_a_manifest_that_is_there_is_only_written_over_where_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text(MANIFEST)
    words = ("config", "init", "--from-discovery", ledger(tmp_path))

    refused = called(*words, folder=tmp_path)
    before = (tmp_path / "lakeferry.yaml").read_text()
    done = called(*words, "--replace", folder=tmp_path)

    assert (refused.returncode, before) == (2, MANIFEST)
    assert "--replace" in refused.stderr
    assert done.returncode == 0
    assert "Proposed from a discovery" in (tmp_path / "lakeferry.yaml").read_text()


def test_tables_that_glue_knows_are_asked_of_it_again(tmp_path: Path) -> None:
    one = found("g.db.t", url="s3://lake/wh/t", path="", catalog="glue")
    (tmp_path / "i").write_text(json.dumps(one))

    text = proposed(tmp_path, "--from-discovery", "i", "--target", "s3://t", "--name", "n")

    lines = [line.strip() for line in text.splitlines()]
    assert "from: {catalog: glue, connection: aws}" in lines
    assert "kind: glue" in lines
    assert not any(line.startswith("root: s3://lake") for line in lines)


@pytest.mark.parametrize(
    ("text", "code"), [("no json\n", "LF-2004"), ('{"a": 1}\n', "LF-2004"), ("", "LF-8007")]
)
def test_what_is_no_discovery_is_refused_with_what_would_be(
    tmp_path: Path, text: str, code: str
) -> None:
    (tmp_path / "odd").write_text(text)

    ended = called("config", "init", "--from-discovery", "odd", "-o", "-", folder=tmp_path)

    assert ended.returncode == 2
    assert code in ended.stderr
    assert "discover" in ended.stderr


def test_a_file_that_is_not_there_says_what_makes_one(tmp_path: Path) -> None:
    ended = called("config", "init", "--from-discovery", "no.db", folder=tmp_path)

    assert "LF-8007" in ended.stderr
    assert not (tmp_path / "lakeferry.yaml").exists()


def test_what_is_kept_of_a_manifest_says_the_same_again() -> None:
    text = EXAMPLE.read_text()
    root = checked_text(text, "a.yaml", besides=wanted_problems).root

    again = "\n".join(line for key, one in root.entries.items() for line in block(key, one.value))

    written = checked_text(again, "b.yaml", besides=wanted_problems).root
    assert tree_body(written) == tree_body(root)
    assert '"${aws-secret:atlas/azure-sp#client_secret}"' in again


ODD = ("a.b", "we*ird", "qu?", 'q"q', "back\\slash", "ünï", "no", "1e9", "a: b", "#x")


def test_every_table_lands_in_the_wave_that_is_proposed_for_it_whatever_its_name() -> None:
    tables = [
        Discovered("s", schema, name, "delta", f"s3://s/{at}", bytes=10 ** (at % 13 + 1))
        for at, (schema, name) in enumerate((schema, name) for schema in ODD for name in ODD)
    ]
    basis = Basis(
        NewManifest("odd", "s3://t", None, {"s": "s3://s"}), [ProposedSource("s", "s3://s")], tables
    )

    manifest = checked_text(discovered_text(basis), "odd.yaml", besides=wanted_problems)

    source = migration_of(manifest).sources["s"]
    waves = propose_waves(tables).of_table
    assert len(set(waves.values())) > 2
    assert {one: source.options_of(one.schema, one.table).wave for one in tables} == dict(waves)
