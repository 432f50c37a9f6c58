"""What is wrong with `connections`, and with the places that name one. Pure."""

from collections.abc import Iterator

from lakeferry.config.check import nearest
from lakeferry.config.leaf_values import entries_at, text_at
from lakeferry.config.manifest import Manifest
from lakeferry.config.problems import Problem
from lakeferry.config.references import references
from lakeferry.config.tree import Value
from lakeferry.connect.connection import OPTIONS
from lakeferry.fleet.manifest.links import AUTHS, BY_PATH, KEYS, LINK_OF, STORE_OF
from lakeferry.fleet.manifest.wanted_values import kind_of_root

# What each way to sign in cannot do without.
_NEEDS = {
    ("azure", "service-principal"): ("tenant", "client", "secret"),
    ("databricks", "oauth-m2m"): ("client", "secret"),
    ("databricks", "token"): ("token",),
}
_CATALOG_LINKS = {"unity": "databricks", "glue": "aws"}


def link_problems(manifest: Manifest) -> Iterator[Problem]:
    """Every fault of `connections`, and of what target and catalog say of them."""
    root = manifest.root
    for name, link in entries_at(root, "connections").items():
        kind = text_at(link, "kind") or ""
        yield from _keys(name, kind, link)
        yield from _sign_in(name, kind, link)
        yield from _options(name, kind, link)
    yield from _target(root)
    yield from _catalog(root)


def wrong_link(root: Value, named: Value, at: str, wanted: str | None) -> Iterator[Problem]:
    """What is wrong with a place that names a connection, which shall be of kind `wanted`."""
    links = entries_at(root, "connections")
    found = links.get(named.text)
    if found is None:
        if references(named.text):
            return
        what = f"{at}: there is no connection `{named.text}`"
        step = nearest(named.text, links) if links else "add it to `connections`"
        yield Problem("LF-2001", named.place, what, step)
        return
    kind = text_at(found, "kind")
    if wanted is not None and kind != wanted:
        fitting = [name for name, one in links.items() if text_at(one, "kind") == wanted]
        what = f"{at}: `{named.text}` is of kind {kind}, where {wanted} is wanted"
        step = f"known: {', '.join(fitting)}" if fitting else f"add one of kind {wanted}"
        yield Problem("LF-2001", named.place, what, step)
    elif wanted == "databricks" and found.get("host") is None:
        what = f"connections.{named.text}.host is missing: {at} asks a workspace"
        yield Problem("LF-2001", found.place, what, "add `host:`, the URL of the workspace")


def _keys(name: str, kind: str, link: Value) -> Iterator[Problem]:
    known = KEYS.get(kind, {})
    for key, entry in link.entries.items():
        if key not in ("kind", "auth", "options") and key not in known:
            what = f"connections.{name}.{key}: {kind} has none"
            step = f"known: {', '.join(known)}" if known else "remove it"
            yield Problem("LF-2001", entry.place, what, step)
    for key in BY_PATH:
        value = link.get(key)
        if value is not None and not value.text.startswith("${file:"):
            what = f"connections.{name}.{key}: it is read as a file"
            yield Problem("LF-2001", value.place, what, "write ${file:PATH}")


def _sign_in(name: str, kind: str, link: Value) -> Iterator[Problem]:
    auth = link.get("auth")
    ways = AUTHS.get(kind, ())
    if auth is not None and auth.text not in ways:
        what = f"connections.{name}.auth: {kind} has no `{auth.text}`"
        yield Problem("LF-2001", auth.place, what, f"known: {', '.join(ways)}")
        return
    for key in _NEEDS.get((kind, auth.text if auth is not None else ""), ()):
        if link.get(key) is None:
            what = f"connections.{name}.{key} is missing"
            step = f"add `{key}:`, which `auth: {auth.text if auth else ''}` needs"
            yield Problem("LF-2001", link.place, what, step)
    if kind == "azure" and link.get("secret") is not None:
        for key in ("tenant", "client"):
            if link.get(key) is None and auth is None:
                what = f"connections.{name}.{key} is missing"
                yield Problem("LF-2001", link.place, what, f"add `{key}:` of the secret's owner")


def _options(name: str, kind: str, link: Value) -> Iterator[Problem]:
    known = OPTIONS.get(STORE_OF.get(kind, ""), {})
    given = link.get("options")
    for key, entry in (given.entries if given is not None else {}).items():
        if key not in known:
            what = f"connections.{name}.options.{key}: {kind} has none"
            step = nearest(key, known) if known else "remove it"
            yield Problem("LF-2001", entry.place, what, step)


def _target(root: Value) -> Iterator[Problem]:
    address, link = root.get("target", "root"), root.get("target", "connection")
    if address is None or address.text.startswith("${"):
        return
    kind = kind_of_root(address.text)
    if kind is None:
        what = f"target.root: `{address.text}` is no address of a store"
        step = "begin it with s3://, abfss://, gs://, hdfs://, file: or /"
        yield Problem("LF-2104", address.place, what, step)
    elif link is not None and link.text in entries_at(root, "connections"):
        yield from wrong_link(root, link, "target.connection", LINK_OF[kind])


def _catalog(root: Value) -> Iterator[Problem]:
    catalog = root.get("target", "catalog")
    kind = text_at(catalog, "kind") if catalog is not None else None
    if catalog is None or kind in (None, "none"):
        return
    link, uri = catalog.get("connection"), catalog.get("uri")
    if link is not None:
        wanted = _CATALOG_LINKS.get(kind or "")
        yield from wrong_link(root, link, "target.catalog.connection", wanted)
    if kind == "hive" and uri is None:
        step = "add `uri: thrift://host:9083`"
        yield Problem("LF-2001", catalog.place, "target.catalog.uri is missing", step)
    if kind == "unity" and link is None and uri is None:
        step = "add `connection:` of kind databricks, or `uri:`"
        yield Problem("LF-2001", catalog.place, "target.catalog.connection is missing", step)
    if kind == "unity" and catalog.get("catalog") is None:
        step = "add `catalog:`, its name in Unity Catalog"
        yield Problem("LF-2001", catalog.place, "target.catalog.catalog is missing", step)
