"""Two foci on opposite sides with as many spikes each, all marked as "spike"."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

SCENARIO = Scenario(foci=(Focus(), Focus(place="other side")))
