"""Logs are opened wherever they lie, in the order of their names."""

import io
import sys
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.monitor.logs.opening import open_logs, store_options
from lakeferry.network.flow_log import ReadReport, read_flow_log

LINE = b"2 1 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1439387263 1439387264 ACCEPT OK\n"


def opened(place: str) -> list[tuple[str, bytes]]:
    return [(name, b"".join(body)) for name, body in open_logs(place)]


def test_a_folder_gives_its_logs_in_order_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b/2.log", "a/1.log.gz", "b/_SUCCESS.log", ".hidden/3.log", "notes.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    assert opened(str(tmp_path)) == [("a/1.log.gz", b"a/1.log.gz"), ("b/2.log", b"b/2.log")]


def test_a_file_is_taken_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flows").write_bytes(LINE)
    assert opened(str(tmp_path / "flows")) == [("flows", LINE)]
    monkeypatch.chdir(tmp_path)
    assert opened("flows") == [("flows", LINE)]


def test_standard_input_is_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINE)))
    assert opened("-") == [("standard input", LINE)]


def test_a_log_group_is_read_by_who_can() -> None:
    found = list(open_logs("log-group:/a/b", log_events=lambda group: iter([group.encode()])))
    assert [(name, list(body)) for name, body in found] == [("log-group:/a/b", [b"/a/b"])]
    with pytest.raises(FerryError) as raised:
        opened("log-group:/a/b")
    assert raised.value.code == "LF-6205"


@pytest.mark.parametrize("name", ["", "missing", "missing/"])
def test_a_place_without_logs_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FerryError) as raised:
        opened(f"{tmp_path}/{name}")
    assert raised.value.code == "LF-6205"


def test_formats_may_be_mixed_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "1.log").write_bytes(LINE)
    (tmp_path / "2.log").write_bytes(b"bytes start interface-id\n7 60 eni-2\n")
    report = ReadReport()
    batches = [
        batch
        for name, body in open_logs(str(tmp_path))
        for batch in read_flow_log(body, name=name, columns=("bytes",), report=report)
    ]
    assert [batch.rows["bytes"].to_pylist() for batch in batches] == [[840], [7]]
    assert report.sources == {"1.log": 1, "2.log": 1}
    assert len(report.formats) == 2


def test_files_that_were_delivered_at_another_time_are_not_opened(tmp_path: Path) -> None:
    times = ("20261123T0955Z", "20261123T1000Z", "20261123T1005Z", "20261123T1030Z")
    names = [f"1_vpcflowlogs_us-east-1_fl-1_{time}_ab.log.gz" for time in times]
    for name in [*names, "other.log"]:
        (tmp_path / name).write_bytes(LINE)
    ten = 1_795_428_000  # 2026-11-23T10:00:00Z

    def taken(start_s: int | None, end_s: int | None) -> list[str]:
        found = open_logs(str(tmp_path), span_s=(start_s, end_s))
        return [name for name, _ in found if name != "other.log"]

    assert taken(None, None) == names
    assert taken(ten + 600, None) == names[2:]  # rows of 10:05 end before 10:10
    assert taken(ten, ten + 300) == names[:3]  # a row that ends at 10:07 may begin at 9:58
    assert len(list(open_logs(str(tmp_path), span_s=(ten + 10**6, None)))) == 1


def test_a_prefix_of_a_store_may_end_inside_a_name(tmp_path: Path) -> None:
    for name in ("flow/11/23/a.log", "flow/11/24/b.log", "flow/12/c.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(LINE)

    def names(prefix: str) -> list[str]:
        return [name for name, _ in opened(f"file://{tmp_path}/{prefix}")]

    assert names("flow/11/2") == ["23/a.log", "24/b.log"]
    assert names("flow/1") == ["11/23/a.log", "11/24/b.log", "12/c.log"]
    assert names("flow/12") == ["c.log"]
    for nowhere in ("flow/11/3", "flow/11/2/"):
        with pytest.raises(FerryError, match="LF-6205"):
            names(nowhere)
    with pytest.raises(FerryError, match="LF-6205"):
        opened(f"{tmp_path}/flow/11/2")


def test_s3_is_met_as_the_rest_of_aws_unless_it_is_said_otherwise() -> None:
    aws = {"region": "us-east-1", "profile": "prod", "endpoint": None}

    at_s3 = store_options("s3://b/logs", {"region": "eu-west-1"}, **aws)
    here = store_options("logs", {}, **aws)

    role = store_options("s3://b", {}, **{**aws, "endpoint": "http://a"}, role="r", external_id="e")

    assert at_s3 == {"region": "eu-west-1", "profile": "prod"}
    assert role == {
        "region": "us-east-1", "profile": "prod", "endpoint": "http://a", "role": "r",
        "external_id": "e", "sts_endpoint": "http://a",
    }  # fmt: skip
    assert here == {}
