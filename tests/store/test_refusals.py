"""What goes wrong in the world, and by which name a person learns of it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lakeferry.errors import FerryError
from lakeferry.store.faults import refusal
from lakeferry.store.open import open_store
from lakeferry.store.protocol import Store, read_all
from tests.servers import Server, faulty, free_port, toxiproxy
from tests.servers.faulty import Faulty


def use(store: Store) -> None:
    list(store.list("_delta_log"))


def code_of(url: str, options: dict[str, str]) -> str:
    with pytest.raises(FerryError) as caught:
        use(open_store(url, options))
    assert "secret" not in str(caught.value)
    return caught.value.code


# ---- wrong credentials, wrong places


@pytest.mark.server
@pytest.mark.parametrize("wrong", [{"access_key_id": "nobody"}, {"secret_access_key": "wrong"}])
def test_wrong_s3_keys_are_refused_credentials(s3_server: Server, wrong: dict[str, str]) -> None:
    assert code_of(f"{s3_server.place}/table", {**s3_server.options, **wrong}) == "LF-1001"


@pytest.mark.server
def test_a_wrong_azure_key_is_refused_credentials(azure_server: Server) -> None:
    wrong = {**azure_server.options, "account_key": "d3Jvbmc="}

    assert code_of(f"{azure_server.place}/table", wrong) == "LF-1001"


def test_a_machine_without_an_identity_of_azure_has_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))  # no Azure CLI
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.delenv("AZURE_TENANT_ID", raising=False)
    options = {"account": "nobody", "endpoint": f"http://127.0.0.1:{free_port()}"}

    assert code_of("az://container/table", options) == "LF-1001"


@pytest.mark.server
@pytest.mark.parametrize("operation", ["head", "read", "write", "put_if_absent", "list"])
def test_whatever_is_tried_first_names_the_wrong_key(s3_server: Server, operation: str) -> None:
    options = {**s3_server.options, "secret_access_key": "wrong"}
    store = open_store(f"{s3_server.place}/table", options)
    do: dict[str, Callable[[], object]] = {
        "head": lambda: store.head("a"),
        "read": lambda: read_all(store, "a"),
        "write": lambda: store.write("a", [b"x"], size=1),
        "put_if_absent": lambda: store.put_if_absent("a", [b"x"], size_hint=1),
        "list": lambda: list(store.list("")),
    }

    with pytest.raises(FerryError) as caught:
        do[operation]()

    assert caught.value.code == "LF-1001"
    assert "SignatureDoesNotMatch" in caught.value.what


@pytest.mark.server
def test_a_missing_bucket_is_no_such_place(s3_server: Server) -> None:
    assert code_of("s3://nonesuch/table", dict(s3_server.options)) == "LF-2101"


@pytest.mark.server
def test_a_missing_container_is_no_such_place(azure_server: Server) -> None:
    assert code_of("az://nonesuch/table", dict(azure_server.options)) == "LF-2101"


@pytest.mark.server
def test_a_missing_gcs_bucket_is_no_such_place(gcs_server: Server) -> None:
    assert code_of("gs://nonesuch/table", dict(gcs_server.options)) == "LF-2101"


# ---- no answer


UNREACHABLE = [
    ("s3://bucket/t", {"endpoint": "http://127.0.0.1:{port}", "region": "us-east-1",
                       "access_key_id": "a", "secret_access_key": "b"}),
    ("s3://bucket/t", {"endpoint": "http://nowhere.invalid", "region": "us-east-1",
                       "access_key_id": "a", "secret_access_key": "b"}),
    ("az://box/t", {"endpoint": "http://127.0.0.1:{port}/a", "account": "a",
                    "account_key": "d3Jvbmc="}),
    ("gs://bucket/t", {"endpoint": "http://127.0.0.1:{port}", "anonymous": "true"}),
    ("hdfs://127.0.0.1:{port}/t", {}),
    ("hdfs://nowhere.invalid:8020/t", {}),
]  # fmt: skip


@pytest.mark.parametrize(("url", "options"), UNREACHABLE)
def test_a_store_that_does_not_answer_is_told_within_seconds(
    url: str, options: dict[str, str]
) -> None:
    port = str(free_port())
    filled = {name: value.replace("{port}", port) for name, value in options.items()}
    started = time.monotonic()

    code = code_of(url.replace("{port}", port), filled)

    assert code == "LF-1003"
    assert time.monotonic() - started < 10


@pytest.mark.server
def test_a_link_that_is_cut_and_joined_again_loses_nothing(
    s3_server: Server, tmp_path: Path
) -> None:
    body = bytes(range(256)) * (24 * 4096)
    with toxiproxy.running(tmp_path, upstream_port=s3_server.port) as link:
        options = {**s3_server.options, "endpoint": f"http://127.0.0.1:{link.port}"}
        store = open_store(f"{s3_server.place}/cut-link", options)
        store.write("a", [body], size=len(body))
        chunks = store.read("a")
        first = next(chunks)
        link.spoil("reset_peer", timeout=0)
        link.heal("reset_peer")

        rest = b"".join(chunks)

    assert first + rest == body


# ---- answers that must not be


@pytest.fixture
def server() -> Iterator[Faulty]:
    with faulty.running() as state:
        yield state


def test_a_busy_service_is_asked_again(server: Faulty) -> None:
    server.objects["t/a"] = b"0123456789"
    server.tricks["t/a"] = [faulty.slow_down, faulty.slow_down]

    assert read_all(open_store("s3://bucket/t", server.options), "a") == b"0123456789"


def test_a_body_that_breaks_off_is_taken_up_where_it_broke(server: Faulty) -> None:
    server.objects["t/a"] = bytes(100_000)
    server.tricks["t/a"] = [faulty.cut_short]

    assert read_all(open_store("s3://bucket/t", server.options), "a") == bytes(100_000)


def test_a_body_shorter_than_asked_for_is_an_error_even_if_its_headers_agree(
    server: Faulty,
) -> None:
    server.objects["t/a"] = b"0123456789"
    server.tricks["t/a"] = [faulty.lie_short]

    with pytest.raises(FerryError) as caught:
        read_all(open_store("s3://bucket/t", server.options), "a")

    assert caught.value.code == "LF-1004"
    assert "7 bytes" in caught.value.what


def test_an_object_replaced_between_two_ranges_is_never_mixed(server: Faulty) -> None:
    server.objects["t/a"] = b"1" * (20 << 20)
    store = open_store("s3://bucket/t", server.options)
    chunks = store.read("a")
    next(chunks)
    server.objects["t/a"] = b"2" * (20 << 20)
    server.e_tags["t/a"] = '"two"'

    # The ranges ahead may still be of the first state; a later one is not.
    with pytest.raises(FerryError) as caught:
        b"".join(checked(chunks))

    assert caught.value.code == "LF-1004"


def checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        assert b"2" not in chunk
        yield chunk


def test_a_small_object_costs_one_request(server: Faulty) -> None:
    server.objects["t/a"] = b"0123456789"
    store = open_store("s3://bucket/t", server.options)
    use(store)
    server.requests.clear()

    read_all(store, "a")

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("trick", "code", "word"),
    [
        (faulty.expired, "LF-1001", "ExpiredToken"),
        (faulty.skewed, "LF-1001", "clock"),
        (faulty.denied, "LF-1002", "AccessDenied"),
    ],
)
def test_a_refusal_in_the_middle_of_a_run_has_its_name(
    server: Faulty, trick: faulty.Trick, code: str, word: str
) -> None:
    server.objects["t/a"] = b"0123456789"
    server.tricks["t/a"] = [trick]

    with pytest.raises(FerryError) as caught:
        read_all(open_store("s3://bucket/t", server.options), "a")

    assert caught.value.code == code
    assert word in str(caught.value)


@pytest.mark.parametrize("mark", ["?sig=", "&sig=", "&amp;sig=", "&X-Amz-Signature="])
def test_what_signs_a_request_is_not_told_even_where_an_answer_repeats_its_address(
    mark: str,
) -> None:
    error = refusal("az://c/x", status=400, message=f"bad /c?sv=1{mark}c2VjcmV0%2Fx=&se=2 (400)")

    assert "c2VjcmV0" not in str(error)
    assert f"sv=1{mark}…&se=2" in error.what


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("KMS.DisabledException", "arn:aws:kms:us-east-1:111122223333:key/1 is disabled."),
        ("AccessDenied", "User: u is not authorized to perform: kms:GenerateDataKey on resource"),
    ],
)
def test_what_a_key_refuses_sends_a_person_to_the_key(code: str, message: str) -> None:
    error = refusal("s3://b/k", code=code, status=400, message=message)
    assert error.code == "LF-1002"
    assert error.next_step.startswith("the key of KMS must be enabled")
    assert "key" not in refusal("s3://b/k", code="AccessDenied", status=403).next_step
