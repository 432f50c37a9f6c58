"""A Hive metastore by its thrift service: one question at a time over each of a few connections.

`thrift://host:9083`, binary protocol over a plain socket, or within SASL where the service asks for
Kerberos. Without Kerberos who asks is told by `set_ugi`, as Hive's own clients do:
$HADOOP_USER_NAME, or the user of this process.

Source: Hive, hive_metastore.thrift; HiveMetaStoreClient.
"""

import getpass
import os
import socket
from collections.abc import Mapping
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from lakeferry.connect import thrift_form as thrift
from lakeferry.connect.gssapi import GssFailed
from lakeferry.connect.sasl import Framed, Refused
from lakeferry.errors import FerryError

CONNECT_S = 10.0
ANSWER_S = 300.0  # a listing of a million partitions takes the service minutes
UNKNOWN_METHOD = 1  # of TApplicationException
Fields = thrift.Fields


class UnknownMethod(Exception):
    """The service is of a version that has no such method."""


class Declared(Exception):
    """An exception that the method declares: NoSuchObjectException, MetaException, ..."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message


class _Line:
    """One connection."""

    def __init__(self, uri: str, service: str) -> None:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        self._socket = socket.create_connection((host, parts.port), CONNECT_S)
        self._socket.settimeout(ANSWER_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")
        self._number = 0
        self.has_answered = False
        self._framed = Framed(self._socket, self._read, service, host) if service else None

    def ask(self, method: str, arguments: Fields) -> tuple[int, Fields]:
        """Kind of the answer, and the fields of it."""
        self._number += 1
        message = thrift.message(thrift.CALL, method, self._number, arguments)
        if self._framed is None:
            self._socket.sendall(message)
        else:
            self._framed.write(message)
        read = self._read if self._framed is None else self._framed.read
        kind, said, number, fields = thrift.read_message(read)
        if (said, number) != (method, self._number):
            raise thrift.NotThrift(f"it answers `{said}` {number}")
        self.has_answered = True
        return kind, fields

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def _read(self, count: int) -> bytes:
        data = self._answers.read(count)
        if len(data) < count:
            raise EOFError
        return data


def user() -> str:
    """As whom we ask."""
    return os.environ.get("HADOOP_USER_NAME") or getpass.getuser()


def ask(
    uri: str, method: str, arguments: Fields, raises: Mapping[int, str], *, service: str = ""
) -> Any:
    """The value that a method returns; None where it returns nothing.

    Args:
        arguments: by their numbers.
        raises: names of the exceptions that it declares, by the numbers in its result.
        service: the first part of its Kerberos principal, 'hive'; '': it asks for no Kerberos.

    Raises:
        Declared: one of those.
        UnknownMethod: the service has no such method.
        FerryError: LF-8105 where nobody answers, LF-8106 for an answer that no method declares.

    A connection that has been idle may have been closed by the service, so the question is asked
    once more over a new one: all our questions may be asked twice.
    """
    idle = _idle(uri, service)
    while True:
        try:
            line, is_new = idle.get_nowait(), False
        except Empty:
            line, is_new = _opened(uri, service), True
        try:
            kind, fields = line.ask(method, arguments)
        except (OSError, EOFError, thrift.NotThrift) as error:
            line.close()
            if not is_new and not isinstance(error, TimeoutError):
                continue
            raise _silent(uri, method, error, known=line.has_answered) from error
        idle.put(line)
        return _returned(uri, method, kind, fields, raises)


@cache
def _idle(uri: str, service: str) -> "SimpleQueue[_Line]":  # noqa: ARG001 - one for each
    """Connections that nobody uses at the moment."""
    return SimpleQueue()


def _opened(uri: str, service: str) -> _Line:
    try:
        line = _Line(uri, service)
    except (GssFailed, Refused) as error:
        raise _not_taken(uri, service, str(error)) from error
    except (OSError, EOFError) as error:
        raise _silent(uri, "connect", error) from error
    if service:
        return line
    me: Fields = {1: thrift.text(user()), 2: thrift.texts([user()])}
    try:
        line.ask("set_ugi", me)  # an answer that refuses it does not matter: others will
    except (OSError, EOFError, thrift.NotThrift) as error:
        line.close()
        raise _silent(uri, "set_ugi", error) from error
    return line


def _returned(uri: str, method: str, kind: int, fields: Fields, raises: Mapping[int, str]) -> Any:
    if kind == thrift.EXCEPTION:
        said = thrift.value(fields, 1, "")
        if thrift.value(fields, 2, 0) == UNKNOWN_METHOD:
            raise UnknownMethod(method)
        raise FerryError(
            "LF-8106",
            f"the metastore failed in `{method}`: {' '.join(said.split())[:300]}",
            uri,
            "look into its log for the cause, then run the same command again",
        )
    for number, name in raises.items():
        if number in fields:
            raise Declared(name, " ".join(thrift.value(fields[number].value, 1, "").split()))
    return thrift.value(fields, 0, None)


def _silent(uri: str, method: str, error: BaseException, *, known: bool = False) -> FerryError:
    """`known`: it has answered other questions before."""
    said = str(error) or type(error).__name__
    if known and isinstance(error, EOFError | ConnectionError):
        said = "it closed the connection instead of an answer"
        step = "it failed on this request: look into its log, mend that, and run it again"
    elif isinstance(error, EOFError | ConnectionResetError | thrift.NotThrift):
        said = str(error) or "it closed the connection"
        step = (
            "if it asks for Kerberos, give the source a connection with `auth: kerberos`, and if "
            "it does not, one without; behind TLS it cannot be asked: let the source be listed by "
            "its paths (`from: {catalog: paths}`)"
        )
    else:
        step = "see that this machine reaches the host and port, and that the service runs"
    return FerryError(
        "LF-8105", "the Hive metastore does not answer", f"{said}; {uri}, {method}", step
    )


def _not_taken(uri: str, service: str, said: str) -> FerryError:
    return FerryError(
        "LF-8104",
        f"no ticket of Kerberos opens the Hive metastore: {said[:300]}",
        f"service {service}@{urlsplit(uri).hostname}; {uri}",
        "get a ticket (`kinit`), or name a keytab: KRB5_CLIENT_KTNAME=FILE; name the metastore by "
        "the host that its principal has",
    )
