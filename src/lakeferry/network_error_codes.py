"""The codes of errors about networks and what watches them: LF-6."""

from lakeferry.error_kinds import ErrorKind

CODES: dict[str, ErrorKind] = {
    "LF-6001": ErrorKind(
        3,
        "the clone differs from its source",
        "A verification found what no clone may show; the report names each difference. A "
        "difference of the logs is mended by cloning again. A file that is missing at the target, "
        "or that was removed because it is damaged, is brought back by --replace.",
    ),
    "LF-6201": ErrorKind(
        2,
        "the flow log format cannot be read",
        "A format is a list of field names as AWS writes them, each at most once. Logs that carry "
        "no header line and are not in the default format need one to be given.",
    ),
    "LF-6202": ErrorKind(
        2,
        "this flow log lacks a field that the question needs",
        "The format of a flow log cannot be changed; a new flow log has to be made. The message "
        "names the field and the format to ask for.",
    ),
    "LF-6203": ErrorKind(
        1,
        "no line of this log fits its format",
        "Not one line has as many fields as the header, or the format that was given, names. "
        "Reading it would be guessing.",
    ),
    "LF-6204": ErrorKind(
        1,
        "a log is damaged or cut short",
        "Its gzip or Parquet bytes end early or do not decode. What came before was read.",
    ),
    "LF-6205": ErrorKind(
        2,
        "there are no logs here",
        "The file, folder, prefix or log group does not exist, or holds no flow log.",
    ),
    "LF-6251": ErrorKind(
        1,
        "CloudWatch gave only a part of a series",
        "An answer of `GetMetricData` says for a metric that it failed inside or that the role may "
        "not read it. What was kept before is unchanged; the next run asks for the same time.",
    ),
    "LF-6252": ErrorKind(
        1,
        "a file of kept series cannot be read",
        "A day's Parquet file under the folder of series is damaged or is not one of ours. It is "
        "not written over.",
    ),
    "LF-6253": ErrorKind(
        2,
        "the question cannot be answered from this",
        "A question about paths needs the network, and one about a plan needs the plan: give the "
        "VPC, a saved topology, or the planned bytes and days.",
    ),
    "LF-6254": ErrorKind(
        1,
        "another run is writing these series",
        "Two runs of `monitor series` over one deployment would undo each other's points, so one "
        "waits a minute for the other, then says so. Nothing is lost: run it again.",
    ),
    "LF-6301": ErrorKind(
        2,
        "CloudWatch would reject this rule",
        "The body breaks the grammar or a quota of Contributor Insights. Every reason is named, in "
        "the service's own words where they are known. Nothing was evaluated or made.",
    ),
    "LF-6303": ErrorKind(
        2,
        "no such metric of a rule",
        "A rule has UniqueContributors, MaxContributorValue, SampleCount, Sum, Minimum, Maximum "
        "and Average, and contributors are ordered by Sum or Maximum.",
    ),
    "LF-6304": ErrorKind(
        2,
        "this alarm cannot be understood",
        "The alarm is not as `PutMetricAlarm` takes it, or its expression cannot be computed from "
        "rules: INSIGHT_RULE_METRIC, arithmetic, comparisons and the functions in "
        "docs/reference/rules.md are known.",
    ),
    "LF-6305": ErrorKind(
        2,
        "no rules here",
        "RULES is a JSON file of bodies by name, a file with one body, or a folder of such files, "
        "each named as its rule.",
    ),
    "LF-6351": ErrorKind(
        2,
        "there is no such network",
        "No VPC, subnet or interface of this account and Region has the id or the tags. Ids belong "
        "to one Region.",
    ),
    "LF-6352": ErrorKind(
        2,
        "what was named lies in several VPCs",
        "One deployment watches one VPC: its rules, flow logs and endpoints are of that VPC. Name "
        "one, and make a deployment for each.",
    ),
    "LF-6401": ErrorKind(
        2,
        "something of others bears this name",
        "Only what carries the tag `lakeferry:deployment` with the deployment's name is changed "
        "or removed. Something without it stands where a resource of the deployment must go. "
        "Nothing was changed.",
    ),
    "LF-6402": ErrorKind(
        2,
        "these changes need an explicit word",
        "A plan that deletes or replaces something, or that changes more than 30 % of 10 or more "
        "resources, is not applied unless that is allowed by name. Nothing was changed.",
    ),
    "LF-6403": ErrorKind(
        1,
        "AWS answered yes and did not do it",
        "Some calls answer 200 and list inside what they did not do: `Unsuccessful` of flow logs, "
        "`DashboardValidationMessages` of dashboards. What was made before is kept; mend the "
        "cause and run the same command again.",
    ),
    "LF-6404": ErrorKind(
        1,
        "a change did not come to an end in time",
        "AWS took the request, and what it asks for was not there (or not gone) when the time was "
        "up. It may still come; run the same command again, which goes on from there.",
    ),
    "LF-6405": ErrorKind(
        2,
        "AWS does not offer this endpoint service here",
        "An interface endpoint leads to a service that AWS offers in the Region, to this account, "
        "and in at least one zone of the subnets. Nothing was changed.",
    ),
    "LF-6406": ErrorKind(
        2,
        "what shall be used is not there",
        "Alarms tell topics, and may be silenced by another alarm; flow logs go to a bucket; "
        "private DNS of endpoints needs that of the VPC. AWS takes an alarm that names what is not "
        "there, and nobody would ever be told. Nothing was changed.",
    ),
    "LF-6411": ErrorKind(
        2,
        "CloudFormation does not take a template of this size",
        "A template has at most 1 MB, 500 resources and 200 parameters. A deployment may be "
        "split, may ask fewer questions, or may be exported for Terraform, which has no such "
        "limit. Nothing was written.",
    ),
    "LF-6412": ErrorKind(
        2,
        "Terraform's provider cannot make this",
        "The releases of the AWS provider that the file would ask for have no argument for it. "
        "`monitor apply` and CloudFormation can make it. Nothing was written.",
    ),
    "LF-6421": ErrorKind(
        2,
        "these tags cannot be asked for",
        "No tag is wanted, a key is one of AWS's own or too long, or it is `map-migrated` in "
        "another spelling, which AWS counts as another key. Nothing was read or changed.",
    ),
    "LF-6422": ErrorKind(
        1,
        "some tags were not put",
        "AWS or Databricks refused them for some resources, which are named with the reason; all "
        "others bear theirs. Run the same command again: what is right is not touched.",
    ),
    "LF-6431": ErrorKind(
        2,
        "NAT instances have no place here",
        "Each zone with private subnets gets one, in a public subnet of that zone, and a route "
        "table leads to one of them. So there are at least as many as zones and at most as many as "
        "private route tables. Nothing was changed.",
    ),
    "LF-6432": ErrorKind(
        2,
        "nothing that was chosen holds an outage this short",
        "Peers that watch each other move the routes of a dead path within 10 seconds; a Lambda "
        "that looks once a minute takes 2 minutes; EC2's own recovery takes many. Nothing was "
        "changed.",
    ),
    "LF-6433": ErrorKind(
        2,
        "EC2 does not offer this type here",
        "An instance type is offered in some Regions, and in some of their zones. The nearest that "
        "is offered is named. Nothing was changed.",
    ),
    "LF-6434": ErrorKind(
        2,
        "this check of the path comes with a template",
        "A direct apply makes no Lambda, and without it nothing would hold the outage that was "
        "asked for. Nothing was changed.",
    ),
    "LF-6435": ErrorKind(
        2,
        "no default route can be moved",
        "Routes are moved between a NAT instance that the manifest or the flags ask for and what "
        "stands by for it, so both must be there. No route was moved.",
    ),
    "LF-6436": ErrorKind(
        1,
        "a route does not lead where it was led",
        "EC2 took the request and then showed another target, or one that is gone. Routes that "
        "were moved before stay where they are.",
    ),
    "LF-6437": ErrorKind(
        1,
        "the path through a NAT instance is not alive",
        "Before a route is led back, the instance is asked by Systems Manager whether connections "
        "that it forwards are answered; and once more after its route was moved, which is taken "
        "back if not.",
    ),
    "LF-6438": ErrorKind(
        2,
        "a NAT instance cannot know this many route tables",
        "What an instance must know stands in its user data, of which EC2 takes 16 KB: the script "
        "and the ids of the route tables that peers may move. Nothing was changed.",
    ),
    "LF-6439": ErrorKind(
        1,
        "subnets would lose their way out",
        "A default route that leads to a NAT instance is given back to what it led to before. That "
        "is gone, or nothing says what it was; without the route its subnets reach nothing "
        "outside. The route was left as it is, and the instance with it.",
    ),
}
