"""The codes of errors about cost: prices, plans, bills and their tags: LF-65, LF-66."""

from lakeferry.error_kinds import ErrorKind

CODES: dict[str, ErrorKind] = {
    "LF-6501": ErrorKind(
        2,
        "no prices for this region",
        "The price book knows some regions of each cloud, and none is priced as another. The "
        "nearest by name is offered; a file of prices adds the others.",
    ),
    "LF-6502": ErrorKind(
        2,
        "this instance type is not known",
        "Neither its bandwidth nor its price can be guessed. The nearest by name is offered; a "
        "file of prices adds the others.",
    ),
    "LF-6503": ErrorKind(
        2,
        "amounts in two currencies",
        "Exchange rates are not built in, and amounts in different currencies are never added.",
    ),
    "LF-6504": ErrorKind(
        2,
        "a file of prices cannot be read",
        "Its form is that of docs/reference/prices.md: amounts are strings, tiers run from 0 "
        "upwards without a gap, each price has an id, a source and a standing.",
    ),
    "LF-6505": ErrorKind(
        2,
        "objects do not go in parts of this size",
        "S3 takes at most 10,000 parts of an object, each of 5 MiB to 5 GiB but for the last.",
    ),
    "LF-6506": ErrorKind(
        2,
        "no such path leads from this source",
        "A Direct Connect starts on premises, an ExpressRoute in Azure, an Interconnect in Google "
        "Cloud, a gateway endpoint in the bucket's own region. The message names the paths there "
        "are.",
    ),
    "LF-6507": ErrorKind(
        2,
        "a discount cannot be applied",
        "It names a service or a family of instances that no price is of, or is no fraction from 0 "
        "to 1. It would have taken nothing off without a word.",
    ),
    "LF-6521": ErrorKind(
        2,
        "no path carries the bytes in time",
        "Each path is replayed minute by minute, and every one ends too late, cannot be had by "
        "then, or has no price. The message names them; more time, or more or larger instances, "
        "mends it.",
    ),
    "LF-6541": ErrorKind(
        2,
        "a provider's price list cannot be read",
        "It is cut off, lacks a page, has a gap between tiers, prices bytes by another unit, or "
        "names a Region that cannot be told. Nothing of it was written.",
    ),
    "LF-6542": ErrorKind(
        2,
        "a price list gives several prices for one thing",
        "Several on-demand terms, ranges that overlap, or products that differ in price alone. "
        "None of them is taken: the message names them. Nothing was written.",
    ),
    "LF-6543": ErrorKind(
        2,
        "the file of prices is there already",
        "Imported prices go to a new file, and the old one is kept to compare with.",
    ),
    "LF-6601": ErrorKind(
        2,
        "a file of the bill is damaged or cut short",
        "Its gzip, zip, CSV or Parquet bytes end early or do not decode. A total over the rest "
        "would be too low, so none is given.",
    ),
    "LF-6602": ErrorKind(
        2,
        "this is no AWS bill that can be read",
        "A bill is CUR 2.0 or the legacy Cost and Usage Report, as Parquet or CSV (plain, gzip, "
        "zip), with the type, time, amount, cost and currency of each line. FOCUS names its "
        "columns otherwise.",
    ),
    "LF-6603": ErrorKind(
        2,
        "the bill has no line",
        "The files hold a header and nothing else that can be read.",
    ),
    "LF-6604": ErrorKind(
        2,
        "the bill is half delivered",
        "AWS writes the manifest of a period after all its files. A manifest that cannot be read, "
        "or that names a file which is not there, means that part of the bill is missing.",
    ),
    "LF-6605": ErrorKind(
        2,
        "the bill is there in two versions",
        "AWS writes a period anew several times a day until it is final. Adding two deliveries "
        "would count most lines twice, so one has to be chosen: the newest, which the period's "
        "manifest names.",
    ),
    "LF-6606": ErrorKind(
        2,
        "nothing says which Region of the bill is meant",
        "A bill covers all Regions of an account or an organisation. The paths that were copied "
        "name theirs; without them it has to be said.",
    ),
    "LF-6607": ErrorKind(
        2,
        "what was copied or seen cannot be read",
        "The CSV forms are `hour,nat,payload_bytes` and "
        "`hour,interface_id,bytes,bytes_to_s3_prefix_list`: hours are UTC, bytes are whole and "
        "not negative.",
    ),
    "LF-6608": ErrorKind(
        2,
        "a unit of the bill has no one meaning",
        "AWS bills bytes in `GB` of 2^30 bytes. A file that states another unit was converted by "
        "somebody, and 2^30 against 10^9 is 7 % of the bill.",
    ),
    "LF-6609": ErrorKind(
        2,
        "the bill is in more than one currency",
        "Dollars and euros have no sum, and no exchange rate is built in. Each payer account has "
        "one currency.",
    ),
    "LF-6610": ErrorKind(
        2,
        "this is no value of map-migrated",
        "AWS counts `mig`, `sap`, `oracle`, `comm`, `mig_ec2_` or `comm_ec2_` in lower case, "
        "followed by the agreement's id: 5 digits, or 10 of A-Z and 0-9. Any other value earns "
        "nothing, and a tag does not count for the past.",
    ),
    "LF-6621": ErrorKind(
        2,
        "the plan leaves out what a price needs",
        "Bytes, where they are, where they go and how long it takes have no default. "
        "docs/reference/cost.md has every key.",
    ),
    "LF-6622": ErrorKind(
        2,
        "a quantity of the plan cannot be meant",
        "It is negative, beyond anything that exists, or contradicts another. A price of it would "
        "be a figure without a meaning.",
    ),
    "LF-6623": ErrorKind(
        2,
        "the plan cannot be read",
        "It is missing, empty, or not UTF-8 text. A plan is a small YAML or JSON document, see "
        "docs/reference/cost.md.",
    ),
    "LF-6624": ErrorKind(
        2,
        "a price id names nothing",
        "A price that is given, or an amount that is used already, names an id that nothing of the "
        "plan asks for. It would have changed nothing without a word.",
    ),
    "LF-6641": ErrorKind(
        2,
        "there is no bill here",
        "A bill is a file, or a folder or prefix to which AWS delivers one. Nothing was read.",
    ),
    "LF-6642": ErrorKind(
        2,
        "nothing says which path the copied bytes took",
        "The report of a clone tells how many bytes it moved, and not by which NAT gateway its "
        "machine reaches them. Where a bill has several gateways it has to be said.",
    ),
    "LF-6643": ErrorKind(
        2,
        "the flow logs hold no bytes to decide about",
        "No row of the time that was asked for is of this network: another network was named, or "
        "another time, or the format lacks what tells workers from devices.",
    ),
    "LF-6651": ErrorKind(
        2,
        "a region or service has no prices to import",
        "The provider offers no price list of it, or the list that was read holds nothing of it. "
        "Nothing was written.",
    ),
    "LF-6652": ErrorKind(
        1,
        "a price list cannot be fetched",
        "The address answers with an error, or with less than it announced, or not at all. What "
        "broke off was taken up three times. Nothing was written.",
    ),
    "LF-6653": ErrorKind(
        2,
        "there is nothing to import",
        "The lists hold no price that is used here, or what was asked for changes none. Nothing "
        "was written.",
    ),
}
