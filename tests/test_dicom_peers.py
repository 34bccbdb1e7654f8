"""The DICOM objects before other people's programs: validators, a store on loopback, Orthanc."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import (
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    ParametricMapStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)
from pynetdicom import AE, evt

import reports

CLASSES = (
    EncapsulatedPDFStorage,
    SegmentationStorage,
    ParametricMapStorage,
    MRImageStorage,
    RTStructureSetStorage,
)
# dicom3tools' lists of terms end in 2022: it does not know private schemes, nor the contrast
# QUANTITY, which PS3.3 C.8.32.2 demands of parametric maps.
HARMLESS = ("<99SPIKEFOCUS>", "<QUANTITY>")
LONGEST_WAIT_S = 30


def needs(program: str):
    return pytest.mark.skipif(
        shutil.which(program) is None,
        reason=f"{program} is not installed (Debian: dcmtk, dicom3tools, orthanc)",
    )


@pytest.fixture(scope="module")
def report(rendered):
    """The PDF and the DICOM objects of a report, of the T1w's slices every thirtieth."""
    written = [path for path in reports.writes(rendered.paths) if path.suffix == ".dcm"]
    slices = [path for path in written if path.parent.name.endswith("_T1w")]
    files = [path for path in written if path not in slices] + slices[::30]
    assert len(files) == 4 + len(slices[::30]) and slices
    return rendered.paths.report_pdf.read_bytes(), files


def send(files: list[Path], port: int) -> None:
    """Store the files at a peer on loopback; every one must be taken."""
    client = AE(ae_title="SPIKEFOCUS")
    for uid in CLASSES:
        client.add_requested_context(uid, ExplicitVRLittleEndian)
    association = client.associate("127.0.0.1", port)
    assert association.is_established
    try:
        for path in files:
            assert association.send_c_store(pydicom.dcmread(path)).Status == 0x0000, path.name
    finally:
        association.release()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@needs("dciodvfy")
def test_validator_finds_no_error(report):
    for path in report[1]:
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True)
        complaints = [
            line
            for line in (done.stdout + done.stderr).splitlines()
            if line.startswith(("Error", "Warning")) and not any(h in line for h in HARMLESS)
        ]
        assert complaints == [], path.name


@needs("dciodvfy")
def test_validator_would_find_an_error(report, tmp_path):
    broken = pydicom.dcmread(report[1][0])
    del broken.MIMETypeOfEncapsulatedDocument
    broken.save_as(tmp_path / "broken.dcm")
    done = subprocess.run(["dciodvfy", tmp_path / "broken.dcm"], capture_output=True, text=True)
    assert "Error" in done.stdout + done.stderr


@needs("dcm2pdf")
def test_dcmtk_reads_the_objects_and_extracts_the_pdf(report, tmp_path):
    pdf, files = report
    document = next(path for path in files if path.name.endswith("_document.dcm"))
    subprocess.run(["dcm2pdf", document, tmp_path / "report.pdf"], check=True)
    assert (tmp_path / "report.pdf").read_bytes() == pdf
    for path in files:
        dump = subprocess.run(["dcmdump", "-q", path], check=True, capture_output=True)
        assert "Müßig^Änne" in dump.stdout.decode()


def test_a_store_on_loopback_gives_back_what_it_got(report, tmp_path):
    received = {}

    def keep(event):
        event.dataset.file_meta = event.file_meta
        path = tmp_path / f"{len(received)}.dcm"
        event.dataset.save_as(path, enforce_file_format=True)
        received[event.dataset.SOPInstanceUID] = path
        return 0x0000

    server = AE()
    for uid in CLASSES:
        server.add_supported_context(uid, ExplicitVRLittleEndian)
    listening = server.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)]
    )
    try:
        send(report[1], listening.socket.getsockname()[1])
    finally:
        listening.shutdown()
    for path in report[1]:
        ours = pydicom.dcmread(path)
        theirs = pydicom.dcmread(received[ours.SOPInstanceUID])
        assert theirs == ours
        if ours.SOPClassUID == EncapsulatedPDFStorage:
            assert theirs.EncapsulatedDocument[: theirs.EncapsulatedDocumentLength] == report[0]


@pytest.fixture
def orthanc(tmp_path):
    """A fresh archive on loopback: the address of its HTTP interface and its DICOM port."""
    http, port = free_port(), free_port()
    configuration = {
        "Name": "test",
        "StorageDirectory": str(tmp_path / "store"),
        "IndexDirectory": str(tmp_path / "store"),
        "Plugins": [],
        "HttpPort": http,
        "DicomPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(configuration))
    log = (tmp_path / "log").open("w")
    server = subprocess.Popen([shutil.which("Orthanc"), tmp_path / "orthanc.json"], stderr=log)
    address = f"http://127.0.0.1:{http}"
    try:
        started = time.monotonic()
        while True:
            try:
                get(f"{address}/system")
                break
            except urllib.error.URLError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() - started < LONGEST_WAIT_S
                time.sleep(0.2)
        yield address, port
    finally:
        server.terminate()
        server.wait(LONGEST_WAIT_S)
        log.close()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=LONGEST_WAIT_S) as answer:
        return answer.read()


@needs("Orthanc")
def test_orthanc_files_them_under_the_patient_and_gives_the_pdf_back(report, orthanc, tmp_path):
    pdf, files = report
    address, port = orthanc
    send(files, port)
    assert len(json.loads(get(f"{address}/patients"))) == 1
    assert len(json.loads(get(f"{address}/studies"))) == 1
    returned = {}
    for identifier in json.loads(get(f"{address}/instances")):
        path = tmp_path / f"{identifier}.dcm"
        path.write_bytes(get(f"{address}/instances/{identifier}/file"))
        dataset = pydicom.dcmread(path)
        returned[dataset.SOPInstanceUID] = (identifier, dataset)
    for path in files:
        ours = pydicom.dcmread(path)
        identifier, theirs = returned[ours.SOPInstanceUID]
        assert theirs == ours
        if ours.SOPClassUID == EncapsulatedPDFStorage:
            assert theirs.EncapsulatedDocument[: theirs.EncapsulatedDocumentLength] == pdf
            # Orthanc's own way to the PDF keeps the byte that makes its length even.
            assert get(f"{address}/instances/{identifier}/pdf")[: len(pdf)] == pdf
