"""Content that git-annex or LFS keeps elsewhere, clones, and links that lead out of the dataset."""

import subprocess

import pytest
from dataset_of_files import SPIKES, find, names, touch

from pipeline.absent import absent_content
from pipeline.compare.images import open_image
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.tables import read_tsv

T1W = "sub-01/anat/sub-01_T1w.nii.gz"
RUN = "sub-01/meg/sub-01_task-rest_meg.fif"
KEY = "MD5E-s12--0123456789abcdef.fif"


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "bids"
    touch(root, T1W, RUN)
    return root


def annexed(path, objects, key=KEY, present=True):
    """Replace a file by a link into an annex."""
    target = objects / "ab/cd" / key / key
    if present:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("content")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return path


@pytest.mark.parametrize("name", [T1W, RUN])
def test_content_that_is_not_here_is_called_that(dataset, name):
    annexed(dataset / name, dataset / ".git/annex/objects", present=False)
    with pytest.raises(InvalidInput, match=r"git-annex and is not here .*datalad get"):
        find(dataset)


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        ("/annex/objects/MD5E-s5--ab.nii.gz\n", "git annex get"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n", "git lfs pull"),
    ],
)
def test_a_pointer_file_is_no_content(dataset, content, remedy):
    """An annex in unlocked mode, and LFS, leave small text files in place of the content."""
    (dataset / T1W).write_text(content)
    with pytest.raises(InvalidInput, match=remedy):
        find(dataset)


def test_a_missing_run_stops_only_where_it_has_spikes(dataset):
    other = dataset / RUN.replace("rest", "motor")
    annexed(other, dataset / ".git/annex/objects", present=False)
    files = find(dataset)
    assert names(files.meg) == [RUN.split("/")[-1]]
    assert "a run without spikes, was passed over" in files.notes[0]
    (other.parent / "sub-01_task-motor_events.tsv").write_text(SPIKES)
    with pytest.raises(InvalidInput, match="is not here"):
        find(dataset)


def test_of_two_versions_that_which_is_here_is_used(dataset):
    annexed(dataset / RUN, dataset / ".git/annex/objects", present=False)
    touch(dataset, RUN.replace("_meg", "_proc-sss_meg"))
    files = find(dataset)
    assert names(files.meg) == ["sub-01_task-rest_proc-sss_meg.fif"]
    assert "the content of the other is not here" in files.notes[0]


def test_of_two_t1w_that_which_is_here_is_used(dataset):
    annexed(dataset / T1W, dataset / ".git/annex/objects", present=False)
    touch(dataset, T1W.replace("_T1w", "_run-2_T1w"))
    assert find(dataset).t1w.name == "sub-01_run-2_T1w.nii.gz"


@pytest.mark.parametrize("reader", ["table", "json", "image"])
def test_every_reader_calls_it_that(tmp_path, reader):
    path = annexed(tmp_path / "file", tmp_path / ".git/annex/objects", present=False)
    with pytest.raises(InvalidInput, match="kept by git-annex and is not here"):
        if reader == "table":
            read_tsv(path, (), [])
        elif reader == "json":
            read_json(path)
        else:
            open_image(path, "CT")


def test_a_link_that_leads_nowhere_is_called_that(tmp_path):
    path = tmp_path / "x"
    path.symlink_to(tmp_path / "y")
    assert absent_content(path).message == "the path is a link that leads nowhere"
    assert absent_content(tmp_path / "y") is None, "no file at all is its reader's to report"


@pytest.mark.parametrize("kind", ["link", "submodule"])
def test_a_clone_whose_annex_lies_elsewhere_is_followed(dataset, tmp_path, kind):
    store = tmp_path / "store"
    if kind == "link":
        (dataset / ".git").mkdir()
        (store / "objects").mkdir(parents=True)
        (dataset / ".git/annex").symlink_to(store)
        objects = dataset / ".git/annex/objects"
    else:
        (store / "annex/objects").mkdir(parents=True)
        (dataset / ".git").write_text(f"gitdir: {store}\n")
        objects = store / "annex/objects"
    run = annexed(dataset / RUN, objects)
    assert find(dataset).meg == [run]


def test_a_real_clone_is_followed(dataset, tmp_path):
    subprocess.run(["git", "init", "-q", str(dataset)], check=True)
    worktree = annexed(dataset / RUN, dataset / ".git/annex/objects")
    assert find(dataset).meg == [worktree]


@pytest.mark.parametrize("key", ["sub-01_meg.fif", "passwd"])
def test_what_only_looks_like_an_annex_is_refused(dataset, tmp_path, key):
    (dataset / ".git").mkdir()
    (tmp_path / "store/objects").mkdir(parents=True)
    (dataset / ".git/annex").symlink_to(tmp_path / "store")
    annexed(dataset / RUN, dataset / ".git/annex/objects", key)
    with pytest.raises(InvalidInput, match="--follow-links"):
        find(dataset)


def test_other_links_out_are_followed_only_if_asked(dataset, tmp_path):
    outside = tmp_path / "elsewhere.fif"
    outside.touch()
    (dataset / RUN).unlink()
    (dataset / RUN).symlink_to(outside)
    with pytest.raises(InvalidInput, match="--follow-links"):
        find(dataset)
    assert find(dataset, follow_links=True).meg == [dataset / RUN]
