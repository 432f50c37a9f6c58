"""What the code of an error stands for, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """What one code means, for every place that raises it."""

    exit_code: int  # 1: data or world at fault; 2: the request at fault; 3: needs a look
    title: str  # one line, no full stop
    explanation: str  # what `lakeferry explain CODE` adds: why it is refused, how to go on
