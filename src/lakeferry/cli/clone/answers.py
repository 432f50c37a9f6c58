"""Reports of clones and verifications as lines for people. Pure."""

import sys
from typing import TYPE_CHECKING

from lakeferry.cli.render import marks, took
from lakeferry.cli.units import counted, duration_text, size_text
from lakeferry.clone.report import CloneReport
from lakeferry.verify.report import VerifyReport

if TYPE_CHECKING:
    from lakeferry.verify.offsets import OffsetsReport


def clone_lines(report: CloneReport) -> list[str]:
    """A clone's answer for people."""
    ok = marks(sys.stdout)["ok"]
    holds = f"version {report.target_version} of the target holds source version"
    if report.dry_run:
        return [
            f"  would copy {counted(report.files_copied, 'file')}, "
            f"{size_text(report.bytes_copied)}, and remove {report.num_removed_files:,} from the "
            f"state; source version {report.source_version}, "
            f"{counted(report.source_num_of_files, 'file')}, {size_text(report.source_table_size)}",
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
        f"    copied: {counted(report.files_copied, 'file')}, "
        f"{size_text(report.bytes_copied)}{present}; removed from the state: "
        f"{report.num_removed_files:,}; commits: {report.commits}",
        f"    kept: {report.kept}",
    ]
    if report.not_kept:
        lines.append(f"    not kept: {report.not_kept}")
    if report.extras:
        shown = ", ".join(report.extras[:3])
        lines.append(f"    carried byte for byte: {len(report.extras)} beside the log: {shown}")
    return lines


def verify_lines(report: VerifyReport) -> list[str]:
    """A verification's answer for people: never "verified" without its strength."""
    sign = marks(sys.stdout)["ok" if report.equal else "error"]
    word = "equal" if report.equal else "DIFFERENT"
    lines = [
        f"  {sign} {word}, strength {report.strength}: version {report.target_version} of the "
        f"target and source version {report.source_version}, {counted(report.files, 'file')}, "
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


def offset_lines(report: "OffsetsReport") -> list[str]:
    """What a verification of positions found, for people."""
    sign = marks(sys.stdout)["ok" if report.right else "error"]
    word = "each record once" if report.right else "NOT RIGHT"
    lines = [
        f"  {sign} {word}, as far as the table shows: version {report.version}  "
        f"{duration_text(report.seconds)}"
    ]
    for one in report.ingests:
        lines.append(
            f"    `{one.name}` of stream {one.stream}: epoch {one.epoch}, "
            f"{counted(one.shards, 'shard')}, {counted(one.records, 'record')} read; "
            f"{counted(one.commits, 'commit')} in the log, {one.with_positions:,} with positions"
        )
        lines += [
            f"    gap: {gap.shard_id}, {(gap.until_ms - gap.since_ms) / 3_600_000:,.1f} h of "
            "records went out of retention unread, which was accepted"
            for gap in one.gaps
        ]
    if report.rows is not None:
        others = f", {report.strangers:,} of other writers" if report.strangers else ""
        lines.append(f"    rows {report.rows:,} of {report.records:,} records{others}")
    lines += [f"    {finding.check}: {finding.what}" for finding in report.findings]
    if report.not_seen:
        lines.append(f"    not seen: {'; '.join(report.not_seen)}")
    return lines
