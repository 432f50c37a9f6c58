"""What a clone refuses: by its code, with what, where and next step, and with nothing changed."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lakeferry
from lakeferry.connect.aws import AwsAccess
from lakeferry.errors import FerryError
from lakeferry.store.open import open_store
from tests.delta.tables import PROTOCOL, add, commit, metadata, write
from tests.flows import tables
from tests.flows.refusals import refused, tree_of_log
from tests.flows.tables import grow, look, tree
from tests.servers import Server, deaf_proxy, dynamodb, versitygw

MODES = ("snapshot", "mirror")
LOG = "_delta_log"
both_modes = pytest.mark.parametrize("mode", MODES)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return grow(tmp_path / "source")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def older(tmp_path: Path, target: Path) -> Path:
    """The target as a clone of the source's version 1."""
    lakeferry.clone(str(grow(tmp_path / "old", 1)), str(target))
    return target


# ---- places


@both_modes
def test_a_place_that_is_not_there_is_named(tmp_path: Path, target: Path, mode: str) -> None:
    error = refused(tmp_path / "nowhere", target, mode=mode)

    assert error.code == "LF-2101"
    assert str(tmp_path / "nowhere") in str(error)


@pytest.mark.server
@both_modes
def test_a_bucket_and_a_prefix_that_are_not_there_are_named(
    s3_server: Server, target: Path, mode: str
) -> None:
    options = {"source_options": s3_server.options, "mode": mode}

    assert refused("s3://no-such-bucket/t", target, **options).code == "LF-2101"
    assert refused(f"{s3_server.place}/no/such", target, **options).code == "LF-2101"


@both_modes
def test_a_folder_without_a_log_is_no_table(tmp_path: Path, target: Path, mode: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/data.parquet").write_bytes(b"PAR1")

    assert refused(tmp_path / "files", target, mode=mode).code == "LF-2102"


@both_modes
def test_an_address_of_no_store_is_refused(source: Path, mode: str) -> None:
    for wrong in ("ftp://host/table", "s3:/bucket/table", "https://host/table"):
        with pytest.raises(FerryError) as caught:
            lakeferry.clone(str(source), wrong, mode=mode)
        assert caught.value.code == "LF-2104"


def _link(source: Path) -> str:
    link = source.parent / "link"
    link.symlink_to(source)
    return str(link)


SAME: dict[str, Callable[[Path], str]] = {
    "equal": str,
    "trailing slash": lambda source: f"{source}/",
    "file URL": lambda source: f"file://{source}",
    "short file URL": lambda source: f"file:{source}/",
    "dots": lambda source: f"{source}/../{source.name}",
    "link": _link,
    "inside": lambda source: f"{source}/p=a/clone",
    "inside by URL": lambda source: f"file://{source}/clone",
    "inside by link": lambda source: f"{_link(source)}/clone",
    "around": lambda source: str(source.parent),
    "around by URL": lambda source: f"file://{source.parent}/",
}


@both_modes
@pytest.mark.parametrize("how", SAME)
def test_a_target_that_overlaps_the_source_is_refused(source: Path, how: str, mode: str) -> None:
    before = tree(open_store(str(source)))

    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(source), SAME[how](source), mode=mode)

    assert caught.value.code == "LF-2103"
    assert tree(open_store(str(source))) == before


@pytest.mark.server
def test_two_buckets_of_one_name_on_two_services_are_two_places(
    s3_server: Server, source: Path
) -> None:
    place = f"{s3_server.place}/same-name/{source.parent.name}"
    tables.upload(source, open_store(place, s3_server.options))
    other = {**s3_server.options, "endpoint": "http://127.0.0.1:1"}

    with pytest.raises(FerryError) as same:
        lakeferry.clone(place, place.replace("s3:", "s3a:"), source_options=s3_server.options,
                        target_options=s3_server.options)  # fmt: skip
    with pytest.raises(FerryError) as two:
        lakeferry.clone(place, place, source_options=s3_server.options, target_options=other)

    assert same.value.code == "LF-2103"
    assert two.value.code == "LF-1003"


# ---- damaged logs


def _empty(log: Path) -> None:
    shutil.rmtree(log)
    log.mkdir()
    (log / "note.txt").write_text("nothing")


def _cut_json(log: Path) -> None:
    last = log / f"{tables.LAST:020d}.json"
    last.write_bytes(last.read_bytes()[:-30])


DAMAGED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty": ("LF-3101", _empty),
    "gap": ("LF-3102", lambda log: (log / f"{1:020d}.json").unlink()),
    "no beginning": ("LF-3102", lambda log: (log / f"{0:020d}.json").unlink()),
    "cut JSON": ("LF-3103", _cut_json),
    "not JSON": ("LF-3103", lambda log: (log / f"{1:020d}.json").write_text("not json\n")),
    "not an object": ("LF-3103", lambda log: (log / f"{1:020d}.json").write_text("[1]\n")),
}


@both_modes
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_log_is_refused(source: Path, target: Path, damage: str, mode: str) -> None:
    code, do = DAMAGED[damage]
    do(source / LOG)

    assert refused(source, target, mode=mode).code == code


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_log_leaves_an_older_clone_as_it_was(
    source: Path, older: Path, damage: str
) -> None:
    code, do = DAMAGED[damage]
    do(source / LOG)

    assert refused(source, older).code == code


def checkpointed(source: Path, *, parts: int = 1) -> list[Path]:
    """Give the table a checkpoint at version 2, in one file or in parts."""
    import pyarrow.parquet as pq

    from lakeferry.delta.checkpoint_head import checkpoint_head

    checkpoint_head(open_store(str(source)), 2, now_ms=0)
    whole = source / LOG / f"{2:020d}.checkpoint.parquet"
    if parts == 1:
        return [whole]
    rows = pq.read_table(whole)
    whole.unlink()
    (source / LOG / "_last_checkpoint").unlink()
    files = []
    for part in range(parts):
        name = f"{2:020d}.checkpoint.{part + 1:010d}.{parts:010d}.parquet"
        files.append(source / LOG / name)
        pq.write_table(rows.take(list(range(part, len(rows), parts))), files[-1])
    return files


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


@both_modes
@pytest.mark.parametrize(("parts", "damage"), [(1, _truncate), (3, _truncate), (3, Path.unlink)])
def test_a_broken_checkpoint_is_refused_only_where_the_commits_before_are_gone(
    source: Path, target: Path, parts: int, damage: Callable[[Path], object], mode: str
) -> None:
    whole = look(source)
    files = checkpointed(source, parts=parts)
    damage(files[-1])
    lakeferry.clone(str(source), str(target), mode=mode)
    assert look(target) == whole
    for version in (0, 1, 2):
        (source / LOG / f"{version:020d}.json").unlink()

    error = refused(source, target.with_name("other"), mode=mode)

    assert error.code == "LF-3104"
    assert "checkpoint" in str(error)


# ---- data files


def _grown(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"more")


DATA: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing": ("LF-4101", Path.unlink),
    "cut": ("LF-4103", _truncate),
    "longer": ("LF-4103", _grown),
}


@both_modes
@pytest.mark.parametrize("damage", DATA)
def test_a_damaged_data_file_is_named_and_nothing_is_committed(
    source: Path, target: Path, damage: str, mode: str
) -> None:
    code, do = DATA[damage]
    do(source / "p=a/two.parquet")

    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(source), str(target), mode=mode)

    assert caught.value.code == code
    assert "p=a/two.parquet" in caught.value.what
    assert not (target / LOG).exists()
    assert not (target / "p=a/two.parquet").exists()


@pytest.mark.parametrize("damage", DATA)
def test_a_damaged_data_file_leaves_an_older_clone_readable_and_as_it_was(
    source: Path, older: Path, damage: str
) -> None:
    code, do = DATA[damage]
    do(source / "p=b/five.parquet")
    log, state = tree_of_log(older), look(older)

    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(source), str(older))

    assert caught.value.code == code
    assert tree_of_log(older) == log
    assert look(older) == state


@both_modes
def test_a_missing_deletion_vector_is_named(source: Path, target: Path, mode: str) -> None:
    vector_file = next(source.glob("deletion_vector_*.bin"))
    vector_file.unlink()

    with pytest.raises(FerryError) as caught:
        lakeferry.clone(str(source), str(target), mode=mode)

    assert caught.value.code == "LF-4101"
    assert vector_file.name in caught.value.what
    assert not (target / LOG).exists()


@pytest.mark.server
@pytest.mark.parametrize("damage", DATA)
@both_modes
def test_a_damaged_file_is_named_between_two_object_stores_too(
    s3_server: Server, source: Path, damage: str, mode: str
) -> None:
    code, do = DATA[damage]
    do(source / "p=a/two.parquet")
    base = f"{s3_server.place}/damaged-{source.parent.name}-{mode}"
    tables.upload(source, open_store(f"{base}/source", s3_server.options))

    for begin in (str(source), f"{base}/source"):
        with pytest.raises(FerryError) as caught:
            lakeferry.clone(
                begin, f"{base}/target", mode=mode,
                source_options=s3_server.options if begin.startswith("s3") else {},
                target_options=s3_server.options,
            )  # fmt: skip
        assert caught.value.code == code
        assert "p=a/two.parquet" in caught.value.what

    names = tree(open_store(f"{base}/target", s3_server.options))
    assert not [name for name in names if name.startswith(LOG) or "two.parquet" in name]


# ---- stores that refuse


@pytest.mark.server
@both_modes
@pytest.mark.parametrize("wrong", [{"access_key_id": "nobody"}, {"secret_access_key": "wrong"}])
@pytest.mark.parametrize("side", ["source", "target"])
def test_wrong_credentials_are_told_on_either_side(
    s3_server: Server, source: Path, target: Path, side: str, wrong: dict[str, str], mode: str
) -> None:
    place = f"{s3_server.place}/credentials"
    ends = (place, str(target)) if side == "source" else (str(source), place)

    options = {f"{side}_options": {**s3_server.options, **wrong}}
    error = refused(ends[0], ends[1], mode=mode, **options)

    assert error.code == "LF-1001"
    assert "testsecret" not in str(error)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own at `folder`; skips where this user may not mount."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@both_modes
def test_a_read_only_target_is_told_before_a_byte_moves(
    source: Path, tmp_path: Path, mode: str
) -> None:
    with mounted(tmp_path / "disk", "size=1m,ro") as disk:
        error = refused(source, disk / "target", mode=mode)

    assert error.code == "LF-1002"
    assert "disk" in error.where


@both_modes
def test_a_read_only_target_with_an_older_clone_stays_as_it_is(
    source: Path, tmp_path: Path, mode: str
) -> None:
    with mounted(tmp_path / "disk", "size=4m") as disk:
        lakeferry.clone(str(grow(tmp_path / "old", 1)), str(disk / "target"), mode=mode)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        assert refused(source, disk / "target", mode=mode).code == "LF-1002"


@both_modes
def test_a_full_disk_is_told_and_the_same_command_goes_on_when_there_is_room(
    source: Path, tmp_path: Path, mode: str
) -> None:
    with mounted(tmp_path / "disk", "size=256k") as disk:
        (disk / "ballast").write_bytes(bytes(240 * 1024))
        with pytest.raises(FerryError) as caught:
            lakeferry.clone(str(source), str(disk / "target"), mode=mode, jobs=1)
        assert caught.value.code == "LF-5101"
        assert not list((disk / "target").rglob("*.json"))
        assert not list((disk / "target").rglob(".lakeferry-*"))

        (disk / "ballast").unlink()
        report = lakeferry.clone(str(source), str(disk / "target"), mode=mode)

        assert report.files_present > 0
        assert look(disk / "target") == look(source)


@pytest.mark.server
@both_modes
def test_a_bucket_that_may_only_be_read_is_told_before_a_byte_moves(
    source: Path, tmp_path: Path, mode: str
) -> None:
    with versitygw.running(tmp_path, readonly=True) as server:
        place = f"{server.place}/target"
        error = refused(source, place, mode=mode, target_options=server.options)

    assert error.code == "LF-1002"
    assert "s3://lake" in error.where


@pytest.mark.server
@both_modes
def test_a_full_s3_server_is_told_and_the_same_command_goes_on_when_there_is_room(
    source: Path, tmp_path: Path, mode: str
) -> None:
    with (
        mounted(tmp_path / "disk", "size=256k") as disk,
        versitygw.running(disk) as server,
    ):
        place, options = f"{server.place}/target", server.options
        (disk / "ballast").write_bytes(bytes(230 * 1024))
        with pytest.raises(FerryError) as caught:
            lakeferry.clone(str(source), place, mode=mode, jobs=1, target_options=options)
        assert caught.value.code == "LF-5101"
        assert not [name for name in tree(open_store(place, options)) if name.endswith(".json")]

        (disk / "ballast").unlink()
        lakeferry.clone(str(source), place, mode=mode, target_options=options)

        assert look(open_store(place, options)) == look(source)


@pytest.mark.server
@both_modes
def test_a_store_without_put_if_absent_is_refused_before_a_byte_is_copied(
    s3_server: Server, source: Path, mode: str
) -> None:
    with deaf_proxy.running(s3_server.port) as port:
        options = {**s3_server.options, "endpoint": f"http://127.0.0.1:{port}"}
        place = f"{s3_server.place}/deaf-{source.parent.name}"

        error = refused(source, place, mode=mode, target_options=options)

        assert error.code == "LF-5004"
        assert "--single-writer" in error.next_step


@pytest.mark.server
@both_modes
def test_a_single_writer_may_use_a_store_without_put_if_absent(
    s3_server: Server, source: Path, tmp_path: Path, mode: str
) -> None:
    with deaf_proxy.running(s3_server.port) as port:
        options = {**s3_server.options, "endpoint": f"http://127.0.0.1:{port}"}
        place = f"{s3_server.place}/alone-{source.parent.name}"
        for step in (grow(tmp_path / "growing", 1), grow(tmp_path / "growing")):
            lakeferry.clone(
                str(step), place, mode=mode, single_writer=True, target_options=options
            )  # fmt: skip
        assert look(open_store(place, options)) == look(source)


@pytest.mark.server
@both_modes
def test_writers_that_meet_at_a_lock_may_use_such_a_store(
    s3_server: Server, source: Path, tmp_path: Path, mode: str, moto_access: AwsAccess
) -> None:
    with dynamodb.locked(s3_server, moto_access) as server:
        place, options = f"{server.place}/locked-{source.parent.name}", server.options
        for step in (grow(tmp_path / "growing", 1), grow(tmp_path / "growing")):
            lakeferry.clone(str(step), place, mode=mode, target_options=options)
        assert look(open_store(place, options)) == look(source)

    address = place.replace("s3://", "s3a://")
    names = {name for path, name in dynamodb.entries(moto_access) if path == address}
    assert names == {
        path.rpartition("/")[2] for path in tree(open_store(place, s3_server.options))
        if re.fullmatch(r"_delta_log/\d+\.json", path)
    }  # fmt: skip


# ---- requests


@both_modes
def test_a_version_that_is_not_there_is_refused(source: Path, target: Path, mode: str) -> None:
    error = refused(source, target, mode=mode, version=99)

    assert error.code == "LF-2105"
    assert re.search(r"\b3\b", error.where)


@both_modes
def test_another_table_at_the_target_is_never_touched(
    source: Path, tmp_path: Path, mode: str
) -> None:
    other = tmp_path / "other"
    commit(other, 0, PROTOCOL, metadata(other="table"), add("x"))
    write(other, "_last_checkpoint", b"{}")

    assert refused(source, other, mode=mode).code == "LF-5002"


def test_a_request_that_contradicts_itself_is_refused(source: Path, target: Path) -> None:
    assert refused(source, target, version=1, timestamp_ms=1).code == "LF-2001"
    assert refused(source, target, mode="mirror", shallow=True).code == "LF-2001"
    assert refused(source, target, mode="mirror", carry_txns=False).code == "LF-2001"
    assert refused(source, target, mode="sideways").code == "LF-2001"
    assert refused(source, target, jobs=0).code == "LF-2001"
    assert refused(source, target, limit_bytes_per_s=0).code == "LF-2001"


@pytest.mark.server
def test_prefixes_of_one_bucket_overlap_by_folders_and_not_by_letters(
    s3_server: Server, source: Path
) -> None:
    base = f"{s3_server.place}/prefixes-{source.parent.name}"
    both = {"source_options": s3_server.options, "target_options": s3_server.options}
    tables.upload(source, open_store(f"{base}/t", s3_server.options))

    for end in (f"{base}/t/", f"{base}/t/inside", base):
        with pytest.raises(FerryError) as caught:
            lakeferry.clone(f"{base}/t", end, **both)  # type: ignore[arg-type]  # options
        assert caught.value.code == "LF-2103"
    lakeferry.clone(f"{base}/t", f"{base}/t2", **both)  # type: ignore[arg-type]  # options

    assert look(open_store(f"{base}/t2", s3_server.options)) == look(source)
