"""The mapping file of ``--contact-labels``."""

import json
from functools import partial

import pytest
from contact_files import CHANNELS, write_contacts

from pipeline.compare.labels import ContactLabels, read_contact_labels
from pipeline.errors import InvalidInput


@pytest.fixture
def write(tmp_path):
    return partial(write_contacts, tmp_path)


def labels_of(tmp_path, content, sub="sub-01"):
    path = tmp_path / "labels.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_contact_labels(path, sub)


def test_a_centres_own_column_and_words(write, tmp_path):
    labels = labels_of(tmp_path, {"soz": {"electrodes.tsv:Zone": ["Onset, clear", "onset?"]}})
    zone = ("onset, clear", "spread", "ONSET?", "n/a")
    found = write({"zone": zone, "soz": ("no", "yes", "no", "no")}, CHANNELS, labels=labels)
    assert found.contacts.soz.tolist() == [True, False, True, False]
    assert found.rules["soz"] == "--contact-labels (electrodes.tsv:zone)"
    # Marks that the file says nothing about keep their rules.
    assert found.rules["resected"] == "channels.tsv:status_description"


def test_lists_of_contacts_override_everything(write, tmp_path):
    content = {"participants": {"sub-01": {"soz": ["a4", "A9"], "resected": []}}}
    found = write(None, CHANNELS, labels=labels_of(tmp_path, content))
    assert found.contacts.soz.tolist() == [False, False, False, True]
    assert not found.contacts.resected.any()
    assert found.rules["soz"] == found.rules["resected"] == "--contact-labels (list)"
    assert any("A9" in doubt.text for doubt in found.doubts)
    assert labels_of(tmp_path, content, "sub-02") == ContactLabels()


def test_a_column_that_is_not_there_is_warned_about(write, tmp_path):
    labels = labels_of(tmp_path, {"soz": {"channels.tsv:onset": ["x"]}})
    found = write(None, CHANNELS, labels=labels)
    assert found.rules["soz"] is None
    assert any("channels.tsv:onset) is not among the columns" in text for text in found.warnings)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        {"SOZ": {}},
        {"soz": ["A1"]},
        {"soz": {"events.tsv:x": ["a"]}},
        {"soz": {"channels.tsv": ["a"]}},
        {"soz": {"channels.tsv:x": "a"}},
        {"participants": {"sub-01": {"soz": "A1"}}},
        {"participants": {"sub-01": ["A1"]}},
        {"participants": {"sub-02": {"onset": ["A1"]}}},
    ],
)
def test_contact_labels_that_are_not_understood_are_refused(tmp_path, content):
    with pytest.raises(InvalidInput, match="contact labels") as error:
        labels_of(tmp_path, content)
    assert error.value.file.name == "labels.json"
