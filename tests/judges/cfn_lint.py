"""cfn-lint as a judge of templates: loaded when it is asked, for each worker collects all tests."""

from functools import cache
from typing import Any


def lint(template: str) -> list[Any]:
    """What it has to say of a template, in its own region."""
    from cfnlint.decode.decode import decode_str

    read, faults = decode_str(template)
    return list(faults or _runner().validate_template(read))


@cache
def _runner() -> Any:
    """Its rules are read once for all templates, as its command does: 0.2 s of CPU for each."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.helpers import REGION_PRIMARY
    from cfnlint.runner import Runner

    return Runner(ConfigMixIn(regions=[REGION_PRIMARY]))
