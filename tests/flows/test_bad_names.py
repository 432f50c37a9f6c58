"""Names and features that a clone refuses before a byte is copied, and odd names that it keeps."""

from pathlib import Path
from typing import Any

import orjson
import pytest

import lakeferry
from lakeferry.delta.paths import decode, encode
from lakeferry.store.open import open_store
from tests.delta.tables import METADATA, PROTOCOL, add, commit, metadata, vector
from tests.flows.refusals import refused, tree_of_log
from tests.flows.tables import tree
from tests.servers import Server

LOG = "_delta_log"
both_modes = pytest.mark.parametrize("mode", ["snapshot", "mirror"])


# ---- names


def handmade(root: Path, *names: str, **fields: Any) -> Path:
    """A table whose log names these paths, as they are; no file lies there."""
    commit(root, 0, PROTOCOL, METADATA, *(add(name, **fields) for name in names))
    return root


@both_modes
@pytest.mark.parametrize(
    "path",
    ["../outside.parquet", "a/../../outside.parquet", "%2E%2E/outside.parquet",
     "a%2F..%2F..%2Foutside.parquet", "a//b.parquet", "a/./b.parquet", "a/", "", "a%2F%2Fb"],
)  # fmt: skip
def test_a_path_that_is_no_plain_path_is_refused(tmp_path: Path, path: str, mode: str) -> None:
    (tmp_path / "outside.parquet").write_bytes(b"0123456789")
    table = handmade(tmp_path / "table", path)

    assert refused(table, tmp_path / "target", mode=mode).code == "LF-3106"


@both_modes
def test_a_vector_whose_prefix_climbs_out_is_refused(tmp_path: Path, mode: str) -> None:
    protocol = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                             "readerFeatures": ["deletionVectors"],
                             "writerFeatures": ["deletionVectors"]}}  # fmt: skip
    climbing = add("a.parquet", deletionVector=vector("../../x" + "^-aqEH.-t@S}K{vb[*k^"))
    commit(tmp_path / "table", 0, protocol, METADATA, climbing)
    (tmp_path / "table/a.parquet").write_bytes(b"0123456789")

    assert refused(tmp_path / "table", tmp_path / "target", mode=mode).code == "LF-4109"


LONG = "n" * 249 + ".parquet"  # 257 bytes


@both_modes
@pytest.mark.parametrize("path", [LONG, f"p=1/{LONG}", f"p={'ü' * 130}/a.parquet"])
def test_a_name_of_over_255_bytes_is_refused_before_a_byte_is_copied(
    tmp_path: Path, path: str, mode: str
) -> None:
    # No folder can hold such a file, so the log names one that could lie in a bucket.
    table = handmade(tmp_path / "table", "short.parquet", path)
    (table / "short.parquet").write_bytes(b"0123456789")

    error = refused(table, tmp_path / "target", mode=mode)

    assert error.code == "LF-3107"
    assert "255" in error.what


@pytest.mark.server
@both_modes
@pytest.mark.parametrize("name", ["bell%07.parquet", "p=%01/a.parquet", "line%0Abreak.parquet"])
def test_control_characters_are_refused_where_they_cannot_be_kept(
    s3_server: Server, tmp_path: Path, name: str, mode: str
) -> None:
    table = handmade(tmp_path / "table", "plain.parquet", name)
    for path in ("plain.parquet", decode(name)):
        (table / path).parent.mkdir(exist_ok=True)
        (table / path).write_bytes(b"0123456789")
    place = f"{s3_server.place}/{tmp_path.name}"

    error = refused(table, place, mode=mode, target_options=s3_server.options)

    assert error.code == "LF-3107"
    lakeferry.clone(str(table), str(tmp_path / "here"), mode=mode)  # a folder keeps it
    assert (tmp_path / "here" / decode(name)).read_bytes() == b"0123456789"


ODD = [  # path in the log, name on the disk: what Spark writes and what hands write
    ("ps=100%2525/a.parquet", "ps=100%25/a.parquet"),
    ("ps=a%20b/a.parquet", "ps=a b/a.parquet"),
    ("ps=a%252Fb/a.parquet", "ps=a%2Fb/a.parquet"),
    ("ps=%25252F/a.parquet", "ps=%252F/a.parquet"),
    ("ps=naïve%20ü%20漢字/a.parquet", "ps=naïve ü 漢字/a.parquet"),
    ("ps=na%C3%AFve/a.parquet", "ps=naïve/a.parquet"),
    ("ps=q%253F%2523&+/a.parquet", "ps=q%3F%23&+/a.parquet"),
    ("ps=c%253Ad/a.parquet", "ps=c%3Ad/a.parquet"),
    ("a:b=1/a.parquet", "a:b=1/a.parquet"),
    ("part-0.parquet#1", "part-0.parquet#1"),
    ("part-0%232", "part-0#2"),
    ("nfc-é/a", "nfc-é/a"),
    ("nfd-é/a", "nfd-é/a"),
    (f"p={'ü' * 120}/a.parquet", f"p={'ü' * 120}/a.parquet"),
    ("😀/😀.parquet", "😀/😀.parquet"),
]


@pytest.mark.server
@both_modes
def test_percent_signs_unicode_and_hashes_arrive_byte_for_byte(
    s3_server: Server, tmp_path: Path, mode: str
) -> None:
    table = tmp_path / "table"
    for number, (_, name) in enumerate(ODD):
        (table / name).parent.mkdir(parents=True, exist_ok=True)
        (table / name).write_bytes(f"{number:010d}".encode())
    handmade(table, *(path for path, _ in ODD))
    place = f"{s3_server.place}/odd-{tmp_path.name}"

    lakeferry.clone(str(table), str(tmp_path / "here"), mode=mode)
    lakeferry.clone(str(table), place, mode=mode, target_options=s3_server.options)
    lakeferry.clone(place, str(tmp_path / "back"), mode=mode, source_options=s3_server.options)

    expected = {name: f"{number:010d}".encode() for number, (_, name) in enumerate(ODD)}
    for end in ("here", "back"):
        found = tree(open_store(str(tmp_path / end)))
        assert {name: body for name, body in found.items() if LOG not in name} == expected


# ---- features


def protocol(*, readers: list[str], writers: list[str]) -> dict[str, Any]:
    return {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": readers,
                         "writerFeatures": [*readers, *writers]}}  # fmt: skip


@both_modes
@pytest.mark.parametrize("allow", [(), ("tomorrow",)])
def test_an_unknown_reader_feature_is_refused_whatever_is_allowed(
    tmp_path: Path, allow: tuple[str, ...], mode: str
) -> None:
    commit(tmp_path / "t", 0, protocol(readers=["tomorrow"], writers=[]), METADATA, add("a"))

    error = refused(tmp_path / "t", tmp_path / "target", mode=mode, allow_features=allow)

    assert error.code == "LF-3001"
    assert "tomorrow" in error.what


def test_an_unknown_writer_feature_is_refused_unless_it_is_allowed_by_name(tmp_path: Path) -> None:
    table = tmp_path / "t"
    commit(table, 0, protocol(readers=[], writers=["tomorrow"]), METADATA, add("a"))
    (table / "a").write_bytes(b"0123456789")

    for allow in ((), ("another",)):
        error = refused(table, tmp_path / "target", allow_features=allow)
        assert error.code == "LF-3002"
        assert "--allow-feature tomorrow" in error.next_step

    lakeferry.clone(str(table), str(tmp_path / "target"), allow_features=["tomorrow"])
    first = (tmp_path / "target" / LOG / f"{0:020d}.json").read_text()
    assert '"writerFeatures":["tomorrow"]' in first


def test_a_mirror_carries_an_unknown_writer_feature_for_its_bytes_are_the_source_s(
    tmp_path: Path,
) -> None:
    table = tmp_path / "t"
    commit(table, 0, protocol(readers=[], writers=["tomorrow"]), METADATA, add("a"))
    (table / "a").write_bytes(b"0123456789")

    lakeferry.clone(str(table), str(tmp_path / "target"), mode="mirror")

    assert (
        tree_of_log(tmp_path / "target")[f"{LOG}/{0:020d}.json"]
        == (table / LOG / f"{0:020d}.json").read_bytes()
    )


@both_modes
@pytest.mark.parametrize(
    "name",
    ["adaptiveMetadata-preview", "redirectReaderWriter-preview", "geospatial", "geospatial-dev"],
)
def test_no_one_can_allow_a_feature_that_hides_the_table(
    tmp_path: Path, name: str, mode: str
) -> None:
    commit(tmp_path / "t", 0, protocol(readers=[name], writers=[]), METADATA, add("a"))

    error = refused(tmp_path / "t", tmp_path / "target", mode=mode, allow_features=[name])

    assert error.code == "LF-3002"
    assert name in error.what


def test_a_table_of_a_catalog_is_cloned_only_when_it_is_allowed_by_name(tmp_path: Path) -> None:
    table = tmp_path / "t"
    commit(table, 0, protocol(readers=["catalogManaged"], writers=["inCommitTimestamp"]),
           metadata(delta__enableInCommitTimestamps="false"), add("a"))  # fmt: skip
    (table / "a").write_bytes(b"0123456789")

    assert refused(table, tmp_path / "target").code == "LF-3002"
    lakeferry.clone(str(table), str(tmp_path / "target"), allow_features=["catalogManaged"])

    text = (tmp_path / "target" / LOG / f"{0:020d}.json").read_text()
    stated = next(orjson.loads(line) for line in text.splitlines() if "protocol" in line)
    assert "catalogManaged" not in str(stated)


# ---- what only some stores refuse


REFUSED_BY = [
    ("azure", "back\\slash.parquet"),
    ("azure", "p=dot./a.parquet"),
    ("hdfs", "a:b=1/a.parquet"),
    ("hdfs", f"p={'n' * 260}/a.parquet"),
    ("gcs", "bell\x07.parquet"),
    ("s3", "n" * 240 + ("/" + "n" * 240) * 4),
]


@pytest.mark.server
@both_modes
@pytest.mark.parametrize(("kind", "name"), REFUSED_BY, ids=[kind for kind, _ in REFUSED_BY])
def test_a_name_that_the_target_s_kind_cannot_keep_is_refused_before_a_byte_is_copied(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, name: str, mode: str
) -> None:
    server: Server = request.getfixturevalue(f"{kind}_server")
    table = handmade(tmp_path / "table", "plain.parquet", encode(name))
    (table / "plain.parquet").write_bytes(b"0123456789")
    place = f"{server.place}/{tmp_path.name}"

    error = refused(table, place, mode=mode, target_options=server.options)

    assert error.code == "LF-3107"


@pytest.mark.server
@both_modes
def test_state_beside_the_log_that_the_target_cannot_name_is_refused_before_a_byte_is_copied(
    s3_server: Server, tmp_path: Path, mode: str
) -> None:
    table = handmade(tmp_path / "table", "plain.parquet")
    (table / "plain.parquet").write_bytes(b"0123456789")
    state = table / LOG / "_copy_into_log" / "bell\x07"
    state.parent.mkdir()
    state.write_bytes(b"state")
    place = f"{s3_server.place}/{tmp_path.name}"

    assert refused(table, place, mode=mode, target_options=s3_server.options).code == "LF-3107"
