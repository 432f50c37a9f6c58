"""What one life of a crew has at hand: what is asked, who works, what is known, whom to tell."""

from dataclasses import dataclass

from lakeferry.ingest.aside import Aside
from lakeferry.ingest.crew import Crew
from lakeferry.ingest.events import Emit
from lakeferry.ingest.hands import Hands
from lakeferry.ingest.notices import Notices
from lakeferry.ingest.settings import Ingest
from lakeferry.ingest.tally import Tally


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
