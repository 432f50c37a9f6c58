"""What one life of a crew has at hand: what is asked, who works, what is known, whom to tell."""

from dataclasses import dataclass

from lakeferry.ingest.crew.aside import Aside
from lakeferry.ingest.crew.hands import Hands
from lakeferry.ingest.crew.notices import Notices
from lakeferry.ingest.crew.processes import Crew
from lakeferry.ingest.crew.tally import Tally
from lakeferry.ingest.events import Emit
from lakeferry.ingest.settings import Ingest


@dataclass(frozen=True, slots=True)
class Life:
    """Shared by the parts of a session; all for its one thread."""

    ingest: Ingest
    crew: Crew
    hands: Hands  # what is known of the crew
    aside: Aside  # commits are done there
    tally: Tally  # of the run, over all its crews
    notices: Notices
    emit: Emit
