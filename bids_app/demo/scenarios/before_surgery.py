"""One focus, contacts in it, and no surgery yet."""

from bids_app.demo.scenarios._scenario import Scenario

SCENARIO = Scenario(operated=False)
