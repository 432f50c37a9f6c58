"""Options become what the reader needs: its stream and endpoint, its keys, its record."""

from collections.abc import Callable

from lakeferry.connect.aws import AwsAccess, usual_region
from lakeferry.connect.aws_keys import AwsKeys, keys_of, keys_of_role
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.signing import endpoint_of
from lakeferry.ingest.settings import SourceSettings
from lakeferry.spark.options import Options
from lakeferry.spark.record import Record
from lakeferry.store.open import open_store


def source_of(options: Options) -> SourceSettings:
    """The stream, and how it is asked. Raises FerryError LF-7071 for an endpoint that is none."""
    region = options.region or usual_region() or ""
    if not region:
        raise FerryError(
            "LF-7071",
            "no Region is known",
            f"stream `{options.stream}`",
            "give the option `region`, or set AWS_REGION",
        )
    try:
        endpoint = endpoint_of(region, options.endpoint)
    except ValueError as error:
        raise FerryError(
            "LF-7071",
            f"the option `endpoint` cannot be `{options.endpoint}`",
            str(error),
            "give the URL of a VPC endpoint, https://vpce-…; leave it out where private DNS is on",
        ) from error
    return SourceSettings(
        options.stream,
        endpoint,
        AwsAccess(
            region,
            role=options.role,
            external_id=options.external_id,
            endpoint=options.sts_endpoint,
            session_name=options.session_name,
        ),
        share=options.share,
        shortest_s=options.fetch_period_s,
        most_records=options.records_per_fetch,
        out_of_range=options.out_of_range,
        buffer_bytes=options.buffer_bytes,
    )


def keys_for(options: Options, source: SourceSettings) -> Callable[[], AwsKeys]:
    """The keys of the options, else those of AWS's own chain; of the role, where they take one."""
    if options.access_key and options.secret_key:
        given = AwsKeys(options.access_key, options.secret_key)
        return keys_of_role(source.access, given) if options.role else lambda: given
    return keys_of(source.access)


def record_of(options: Options) -> Record:
    """Where plans and ends lie."""
    return Record(open_store(options.metadata, options.metadata_options))
