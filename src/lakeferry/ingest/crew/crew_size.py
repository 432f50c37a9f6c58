"""How many workers make sense: what is refused, and what is told when an ingest begins. Pure."""

# Of one coordinator. Each worker reads and parses 60,000 records a second or more on one core.
MOST_WORKERS = 64


def idle_workers(workers: int, shards: int, cores: int) -> str:
    """Why some of them have nothing to do; '' where none has.

    Args:
        shards: that are read now; a reshard may give the others work.
        cores: that this process may use.
    """
    if workers > max(1, shards):
        return f"{workers} workers share {_counted(shards, 'shard')}: some have nothing to read"
    if workers > max(1, cores):
        return f"{workers} workers share {_counted(cores, 'core')}: they wait for each other"
    return ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
