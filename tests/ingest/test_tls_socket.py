"""Kinesis over TLS: what was sent arrives, from nobody but whom is trusted, and is never cut."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.demo.kinesis_feed import Feed
from lakeferry.ingest.kinesis.connection import Kinesis, Unanswered
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.kinesis.tls_socket import trusting
from lakeferry.ingest.position.state import FromTrimHorizon
from tests.servers.kinesis_feed import self_signed

SHARD = "shardId-000000000000"
DATA = [random.Random(at).randbytes(600) for at in range(6_000)]


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    """A feed of a certificate that AWS_CA_BUNDLE trusts."""
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
    with Feed(tls=(certificate, key), quota=False) as feed:
        feed.put(SHARD, *DATA)
        yield feed


def line_to(
    feed: Feed, host: str = "127.0.0.1", timeout_s: float = 60, whole_s: float = 60
) -> Kinesis:
    url = feed.url.replace("127.0.0.1", host)
    return Kinesis(endpoint_of(feed.region, url), lambda: AwsKeys("test", "test"),
                   timeout_s=timeout_s, whole_s=whole_s)  # fmt: skip


def iterator(feed: Feed, line: Kinesis) -> str:
    return line.iterator(feed.stream, SHARD, FromTrimHorizon())


def test_a_page_of_megabytes_arrives_as_it_was_sent(secret: Feed) -> None:
    line = line_to(secret)
    page = line.records(iterator(secret, line))

    assert line.bytes_in > 5_000_000
    assert [one.data for one in page.records] == DATA


def test_one_connection_serves_many_requests(secret: Feed) -> None:
    line = line_to(secret)
    found, at = 0, iterator(secret, line)
    shaken = line._line
    while found < 6_000:
        page = line.records(at, limit=1_000)
        found, at = found + len(page.records), page.next_shard_iterator or ""

    assert found == 6_000
    assert line._line is shaken


def test_a_host_that_the_certificate_does_not_name_is_refused(secret: Feed) -> None:
    with pytest.raises(Unanswered, match="CERTIFICATE_VERIFY_FAILED"):
        iterator(secret, line_to(secret, "localhost"))


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secret: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE")

    with pytest.raises(Unanswered, match="CERTIFICATE_VERIFY_FAILED"):
        iterator(secret, line_to(secret))


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such file or directory"), ("no PEM", "no certificate")]
)
def test_authorities_that_cannot_be_read_are_named(
    secret: Feed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, why: str
) -> None:
    bundle = tmp_path / "ours.pem"
    if text is not None:
        bundle.write_text(text)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))

    with pytest.raises(Unanswered, match=f"{bundle}, as AWS_CA_BUNDLE says: {why}"):
        iterator(secret, line_to(secret))


def test_a_body_that_is_cut_is_no_answer(secret: Feed) -> None:
    line = line_to(secret)
    at = iterator(secret, line)
    secret.wrong("cut", times=1)

    with pytest.raises(Unanswered):
        line.records(at)

    assert len(line.records(at).records) == 6_000


def test_a_server_that_falls_silent_is_given_up(secret: Feed) -> None:
    line = line_to(secret, timeout_s=0.5)
    at = iterator(secret, line_to(secret))
    secret.wrong("hang", times=1)

    with pytest.raises(Unanswered, match="no answer in time"):
        line.records(at)


def test_a_page_that_drips_for_long_is_given_up_and_comes_by_the_same_iterator(
    secret: Feed,
) -> None:
    patient = line_to(secret)
    at = iterator(secret, patient)
    secret.wrong("drip", times=1, seconds=30)

    with pytest.raises(Unanswered, match="no whole answer in 2 s"):
        line_to(secret, whole_s=2).records(at)

    assert [one.data for one in patient.records(at).records] == DATA


def test_connections_share_what_is_trusted(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)

    assert trusting(certificate) is trusting(certificate)
    assert trusting(certificate) is not trusting(None)
