"""Numbers of things, in the texts of steps and faults. Pure."""


def counted(number: int, noun: str) -> str:
    """`1 table`, `2,188 tables`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
