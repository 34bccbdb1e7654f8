"""What a virtual patient is made of."""

from dataclasses import dataclass, field

from bids_app.demo.scenarios._scenario import ONE_FOCUS, Scenario

HELMETS = ("neuromag", "ctf275")
CAP = "eeg64"
# A cap under a helmet.
BOTH = "neuromag_eeg64"
ARRAYS = (*HELMETS, CAP, BOTH)


@dataclass(frozen=True)
class PatientRecipe:
    """The choices behind one virtual patient; everything else follows from them and the seed."""

    array: str = field(
        default="neuromag",
        metadata={
            "help": "sensors: neuromag (306) or ctf275, 64 electrodes (eeg64), or both under one helmet"
        },
    )
    lobe: str = field(
        default="left anterior temporal",
        metadata={"help": "sublobar region of the first focus"},
    )
    scenario: Scenario = field(
        default=ONE_FOCUS, metadata={"help": "foci, shapes, marks and background"}
    )
    minutes: float = field(default=6.0, metadata={"help": "length of the recording"})
    empty_room_minutes: float = field(default=1.0, metadata={"help": "length of the empty room"})
    n_spikes: int = field(default=48, metadata={"help": "true spikes that are marked"})
    n_false_marks: int = field(default=4, metadata={"help": "marks at which nothing happens"})
    snr_db: float = field(
        default=4.0,
        metadata={"help": "mean power ratio of single spike to ongoing activity, 1-40 Hz, in dB"},
    )
    patch_area_cm2: tuple[float, float] = field(
        default=(6.0, 12.0), metadata={"help": "range of the patch's cortical area"}
    )
    n_background: int = field(default=400, metadata={"help": "dipoles of background activity"})
    deformation_mm: float = field(
        default=5.0, metadata={"help": "95th percentile of the non-linear displacement"}
    )
    voxel_mm: float = field(default=1.0, metadata={"help": "voxel size of the T1w"})
    inner_skull_vertices: int = field(
        default=2700, metadata={"help": "vertices of the true inner skull; others have a third"}
    )
    landmarks: bool = field(
        default=True, metadata={"help": "write anatomical landmarks into T1w.json"}
    )
    ieeg: bool = field(default=True, metadata={"help": "implant sEEG and grid contacts"})
    sampled: bool = field(
        default=True, metadata={"help": "the implantation reaches the patch, not beside it"}
    )
    resection: bool = field(default=True, metadata={"help": "operate and write the mask"})
    seizure_free: bool = field(
        default=True, metadata={"help": "the resection holds the patch and ended the seizures"}
    )
