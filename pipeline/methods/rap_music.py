"""RAP-MUSIC: point sources one after the other, each projected out before the next is sought."""

from pipeline.methods._method import MapMethod
from pipeline.methods._music import Options, music

METHOD = MapMethod(
    label="RAP-MUSIC",
    short="RAP-MUSIC",
    order=70,
    marker="1",
    colour="#1f77b4",
    sentence="RAP-MUSIC {cite}, which answers with single regions, not with an extent",
    references={
        "rap_music": "Mosher JC, Leahy RM. Source localization using recursively applied and projected "
        "(RAP) MUSIC. IEEE Trans Signal Process 1999;47:332–340."
    },
    options=Options,
    unit="A·m",
    activity=music(truncated=False),
)
