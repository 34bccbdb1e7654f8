"""How the report says things: anatomical names, numbers with units, methods, counts."""

import math
import re

import numpy as np

from pipeline.methods import METHODS
from pipeline.metrics._metric import YES_OR_NO
from pipeline.text import along

NOT_ASSESSABLE = "not assessable"

# Desikan-Killiany label -> the name that clinicians use, and the lobe.
GYRI = {
    "bankssts": ("banks of the superior temporal sulcus", "temporal"),
    "caudalanteriorcingulate": ("caudal anterior cingulate cortex", "cingulate"),
    "caudalmiddlefrontal": ("caudal middle frontal gyrus", "frontal"),
    "cuneus": ("cuneus", "occipital"),
    "entorhinal": ("entorhinal cortex", "temporal"),
    "frontalpole": ("frontal pole", "frontal"),
    "fusiform": ("fusiform gyrus", "temporal"),
    "inferiorparietal": ("inferior parietal lobule", "parietal"),
    "inferiortemporal": ("inferior temporal gyrus", "temporal"),
    "insula": ("insula", "insular"),
    "isthmuscingulate": ("isthmus of the cingulate gyrus", "cingulate"),
    "lateraloccipital": ("lateral occipital cortex", "occipital"),
    "lateralorbitofrontal": ("lateral orbitofrontal cortex", "frontal"),
    "lingual": ("lingual gyrus", "occipital"),
    "medialorbitofrontal": ("medial orbitofrontal cortex", "frontal"),
    "middletemporal": ("middle temporal gyrus", "temporal"),
    "paracentral": ("paracentral lobule", "frontal"),
    "parahippocampal": ("parahippocampal gyrus", "temporal"),
    "parsopercularis": ("pars opercularis of the inferior frontal gyrus", "frontal"),
    "parsorbitalis": ("pars orbitalis of the inferior frontal gyrus", "frontal"),
    "parstriangularis": ("pars triangularis of the inferior frontal gyrus", "frontal"),
    "pericalcarine": ("pericalcarine cortex", "occipital"),
    "postcentral": ("postcentral gyrus", "parietal"),
    "posteriorcingulate": ("posterior cingulate cortex", "cingulate"),
    "precentral": ("precentral gyrus", "frontal"),
    "precuneus": ("precuneus", "parietal"),
    "rostralanteriorcingulate": ("rostral anterior cingulate cortex", "cingulate"),
    "rostralmiddlefrontal": ("rostral middle frontal gyrus", "frontal"),
    "superiorfrontal": ("superior frontal gyrus", "frontal"),
    "superiorparietal": ("superior parietal lobule", "parietal"),
    "superiortemporal": ("superior temporal gyrus", "temporal"),
    "supramarginal": ("supramarginal gyrus", "parietal"),
    "temporalpole": ("temporal pole", "temporal"),
    "transversetemporal": ("transverse temporal gyrus", "temporal"),
}

# Endings of key names in QC files and metrics, and how the unit is written.
_UNITS = {
    "mm": "mm",
    "mm2": "mm²",
    "cm2": "cm²",
    "cm3": "cm³",
    "mm3": "mm³",
    "db": "dB",
    "s": "s",
    "ms": "ms",
    "hz": "Hz",
    "percent": "%",
    "deg": "°",
    "nam": "nA·m",
    "mb": "MB",
    "ft": "fT",
    "min": "min",
    "ft_cm": "fT/cm",
    "hours": "h",
    "t_per_am": "T/\u2060(A·m)",
    "v_per_am": "V/\u2060(A·m)",
    "t_per_m_am": "T/m/\u2060(A·m)",
}
_WORDS = {
    "soz": "SOZ",
    "snr": "SNR",
    "meg": "MEG",
    "eeg": "EEG",
    "bem": "BEM",
    "gof": "goodness of fit",
    "rms": "RMS",
    "mri": "MRI",
    "t1w": "T1w",
    "gfp": "GFP",
    "std": "standard deviation",
    "le": "localisation error",
    "ieeg": "iEEG",
    "qc": "QC",
    "cov": "covariance",
    "n": "number of",
    "ssp": "SSP",
    "max": "maximum",
    "min": "minimum",
    "p95": "95th percentile",
    "ica": "ICA",
    "lpa": "LPA",
    "rpa": "RPA",
    "sfreq": "sampling rate",
    "highpass": "high-pass",
    "lowpass": "low-pass",
    "mag": "magnetometers",
    "grad": "gradiometers",
    "lr": "learning rate",
    "reg": "regularisation",
    "ecg": "ECG",
    "eog": "EOG",
    "sd": "spatial dispersion",
}


_MOST_DIGITS = 6
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def method_name(method: str) -> str:
    """What people call a method; one that is not known keeps its code name in words."""
    return METHODS[method].label if method in METHODS else humanise(method)


def gyrus(region_label: str) -> str:
    """Name of a region's gyrus with its side; labels that are not in the atlas stay as they are."""
    side, _, label = str(region_label).partition(" ")
    return f"{side} {GYRI.get(label, (label, ''))[0]}"


def lobe(region_label: str) -> str:
    """Hemisphere and lobe of a region, for example "left temporal lobe"."""
    side, _, label = str(region_label).partition(" ")
    name = GYRI.get(label, ("", ""))[1]
    return f"{side} {name} {'lobe' if name in _LOBES else 'cortex'}"


_LOBES = {"temporal", "frontal", "parietal", "occipital"}


def number(value, unit: str = "", digits: int | None = None) -> str:
    """A number as the report writes it: few digits, a real minus sign, its unit.

    None, NaN and infinity are "not assessable"; without `digits` at most three significant
    ones are kept.
    """
    try:
        value = float(value)
    except (TypeError, ValueError):
        return NOT_ASSESSABLE
    if not math.isfinite(value):
        return NOT_ASSESSABLE
    text = _decimal(value, digits)
    space = "" if unit in {"", "°"} else "\u00a0"
    return text.replace("-", "\u2212") + (space + unit if unit else "")


def _decimal(value: float, digits: int | None) -> str:
    if digits is None and value != 0:
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        if digits > _MOST_DIGITS:
            return _power_of_ten(value)
        text = f"{value:.{digits}f}"
        text = text.rstrip("0").rstrip(".") if digits else text
    else:
        text = f"{value:.{digits or 0}f}"
    return text.lstrip("-") if float(text) == 0 else text


def _power_of_ten(value: float) -> str:
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}\u00a0×\u00a010{str(int(exponent)).translate(_SUPERSCRIPT)}"


def coordinates(pos_mm) -> str:
    """A place in RAS by letters that need no convention: "R 53 · P 23 · S 4 mm"."""
    return " · ".join(along(axis, value) for axis, value in enumerate(pos_mm)) + "\u00a0mm"


def lps(pos_mm) -> str:
    """The same place in DICOM's axes, with signs: "x, y, z = −53, 23, 4 mm"."""
    values = np.asarray(pos_mm, float) * (-1, -1, 1)
    return "x, y, z = " + ", ".join(number(value, digits=0) for value in values) + "\u00a0mm"


def count(n: int, singular: str, plural: str | None = None) -> str:
    """A number and its noun, for example "5 spikes"."""
    return f"{n} {singular if n == 1 else plural or singular + 's'}"


def listing(items: list[str], conjunction: str = "and") -> str:
    """Items joined as in a sentence."""
    items = [str(item) for item in items]
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {conjunction} {items[-1]}"


def split_unit(key: str) -> tuple[str, str]:
    """A key such as "residual_mm" in words, and its unit."""
    words = key.split("_")
    for length in (4, 3, 2, 1):
        unit = _UNITS.get("_".join(words[-length:]))
        if unit and len(words) > length:
            return humanise("_".join(words[:-length])), unit
    return humanise(key), ""


def written_unit(unit: str) -> str:
    """A metric's unit as people write it; what is true or not has none."""
    return "" if unit == YES_OR_NO else _UNITS.get(unit, unit)


def humanise(key: str) -> str:
    """A key or code name in words, first letter large."""
    words = [_word(word) for word in re.split(r"[_\s]+", str(key)) if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _word(word: str) -> str:
    name = word.lower()
    return METHODS[name].short if name in METHODS else _WORDS.get(name, word)


def lower_first(text: str) -> str:
    """First letter small, unless the word is an abbreviation such as "SOZ" or "iEEG"."""
    if any(letter.isupper() or letter.isdigit() for letter in text[1:3]):
        return text
    return text[:1].lower() + text[1:]


def sentence(text: str) -> str:
    """First letter large, a full stop at the end."""
    text = str(text).strip()
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."
