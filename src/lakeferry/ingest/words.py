"""The words in which an ingest is asked for: its stream, its partitions, its name. Pure."""

import re
from dataclasses import dataclass
from typing import Any

from lakeferry.ingest.settings import PartitionColumn

_URI = re.compile(r"kinesis://(?P<region>[a-z0-9-]+)/(?P<name>[A-Za-z0-9_.-]{1,128})/?")
_ARN = re.compile(
    r"arn:aws[a-z-]*:kinesis:(?P<region>[a-z0-9-]+):[0-9]{12}:stream/(?P<name>[A-Za-z0-9_.-]{1,128})"
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_PARTITION = re.compile(
    r"(?:(?P<name>[^=()]+?)\s*=\s*)?(?:(?P<unit>date|hour)\(\s*(?P<of>[^()]+?)\s*\)|(?P<own>[^=()]+))"
)
# Of `app_id`; what stands in the table is `lakeferry:ingest:NAME`.
_APP_ID = re.compile(r"(?:lakeferry[:/](?:ingest:)?)?")
PARTITION_FORMS = "`region`, `day=date(ts)` or `hour=hour(ts)`"


class Unclear(ValueError):
    """Text that does not say what it should; whoever knows the place says it. `what`, `next`."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step)
        self.what = what
        self.next_step = next_step


def delimiter(text: str) -> str:
    """What stands between two fields of a line, as written."""
    return "\t" if text == "\\t" else text


def is_delimiter(text: str) -> bool:
    """Whether fields of a line can be told apart by it."""
    one = delimiter(text)
    return len(one) == 1 and one.isascii() and one not in '"\r\n\0'


@dataclass(frozen=True, slots=True)
class NamedStream:
    """A stream as it is asked for."""

    stream: str  # an ARN, or a name
    name: str
    region: str | None = None  # None: the text does not say it


def named_stream(text: str) -> NamedStream:
    """The stream of `kinesis://REGION/NAME`, of an ARN, or of a name. Raises Unclear."""
    if found := _URI.fullmatch(text):
        return NamedStream(found["name"], found["name"], found["region"])
    if found := _ARN.fullmatch(text):
        return NamedStream(text, found["name"], found["region"])
    if _NAME.fullmatch(text):
        return NamedStream(text, text)
    step = "give its name, its ARN, or kinesis://us-east-1/NAME"
    raise Unclear(f"`{text}` is no Kinesis stream", step)


def ingest_name(app_id: str) -> str:
    """The name within `clicks`, `lakeferry/clicks`, `lakeferry:ingest:clicks`."""
    return _APP_ID.sub("", app_id, count=1)


def partition_column(text: str) -> PartitionColumn:
    """`region`; `day=date(ts)`, `hour=hour(ts)`, whose name may be left out. Raises Unclear."""
    found = _PARTITION.fullmatch(text.strip())
    if found is None:
        raise Unclear(f"`{text}` is no partition column", f"write {PARTITION_FORMS}")
    if found["own"]:
        if found["name"]:
            step = f"write {PARTITION_FORMS}"
            raise Unclear(f"`{text}` computes `{found['name'].strip()}` of nothing", step)
        return PartitionColumn(found["own"].strip())
    unit: Any = found["unit"]
    name = (found["name"] or "").strip() or found["of"] + "_" + unit
    return PartitionColumn(name, found["of"], unit)
