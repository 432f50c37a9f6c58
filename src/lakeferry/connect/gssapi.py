"""Kerberos by the system's GSSAPI library: a context with a service, its tokens, wrapped bytes.

The library is the one that the HDFS client loads, too; who we are comes from the ticket cache
(`kinit`), or from the keytab that KRB5_CLIENT_KTNAME names.

Source: RFC 2744, Generic Security Service API, C-bindings.
"""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint32, c_void_p
from functools import cache
from typing import Any

MUTUAL, REPLAY, SEQUENCE, CONFIDENTIAL, INTEGRITY = 2, 4, 8, 16, 32
_WANTED = MUTUAL | REPLAY | SEQUENCE | CONFIDENTIAL | INTEGRITY
_CONTINUE = 1
_FAILED = 0xFFFF_0000  # bits of a status that say so
_GSS, _MECHANISM = 1, 2  # kinds of a status


class GssFailed(Exception):
    """What the library says."""


class _Buffer(ctypes.Structure):
    _fields_ = (("length", c_size_t), ("value", c_void_p))

    @classmethod
    def of(cls, data: bytes) -> "_Buffer":
        return cls(len(data), ctypes.cast(c_char_p(data), c_void_p))


class Context:
    """A context with one service on one host, as whoever has a ticket."""

    def __init__(self, service: str, host: str) -> None:
        self._gss = _library()
        self._context = c_void_p()
        self._name = c_void_p()
        self.is_complete = False
        kind = c_void_p.in_dll(self._gss, "GSS_C_NT_HOSTBASED_SERVICE")
        data = f"{service}@{host}".encode()
        minor = c_uint32()
        self._check(
            self._gss.gss_import_name(
                byref(minor), byref(_Buffer.of(data)), kind, byref(self._name)
            ),
            minor,
        )

    def step(self, token: bytes) -> bytes:
        """Take the service's token, b'' at first, and give ours; b'': there is none."""
        minor, given, made = c_uint32(), _Buffer.of(token), _Buffer()
        major = self._gss.gss_init_sec_context(
            byref(minor), None, byref(self._context), self._name, None, _WANTED, 0, None,
            byref(given) if token else None, None, byref(made), None, None,
        )  # fmt: skip
        self._check(major, minor)
        self.is_complete = not major & _CONTINUE
        return self._taken(made)

    def wrap(self, data: bytes, *, secret: bool) -> bytes:
        minor, given, made, state = c_uint32(), _Buffer.of(data), _Buffer(), c_int()
        major = self._gss.gss_wrap(
            byref(minor), self._context, int(secret), 0, byref(given), byref(state), byref(made)
        )
        self._check(major, minor)
        return self._taken(made)

    def unwrap(self, data: bytes) -> bytes:
        minor, given, made = c_uint32(), _Buffer.of(data), _Buffer()
        major = self._gss.gss_unwrap(
            byref(minor), self._context, byref(given), byref(made), None, None
        )
        self._check(major, minor)
        return self._taken(made)

    def _taken(self, made: _Buffer) -> bytes:
        """Its bytes, copied; the library's are given back."""
        data = ctypes.string_at(made.value, made.length) if made.value else b""
        self._gss.gss_release_buffer(byref(c_uint32()), byref(made))
        return data

    def _check(self, major: int, minor: c_uint32) -> None:
        if not major & _FAILED:
            return
        said = [self._told(major, _GSS), self._told(minor.value, _MECHANISM)]
        raise GssFailed(": ".join(one for one in said if one))

    def _told(self, status: int, kind: int) -> str:
        made, more = _Buffer(), c_uint32()
        self._gss.gss_display_status(
            byref(c_uint32()), status, kind, None, byref(more), byref(made)
        )
        return self._taken(made).decode(errors="replace")


@cache
def _library() -> Any:
    """Raises GssFailed where the system has none."""
    try:
        gss = ctypes.CDLL("libgssapi_krb5.so.2")
    except OSError as error:
        raise GssFailed(f"{error}; on Debian: apt-get install libgssapi-krb5-2") from error
    pointers = POINTER(c_uint32)
    buffers = POINTER(_Buffer)
    shapes: dict[str, list[Any]] = {
        "gss_import_name": [pointers, buffers, c_void_p, POINTER(c_void_p)],
        "gss_init_sec_context": [
            pointers, c_void_p, POINTER(c_void_p), c_void_p, c_void_p, c_uint32, c_uint32, c_void_p,
            buffers, c_void_p, buffers, c_void_p, c_void_p,
        ],
        "gss_wrap": [pointers, c_void_p, c_int, c_uint32, buffers, POINTER(c_int), buffers],
        "gss_unwrap": [pointers, c_void_p, buffers, buffers, c_void_p, c_void_p],
        "gss_display_status": [pointers, c_uint32, c_int, c_void_p, pointers, buffers],
        "gss_release_buffer": [pointers, buffers],
    }  # fmt: skip
    for name, arguments in shapes.items():
        function = getattr(gss, name)
        function.argtypes, function.restype = arguments, c_uint32
    return gss
