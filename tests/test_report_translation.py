"""Page one in other languages: nothing missing, no side or number changed, gaps in plain sight."""

import html
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from markupsafe import Markup
from rendered_report import page_texts

from pipeline.errors import MissingResource
from pipeline.spikes.choice import MOST_FALSE_PER_MINUTE
from pipeline.template import SUBLOBAR_NAMES
from reports import Config, content, render, translation
from reports.fonts import font_files
from reports.parts import Part, with_translation
from reports.pictures import Picture
from reports.reading import read_patient
from reports.sections import SECTIONS
from reports.specification import own_section
from reports.translation import ENGLISH, LANGUAGES, Translator, read_language, typeface
from reports.wording import GYRI

OTHERS = [code for code in LANGUAGES if code != ENGLISH]
SIDES = {
    "de": {"left": "links", "right": "rechts"},
    "fr": {"left": "à gauche", "right": "à droite"},
    "ja": {"left": "左", "right": "右"},
}
PLACEHOLDER = re.compile(r"\{(\w+)")
SENTENCES = (
    "Right temporal lobe, right superior temporal gyrus, at R\u00a055 · P\u00a019 · S\u00a027\u00a0mm",
    "The estimated extent (Otsu’s threshold) covers 15 regions, 17.4\u00a0cm² of cortex, in the right "
    "superior temporal gyrus (59\u00a0%), left cuneus (28\u00a0%) and right insula (13\u00a0%).",
    "3 of 5 (sLORETA, cMEM and single dipole)",
    "The maximum lies 4 mm from the nearest SOZ contact (it stayed in its region, which is about 12 mm "
    "wide, in 199 of 200 averages of resampled spikes); SOZ and extent lie 8 mm apart in the mean of "
    "both directions (SOZ localisation error).",
    "Network’s probability of a source there",
    "above 0.37 (5 % of synthetic recordings without a source are)",
    "Nothing is imaged: of the marks, 3 of 3 fit their own average, and 5 are needed.",
    "Of the source’s extent (17.4 cm²) 15.9 cm² were removed (91 %) and 1.5 cm² left. Removed by "
    "gyrus: right superior temporal gyrus 89 % of 10.3 cm²; left cuneus 96 % of 4.8 cm².",
    "2 contacts within 20 mm of the maximum could sample it: LT1 (5 mm) and RA'2 (6 mm).",
    "Eloquent cortex by its anatomy: left precentral gyrus 12 mm from the maximum and within the "
    "extent; left postcentral gyrus 15 mm from the maximum, 4 mm from the extent.",
)


def _translator(code: str) -> Translator:
    return Translator(read_language(code))


def test_the_languages_are_the_files_of_the_folder():
    assert OTHERS == sorted(SIDES)


@pytest.mark.parametrize("code", OTHERS)
def test_catalogues_translate_the_same_texts_with_the_same_placeholders(code):
    own, first = read_language(code).texts, read_language(OTHERS[0]).texts
    assert set(own) == set(first)
    for english, told in own.items():
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(told)), english
        assert told.strip()


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_of_its_templates_is_in_the_catalogue(code):
    templates = [SECTIONS["summary"].template, SECTIONS["overview"].template]
    templates.append((files("reports") / "templates" / "verdict.html.j2").read_text("utf-8"))
    literal = [text for template in templates for text in re.findall(r'_\("([^"]+)"\)', template)]
    assert len(literal) > 15
    translator = _translator(code)
    for text in literal:
        translator(text)
    assert translator.lacking == []


@pytest.mark.parametrize("code", OTHERS)
def test_every_place_is_named_on_its_own_side(code):
    places = [f"{side} {name}" for name, _ in GYRI.values() for side in ("left", "right")]
    for english in [*places, *SUBLOBAR_NAMES]:
        told = _translator(code)(english)
        side = english.split(" ")[0]
        other = "left" if side == "right" else "right"
        assert SIDES[code][side] in told and SIDES[code][other] not in told, english
        assert not isinstance(told, Markup) or "untranslated" not in told, english


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("text", SENTENCES)
def test_every_number_survives_and_no_english_is_left(code, text):
    translator = _translator(code)
    told = html.unescape(translator(text))
    assert translator.lacking == [] and translator.gaps == ""
    assert sorted(re.findall(r"\d[\d.]*\d|\d", text)) == sorted(re.findall(r"\d[\d.]*\d|\d", told))
    assert told.count("cm²") == text.count("cm²")
    assert not re.search(r"\b(the|of|and|right|left|within)\b", told)


@pytest.mark.parametrize("code", OTHERS)
def test_what_the_catalogue_lacks_stays_english_in_plain_sight(code):
    translator = _translator(code)
    told = translator("The <b>frobnicated cortex</b> is unknown. Nothing is imaged.")
    assert '<span class="untranslated" lang="en">The &lt;b&gt;frobnicated' in told
    assert translator.lacking == ["The <b>frobnicated cortex</b> is unknown."]
    assert "1" in translator.gaps and "{n}" not in translator.gaps
    # A sentence of which a part is unknown is English as a whole, never half of each.
    part = translator("Concordant: the right frobnicated region holds SOZ contacts.")
    assert "untranslated" in part and "Concordant: the right frobnicated" in part


def _typeface_or_skip(code: str) -> tuple[str, Path] | None:
    try:
        return typeface(code)
    except MissingResource as error:
        pytest.skip(f"the typeface of {code} is not installed: {error.hint}")


@pytest.mark.parametrize("code", OTHERS)
def test_a_full_page_has_no_gap_and_says_what_it_is(code, rendered):
    _typeface_or_skip(code)
    patient = read_patient(rendered.inputs, rendered.paths)
    text = content.build(patient, rendered.paths, Config())
    section = own_section("summary")
    page_one = Part(section, section.title, "summary", text | {"pictures": {}})
    translated, original = with_translation([page_one], code)
    assert original is page_one and translated.anchor == f"summary-{code}"
    page = render.to_html(text, [translated, original], "A4", code)
    # The sentence about the head model is one that this patient alone has, and no stage writes.
    assert translated.content["_"].lacking == [text["head_model_sentence"].split(". ")[0] + "."]
    about = read_language(code).about
    assert about["notice"] in page and about["footnote"] in page
    assert content.NOTICE in page and f'class="summary flow" lang="{code}"' in page
    assert "Relation to the seizure-onset zone" in page  # of the original


@pytest.mark.parametrize("code", OTHERS)
def test_page_one_stays_one_page_with_reservations_and_gaps(code, rendered):
    _typeface_or_skip(code)
    patient = read_patient(rendered.inputs, rendered.paths)
    text = content.build(patient, rendered.paths, Config())
    reasons = [
        "only 7 spikes averaged",
        "the average has an SNR of only 4.1 dB",
        "no person has reviewed 48 of the 52 marks: a detector made them, which on simulated "
        "recordings with muscle, jumps and sharp transients of the healthy brain also made up to "
        f"{MOST_FALSE_PER_MINUTE:g} false ones a minute",
        "the detector set 99 transients apart that are broader than a spike or of two places; the "
        "patient's spikes may be among them",
    ]
    missing = [
        "Onset of the spike: the average has no clear half rise before its peak.",
        "Sublobar concordance: not sampled: no contact within 20 mm of the maximum.",
        "A sentence that no catalogue has: it stays in English and in plain sight.",
    ]
    text |= {"verdict": replace(text["verdict"], reasons=reasons), "missing": missing}
    section = own_section("summary")
    drawn = Picture(rendered.paths.figure("summary", "png"), "A caption.", "A picture")
    page_one = Part(section, section.title, "summary", text | {"pictures": {"summary": drawn}})
    page = render.to_html(text, with_translation([page_one], code), "A4", code)
    document = render.lay_out(page, rendered.paths.figures, code)
    first, second = page_texts(document)
    assert read_language(code).texts["Summary"] in first and "Summary" in second


def test_english_stands_alone_and_unchanged():
    section = own_section("summary")
    parts = [Part(section, "Summary", "summary", {})]
    assert with_translation(parts, ENGLISH) is parts
    assert parts[0].lang == "" and render.css_of_language(ENGLISH) == ""
    assert Config().language == ENGLISH


def test_a_language_without_its_typeface_is_refused_before_anything_is_computed(monkeypatch):
    monkeypatch.setattr(translation, "findSystemFonts", lambda: [])
    with pytest.raises(MissingResource, match=r"ipaexg\.ttf.*not installed"):
        Config(language="ja")
    assert Config(language="de").language == "de"


@pytest.mark.parametrize("code", OTHERS)
def test_every_character_has_a_glyph(code):
    own = _typeface_or_skip(code)
    known = set.intersection(*(set(TTFont(file).getBestCmap()) for file, _, _ in font_files()))
    if own:
        known |= set(TTFont(own[1]).getBestCmap())
    language = read_language(code)
    letters = "".join([*language.about.values(), *language.texts.values()])
    assert [letter for letter in set(letters) if ord(letter) not in known] == []
