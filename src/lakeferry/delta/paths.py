"""Paths of the log: URIs, percent-encoded once, relative to the table root or absolute.

They are decoded exactly once, to the key or file name that a store knows, and encoded only when a
new one is written into a log. Nothing here normalises Unicode or `%2F`: both name other files.

Source: Delta protocol, "Add File and Remove File"; RFC 2396, which Spark's URIs follow.
"""

import posixpath
import re
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc

from lakeferry.errors import FerryError

# A first segment with a colon (`a:b=1/part`) is no scheme: a scheme's colon has a slash behind it.
_ABSOLUTE = r"^(?:/|[a-zA-Z][a-zA-Z0-9+.\-]*:/)"
_IS_ABSOLUTE = re.compile(_ABSOLUTE)
_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.\-]*):/(.*)$", re.DOTALL)
# Spellings that name the same service.
_SCHEMES = {
    "s3a": "s3",
    "s3n": "s3",
    "abfs": "abfss",
    "wasb": "abfss",
    "wasbs": "abfss",
    "gcs": "gs",
    "swebhdfs": "hdfs",
    "webhdfs": "hdfs",
}
_COLLAPSING = frozenset({"file", "hdfs", "dbfs"})  # where `a//b` and `a/b` are one file


def is_absolute(path: str) -> bool:
    """Whether a path of the log stands for itself and not for something below the table root."""
    return _IS_ABSOLUTE.match(path) is not None


def decode(path: str) -> str:
    """The key or file name that a path of the log stands for. Raises LF-3106 if it is no UTF-8."""
    if "%" not in path:
        return path
    try:
        return unquote(path, errors="strict")
    except UnicodeDecodeError as error:
        raise FerryError(
            "LF-3106",
            f"the path `{path}` is not UTF-8 when it is percent-decoded",
            f"path: {path}",
            "rewrite the file at the source (OPTIMIZE, or copy its rows) under another name",
        ) from error


def encode(key: str) -> str:
    """The path to log for a relative key: percent-encoded once, so that `decode` gives it back."""
    encoded = quote(key, safe="/!$&'()*+,;=:@~-._")
    # A first segment that ends in a colon would read as a scheme.
    return encoded.replace(":", "%3A", 1) if is_absolute(encoded) else encoded


def safe_relative(path: str, root: str = "") -> str:
    """The decoded key of a relative path of the log of the table at `root` (for the message).

    Raises:
        FerryError LF-3106: a segment is empty, `.` or `..`, before or after decoding; the key
            would climb out of the table root, or name another file in each kind of store.
    """
    key = decode(path)
    if key == "" or any(segment in ("", ".", "..") for segment in key.split("/")):
        raise FerryError(
            "LF-3106",
            f"the path `{path}` is not a plain path below the table root",
            f"table: {root}, path: {path}",
            "the log was damaged or written by hand; remove the file from the source table",
        )
    return key


def canonical(url: str) -> str:
    """One spelling for all that name one place: `scheme://authority/path`, no trailing slash.

    Percent signs are kept as they are: a URL of the log stays encoded, one that a person wrote
    stays plain. Without a scheme it is a local path.
    """
    found = _SCHEME.match(url)
    scheme, rest = (found[1].lower(), "/" + found[2]) if found else ("file", url)
    scheme = _SCHEMES.get(scheme, scheme)
    authority = ""
    if rest.startswith("//") and not rest.startswith("///"):
        authority, _, rest = rest[2:].partition("/")
        rest = "/" + rest
    if rest.startswith("///"):
        rest = rest[2:]
    authority = _canonical_authority(scheme, authority)
    if scheme in _COLLAPSING:
        rest = re.sub("/{2,}", "/", rest)
    if scheme == "file":
        rest = posixpath.abspath(rest)
    return f"{scheme}://{authority}{rest}".rstrip("/")


def _canonical_authority(scheme: str, authority: str) -> str:
    authority = authority.lower()
    if scheme == "file" and authority == "localhost":
        return ""
    if scheme == "abfss":
        # One account answers under two endpoints; the log may name either.
        return re.sub(r"\.(?:dfs|blob)\.core\.windows\.net$", "", authority)
    return authority.removesuffix(":8020") if scheme == "hdfs" else authority


def canonical_key(path: str, root: str) -> str:
    """One spelling for every way to name a file in the log of the table at `root`.

    Args:
        path: as logged.
        root: `canonical` of the table root, not percent-encoded.

    Returns:
        The decoded path relative to the root if the file lies below it, else a canonical URL.
    """
    if not is_absolute(path):
        return decode(path)
    url = canonical(_with_scheme(decode(path), root))
    return url[len(root) + 1 :] if url.startswith(root + "/") else url


def _with_scheme(path: str, root: str) -> str:
    """An absolute path without a scheme lies in the file system of the table itself."""
    if not path.startswith("/") or not root:
        return path
    scheme, _, rest = root.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{path}"


def below(path: str, root: str) -> str | None:
    """The safe key of a logged path below `root` (a `canonical` URL); None: it lies elsewhere.

    Raises LF-3106 as `safe_relative` does.
    """
    if not is_absolute(path):
        return safe_relative(path, root)
    key = canonical_key(path, root)
    return None if is_absolute(key) else safe_relative(encode(key), root)


def canonical_paths(paths: pa.Array, root: str) -> pa.Array:
    """`canonical_key` for a whole column; only odd spellings cost time."""
    odd = pc.or_(pc.match_substring(paths, "%"), pc.match_substring_regex(paths, _ABSOLUTE))
    if not pc.any(odd).as_py():
        return paths
    plain = pa.array(
        [canonical_key(path, root) for path in paths.filter(odd).to_pylist()], pa.string()
    )
    return pc.replace_with_mask(paths, odd, plain)
