"""Carry out a plan, step by step: each may be repeated, and what is done stays when one fails."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from threading import Event as Flag

from lakeferry.aws import bucket_policy, ensure_network, ensure_routes
from lakeferry.aws import ensure as aws
from lakeferry.aws.patience import Interrupted
from lakeferry.aws.place import Place
from lakeferry.connect.databricks import DatabricksAccess
from lakeferry.errors import FerryError
from lakeferry.events import ChangeApplied, Emit, Warned
from lakeferry.monitor.changes import Change, Planned
from lakeferry.monitor.nat.names import standby_name
from lakeferry.monitor.plan import ProvisionPlan, Step
from lakeferry.monitor.registrations import wanted_registrations
from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.nat_resources import DefaultRoute
from lakeferry.network.resources import BucketPolicy, EndpointRegistration, VpcEndpoint


@dataclass(frozen=True, slots=True)
class Site:
    """Where a plan is carried out."""

    place: Place
    settings: MonitorSettings
    registry: DatabricksAccess | None


def carry_out(
    site: Site, chosen: ProvisionPlan, *, emit: Emit, stop: Flag | None
) -> tuple[Change, ...]:
    """The changes of a plan that were finished: all, unless `stop` was set before the end.

    Raises:
        FerryError: of the first step that fails, with how much was done before.
    """
    steps = chosen.steps
    if stop is not None:
        site = replace(site, place=replace(site.place, sleep=_until_stopped(stop)))
    taken = 0
    for step in steps:
        if stop is not None and stop.is_set():
            break
        try:
            _take(site, step, emit)
        except Interrupted:
            break
        except FerryError as error:
            raise _kept(error, chosen, finished(steps, taken)) from error
        taken += 1
        change = step.change
        emit(
            ChangeApplied(
                chosen.deployment, change.kind, change.name, change.action, step.act, taken,
                len(steps),
            )
        )  # fmt: skip
    return finished(steps, taken)


def finished(steps: Sequence[Step], taken: int) -> tuple[Change, ...]:
    """The changes of which every step is among the first `taken`, by their first step."""
    # By identity: of two equal changes, such as two doubles that go, one may be left.
    left = {id(one.change) for one in steps[taken:]}
    found = {id(one.change): one.change for one in steps[:taken] if id(one.change) not in left}
    return tuple(found.values())


def _until_stopped(stop: Flag) -> Callable[[float], None]:
    """A pause that ends with the wait when a person asks to stop: endpoints take minutes."""

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise Interrupted

    return sleep


def _kept(error: FerryError, chosen: ProvisionPlan, done: Collection[Change]) -> FerryError:
    """The same error, with how far it came."""
    made = chosen.of("create", "update", "replace")
    ready = sum(1 for one in done if one.action != "delete")
    said = f"{ready} of {len(made)} resources were made and are kept"
    if not made:
        said = f"{len(done)} of {len(chosen.of('delete'))} resources were removed"
    return FerryError(error.code, error.what, f"{error.where}; {said}", error.next_step)


def _take(site: Site, step: Step, emit: Emit) -> None:
    before, after = step.change.before, step.change.after
    if step.act == "remove":
        assert before is not None, "what is removed was found"
        if isinstance(before, DefaultRoute) and after is not None:
            ensure_routes.set_aside(site.place, before, _standby(site, before))
        else:
            _remove(site, before)
        return
    assert after is not None, "what is made is wanted"
    if step.act == "finish":
        _finish(site, after, emit)
    else:
        _make(site, after, None if step.change.action == "replace" else before)


def _make(site: Site, wanted: Planned, before: Planned | None) -> None:
    if isinstance(wanted, EndpointRegistration):
        _register(site, wanted)
        return
    if isinstance(wanted, BucketPolicy):
        bucket_policy.ensure_policy(site.place, wanted)
        return
    assert not isinstance(before, EndpointRegistration | BucketPolicy), "a change keeps its kind"
    aws.ensure(site.place, wanted, before)


def _standby(site: Site, route: DefaultRoute) -> str:
    """The name of the gateway that stands by in the zone of a route's instance, if there is one."""
    label = route.interface.rpartition(".nat.")[2]
    return standby_name(site.settings, label.partition(".")[0])


def _register(site: Site, wanted: EndpointRegistration) -> None:
    from lakeferry.databricks import endpoints

    assert site.registry is not None, "registrations are planned with a registry alone"
    id = ensure_network.endpoint_id(site.place, wanted.endpoint)
    endpoints.ensure_registration(site.registry, wanted, id)


def _remove(site: Site, found: Planned) -> None:
    if isinstance(found, EndpointRegistration):
        from lakeferry.databricks import endpoints

        assert site.registry is not None, "registrations are read with a registry alone"
        endpoints.remove_registration(site.registry, found)
    elif isinstance(found, BucketPolicy):
        bucket_policy.remove_policy(site.place, found)
    else:
        aws.remove(site.place, found)


def _finish(site: Site, wanted: Planned, emit: Emit) -> None:
    """Private DNS of an endpoint, which takes its acceptance by the owner of the service."""
    assert isinstance(wanted, VpcEndpoint), "only endpoints are finished"
    known = site.registry is not None and bool(wanted_registrations((wanted,), site.settings))
    if ensure_network.finish_endpoint(site.place, wanted, registered=known):
        return
    emit(
        Warned(
            site.settings.deployment,
            None,
            f"{wanted.name} waits for {wanted.service} to accept it, and has no private DNS yet",
            "register it in the Databricks account (`network.databricks` in the manifest), then "
            "run the same command again",
        )
    )
