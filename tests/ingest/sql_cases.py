"""Values of all types and expressions of them, which judges compute beside us."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import pyarrow as pa

DAY_US = 86_400_000_000
# Microseconds: about the epoch, ends of weeks and years, a leap day, years of 1 to 5 digits.
MOMENTS = [
    *(0, -1, 1, -DAY_US, 1_795_694_400_000_000, 1_795_694_399_999_999, None),
    *(951_782_400_000_000, 4_107_542_399_000_001, -62_135_596_800_000_000, -30_000_000_000_000_000),
    *(
        253_402_300_800_000_000,
        -2_208_988_800_000_001,
        1_609_459_199_123_456,
        1_767_225_600_000_000,
    ),
]
TEXTS = ["", "a", "ab", "abc", "aBc", "äbc", "日本語", "a%b", "a_b", "a\nb", "  ", "zz", "Z", None]
WHOLES = [0, 1, -1, 2, 7, -7, 10, -10, 100, -128, 127, None]
LONGS = [0, 1, -1, 9_007_199_254_740_993, -(1 << 63), (1 << 63) - 1, 42, -17, 1_000_000_007, None]
DOUBLES = [0.0, -0.0, 0.1, 0.5, -1.5, 1e300, float("inf"), float("-inf"), float("nan"), None, 7.0]
FRACTIONS = [Decimal(one) for one in ("0.00", "0.50", "-1.25", "99999999.99", "7.00")]
DAYS = [date(1970, 1, 1), date(1969, 12, 31), date(2026, 11, 26), date(2000, 2, 29), None]
MORE_DAYS = [date(1, 1, 1), date(9999, 12, 31), date(2024, 12, 30), date(2021, 1, 3)]
ROWS = 420  # of which every pair of neighbours among the columns is another


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(list(islice(cycle(values), ROWS)), kind)


VALUES = pa.table(
    {
        "row": pa.array(range(ROWS), pa.int32()),
        "tiny": _column(WHOLES, pa.int8()),
        "i": _column([*WHOLES, (1 << 31) - 1, -(1 << 31)], pa.int32()),
        "n": _column(LONGS, pa.int64()),
        "f": _column(DOUBLES, pa.float32()),
        "d": _column(DOUBLES, pa.float64()),
        "dec": _column([*FRACTIONS, None], pa.decimal128(10, 2)),
        "s": _column(TEXTS, pa.string()),
        "t": _column(list(reversed(TEXTS)), pa.string()),
        "b": _column([True, False, None], pa.bool_()),
        "day": _column([*DAYS, *MORE_DAYS], pa.date32()),
        "at": _column(MOMENTS, pa.timestamp("us", "UTC")),
        "clock": _column(list(reversed(MOMENTS)), pa.timestamp("us")),
        "g": _column([{"a": 1, "x": "y"}, None, {"a": None, "x": "z"}], pa.struct(
            [("a", pa.int64()), ("x", pa.string())]
        )),
        "Odd name": _column([1, None, 3], pa.int64()),
    }
)  # fmt: skip

CONDITIONS = (
    "i IS NOT NULL AND n >= 0",
    "b",
    "NOT b OR i = 1 AND s IS NULL",
    "! b AND NOT (i > 2 OR n IS NULL)",
    "NOT i = 1",
    "b IS TRUE OR b IS NOT FALSE",
    "(i > 1) IS NULL",
    "i = n OR i < tiny",
    "i <=> NULL",
    "i <=> tiny AND NOT n <=> 42",
    "i != -1 AND i <> 7L",
    "i > 0.5 AND n <= 41.99",
    "d >= 0",
    "d > 0.1 OR d = 1e300",
    "d = d AND d < 5",
    "d < f OR d >= f",
    "f = f",
    "f > 0.5",
    "f IN (0, 7)",
    "d IN (0.1, 0.5)",
    "n < d",
    "dec >= 0 AND dec < 100.5",
    "dec = i OR dec <> 0.5",
    "dec IN (0.50, 7.0)",
    "s = t OR s < t",
    "s >= 'a' AND s <> \"q\"",
    "s IN ('a', '', NULL)",
    "s NOT IN ('a', 'zz')",
    "i IN (1, 2, -7)",
    "i NOT IN (1, NULL)",
    "s LIKE 'a%'",
    "s LIKE '%b_'",
    "s NOT LIKE '_'",
    "s LIKE 'a.b' OR s LIKE '(%'",
    "s LIKE '__語'",
    "LENGTH(s) BETWEEN 1 AND 2",
    "length(s) = char_length(t)",
    "i BETWEEN tiny AND 10 AND b",
    "i NOT BETWEEN -1 AND 1",
    "day >= '2000-01-01'",
    "day = DATE '2000-02-29' OR day < at",
    "day IN ('1970-01-01', '2026-11-26')",
    "at >= '2026-11-26 00:00:00' AND at < TIMESTAMP '2100-01-01 00:00:00.000001Z'",
    "at <= clock OR clock > TIMESTAMP_NTZ '1970-01-01 00:00'",
    "at IN (TIMESTAMP '1970-01-01', TIMESTAMP '2000-02-29 01:00:00+01:00')",
    "day <> CAST(at AS DATE)",
    "g.a = 1 OR g.X = 'z'",
    "g IS NULL OR g.a IS NULL",
    "`Odd name` > 1",
    "year(at) >= 2000 AND YEAR(day) < 3000",
    "substring(s, 1, 1) = substr(t, -1)",
    "i % 2 = 0 OR n % 7 = -3",
    "CAST(tiny AS INT) + tiny > i * 2L",
    "d * 2 + 1 > d / 4",
    "COALESCE(n, 0) >= 0 AND nvl(d, 0.5) > 0.1",
    "IFNULL(s, '') = coalesce(t, s) OR coalesce(f, 0) > 0.1 OR coalesce(dec, 1) = 1",
    "coalesce(b, FALSE)",
    "TRUE OR NULL",
    "i = NULL",
)

# With the type that each gives.
VALUES_OF = (
    ("CAST(at AS DATE)", pa.date32()),
    ("CAST(clock AS DATE)", pa.date32()),
    ("to_date(at)", pa.date32()),
    ("CAST(day AS TIMESTAMP)", pa.timestamp("us", "UTC")),
    ("YEAR(at)", pa.int32()),
    ("MONTH(at)", pa.int32()),
    ("DAY(clock)", pa.int32()),
    ("dayofmonth(day)", pa.int32()),
    ("HOUR(at)", pa.int32()),
    *((f"SUBSTRING(s, {at}, 2)", pa.string()) for at in (-4, -3, -2, -1, 0, 1, 2, 9)),
    *((f"SUBSTRING(s, {at}, -1)", pa.string()) for at in (-2, 0, 2)),
    ("SUBSTRING(s, -3, 9)", pa.string()),
    ("SUBSTRING(s, 2)", pa.string()),
    ("SUBSTRING(s FROM 2 FOR 1)", pa.string()),
    ("DATE_FORMAT(at, 'yyyy-MM')", pa.string()),
    ("DATE_FORMAT(at, 'yyyy-MM-dd-HH')", pa.string()),
    ("DATE_FORMAT(clock, 'yyyyMMdd HH:mm:ss')", pa.string()),
    ("DATE_FORMAT(day, 'yyyy/MM/dd')", pa.string()),
    *(
        (f"DATE_TRUNC('{unit}', at)", pa.timestamp("us", "UTC"))
        for unit in ("YEAR", "quarter", "MON", "WEEK", "DD", "HOUR", "MINUTE", "SECOND")
    ),
    ("DATE_TRUNC('MILLISECOND', at)", pa.timestamp("us", "UTC")),
    ("DATE_TRUNC('MICROSECOND', at)", pa.timestamp("us", "UTC")),
    *((f"TRUNC(day, '{unit}')", pa.date32()) for unit in ("YYYY", "QUARTER", "MM", "WEEK")),
    ("COALESCE(i, n)", pa.int64()),
    ("n % 10", pa.int64()),
    ("tiny % 3", pa.int32()),
    ("i % -4", pa.int32()),
    ("tiny + 1", pa.int32()),
    ("CAST(i AS BIGINT) * 2 - tiny", pa.int64()),
    ("-CAST(i AS BIGINT)", pa.int64()),
    ("n / 3", pa.float64()),
    ("d * 0.5 - 1", pa.float64()),
    ("f + f", pa.float32()),
    ("CAST(f AS DOUBLE)", pa.float64()),
)  # fmt: skip
