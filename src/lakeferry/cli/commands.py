"""What each command does with its parsed arguments: call a door, show its answer."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Event as Flag
from typing import Any

import orjson

from lakeferry.cli import json_lines
from lakeferry.cli.render import Screen, marks, took
from lakeferry.cli.units import duration_text, size_text
from lakeferry.clone import run
from lakeferry.clone.report import CloneReport, VerifyReport

OK, FAILED, LOOK = 0, 1, 3


def clone(
    source: str,
    target: str,
    options: Mapping[str, Any],
    *,
    screen: Screen,
    stop: Flag,
    verify: str | None,
    interval_s: float | None,
) -> int:
    """Clone once, or until stopped where `interval_s` is given."""
    while True:
        report = run.clone(source, target, **options, on_event=screen.event, stop=stop)
        lines, body = clone_lines(report), json_lines.clone_summary(report)
        code = OK
        if verify is not None and not report.dry_run:
            proof = run.verify(
                source,
                target,
                strength=verify,
                on_event=screen.event,
                **{
                    name: options[name]
                    for name in ("jobs", "map_prefix", "source_options", "target_options")
                },
            )
            lines += [f"  {line}" for line in verify_lines(proof)]
            body["verified"] = json_lines.verify_summary(proof)
            code = OK if proof.equal else LOOK
        screen.result(lines, body)
        if interval_s is None or code != OK:
            return code
        if stop.wait(interval_s):
            return OK


def clone_lines(report: CloneReport) -> list[str]:
    """A clone's answer for people."""
    ok = marks(sys.stdout)["ok"]
    holds = f"version {report.target_version} of the target holds source version"
    if report.dry_run:
        return [
            f"  would copy {report.files_copied:,} files, {size_text(report.bytes_copied)}, and "
            f"remove {report.num_removed_files:,} from the state; source version "
            f"{report.source_version}, {report.source_num_of_files:,} files, "
            f"{size_text(report.source_table_size)}",
            f"    keeps: {report.kept}",
            f"    does not keep: {report.not_kept}",
            "  nothing was written",
        ]
    if report.up_to_date:
        seconds = duration_text(report.seconds)
        return [f"  {ok} up to date  {holds} {report.source_version}  {seconds}"]
    present = f", {report.files_present:,} were there already" if report.files_present else ""
    lines = [
        f"  {ok} cloned  {holds} {report.source_version}  "
        f"{took(report.seconds, report.bytes_copied)}",
        f"    copied: {report.files_copied:,} files, {size_text(report.bytes_copied)}{present}; "
        f"removed from the state: {report.num_removed_files:,}; commits: {report.commits}",
        f"    kept: {report.kept}",
        f"    not kept: {report.not_kept}",
    ]
    if report.extras:
        shown = ", ".join(report.extras[:3])
        lines.append(f"    carried byte for byte: {len(report.extras)} beside the log: {shown}")
    return lines


def verify(source: str, target: str, options: Mapping[str, Any], *, screen: Screen) -> int:
    """Verify; exit 3 where anything differs."""
    report = run.verify(source, target, **options, on_event=screen.event)
    screen.result(verify_lines(report), json_lines.verify_summary(report))
    return OK if report.equal else LOOK


def verify_lines(report: VerifyReport) -> list[str]:
    """A verification's answer for people: never "verified" without its strength."""
    sign = marks(sys.stdout)["ok" if report.equal else "error"]
    word = "equal" if report.equal else "DIFFERENT"
    lines = [
        f"  {sign} {word}, strength {report.strength}: version {report.target_version} of the "
        f"target and source version {report.source_version}, {report.files:,} files, "
        f"{size_text(report.bytes_read)} read  {duration_text(report.seconds)}"
    ]
    if report.rows is not None:
        same = "=" if report.source_digest == report.target_digest else "≠"
        lines.append(
            f"    rows {report.rows:,}  digest {report.source_digest} {same} {report.target_digest}"
        )
    lines += [f"    {finding.check}: {finding.what}" for finding in report.findings]
    if report.not_seen:
        lines.append(f"    not seen at this strength: {'; '.join(report.not_seen)}")
    return lines


def explain(thing: str, version: int | None, options: Mapping[str, str], *, screen: Screen) -> int:
    """A table, an error code, or the schema of `--json`."""
    if thing == "events":
        text = orjson.dumps(json_lines.schema(), option=orjson.OPT_INDENT_2).decode()
        screen.result([text], {"type": "explanation", "schema": json_lines.schema()})
        return OK
    from lakeferry import explain as door

    if thing.upper().startswith("LF-"):
        kind = door.explain_code(thing.upper())
        lines = [f"{thing.upper()}  {kind.title}  (exit {kind.exit_code})", kind.explanation]
        screen.result(lines, {"type": "explanation", "code": thing.upper(), **asdict(kind)})
        return OK
    table = door.explain_table(thing, options=options, version=version)
    body = {"type": "explanation", **json_lines.plain(asdict(table))}
    screen.result(door.explanation_lines(table), body)
    return OK


def doctor(
    source: str,
    target: str | None,
    options: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    strict: bool,
    screen: Screen,
) -> int:
    """Try it; exit 1 on a blocker, with `strict` 3 on a warning."""
    from lakeferry.doctor import examine

    signs = marks(sys.stdout)
    checks = examine(
        source, target, source_options=options[0], target_options=options[1], emit=screen.event
    )
    for check in checks:
        sign = signs[{"ok": "ok", "warning": "warning", "blocker": "error"}[check.outcome]]
        lines = [f"  {sign} {check.name:<12} {check.what}"]
        if check.next_step:
            lines.append(f"      next: {check.next_step}")
        screen.result(lines, {"type": "check", **json_lines.plain(asdict(check))})
    blockers = sum(check.outcome == "blocker" for check in checks)
    warnings = sum(check.outcome == "warning" for check in checks)
    screen.result(
        [f"  {blockers} blockers, {warnings} warnings"],
        {"blockers": blockers, "warnings": warnings},
    )
    if blockers:
        return FAILED
    return LOOK if strict and warnings else OK


def demo(folder: str, *, fast: bool, screen: Screen) -> int:
    """Run the demo; its steps are printed as they end."""
    from lakeferry.demo.run import demo as door

    report = door(Path(folder), emit=screen.event, fast=fast)
    for step in report.steps:
        screen.result(
            [f"  {step.elapsed_s:4.0f} s  {step.text}"],
            {"type": "step", "name": step.text, "seconds": round(step.elapsed_s, 3)},
        )
    screen.result([f"  everything is in {folder}: see RESULTS.md"], {"folder": folder})
    return OK
