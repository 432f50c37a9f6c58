"""cfn-lint as a judge of templates: loaded when it is asked, for each worker collects all tests."""

from typing import Any


def lint(template: str) -> list[Any]:
    """What it has to say of a template, in its own region."""
    from cfnlint.api import lint as asked

    found: list[Any] = asked(template)
    return found
