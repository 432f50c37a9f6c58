"""Put tags on what is there: many at a time, and one refusal does not stop the others.

EC2 refuses a whole request where one of its ids is gone, so such a request is asked again in
halves. The tagging API answers 200 with a `FailedResourcesMap` inside.

Source: EC2 API Reference, CreateTags (at most 1,000 resources); Resource Groups Tagging API
Reference, TagResources (at most 20 ARNs); Auto Scaling API Reference, CreateOrUpdateTags.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from lakeferry.aws.patience import paced
from lakeferry.aws.place import Place, tag_list
from lakeferry.aws.read_tagged import LAUNCHED
from lakeferry.errors import FerryError
from lakeferry.network.resources import Tags
from lakeferry.network.tag_bearers import Bearer, Put

AT_ONCE, ARNS_AT_ONCE = 200, 20
MOST_TRIES = 4  # of what the tagging API failed to do for now
NO_RIGHT, REFUSED = "LF-1203", "LF-1206"
_FOR_NOW = re.compile(r"Throttl|InternalServiceException|ConcurrentModification|TooManyRequests")
_BY_ARN = ("log_group", "insight_rule", "alarm", "topic")

Wish = tuple[Bearer, Tags]  # what, and the tags that it lacks


def put_tags(place: Place, wishes: Sequence[Wish]) -> Iterator[Put]:
    """Put each bearer's tags on it, and say what became of it, in no promised order.

    Raises:
        FerryError: LF-1201 to LF-1206 where nothing more can be asked at all.
    """
    groups = [one for one in wishes if one[0].kind == "auto_scaling_group"]
    templates = [one for one in wishes if one[0].kind == "launch_template"]
    by_arn = [one for one in wishes if one[0].kind in _BY_ARN]
    apart = ("auto_scaling_group", "launch_template", *_BY_ARN)
    for some, tags in _alike([one for one in wishes if one[0].kind not in apart], AT_ONCE):
        yield from _in_ec2(place, some, tags)
    for some, tags in _alike(by_arn, ARNS_AT_ONCE):
        yield from _by_arn(place, some, tags)
    for bearer, tags in groups:
        yield Put(bearer, tags, _group(place, bearer, tags))
    for bearer, tags in templates:
        yield Put(bearer, tags, _template(place, bearer, tags))


def _alike(wishes: Iterable[Wish], most: int) -> Iterator[tuple[list[Bearer], Tags]]:
    """Bearers that get the same tags, so many at a time."""
    found: dict[tuple[tuple[str, str], ...], list[Bearer]] = {}
    for bearer, tags in wishes:
        found.setdefault(tuple(sorted(tags.items())), []).append(bearer)
    for pairs, some in found.items():
        for first in range(0, len(some), most):
            yield some[first : first + most], dict(pairs)


def _in_ec2(place: Place, some: Sequence[Bearer], tags: Tags) -> Iterator[Put]:
    """Halved until what is gone stands alone: nodes come and go while this is done."""
    ids = [one.id for one in some]
    fault = _refused(
        lambda: paced(
            lambda: place.ask(
                "ec2", "create_tags", ",".join(ids[:3]), Resources=ids, Tags=tag_list(tags)
            ),
            sleep=place.sleep,
        )
    )
    # A right lacks for all of them; anything else may be of one id alone.
    if fault is None or len(some) == 1 or fault.code == NO_RIGHT:
        yield from (Put(one, tags, _said(fault) if fault else "") for one in some)
        return
    half = len(some) // 2
    yield from _in_ec2(place, some[:half], tags)
    yield from _in_ec2(place, some[half:], tags)


def _by_arn(place: Place, some: Sequence[Bearer], tags: Tags) -> Iterator[Put]:
    left, pause_s = list(some), 1.0
    for tries in range(1, MOST_TRIES + 1):
        arns = [one.id for one in left]
        try:
            answer = paced(partial(_tagged, place, arns, tags), sleep=place.sleep)
        except FerryError as error:
            if error.code not in (NO_RIGHT, REFUSED):
                raise
            yield from (Put(one, tags, _said(error)) for one in left)
            return
        failed: Mapping[str, Any] = answer.get("FailedResourcesMap", {})
        again: list[Bearer] = []
        for one in left:
            if one.id not in failed:
                yield Put(one, tags)
            elif tries < MOST_TRIES and _passes(failed[one.id]):
                again.append(one)
            else:
                yield Put(one, tags, _words(failed[one.id]))
        if not again:
            return
        left = again
        place.sleep(pause_s)
        pause_s *= 2


def _tagged(place: Place, arns: list[str], tags: Tags) -> Mapping[str, Any]:
    return place.ask(
        "resourcegroupstaggingapi", "tag_resources", arns[0],
        ResourceARNList=arns, Tags=dict(tags),
    )  # fmt: skip


def _passes(failure: Mapping[str, Any]) -> bool:
    status = failure.get("StatusCode", 0)
    return status >= 500 or status == 429 or bool(_FOR_NOW.search(failure.get("ErrorCode", "")))


def _words(failure: Mapping[str, Any]) -> str:
    said = (str(failure.get(key, "")) for key in ("ErrorCode", "ErrorMessage"))
    return ": ".join(one for one in said if one) or f"status {failure.get('StatusCode')}"


def _group(place: Place, bearer: Bearer, tags: Tags) -> str:
    listed = [
        {
            "ResourceId": bearer.id, "ResourceType": "auto-scaling-group", "Key": key,
            "Value": value, "PropagateAtLaunch": True,
        }
        for key, value in sorted(tags.items())
    ]  # fmt: skip
    fault = _refused(
        lambda: paced(
            lambda: place.ask("autoscaling", "create_or_update_tags", bearer.id, Tags=listed),
            sleep=place.sleep,
        )
    )
    return _said(fault) if fault else ""


def _template(place: Place, bearer: Bearer, tags: Tags) -> str:
    """A new version is the newest, too: so it is made of the newest, or not at all."""
    id, _, asked = bearer.id.partition("/")
    answer, gone = place.attempt(
        "ec2", "describe_launch_template_versions", id, ("InvalidLaunchTemplateId.NotFound",),
        LaunchTemplateId=id, Versions=["$Latest", "$Default"],
    )  # fmt: skip
    if gone:
        return gone
    newest = max(answer["LaunchTemplateVersions"], key=lambda one: int(one["VersionNumber"]))
    if asked == "$Default" and not newest.get("DefaultVersion"):
        return (
            f"version {newest['VersionNumber']} is newer than the default one, and a new default "
            "would take its place as the newest: make it by hand"
        )
    fault = _refused(lambda: _new_version(place, id, newest, tags, is_default=asked == "$Default"))
    return "" if fault is None else _said(fault)


def _new_version(
    place: Place, id: str, old: Mapping[str, Any], tags: Tags, *, is_default: bool
) -> None:
    """A version that differs from the old one in its tags alone."""
    given = {
        one["ResourceType"]: {each["Key"]: each["Value"] for each in one.get("Tags", ())}
        for one in old["LaunchTemplateData"].get("TagSpecifications", ())
    }
    shall = {kind: {**given.get(kind, {}), **tags} for kind in LAUNCHED}
    specified = [
        {"ResourceType": kind, "Tags": tag_list(some)} for kind, some in {**given, **shall}.items()
    ]
    answer = place.ask(
        "ec2", "create_launch_template_version", id,
        LaunchTemplateId=id, SourceVersion=str(old["VersionNumber"]),
        LaunchTemplateData={"TagSpecifications": specified},
    )  # fmt: skip
    if is_default:
        number = str(answer["LaunchTemplateVersion"]["VersionNumber"])
        place.ask("ec2", "modify_launch_template", id, LaunchTemplateId=id, DefaultVersion=number)


def _refused(request: Callable[[], object]) -> FerryError | None:
    """What AWS says where it refuses this; None where it did it.

    Raises what concerns every further request: credentials, a host that does not answer.
    """
    try:
        request()
    except FerryError as error:
        if error.code not in (NO_RIGHT, REFUSED):
            raise
        return error
    return None


def _said(fault: FerryError) -> str:
    return f"{fault.what}; {fault.where}"
