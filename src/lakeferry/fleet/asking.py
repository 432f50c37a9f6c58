"""A question to a person while the lease of the ledger is kept."""

import threading
from collections.abc import Callable

TURN_S = 0.2


def ask_beside(
    ask: Callable[[str], bool],
    question: str,
    *,
    turn: Callable[[], None],
    stop: threading.Event,
) -> bool:
    """The answer. The question waits in a thread of its own, which ends with the process.

    Raises:
        KeyboardInterrupt: `stop` was set meanwhile; whatever `ask` raises.
    """
    said: list[bool] = []
    wrong: list[Exception] = []

    def wait() -> None:
        try:
            said.append(ask(question))
        except Exception as error:  # noqa: BLE001 - raised again below
            wrong.append(error)

    thread = threading.Thread(target=wait, name="lakeferry-question", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(TURN_S)
        turn()
        if stop.is_set():
            raise KeyboardInterrupt
    if wrong:
        raise wrong[0]
    return said[0]
