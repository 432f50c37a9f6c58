"""`target.encryption` of a manifest, as the options of a store in S3 that say the same. Pure."""

from collections.abc import Mapping

from lakeferry.config.leaf_values import text_at
from lakeferry.config.tree import Value

_OPTION_OF = {"sse": "sse", "key": "kms_key", "bucket_key": "bucket_key"}
OPTIONS = tuple(_OPTION_OF.values())
OF_NO_KEY = (
    "the target's key is no ARN of a key: kms:Decrypt and kms:GenerateDataKey on it are needed"
)


def encryption_options(root: Value) -> Mapping[str, str]:
    """Those that are said; none where the bucket encrypts by its own settings."""
    said = {
        option: text
        for key, option in _OPTION_OF.items()
        if (text := text_at(root, "target", "encryption", key)) is not None
    }
    return {} if said.get("sse") == "none" else said


def is_of_a_key(text: str) -> bool:
    """Whether a policy of IAM can grant it: what an alias stands for only KMS knows.

    Source: KMS Developer Guide, "Specifying KMS keys in IAM policy statements".
    """
    return text.startswith("arn:") and ":key/" in text and "${" not in text


def with_encryption(options: Mapping[str, str], encryption: Mapping[str, str]) -> Mapping[str, str]:
    """Options of a store with another encryption in place of theirs, where one is said."""
    if not encryption:
        return options
    kept = {key: text for key, text in options.items() if key not in OPTIONS}
    return {**kept, **encryption}
