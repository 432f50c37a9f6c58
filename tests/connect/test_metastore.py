"""A metastore's connection: who asks is told, what is stale is replaced, silence is explained."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.metastore import UnknownMethod, ask
from lakeferry.errors import FerryError

Serve = Callable[[socket.socket], None]


@contextmanager
def serving(serve: Serve) -> Iterator[str]:
    """Serve each connection by `serve`, one after the other; the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with line:
                    serve(line)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"thrift://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def answered(line: socket.socket, kind: int, fields: thrift.Fields) -> tuple[str, thrift.Fields]:
    """Read one question and answer it so; what it was."""
    read = line.makefile("rb").read
    _, method, number, asked = thrift.read_message(read)
    line.sendall(thrift.message(kind, method, number, fields))
    return method, asked


def test_who_asks_is_told_before_the_first_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADOOP_USER_NAME", "etl")
    told: list[tuple[str, thrift.Fields]] = []

    def serve(line: socket.socket) -> None:
        told.append(answered(line, thrift.REPLY, {}))
        told.append(answered(line, thrift.REPLY, {0: thrift.texts(["default"])}))

    with serving(serve) as uri:
        assert ask(uri, "get_all_databases", {}, {}) == ["default"]

    assert [method for method, _ in told] == ["set_ugi", "get_all_databases"]
    assert told[0][1] == {1: thrift.text("etl"), 2: thrift.texts(["etl"])}


def test_a_connection_that_the_service_has_closed_meanwhile_is_made_anew() -> None:
    def serve(line: socket.socket) -> None:
        answered(line, thrift.REPLY, {})
        answered(line, thrift.REPLY, {0: thrift.texts(["default"])})

    with serving(serve) as uri:
        assert ask(uri, "get_all_databases", {}, {}) == ["default"]
        assert ask(uri, "get_all_databases", {}, {}) == ["default"]


def test_a_service_that_asks_for_kerberos_is_told_with_the_way_out() -> None:
    with (
        serving(lambda _: None) as uri,
        pytest.raises(FerryError, match="`auth: kerberos`") as silent,
    ):
        ask(uri, "get_all_databases", {}, {})

    assert silent.value.code == "LF-8105"


def test_a_method_that_the_service_does_not_know_is_for_the_caller() -> None:
    def serve(line: socket.socket) -> None:
        answered(line, thrift.REPLY, {})
        answered(line, thrift.EXCEPTION, {1: thrift.text("Invalid method name"), 2: thrift.i32(1)})

    with serving(serve) as uri, pytest.raises(UnknownMethod):
        ask(uri, "get_table_req", {}, {})


def test_a_service_that_fails_on_one_question_is_not_taken_for_one_of_kerberos() -> None:
    def serve(line: socket.socket) -> None:
        answered(line, thrift.REPLY, {})

    with serving(serve) as uri, pytest.raises(FerryError, match="look into its log") as silent:
        ask(uri, "create_database", {}, {})

    assert silent.value.code == "LF-8105"
