"""How many requests the objects take, at the target and at the source, and what they cost.

Source: Amazon S3 API, multipart upload limits; Amazon S3 pricing; Azure Data Lake Storage pricing.
"""

from lakeferry.cost.path.charge import charge
from lakeferry.cost.path.migration import MIB, Migration
from lakeferry.cost.path.quote import Line
from lakeferry.cost.prices.values import PriceBook
from lakeferry.errors import FerryError

MOST_PARTS = 10_000
LEAST_PART, MOST_PART = 5 * MIB, 5 * 1024 * MIB  # the last part may be smaller
AZURE_READ = 4 * MIB  # what one read of a data lake account is billed by, whatever the range

Lines = tuple[Line, ...]


def requests(size: int, part: int, single_put: int | None = None) -> int:
    """PUT-class requests of one object: one PUT, or its parts with one to begin and one to end.

    Args:
        size: of the object, bytes.
        part: bytes, 5 MiB to 5 GiB.
        single_put: the largest object that goes in one PUT, which takes 5 GiB at most; None: one
            part's size.

    Raises:
        FerryError: LF-6505 for parts that S3 does not take, or too many of them.
    """
    if size <= min(MOST_PART, part if single_put is None else single_put):
        return 1
    parts = -(-size // part)
    if not LEAST_PART <= part <= MOST_PART or parts > MOST_PARTS:
        needed = max(LEAST_PART, -(-size // MOST_PARTS))
        bound = f"at most {MOST_PART:,}" if part > MOST_PART else f"at least {needed:,}"
        raise FerryError(
            "LF-6505",
            f"an object of {size:,} bytes does not go in parts of {part:,} bytes",
            f"S3 takes at most {MOST_PARTS:,} parts of 5 MiB to 5 GiB; these are {parts:,}",
            f"take parts of {bound} bytes",
        )
    return parts + 2


def put_requests(migration: Migration) -> int:
    """PUT-class requests of all objects, taken as equally large."""
    if not migration.objects:
        return 0
    size = -(-migration.bytes // migration.objects)
    return migration.objects * requests(size, migration.part_size, migration.single_put)


def read_requests(migration: Migration) -> int:
    """Reads at the source, in ranges; a data lake of Azure bills each 4 MiB, whatever the range."""
    if not migration.objects:
        return 0
    each = AZURE_READ if migration.source.cloud == "azure" else migration.read_size
    size = -(-migration.bytes // migration.objects)
    return migration.objects * max(1, -(-size // each))


def target_requests(migration: Migration, book: PriceBook) -> Lines:
    """Writes, and one HEAD per object that verifies it."""
    region = migration.target_region
    put = book.of("aws.s3.put", region)
    lines: Lines = (
        charge(
            book,
            put,
            put_requests(migration),
            f"S3 PUT-class, parts of {migration.part_size // MIB} MiB",
            part="target requests",
            grows_with="requests",
        ),
    )
    if not migration.verify:
        return lines
    head = charge(
        book,
        book.of("aws.s3.get", region),
        migration.objects,
        "S3 HEAD, one an object",
        part="verification",
        grows_with="requests",
    )
    return (*lines, head)


def source_requests(migration: Migration, book: PriceBook) -> Lines:
    """Reads at the source. Nobody bills them on premises."""
    source = migration.source
    match source.cloud:
        case "azure":
            price = book.of("azure.blob.read", source.region)
        case "gcp":
            price = book.of("gcp.storage.read", source.region)
        case "aws":
            price = book.of("aws.s3.get", source.region)
        case _:
            return ()
    return (
        charge(
            book,
            price,
            read_requests(migration),
            "source reads",
            part="source requests",
            grows_with="requests",
        ),
    )
