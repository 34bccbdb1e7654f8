"""One focus as the machine recorded it: active shielding without MaxFilter, a head that moves, no marks."""

from bids_app.demo.scenarios._scenario import Scenario

SCENARIO = Scenario(marked=False, shielded=True, moves=(8.0, 5.0))
