"""What `monitor tags` does: look, show, ask, mend, show."""

import sys
from threading import Event as Flag

from lakeferry.cli.columns import screen_width
from lakeferry.cli.monitor import tag_answers
from lakeferry.cli.monitor.monitoring import confirm
from lakeferry.cli.render import Screen, marks
from lakeferry.errors import FerryError
from lakeferry.events import Emit
from lakeferry.monitor.tags import run as tags
from lakeferry.monitor.tags.run import TagReport, TagRequest


def look(request: TagRequest, *, screen: Screen, emit: Emit, verbose: bool) -> int:
    """Show what bears the tags, and what their absence costs. Exit 3 where something lacks."""
    report = tags.look(request, emit=emit)
    _show(report, screen, verbose=verbose)
    screen.result(tag_answers.step_lines(report.audit, screen_width()), {})
    return report.exit_code


def mend(
    request: TagRequest, *, screen: Screen, emit: Emit, stop: Flag, verbose: bool, yes: bool
) -> int:
    """Put what lacks, once a person has said so.

    Exit 1 where something was refused, 3 where something is left that asks for a word.
    """
    report = tags.look(request, emit=emit)
    work = report.audit.work
    if work and not yes:
        confirm(
            f"tag {len(work)} of them?",
            lambda: _show(report, screen, verbose=verbose),
            next_step="give --yes",
        )
    else:
        _show(report, screen, verbose=verbose)
    done = tags.mend(request, report, emit=emit, stop=stop)
    lines = tag_answers.mended_lines(done, marks(sys.stdout), screen_width())
    screen.result(lines, tag_answers.mended_body(done))
    for one in (*done.done, *done.failed):
        screen.result([], tag_answers.put_body(one))
    if done.stopped:
        raise KeyboardInterrupt
    if done.failed:
        screen.error(_refused(done.failed[0].fault, len(done.failed), len(done.done)))
    return done.exit_code


def _refused(first: str, failed: int, done: int) -> FerryError:
    return FerryError(
        "LF-6422",
        f"{failed} of {failed + done} were not tagged",
        first,
        "mend what the message names, then run the same command again: what is right is left alone",
    )


def _show(report: TagReport, screen: Screen, *, verbose: bool) -> None:
    lines = tag_answers.tag_lines(report, marks(sys.stdout), screen_width(), verbose=verbose)
    screen.result(lines, tag_answers.tag_body(report))
    for wrong in report.audit.wrong:
        screen.result([], tag_answers.audited_body(wrong))
    for other in report.audit.elsewhere:
        screen.result([], tag_answers.elsewhere_body(other))
