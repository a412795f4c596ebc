# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: a lab of its own for each test, always removed, its logs shown when the test fails."""
import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from vrlab import BUILD, LAB, Lab

_numbers = itertools.count(1)


def pytest_configure(config):
    if os.geteuid() != 0:
        pytest.exit("namespace tests need root", returncode=2)
    if not (BUILD / "vipd" / "vipd").exists():
        pytest.exit(f"build first: no vipd in {BUILD}", returncode=2)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for lab in getattr(item, "labs", []):
            report.sections += list(_evidence(lab))


def _evidence(lab):
    """What the lab looked like when the test failed."""
    status = subprocess.run([LAB, "--prefix", lab.prefix, "status"], capture_output=True, text=True)
    yield "lab status", status.stdout + status.stderr
    if not (lab.dir / "nodes").exists():
        return
    for node in lab.nodes:
        for log in filter(Path.is_file, sorted((lab.dir / node / "units").glob("*/log"))):  # no pipes
            tail = log.read_text(errors="replace").splitlines()[-60:]
            if tail:
                yield f"{node}: {log.parent.name}", "\n".join(tail)


@pytest.fixture
def make_lab(request):
    """make_lab(**options) -> a Lab that is up; see vrlab.Lab. Removed after the test."""
    made = []
    request.node.labs = made

    def make(**options):
        lab = Lab(f"t{os.getpid()}-{next(_numbers)}", **options)
        made.append(lab)
        return lab.up()

    yield make
    for lab in made:
        lab.down()


@pytest.fixture(scope="module")
def module_lab():
    """Like make_lab, for a lab that the tests of a file share. A test that uses it lists it in
    request.node.labs, to have its logs shown."""
    made = []

    def make(**options):
        lab = Lab(f"t{os.getpid()}-{next(_numbers)}", **options)
        made.append(lab)
        return lab.up()

    yield make
    for lab in made:
        lab.down()


@pytest.fixture
def lab(make_lab):
    """Three nodes, one group, settled: lb1 owns it."""
    lab = make_lab()
    lab.wait_settled()
    return lab


@pytest.fixture
def need():
    """need("keepalived"): skip where a program is missing."""
    def check(*programs):
        for program in programs:
            if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
                pytest.skip(f"{program} is not installed")
    return check
