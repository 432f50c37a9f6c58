"""What `monitor discover | plan | apply | destroy | export` do: call a door, show its answer."""

import json
import shlex
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from threading import Event as Flag
from typing import Literal

import orjson

from lakeferry.cli.columns import screen_width
from lakeferry.cli.config.manifest_answers import url_shown
from lakeferry.cli.monitor import discover_answers, plan_answers
from lakeferry.cli.monitor.nat_migration_answers import migration_body, migration_lines
from lakeferry.cli.monitor.plan_file import fingerprint_of, plan_text
from lakeferry.cli.named_file import write_file
from lakeferry.cli.render import Screen, marks
from lakeferry.errors import FerryError
from lakeferry.events import ChangeApplied, Emit, Event
from lakeferry.monitor import run
from lakeferry.monitor.brakes import BRAKES, hold
from lakeferry.monitor.export.foreseen import foreseen
from lakeferry.monitor.export.template import export as exported
from lakeferry.monitor.nat.migration import nat_migration
from lakeferry.monitor.plan import ProvisionPlan
from lakeferry.monitor.run import ApplyReport, MonitorRequest, ProvisionReport
from lakeferry.monitor.wanted.own_cost import path_usd_per_gb
from lakeferry.network.picture import picture
from lakeferry.network.saved_topology import topology_text
from lakeferry.network.topology import Topology

OK, FAILED, LOOK = 0, 1, 3


def discover(
    request: MonitorRequest, *, screen: Screen, emit: Emit, svg: str | None, save: str | None
) -> int:
    """Show a network; draw it and save it where that is asked for."""
    found = _discreet(run.discover(request, emit=emit))
    region = found.found.vpc.region
    if svg is not None:
        drawn = picture(
            found,
            lambda path: path_usd_per_gb(path.kind, region, crosses_zones=path.crosses_zones),
        )
        write_file(svg, drawn.encode())
    if save is not None:
        write_file(save, topology_text(found))
    lines = discover_answers.topology_lines(found, marks(sys.stdout), screen_width())
    lines += [f"  drawn: {svg}"] if svg else []
    lines += [f"  saved: {save}"] if save else []
    screen.result(lines, discover_answers.topology_body(found))
    for one in found.findings:
        screen.result([], discover_answers.finding_body(one))
    return OK


def plan(
    request: MonitorRequest,
    *,
    screen: Screen,
    emit: Emit,
    stop: Flag,
    out: str | None,
    logs: str | None,
    verbose: bool,
    typed: Sequence[str] = (),
) -> int:
    """Show what would be changed, and how its rules fare on past logs.

    `typed` are the flags by which the network and the wish were named: `apply` wants them again.
    Exit 3 where a deployment is not as it was made, or a rule does not fit the logs.
    """
    report = run.plan(request, emit=emit)
    _show(report, screen, verbose=verbose)
    fits = True
    if logs is not None:
        from lakeferry.cli.monitor.planned_proof import prove_planned

        fits = prove_planned(report, logs, request.access, screen=screen, stop=stop)
    if out is not None:
        write_file(out, plan_text(report))
        again = shlex.join(["lakeferry", "monitor", "apply", out, *map(url_shown, typed)])
        screen.result([f"  written: {out}", f"  do it: {again}"], {"file": out})
    return report.exit_code if fits else LOOK


def apply(
    request: MonitorRequest,
    *,
    screen: Screen,
    emit: Emit,
    stop: Flag,
    reviewed: str | None,
    allow: Collection[str],
    yes: bool,
) -> int:
    """Do what a plan says, once a person or a reviewed plan has said so.

    Args:
        reviewed: a plan file or a fingerprint; what is there now must still give that plan.
    """
    if reviewed is not None:
        fingerprint = fingerprint_of(reviewed)
        act = partial(run.apply, request, fingerprint=fingerprint, allow=allow, stop=stop)
        return _attempt(act, emit, screen, stop)
    shown = run.plan(request)
    if shown.plan.is_empty:
        report = ApplyReport(shown.plan, (), (), shown.desired.notes)
        return _applied(report, screen, stop)
    hold(shown.plan, allow)
    if not yes:
        confirm(
            "apply these changes?",
            lambda: _show(shown, screen, verbose=False),
            next_step="read `lakeferry monitor plan -o FILE` and apply that file, or give --yes",
        )
    fingerprint = shown.plan.fingerprint
    act = partial(run.apply, request, fingerprint=fingerprint, allow=allow, stop=stop)
    return _attempt(act, emit, screen, stop)


def destroy(request: MonitorRequest, *, screen: Screen, emit: Emit, stop: Flag, yes: bool) -> int:
    """Remove all that bears the deployment's tag."""
    goes = run.removal(request)
    if not yes and not goes.is_empty:
        confirm(
            "remove all of it?",
            lambda: screen.result(_removal_lines(goes), {}),
            next_step="give --yes",
        )
    return _attempt(partial(run.destroy, request, stop=stop), emit, screen, stop)


def export(
    request: MonitorRequest,
    *,
    screen: Screen,
    format: Literal["cloudformation", "terraform"],
    out: str | None,
    keep_rules: bool,
) -> int:
    """A template that makes what `apply` would make: on stdout, or into a file."""
    report = run.plan(request)
    shall = foreseen(report.topology, report.settings)
    made = exported(
        shall, report.settings, format=format, keep_rules=keep_rules, network=report.topology
    )
    text, notes = _without(made.text, request.hidden), [*made.notes, *_there(report.plan)]
    if text != made.text:
        notes.append("addresses that references gave are not in the template: deploy it with them")
    for note in notes:
        screen.say(f"- {note}")
    body = {"format": format, "file": out, "file_name": made.file_name, "notes": notes}
    if out is None:
        screen.result([text.rstrip("\n")], {**body, "template": orjson.loads(text)})
    else:
        write_file(out, text.encode())
        screen.result([f"  written: {out}"], body)
    return OK


def _there(plan: ProvisionPlan) -> Iterator[str]:
    """What a first deployment of the template would meet under the same names."""
    tags = [getattr(one.before, "tags", None) for one in plan.changes if one.before is not None]
    ours = [one for one in tags if one and not any(key.startswith(_OF_A_STACK) for key in one)]
    if ours:
        yield (
            f"{len(ours)} resources of {plan.deployment} are there already: if this template did "
            "not make them, deploying it is refused; destroy them first, or choose another name"
        )


_OF_A_STACK = "aws:cloudformation:"  # begins tags of what a stack made


def allowed(given: Collection[str] | None) -> frozenset[str]:
    """`delete,replace` or one each. Raises LF-2001 for a brake that does not exist."""
    words = frozenset(word for one in given or () for word in one.split(",") if word)
    for word in sorted(words - set(BRAKES)):
        raise FerryError(
            "LF-2001", f"--allow `{word}` is not known", f"known: {', '.join(BRAKES)}",
            "name what the plan says under `apply would ask for a word`",
        )  # fmt: skip
    return words


# ---- parts


def _show(report: ProvisionReport, screen: Screen, *, verbose: bool) -> None:
    lines = plan_answers.plan_lines(report, marks(sys.stdout), screen_width(), verbose=verbose)
    body = plan_answers.plan_body(report)
    moving = nat_migration(report.topology, report.desired, report.settings, report.plan)
    if moving is not None:
        lines += migration_lines(moving, screen_width())
        body["migration"] = migration_body(moving)
    screen.result(lines, body)
    for cost in report.desired.costs:
        screen.result([], plan_answers.cost_body(cost, report.plan.deployment))
    for one in report.topology.findings:
        screen.result([], discover_answers.finding_body(one))


def _without(template: str, hidden: Collection[str]) -> str:
    """Addresses are defaults of parameters there; an empty one means nobody."""
    for one in hidden:
        template = template.replace(json.dumps(one), '""')
    return template


def _discreet(topology: Topology) -> Topology:
    """Without what may be secret: of a URL that a topic tells, only its host is kept."""
    topics = tuple(
        replace(one, subscriptions=tuple((how, url_shown(to)) for how, to in one.subscriptions))
        for one in topology.found.topics
    )
    return replace(topology, found=replace(topology.found, topics=topics))


def _removal_lines(goes: ProvisionPlan) -> list[str]:
    return plan_answers.change_lines(goes, (), marks(sys.stdout), screen_width())


def confirm(question: str, show: Callable[[], None], *, next_step: str) -> None:
    """Ask on the terminal. Raises LF-2003 where nobody can be asked, or the answer is no."""
    if not _somebody_is_there():
        raise FerryError(
            "LF-2003",
            "this changes things, and nobody can be asked",
            "stdin or stderr is no terminal; nothing was changed",
            next_step,
        )
    show()
    sys.stderr.write(f"  {question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise FerryError("LF-2003", "not confirmed", "nothing was changed", next_step)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _attempt(act: Callable[..., ApplyReport], emit: Emit, screen: Screen, stop: Flag) -> int:
    """Do it and show it. What fails after something was changed is no wrong request any more."""
    made = 0

    def counting(event: Event) -> None:
        nonlocal made
        made += isinstance(event, ChangeApplied)
        emit(event)

    try:
        report = act(emit=counting)
    except FerryError as error:
        if not made:
            raise
        screen.error(error)
        return FAILED
    return _applied(report, screen, stop)


def _applied(report: ApplyReport, screen: Screen, stop: Flag) -> int:
    lines = plan_answers.applied_lines(report, marks(sys.stdout), screen_width())
    screen.result(lines, plan_answers.applied_body(report))
    if report.left and stop.is_set():
        raise KeyboardInterrupt
    return LOOK if report.left else OK
