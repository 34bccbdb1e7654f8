"""A thin study: three spikes, all marked and nothing else."""

from bids_app.demo.scenarios._scenario import Scenario

SCENARIO = Scenario(n_spikes=3, n_false_marks=0)
