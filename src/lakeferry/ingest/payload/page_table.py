"""One page of a shard -> rows of the table and of the quarantine table, as the ingest was asked.

Pure but for the parser. What stops the ingest is raised; what makes it wait, new columns, is told.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import orjson
import pyarrow as pa

from lakeferry.errors import FerryError
from lakeferry.ingest.files.partition import unwritable
from lakeferry.ingest.kinesis.aggregate import HIGHEST_HASH, OutOfRange
from lakeferry.ingest.kinesis.wire import Record
from lakeferry.ingest.payload.avro_rows import AvroForm, AvroReader, parse_avro
from lakeferry.ingest.payload.columns import is_full
from lakeferry.ingest.payload.csv_reader import CsvReader
from lakeferry.ingest.payload.csv_rows import CsvForm, lines_of, parse_csv, refuse_nested
from lakeferry.ingest.payload.guide import Guide
from lakeferry.ingest.payload.json_rows import RESCUED, Declared, declare
from lakeferry.ingest.payload.repair import PROVENANCE, Parsed, parse
from lakeferry.ingest.payload.rows import Bad, Fault, Page, Rows, arrivals, page_rows, raw_table
from lakeferry.ingest.rules.row_rules import NO_RULES, Rules, held, with_generated
from lakeferry.ingest.settings import PartitionColumn, PayloadSettings

Types = Mapping[str, pa.DataType | None]


@dataclass(frozen=True, slots=True)
class PageTable:
    """What a page becomes."""

    table: pa.Table  # rows for the table, in the order of their records; rescued ones at the end
    bad: Bad  # rows for the quarantine table; empty where bad records are rescued
    bad_records: int  # those that are rescued, too
    out_of_range: int
    # With `evolve`: fields that were not declared; here they are left out.
    new_fields: Types = field(default_factory=dict)
    ignored: tuple[str, ...] = ()  # their paths with `ignore`, of a page that was looked at so


@dataclass(frozen=True, slots=True)
class PageForm:
    """How pages become tables; made by `page_form`."""

    stream: str  # as it was asked for
    settings: PayloadSettings
    out_of_range: OutOfRange
    declared: Declared | None  # None: raw rows
    parse: Callable[[Rows], Parsed]  # not asked for raw ones
    look: Callable[[Rows], Parsed]  # the same, and names fields that are ignored
    rules: Rules  # of the table
    partition_by: Sequence[PartitionColumn]  # of the table


def page_form(
    stream: str,
    settings: PayloadSettings,
    declared: pa.Schema | None,
    *,
    out_of_range: OutOfRange = "keep",
    provenance: bool = True,
    rules: Rules = NO_RULES,
    partition_by: Sequence[PartitionColumn] = (),
) -> PageForm:
    """How pages become tables.

    Args:
        declared: columns of the payload as the table has them now; None: raw rows.
        provenance: rows say where they come from, though the table may not.
        rules: of the table; what breaks them is bad.
        partition_by: of the table; a row whose value has no form in the log is bad, too.

    Raises:
        FerryError: LF-7011, a column that cannot be read from such records; LF-7021, bad records
            are to be rescued and the table does not take them.
    """
    if settings.on_bad == "rescue":
        _refuse_rescue(declared, rules)
    if declared is None:
        return PageForm(
            stream, settings, out_of_range, None, _unparsed, _unparsed, rules, partition_by
        )
    match settings.form:
        case CsvForm() as form:
            refuse_nested(declared)
            shape = Declared(declared, declared)
            lines = CsvReader(declared, form.delimiter)
            parses = partial(parse_csv, reader=lines, provenance=provenance)
        case AvroForm() as form:
            reader = AvroReader(form)
            shape = Declared(reader.schema, reader.schema)
            parses = partial(parse_avro, reader=reader, provenance=provenance)
        case None:
            shape = declare(declared, on_new=settings.on_new, is_full=is_full(declared))
            guide = Guide(shape.read_as)
            parses = partial(parse, declared=shape, guide=guide, provenance=provenance)
            looks = partial(parses, look=True)
            return PageForm(
                stream, settings, out_of_range, shape, parses, looks, rules, partition_by
            )
    return PageForm(stream, settings, out_of_range, shape, parses, parses, rules, partition_by)


def _refuse_rescue(declared: pa.Schema | None, rules: Rules) -> None:
    strict = [one.name for one in declared or () if not one.nullable]
    told = f"`{strict[0]}` may not be null" if strict else _broken_by_rescued(declared, rules)
    if told:
        raise FerryError(
            "LF-7021",
            "bad records cannot be rescued into this table",
            f"{told}, and of a bad record there is nothing but its text",
            "send bad records to quarantine, or let the column be null",
        )


def _broken_by_rescued(declared: pa.Schema | None, rules: Rules) -> str:
    """A check that a row of nothing but a text breaks, or may break; of raw rows any may."""
    own = {one.name for one in PROVENANCE}
    text = with_generated(rules, pa.table({RESCUED: [""]}))
    for check in rules.checks:
        if declared is None or check.columns & own or not check.holds_for(text):
            return f"it has {check.what}"
    return ""


def _unparsed(_: Rows) -> Parsed:
    raise ValueError("raw records are not parsed")


def page_table(
    form: PageForm,
    shard_id: str,
    records: Sequence[Record],
    hash_range: tuple[int, int] = (0, HIGHEST_HASH),
    *,
    looks: bool = False,
) -> PageTable:
    """The rows of one page.

    Args:
        looks: name fields that are ignored; costs a second look at each record.

    Raises:
        FerryError: LF-7022, a bad record, with `fail`; LF-7023, a new field, with `fail`.
    """
    page = page_rows(shard_id, records, hash_range, out_of_range=form.out_of_range)
    if form.declared is None:
        return _raw(form, page)
    if isinstance(form.settings.form, CsvForm):
        rows, empty = lines_of(page.rows)
        page = replace(page, rows=rows, bad=_joined(page.bad, empty))
    parsed = (form.look if looks else form.parse)(page.rows)
    if parsed.table.num_rows + len(parsed.bad.rows) != len(page.rows):
        # Positions move on by the page, so what is in neither would never be seen again.
        raise RuntimeError(
            f"{shard_id}: of {len(page.rows)} records {parsed.table.num_rows} are rows and "
            f"{len(parsed.bad.rows)} are bad"
        )
    new = _new_fields(form, shard_id, parsed)
    table, broken = _held(form, parsed.table, parsed.rows)
    bad = _joined(_joined(page.bad, parsed.bad), broken)
    _refuse(form, bad)
    count = len(bad.rows)
    if count and form.settings.on_bad == "rescue":
        table, bad = _with_rescued(table, bad, form.declared), Bad(bad.rows.at(()), ())
        table = with_generated(form.rules, table)
    ignored = tuple(sorted(parsed.new_fields)) if form.settings.on_new == "ignore" else ()
    return PageTable(table, bad, count, page.out_of_range, new, ignored)


def _raw(form: PageForm, page: Page) -> PageTable:
    """Rows as they came. What cannot be taken apart is a row, too, where nothing else keeps it."""
    table, broken = _held(form, raw_table(page.rows, form.stream), page.rows)
    bad = _joined(page.bad, broken)
    _refuse(form, bad)
    count = len(bad.rows)
    if not count or form.settings.on_bad == "quarantine":
        return PageTable(table, bad, count, page.out_of_range)
    rescued_rows = with_generated(form.rules, raw_table(bad.rows, form.stream))
    whole = pa.concat_tables([table, rescued_rows])
    return PageTable(whole, Bad(bad.rows.at(()), ()), count, page.out_of_range)


def _held(form: PageForm, table: pa.Table, rows: Rows) -> tuple[pa.Table, Bad]:
    """The rows that keep the table's rules and have a place in it, and the others."""
    return held(form.rules, table, rows, partial(_homeless, columns=form.partition_by))


def _homeless(table: pa.Table, columns: Sequence[PartitionColumn]) -> Mapping[int, Fault]:
    what = "its value can be no partition: it is no text, or beyond the years 1 to 9999"
    return {at: Fault(what, f"$.{name}") for at, name in unwritable(table, columns).items()}


def _new_fields(form: PageForm, shard_id: str, parsed: Parsed) -> Types:
    if form.settings.on_new == "fail" and parsed.new_fields:
        path, kind = min(parsed.new_fields.items())
        raise FerryError(
            "LF-7023",
            f"records have a field that is not declared: `{path}`",
            f"{shard_id} of stream {form.stream}; its type: {kind or 'unknown, it is empty'}",
            "declare it, or let new fields be rescued, ignored or made columns "
            "(`--on-new-fields`); what was committed stays, the record comes again",
        )
    if form.settings.on_new != "evolve" or form.declared is None or form.declared.is_full:
        return {}
    # What is null everywhere is null without a column, too.
    return {path: kind for path, kind in parsed.new_fields.items() if kind != pa.null()}


def _refuse(form: PageForm, bad: Bad) -> None:
    if form.settings.on_bad != "fail" or not bad.faults:
        return
    rows, fault = bad.rows, bad.faults[0]
    raise FerryError(
        "LF-7022",
        f"a record cannot be read as declared: {fault.error}",
        f"{rows.shard_id}, sequence number {rows.sequence_numbers[0]}, "
        f"{fault.path or 'the whole record'}, of stream {form.stream}",
        "mend the schema, or let bad records go to quarantine (`--bad-records`); what was "
        "committed stays, the record comes again",
    )


def _joined(one: Bad, other: Bad) -> Bad:
    if not one.faults:
        return other
    if not other.faults:
        return one
    a, b = one.rows, other.rows
    rows = Rows(
        a.shard_id,
        [*a.data, *b.data],
        [*a.partition_keys, *b.partition_keys],
        [*a.sequence_numbers, *b.sequence_numbers],
        [*a.sub_sequences, *b.sub_sequences],
        [*a.arrivals_ms, *b.arrivals_ms],
    )
    return Bad(rows, one.faults + other.faults)


# --- bad records as rows --------------------------------------------------------------------


def _with_rescued(table: pa.Table, bad: Bad, declared: Declared) -> pa.Table:
    """The good rows, and behind them one for each bad record, with its text and nothing else."""
    texts = [rescued(one, fault) for one, fault in zip(bad.rows.data, bad.faults, strict=True)]
    count = len(texts)
    if RESCUED not in table.column_names:
        at = len(declared.schema)
        table = table.add_column(
            at, pa.field(RESCUED, pa.string()), pa.nulls(table.num_rows, pa.string())
        )
    known = _provenance(bad.rows) | {RESCUED: pa.array(texts, pa.string())}
    columns = [known.get(one.name, pa.nulls(count, one.type)) for one in table.schema]
    return pa.concat_tables([table, pa.Table.from_arrays(columns, schema=table.schema)])


def _provenance(rows: Rows) -> dict[str, pa.Array]:
    columns = (
        pa.repeat(rows.shard_id, len(rows)),
        pa.array(rows.sequence_numbers, pa.string()),
        pa.array(rows.sub_sequences, pa.int64()),
        arrivals(rows),
    )
    return {one.name: column for one, column in zip(PROVENANCE, columns, strict=True)}


def rescued(data: bytes, fault: Fault) -> str:
    """What `_rescued_data` says of a bad record: JSON with the record, as text if it is text."""
    said = {"_error": fault.error} | ({"_path": fault.path} if fault.path else {})
    try:
        return orjson.dumps({"_corrupt_record": data.decode(), **said}).decode()
    except UnicodeDecodeError:
        text = b64encode(data).decode()
        return orjson.dumps({"_corrupt_record_base64": text, **said}).decode()
