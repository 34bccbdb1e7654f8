"""Two foci on opposite sides, three spikes to two; the marks' names tell them apart."""

from bids_app.demo.scenarios._scenario import Focus, Scenario

LABEL = "spike {lobe}"
SCENARIO = Scenario(
    foci=(Focus(share=3, label=LABEL), Focus(place="other side", share=2, label=LABEL))
)
