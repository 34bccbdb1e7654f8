"""Two foci on one side, the second weaker and with a third as many spikes, all marked as "spike"."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

SCENARIO = Scenario(foci=(Focus(share=3), Focus(place="same side", share=1, gain_db=-1.0)))
