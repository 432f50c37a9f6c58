"""Connections: options, references to secrets, and what may be seen of them."""

from pathlib import Path

import pytest

from lakeferry.connect import gcs, s3
from lakeferry.connect.connection import OPTIONS, connection, is_private
from lakeferry.errors import FerryError

STORES_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "stores.md"


def test_a_reference_is_resolved_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("A_KEY", "from the environment")
    link = connection("s3", {"access_key_id": "${env:A_KEY}",
                             "secret_access_key": f"${{file:{tmp_path}/key}}"})  # fmt: skip

    assert link.get("access_key_id") == "from the environment"
    assert link.get("secret_access_key") == "from a file"
    assert "from" not in repr(link)
    assert "${env:A_KEY}" in repr(link)


def test_a_secret_given_in_plain_is_never_shown() -> None:
    link = connection("azure", {"account": "acct", "account_key": "plain"})

    assert "plain" not in repr(link)
    assert "acct" in repr(link)


@pytest.mark.parametrize("reference", ["${env:NOT_SET_ANYWHERE}", "${file:/no/such/file}"])
def test_a_reference_to_nothing_is_a_wrong_option(reference: str) -> None:
    link = connection("s3", {"session_token": reference})

    with pytest.raises(FerryError) as caught:
        link.get("session_token")

    assert caught.value.code == "LF-2001"


def test_a_secret_that_is_not_there_is_no_refusal_of_the_store() -> None:
    link = connection("s3", {"access_key_id": "test", "region": "eu-west-1",
                             "secret_access_key": "${env:NOT_SET_ANYWHERE}"})  # fmt: skip

    with pytest.raises(FerryError, match="LF-2001"):
        s3.backend(link, "lake", retry={})


@pytest.mark.parametrize("text", [None, "no json"])
def test_a_key_file_of_google_that_cannot_be_used_is_named(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "key.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(FerryError, match="LF-1001"):
        gcs.client(connection("gcs", {"service_account_file": str(path)}))


@pytest.mark.parametrize(("kind", "name"), [("s3", "acount"), ("local", "endpoint")])
def test_an_unknown_option_is_refused_with_those_that_are_known(kind: str, name: str) -> None:
    with pytest.raises(FerryError) as caught:
        connection(kind, {name: "x"})

    assert caught.value.code == "LF-2001"
    assert name in caught.value.what


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(FerryError) as caught:
        connection("s3", {"large_commit_bytes": "many"}).number("large_commit_bytes", 1)

    assert caught.value.code == "LF-2001"


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (None, True),
        ("https://minio.example", True),
        ("http://127.0.0.1:9000", True),
        ("http://localhost:9000", True),
        ("http://minio.example:9000", False),
    ],
)
def test_bodies_go_unsigned_only_where_nobody_else_can_change_them(
    endpoint: str | None, expected: bool
) -> None:
    assert is_private(endpoint) is expected


def test_a_profile_that_is_not_there_is_refused_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    link = connection("s3", {"profile": "nonesuch", "region": "us-east-1"})

    with pytest.raises(FerryError) as caught:
        s3.client(link, "bucket")

    assert caught.value.code == "LF-1001"


def test_every_option_is_on_the_reference_page() -> None:
    page = STORES_PAGE.read_text()

    for kind, options in OPTIONS.items():
        for name, option in options.items():
            assert f"| `{name}` |" in page, f"{kind}: {name}"
            assert option.about in page, f"{kind}: {name}"
