"""The form of a `map-migrated` value, and which one was most likely meant. Pure.

Source: AWS "MAP 2.0 Tagging Guide"; `d-server-...` is the form of its older editions.
"""

import re

PREFIXES = ("mig_ec2_", "comm_ec2_", "mig", "sap", "oracle", "comm")
PATTERN = r"^((mig|sap|oracle|comm|mig_ec2_|comm_ec2_)([0-9]{5}|[A-Z0-9]{10})|d-server-[0-9a-z]+)$"
EXAMPLE = "`mig` and 5 digits, or `mig` and 10 capital letters and digits"


def nearest_value(text: str) -> str | None:
    """The value that was most likely meant: its case and separators mended; None: nothing is near.

    `MIG-abcde12345` is near `migABCDE12345`, `mig_ec2_12345` stands for itself.
    """
    packed = re.sub(r"[^0-9a-z]", "", text.lower())
    for prefix in PREFIXES:
        loose = prefix.replace("_", "")
        found = prefix + packed[len(loose) :].upper()
        if packed.startswith(loose) and re.search(PATTERN, found):
            return found
    return None
