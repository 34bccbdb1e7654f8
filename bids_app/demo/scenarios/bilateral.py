"""Every spike is generated on both sides at once, at mirrored places."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

SCENARIO = Scenario(foci=(Focus(), Focus(place="mirror", follows_s=(0.0, 0.003))))
