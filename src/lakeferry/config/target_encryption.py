"""`target.encryption` of a manifest, as the options of a store in S3 that say the same. Pure."""

from collections.abc import Mapping

from lakeferry.config.leaf_values import text_at
from lakeferry.config.tree import Value

_OPTION_OF = {"sse": "sse", "key": "kms_key", "bucket_key": "bucket_key"}
OPTIONS = tuple(_OPTION_OF.values())


def encryption_options(root: Value) -> Mapping[str, str]:
    """Those that are said; none where the bucket encrypts by its own settings."""
    said = {
        option: text
        for key, option in _OPTION_OF.items()
        if (text := text_at(root, "target", "encryption", key)) is not None
    }
    return {} if said.get("sse") == "none" else said


def with_encryption(options: Mapping[str, str], encryption: Mapping[str, str]) -> Mapping[str, str]:
    """Options of a store with another encryption in place of theirs, where one is said."""
    if not encryption:
        return options
    kept = {key: text for key, text in options.items() if key not in OPTIONS}
    return {**kept, **encryption}
