"""What a table is and what a clone of it would keep or refuse; what an error code means."""

from lakeferry.explain.table import explain_code, explain_table
from lakeferry.explain.values import (
    Column,
    FeatureFinding,
    LogShape,
    Refusal,
    Stream,
    TableExplanation,
    Totals,
    VacuumRisk,
    Verdict,
)

__all__ = [
    "Column",
    "FeatureFinding",
    "LogShape",
    "Refusal",
    "Stream",
    "TableExplanation",
    "Totals",
    "VacuumRisk",
    "Verdict",
    "explain_code",
    "explain_table",
]
