"""Who is told: topics of others, and one topic of ours for e-mail addresses and URLs.

Source: SNS Developer Guide, "Example cases for Amazon SNS access control" (CloudWatch alarms).
"""

from collections.abc import Iterator, Sequence

from lakeferry.monitor.settings import MonitorSettings
from lakeferry.network.policy_text import policy_text
from lakeferry.network.resources import Topic

MOST_ACTIONS = 5  # of an alarm, for each state


def topic_name(settings: MonitorSettings) -> str:
    return f"lakeferry-{settings.deployment}"


def actions_of(settings: MonitorSettings) -> tuple[str, ...]:
    """What an alarm does: ARNs of topics, and the name of ours. At most 5."""
    others = [one for one in settings.notify if one.startswith("arn:")]
    ours = [topic_name(settings)] if _subscriptions(settings) else []
    return tuple((ours + others)[:MOST_ACTIONS])


def topic(settings: MonitorSettings) -> Topic | None:
    """Our topic, for those that have none; None where nobody needs it."""
    subscriptions = _subscriptions(settings)
    if not subscriptions:
        return None
    name = topic_name(settings)
    region, account, partition = settings.region, settings.account, settings.partition
    arn = f"arn:{partition}:sns:{region}:{account}:{name}"
    alarms = f"arn:{partition}:cloudwatch:{region}:{account}:alarm:{settings.prefix}*"
    publish = {
        "Sid": "AlarmsOfThisDeployment",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": alarms},
        },
    }
    return Topic(name, policy_text(publish), subscriptions, settings.all_tags)


def notes(settings: MonitorSettings, found: Sequence[Topic] = ()) -> tuple[str, ...]:
    """What of `notify` cannot be done, and what of topics that were found cannot be undone."""
    others = sum(1 for one in settings.notify if one.startswith("arn:"))
    strange = [one for one in settings.notify if _protocol(one) is None]
    said = [f"cannot notify `{one}`: give an ARN, an e-mail address or URL" for one in strange]
    if others + bool(_subscriptions(settings)) > MOST_ACTIONS:
        said.append(f"an alarm has at most {MOST_ACTIONS} actions: the last topics are left out")
    return (*said, *_left(settings, found))


def _left(settings: MonitorSettings, found: Sequence[Topic]) -> Iterator[str]:
    wanted = set(_subscriptions(settings))
    for one in (each for each in found if each.name == topic_name(settings)):
        left = len(set(one.unconfirmed) - wanted)
        waiting = len(set(one.unconfirmed) & wanted)
        if waiting:
            yield (
                f"{waiting} of {len(wanted)} who shall be told by {one.name} did not confirm yet, "
                "and are told nothing: SNS has sent them how to"
            )
        if left:
            yield (
                f"{left} subscription{'s' if left > 1 else ''} of {one.name} shall go and "
                "never confirmed: nobody is told by it, and SNS takes it away by itself in days"
            )


def _subscriptions(settings: MonitorSettings) -> tuple[tuple[str, str], ...]:
    found = {(_protocol(one), one) for one in settings.notify}
    return tuple(sorted((how, one) for how, one in found if how not in (None, "arn")))


def _protocol(one: str) -> str | None:
    """SNS's word for how an address is reached; 'arn' for a topic; None for neither."""
    if one.startswith("arn:"):
        return "arn"
    if one.startswith(("https://", "http://")):
        return one.split(":", 1)[0]
    return "email" if "@" in one and "/" not in one else None
