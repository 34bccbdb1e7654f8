"""One line of what the preflight found."""

from collections.abc import Callable
from dataclasses import dataclass

from bids_app.exit_codes import Outcome
from bids_app.failures import explain

MB = 2**20


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Attributes
    ----------
    subject : str
        "machine" or a participant.
    check : str
    state : str
        "ok", "note" (the run will do without) or "FAIL".
    detail : str
    hint : str
    outcome : Outcome
        What the run would end with for this reason.
    """

    subject: str
    check: str
    state: str
    detail: str
    hint: str = ""
    outcome: Outcome = Outcome.DONE


def attempt(subject: str, name: str, look: Callable[[], tuple[str, str]]) -> Finding:
    """`look` returns state and detail, or raises what the run would fail with."""
    try:
        state, detail = look()
    except Exception as error:
        outcome, message, hint = explain(error)
        return Finding(subject, name, "FAIL", message, hint, outcome)
    return Finding(subject, name, state, detail)
