"""Marks under which nothing happens; no implantation, no surgery."""

from bids_app.demo.scenarios._scenario import Scenario

SCENARIO = Scenario(foci=())
