"""KPL aggregates written by hand in protobuf's wire format, and one that Amazon's KPL wrote."""

import base64
from collections.abc import Sequence
from hashlib import md5

MAGIC = b"\xf3\x89\x9a\xc2"

# Of a stream that Amazon QLDB filled through the KPL, 2021-02-09: two records under two keys.
# Published under the Apache License 2.0 by Amazon in aws-solutions/verifiable-controls-evidence-
# store, test of its StreamHelper. Copyright Amazon.com, Inc. or its affiliates.
QLDB_KEYS = (
    "fd26243b46675803668115013a2652aec29852fd1cf0483b8b924456c7fe650c",
    "efadcae416a32788078624ef8c4ef061c506c673f97ac1385945e9e132dd5446",
)
QLDB_ION = (b"\xe0\x01\x00\xea", 943, 899)  # Ion's version marker, and bytes of each record
QLDB = base64.b64decode(
    "84mawgpAZmQyNjI0M2I0NjY3NTgwMzY2ODExNTAxM2EyNjUyYWVjMjk4NTJmZDFjZjA0ODNiOGI5MjQ0NTZjN2ZlNjUw"
    "YwpAZWZhZGNhZTQxNmEzMjc4ODA3ODYyNGVmOGM0ZWYwNjFjNTA2YzY3M2Y5N2FjMTM4NTk0NWU5ZTEzMmRkNTQ0Nhq0"
    "BwgAGq8H4AEA6u4Cu4GD3gK2h74Cso1xbGRiU3RyZWFtQXJuinJlY29yZFR5cGWHcGF5bG9hZIxibG9ja0FkZHJlc3OI"
    "c3RyYW5kSWSKc2VxdWVuY2VOb410cmFuc2FjdGlvbklkjo5ibG9ja1RpbWVzdGFtcIlibG9ja0hhc2iLZW50cmllc0hh"
    "c2iOkXByZXZpb3VzQmxvY2tIYXNojo9lbnRyaWVzSGFzaExpc3SOj3RyYW5zYWN0aW9uSW5mb4pzdGF0ZW1lbnRziXN0"
    "YXRlbWVudIlzdGFydFRpbWWOj3N0YXRlbWVudERpZ2VzdIlkb2N1bWVudHOOljZXWHo5d2RhamlZN0s1dTZZd0dVTjSJ"
    "dGFibGVOYW1lh3RhYmxlSWSOkXJldmlzaW9uU3VtbWFyaWVzhGhhc2iKZG9jdW1lbnRJZN4E6oqO02Fybjphd3M6cWxk"
    "YjphcC1zb3V0aGVhc3QtMjo2MDIzOTA4MTIzOTY6c3RyZWFtL0F0dGVzdGF0aW9ucy9BWWo4Z1NJVWN4aUhpanNqRUtv"
    "YjMwi41CTE9DS19TVU1NQVJZjN4EgY3enI6OljBWd0dlSEQ3UTlMTDRIU0M1NWdEU3CPIQ6QjpY1cHhtejhGRDlBajhD"
    "Ymw1a3V2WHhQkWuAD+WCiYKQhsMA8pKuoP0mJDtGZ1gDZoEVATomUq7CmFL9HPBIO4uSRFbH/mUMk66gHMUhiiko+avf"
    "3tdmTdfrm5ZH6qiJr8YtKyfpotUPdZuUrqC9emhyqW0MlZm9oyd8DsTkH7K1FizH/9akdVHn3k3EJJW+AYiuoF1JThim"
    "7I3ZT+g/UdwIIPFEpKev6W1L6TLjQMGXZo4DrqDvrcrkFqMniAeGJO+MTvBhxQbGc/l6wThZRenhMt1URq6gRHqOtQ/d"
    "kVGFekATzwxlIz67YQjVstqYtDAqcJgwDd2uoIO7jXv1TQBw1yWBMr2V3eIbl+MmFYuKJ9X6K5z3DqCblt4Bgpe+z97N"
    "mI6aSU5TRVJUIElOVE8gYXR0ZXN0YXRpb25zID+Za4AP5YKJgpCGwwDLmq6gTUQRGkJxVzFJS1jUUgfABC0CgFqTlfZt"
    "GFkZyLU2hOab3q2c3qqdjGF0dGVzdGF0aW9uc56Olkt3bzZveHRHVWQxNHZIVWVwbTdPdlCXsSCfvr7evKCuoO+tyuQW"
    "oyeIB4Yk74xO8GHFBsZz+XrBOFlF6eEy3VRGoY6WNldYejl3ZGFqaVk3SzV1Nll3R1VONBqIBwgBGoMH4AEA6u4B7oGD"
    "3gHph74B5Y1xbGRiU3RyZWFtQXJuinJlY29yZFR5cGWHcGF5bG9hZIl0YWJsZUluZm+JdGFibGVOYW1lh3RhYmxlSWSI"
    "cmV2aXNpb26MYmxvY2tBZGRyZXNziHN0cmFuZElkinNlcXVlbmNlTm+EaGFzaIRkYXRhjWF0dGVzdGF0aW9uSWSLYXV0"
    "aG9yaXR5SWSLY29udGVudEhhc2iOj2NvbnRlbnRMb2NhdGlvbo6QY3JlYXRlZFRpbWVzdGFtcIh0YXJnZXRJZIlpbnB1"
    "dEhhc2iIbWV0YWRhdGGCaWSGdHhUaW1lhHR4SWTeBYuKjtNhcm46YXdzOnFsZGI6YXAtc291dGhlYXN0LTI6NjAyMzkw"
    "ODEyMzk2OnN0cmVhbS9BdHRlc3RhdGlvbnMvQVlqOGdTSVVjeGlIaWpzakVLb2IzMIuOkFJFVklTSU9OX0RFVEFJTFOM"
    "3gSejd6njoxhdHRlc3RhdGlvbnOPjpZLd282b3h0R1VkMTR2SFVlcG03T3ZQkN4D8JHenJKOljBWd0dlSEQ3UTlMTDRI"
    "U0M1NWdEU3CTIQ6UrqDvrcrkFqMniAeGJO+MTvBhxQbGc/l6wThZRenhMt1URpXeAuaWjqQ2OTM3NGYyNS01MjM0LTRh"
    "M2EtOTNlZi0yMGM3NGM0YTE5MDaXjqRmZTFmMzk2Mi00Y2VjLTRjNzYtYWNlOC02YzdjNWYyZmY2ZjGYjqxNTHBOa2pX"
    "d252bW10UEY3UHR1ZldTWXU0bHU5bWNuYmIyN3d1NFg3NWZFPZmOAYlodHRwczovL3MzLmFwLXNvdXRoZWFzdC0yLmFt"
    "YXpvbmF3cy5jb20vZmUxZjM5NjItNGNlYy00Yzc2LWFjZTgtNmM3YzVmMmZmNmYxL3NvbWUtdGFyZ2V0LTEyMy9NTHBO"
    "a2pXd252bW10UEY3UHR1ZldTWXU0bHU5bWNuYmIyN3d1NFg3NWZFPZqOmDIwMjEtMDItMDlUMDI6MTY6MDUuOTA4WpuO"
    "j3NvbWUtdGFyZ2V0LTEyM5yOrENtMXF1K2JtTFA1ZXRzL3FRMHpHY1dDWmRmSkh1WXFnTEwxTjFXOFFDY1k9nd7Bno6W"
    "NldYejl3ZGFqaVk3SzV1Nll3R1VONIUgn2uAD+WCiYKQhsMA8KCOljVweG16OEZEOUFqOENibDVrdXZYeFBeimRPRIln"
    "PH4+HCAdgvlJ"
)  # fmt: skip


def varint(number: int) -> bytes:
    """Seven bits a byte, lowest first; all but the last byte have the eighth bit."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: int | bytes) -> bytes:
    """One field: a varint, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def record(key: int, data: bytes, explicit: int | None = None, extra: bytes = b"") -> bytes:
    """A user record: index of its key, its bytes, maybe the index of its explicit hash key."""
    own = b"" if explicit is None else field(2, explicit)
    return field(3, field(1, key) + own + field(3, data) + extra)


def message(keys: Sequence[str], records: Sequence[bytes], hash_keys: Sequence[str] = ()) -> bytes:
    """The protobuf part."""
    tables = [field(1, key.encode()) for key in keys]
    tables += [field(2, key.encode()) for key in hash_keys]
    return b"".join([*tables, *records])


def sealed(body: bytes) -> bytes:
    """Magic, message, MD5."""
    return MAGIC + body + md5(body).digest()


def aggregate(pairs: Sequence[tuple[str, bytes]]) -> bytes:
    """Records of keys, as the KPL lays them out: each key once in its table."""
    keys = list(dict.fromkeys(key for key, _ in pairs))
    return sealed(message(keys, [record(keys.index(key), data) for key, data in pairs]))
