"""`lakeferry config` over a whole migration: what holds for a table, hours, a new manifest."""

import json
from pathlib import Path

import pytest

from lakeferry.config.schema import schema
from tests.cli.program import called, json_lines

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "migration.yaml"


def rows(out: str) -> dict[str, list[str]]:
    """Key -> value and place, in words, the example's path left out."""
    lines = out.replace(f"{EXAMPLE}", "example").splitlines()
    return {line.split(": ")[0]: line.split(": ", 1)[1].split() for line in lines}


def test_what_holds_for_a_table_is_shown_with_where_it_was_written(tmp_path: Path) -> None:
    ended = called(
        "config", "show", "--resolved", "-s", "finance-gold.fx.rates", "-f", EXAMPLE,
        "--set", "sources.finance-gold.on_vacuumed=latest", folder=tmp_path,
    )  # fmt: skip

    found = rows(ended.stdout)
    assert found["verify"] == ["rows", "example:47:47"]  # its own
    assert found["kind"] == ["adls", "example:37:15"]  # its family's
    assert found["mode"] == ["snapshot", "example:29:9"]  # of all
    assert found["on_vacuumed"] == ["latest", "--set:1:34"]
    assert found["include"] == ["all", "default"]
    assert found["root"][0] == "abfss://finance-gold@atlasweu.dfs.core.windows.net/"
    assert found["(in scope)"] == ["yes"]
    assert found["(lands at)"][0] == "s3://atlas-lake-prod/finance-gold/fx/rates"
    assert found["(registered as)"][0] == "atlas.finance_gold_fx.rates"


def test_a_table_that_a_pattern_leaves_out_is_shown_with_the_pattern(tmp_path: Path) -> None:
    ended = called("config", "show", "-s", "orders.x.scratch_1", "-f", EXAMPLE, folder=tmp_path)

    assert rows(ended.stdout)["(in scope)"] == ["no", "example:34:27"]


def test_what_a_source_does_not_say_is_no_default_of_it(tmp_path: Path) -> None:
    ended = called("config", "show", "--resolved", "-f", EXAMPLE, folder=tmp_path)

    found = rows(ended.stdout)
    assert found["sources.orders.mode"] == ["mirror", "example:77:45"]
    assert "sources.pricing.mode" not in found
    assert found["limits.windows.1.tz"] == ["UTC", "example:127:51"]


def test_a_source_is_shown_as_lines_of_json_too(tmp_path: Path) -> None:
    last = json_lines(
        called("config", "show", "-s", "dc1-ads", "--json", "-f", EXAMPLE, folder=tmp_path)
    )[-1]

    assert last["select"] == "dc1-ads"
    values = {one["path"]: one["value"] for one in last["values"]}
    assert (values["root"], values["wave"]) == ("hdfs://dc1/warehouse/ads", "2")


def test_a_source_that_there_is_not_is_told_with_the_nearest(tmp_path: Path) -> None:
    ended = called("config", "show", "-s", "finance-glod", "-f", EXAMPLE, folder=tmp_path)

    assert ended.returncode == 2
    assert "LF-2107 there is no source `finance-glod`" in ended.stderr
    assert "did you mean `finance-gold`?" in ended.stderr


def test_an_hour_that_a_night_leaves_out_is_told_and_all_is_well(tmp_path: Path) -> None:
    window = '{days: sun, from: "02:30", to: "05:00", tz: Europe/Berlin, pause: true}'

    ended = called(
        "config", "check", "-f", EXAMPLE, "--set", f"limits.windows=[{window}]", folder=tmp_path
    )

    assert ended.returncode == 0
    assert "▲ LF-2106 --set:1:35  limits.windows.0.from: on 20" in ended.stderr
    assert "there is no 02:30 in Europe/Berlin" in ended.stderr


def test_a_key_that_nothing_acts_upon_is_told_and_all_is_well(tmp_path: Path) -> None:
    text = "version: 1\nserve: {bind: '127.0.0.1:7777'}\n"
    (tmp_path / "lakeferry.yaml").write_text(text)

    ended = called("config", "check", folder=tmp_path)

    assert ended.returncode == 0
    assert (
        "▲ LF-2108 lakeferry.yaml:2:8  serve is not acted upon: no page is served" in ended.stderr
    )


def test_what_only_the_whole_can_judge_is_checked_by_every_command(tmp_path: Path) -> None:
    text = "version: 1\nname: m\nwaves: {1: {after: 2}}\nnetwork: {vpc: vpc-1}\n"
    (tmp_path / "lakeferry.yaml").write_text(text)

    for words in (("config", "check"), ("config", "show"), ("config", "iam")):
        ended = called(*words, folder=tmp_path)
        assert ended.returncode == 2
        assert "lakeferry.yaml:3:20  waves.1.after: there is no wave 2" in ended.stderr


# ---- a new manifest


def test_a_new_manifest_is_written_with_its_schema_and_is_valid(tmp_path: Path) -> None:
    ended = called(
        "config", "init", "--name", "lake", "--target", "s3://lake/prod", "--region", "us-east-1",
        "--source", "sales=abfss://sales@acc.dfs.core.windows.net/",
        "--source", "dc1=hdfs://dc1/warehouse", folder=tmp_path,
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "  next: lakeferry config check\n")
    checked = called("config", "check", folder=tmp_path)
    assert "2 sources, 1 wave" in checked.stdout
    text = (tmp_path / "lakeferry.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./.lakeferry/schema.json\n")
    assert "sales: {root: abfss://sales@acc.dfs.core.windows.net/, connection: azure" in text
    assert json.loads((tmp_path / ".lakeferry" / "schema.json").read_text()) == schema()


def test_every_line_of_a_new_manifest_that_is_a_comment_can_be_taken_in(tmp_path: Path) -> None:
    written = called(
        "config", "init", "-o", "-", "--name", "lake", "--target", "s3://lake/prod",
        "--source", "sales=abfss://sales@acc.dfs.core.windows.net/", folder=tmp_path,
    ).stdout  # fmt: skip
    for taken_in in (
        "  # catalog: {kind: glue", "  # 2: {title: core", "# limits:", "#   bandwidth:",
        "#   stop_if:", "#   windows:", "#     - {days:", "#        bandwidth", "# families:",
        "  # exclude:",
    ):  # fmt: skip
        assert taken_in in written
        written = written.replace(taken_in, taken_in.replace("# ", "", 1).replace("#  ", "  "))

    ended = called("config", "check", "-f", "-", folder=tmp_path, input=written)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "limits" in ended.stdout


def test_an_old_manifest_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text("version: 1\n")

    ended = called("config", "init", folder=tmp_path)

    assert ended.returncode == 2
    assert "LF-2004 there is a manifest already" in ended.stderr
    assert (tmp_path / "lakeferry.yaml").read_text() == "version: 1\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("sales", "`sales` is no source"),
        ("Sales=s3://a", "`Sales` is no name here"),
        ("a=ftp://x", "`ftp://x` is no address of a store"),
    ],
)
def test_flags_that_make_no_manifest_write_none(tmp_path: Path, source: str, said: str) -> None:
    ended = called("config", "init", "--source", source, folder=tmp_path)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_lends_its_name_to_a_new_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "My Lake!"
    folder.mkdir()

    assert called("config", "init", folder=folder).returncode == 0
    assert "\nname: my-lake\n" in (folder / "lakeferry.yaml").read_text()
