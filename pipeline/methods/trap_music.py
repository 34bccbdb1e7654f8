"""TRAP-MUSIC: RAP-MUSIC whose subspace loses a dimension with each source that is found."""

from pipeline.methods._method import MapMethod
from pipeline.methods._music import Options, music

METHOD = MapMethod(
    label="TRAP-MUSIC",
    short="TRAP-MUSIC",
    order=71,
    marker="2",
    colour="#17becf",
    sentence="TRAP-MUSIC {cite}, which answers with single regions, not with an extent",
    references={
        "trap_music": "Mäkelä N, Stenroos M, Sarvas J, Ilmoniemi RJ. Truncated RAP-MUSIC (TRAP-MUSIC) "
        "for MEG and EEG source localization. NeuroImage 2018;167:73–83."
    },
    options=Options,
    unit="A·m",
    activity=music(truncated=True),
)
