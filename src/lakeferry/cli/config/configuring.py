"""What `config check | show | schema | iam` do."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import orjson

from lakeferry.cli import json_lines
from lakeferry.cli.config.manifest_answers import (
    checked_lines,
    counts,
    resolved_rows,
    row_lines,
    tree_body,
    tree_lines,
)
from lakeferry.cli.manifest_flags import ManifestFlags, read
from lakeferry.cli.render import Screen, marks
from lakeferry.config.schema import schema as manifest_schema
from lakeferry.errors import FerryError
from lakeferry.events import Warned

if TYPE_CHECKING:
    from lakeferry.config.manifest import Manifest
    from lakeferry.connect.aws import AwsAccess
    from lakeferry.monitor.run import MonitorRequest

OK = 0
# Characters of a customer managed policy, blanks not counted; IAM User Guide, "Quotas".
MOST_POLICY = 6_144


def check(chosen: ManifestFlags, *, screen: Screen) -> int:
    """Say that all is well, and what there is; the faults are raised."""
    found = read(chosen, is_needed=True)
    manifest = found.manifest
    _refuse_inside(manifest)
    body = {"file": manifest.file, "sha256": manifest.sha256, "counts": counts(manifest)}
    for note in _notes(manifest):
        screen.event(note)
    screen.result(checked_lines(manifest, marks(sys.stdout)), body)
    return OK


def _refuse_inside(manifest: "Manifest") -> None:
    """Raises LF-2103 where a migration, if it is a whole one, lands in one of its sources."""
    from lakeferry.fleet.manifest.apart import refuse_inside
    from lakeferry.fleet.manifest.wanted_problems import missing_problems
    from lakeferry.fleet.manifest.wanted_values import migration_of

    if not [*missing_problems(manifest)]:
        refuse_inside(migration_of(manifest))


def _notes(manifest: "Manifest") -> Iterator[Warned]:
    """What is no fault and yet worth a look."""
    from lakeferry.fleet.manifest.unread import unread_keys

    found = [*unread_keys(manifest.root)]
    if manifest.root.get("limits", "windows") is not None:
        from lakeferry.fleet.manifest.time_problems import window_notes

        found += window_notes(manifest.root, datetime.now(UTC).date())
    for one in found:
        yield Warned("", one.code, f"{one.place}  {one.what}", one.next_step)


def show(
    chosen: ManifestFlags, *, screen: Screen, resolved: bool, select: str | None = None
) -> int:
    """The manifest after profile and `--set`; with `resolved` each value's origin.

    With `select` what holds for that source or table, whichever level says it.
    """
    manifest = read(chosen, is_needed=True).manifest
    if select is not None:
        return _show_one(manifest, select, screen)
    root = manifest.root
    body = {"file": manifest.file, "sha256": manifest.sha256, "manifest": tree_body(root)}
    lines = tree_lines(root)
    if resolved:
        rows = resolved_rows(root)
        body["values"] = _values(rows)
        lines = row_lines(rows)
    screen.result(lines, body)
    return OK


def _show_one(manifest: "Manifest", name: str, screen: Screen) -> int:
    from lakeferry.cli.config.wanted_answers import wanted_rows

    rows = wanted_rows(manifest, name)
    body = {"file": manifest.file, "select": name, "values": _values(rows)}
    screen.result(row_lines(rows), body)
    return OK


def _values(rows: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [dict(zip(("path", "value", "from"), row, strict=True)) for row in rows]


def schema(*, screen: Screen, events: bool) -> int:
    """A JSON Schema on stdout."""
    made = json_lines.schema() if events else manifest_schema()
    text = orjson.dumps(made, option=orjson.OPT_INDENT_2).decode()
    screen.result([text], {"schema_of": made["$id"], "json_schema": made})
    return OK


def iam(
    request: "MonitorRequest",
    step: Literal["plan", "apply", "destroy", "watch", "tags", "tags-fix", "failback", "failover"],
    *,
    account: str | None,
    reads: Sequence[str],
    screen: Screen,
) -> int:
    """The least policy on stdout."""
    from lakeferry.monitor.iam import least_policy
    from lakeferry.monitor.nat.move_rights import move_policy
    from lakeferry.monitor.tags.rights import tag_policy

    check_account(account)
    settings = replace(request.settings, account=account_said(account, request.access))
    roles = tuple(one.role for one in request.scope.beyond)
    if step == "tags" or step == "tags-fix":  # noqa: PLR1714 - types follow this form alone
        policy = tag_policy(settings, fix=step == "tags-fix", roles=roles)
    elif step == "failback" or step == "failover":  # noqa: PLR1714 - likewise
        policy = move_policy(settings, step, roles)
    else:
        policy = least_policy(settings, step, log_groups=reads, roles=roles)
    show_policy(policy, {"for": "monitor", "step": step}, screen)
    return OK


def check_account(account: str | None) -> None:
    """Raises LF-2001 for what is no account."""
    if account is not None and re.fullmatch("[0-9]{12}", account) is None:
        raise FerryError(
            "LF-2001", f"--account `{account}` is no account", "on the command line",
            "write 12 digits",
        )  # fmt: skip


def account_said(account: str | None, access: "AwsAccess") -> str:
    """The 12 digits of --account, else those of who asks.

    Raises:
        FerryError: as `account_of`; that the account can be said is its next step, for whoever
            writes a policy need not be at AWS.
    """
    from lakeferry.connect.aws import account_of

    try:
        return account or account_of(access)
    except FerryError as error:
        step = f"say whose policy it is: --account 111122223333; or {error.next_step}"
        raise FerryError(error.code, error.what, error.where, step) from error


def show_policy(policy: Mapping[str, Any], about: Mapping[str, str], screen: Screen) -> None:
    """A policy on stdout, and a word where it is longer than a managed one may be."""
    if len(orjson.dumps(policy)) > MOST_POLICY:
        screen.say(
            f"- a managed policy has at most {MOST_POLICY:,} characters: attach this one to the "
            "role itself, or split its statements over two"
        )
    text = orjson.dumps(policy, option=orjson.OPT_INDENT_2).decode()
    screen.result([text], {**about, "policy": policy})
