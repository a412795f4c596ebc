# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks and hooks in a running cluster: what moves a group, what does not, and who hears of it."""
import os
import signal
import time

import pytest

from vrlab import VIP4, config, stays, wait_until, web_group
from test_faults import CRASH_MS, gap_ms, transitions

FAST = {"interval": "100ms", "timeout": "100ms", "rise": 1, "fall": 2}


@pytest.fixture
def script(tmp_path):
    """script("name", "text") -> path of an executable shell script."""
    def make(name, text):
        path = tmp_path / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return str(path)
    return make


@pytest.fixture
def healthy(tmp_path, script):
    """An exec check that fails on a node while the file NODE.down is there."""
    path = script("healthy", f'test ! -e "{tmp_path}/$VIPRING_NODE.down" || '
                             '{ echo "$VIPRING_NODE is unwell"; exit 1; }\n')
    return {"exec": path, "user": "root", **FAST}


def settled_lab(make_lab, **group):
    lab = make_lab(config=config(groups={"web": web_group(**group)}))
    assert lab.wait_settled() == "lb1"
    return lab


def last_event(lab, node="lb2"):
    return lab.events(node)[-1]


# --- checks ----------------------------------------------------------------------


def test_failing_check_moves_the_group_and_is_named(make_lab, healthy, tmp_path):
    lab = settled_lab(make_lab, checks={"service": healthy})
    lab.responders()
    wait_until(lambda: lab.gap_probe(VIP4, seconds=0.2).result()["lost"] == 0)
    probe = lab.gap_probe(VIP4, seconds=30)
    (tmp_path / "lb1.down").touch()
    lab.wait_holder("lb2")
    wait_until(lambda: lab.role("lb1") == "fault")
    time.sleep(0.3)
    assert gap_ms(probe.finish()) <= CRASH_MS  # it resigns: less than the dead time and a margin
    assert "lb1 is unwell" in lab.ctl("lb1", "status").stdout
    event = lab.events("lb1")[-1]
    assert (event["from"], event["cause"]) == ("lb1", "check")
    (tmp_path / "lb1.down").unlink()
    wait_until(lambda: lab.role("lb1") == "backup")
    assert lab.holders() == ["lb2"]


def test_http_check_follows_a_real_server(make_lab, tmp_path):
    """One server per node; lb1's answers 404 once its page is gone."""
    for n in (1, 2, 3):
        (tmp_path / f"lb{n}").mkdir()
        (tmp_path / f"lb{n}" / "healthz").write_text("ok\n")
    lab = make_lab(config=config(groups={"web": web_group(
        checks={"page": {"http": "http://127.0.0.1:8080/healthz", **FAST}})}))
    for node in lab.nodes:
        lab.run(node, "server", "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1",
                "--directory", tmp_path / node, "8080")
    assert lab.wait_settled() in lab.nodes
    owner = lab.actives()[0]
    (tmp_path / owner / "healthz").unlink()
    wait_until(lambda: lab.role(owner) == "fault")
    assert "status 404" in lab.ctl(owner, "status").stdout
    assert lab.wait_holder() != owner


def test_one_bad_try_of_two_moves_nothing(make_lab, script, tmp_path):
    """Every second try fails; two in a row would be needed."""
    path = script("flaps", f'f="{tmp_path}/$VIPRING_NODE.flip"\n'
                           'if [ -e "$f" ]; then rm "$f"; exit 0; fi\ntouch "$f"\n'
                           f'test -e "{tmp_path}/steady"\n')
    (tmp_path / "steady").touch()
    lab = settled_lab(make_lab, checks={"flaps": {
        "exec": path, "user": "root", "interval": "500ms", "timeout": "500ms", "rise": 1, "fall": 2}})
    before = transitions(lab)
    (tmp_path / "steady").unlink()
    stays(lambda: lab.actives() == ["lb1"], 4)
    assert transitions(lab) == before


def test_group_without_a_healthy_node_is_nobodys(make_lab, healthy, tmp_path):
    lab = settled_lab(make_lab, checks={"service": healthy})
    for node in lab.nodes:
        (tmp_path / f"{node}.down").touch()
    wait_until(lambda: [lab.role(n) for n in lab.nodes] == ["fault"] * 3)
    assert lab.holders() == []
    assert lab.group("lb2")["owner"] is None
    (tmp_path / "lb3.down").unlink()
    lab.wait_holder("lb3")


def test_killed_helper_moves_nothing(make_lab, healthy):
    """It is back before the 20th try in a row (2 s) has failed."""
    lab = settled_lab(make_lab, checks={"service": {**healthy, "fall": 20}})
    before, old = transitions(lab), lab.pid("lb1", "vipring-run")
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: lab.pid("lb1", "vipring-run") not in (None, old))
    stays(lambda: lab.actives() == ["lb1"], 3)
    assert transitions(lab) == before
    assert lab.group("lb1")["checks"]["up"] == 1


def test_reload_that_keeps_a_check_keeps_what_it_knows(make_lab, healthy):
    lab = settled_lab(make_lab, checks={"service": {**healthy, "interval": "1h"}})
    before = transitions(lab)
    lab.write_config(config(groups={"web": web_group(
        checks={"service": {**healthy, "interval": "1h"}},
        hooks={"note": {"on": "stop", "run": "/bin/true"}})}))
    for node in lab.nodes:
        lab.ctl(node, "reload")
    assert lab.group("lb1")["checks"]["up"] == 1
    assert transitions(lab) == before


# --- hooks -----------------------------------------------------------------------


def test_hooks_tell_the_whole_story_in_order(make_lab, healthy, script, tmp_path):
    story = tmp_path / "story"
    path = script("tell", 'echo "$VIPRING_NODE $VIPRING_EVENT $VIPRING_FROM $VIPRING_TO'
                          f' $VIPRING_CAUSE" >> {story}.$VIPRING_NODE\n')
    every = "before-active|active|before-backup|backup|before-fault|fault|before-stop|stop"

    def told(node):
        try:
            return (tmp_path / f"story.{node}").read_text().splitlines()
        except FileNotFoundError:
            return []

    lab = settled_lab(make_lab, checks={"service": healthy},
                      hooks={"tell": {"on": every, "run": path, "user": "root"}})
    (tmp_path / "lb1.down").touch()
    lab.wait_holder("lb2")
    wait_until(lambda: len(told("lb1")) >= 4 and "lb1 fault" in told("lb1")[-1])
    events = [line.split()[1] for line in told("lb1")]
    assert events[-4:] == ["before-active", "active", "before-fault", "fault"]
    assert told("lb1")[-1] == "lb1 fault active fault check"
    wait_until(lambda: told("lb2") and "lb2 active" in told("lb2")[-1])
    assert told("lb2")[-2].split()[1:4] == ["before-active", "backup", "active"]

    lab.stop("lb2")  # ends vipd and vipring-run; the hooks of "stop" still run
    assert lab.wait_holder(nodes=["lb1", "lb3"]) == "lb3"
    wait_until(lambda: [line.split()[1] for line in told("lb2")[-2:]] == ["before-stop", "stop"],
               what=f"lb2 says that it stops: {told('lb2')}")


def test_hanging_hooks_delay_no_takeover(make_lab):
    """Each would take a minute: before the change, after it, on every node."""
    hang = {"on": "before-active|active|before-backup|backup|before-fault|fault",
            "run": "/bin/sleep 60", "timeout": "1min", "user": "root"}
    lab = settled_lab(make_lab, hooks={"hang": hang})
    lab.responders()
    wait_until(lambda: lab.gap_probe(VIP4, seconds=0.2).result()["lost"] == 0)
    probe = lab.gap_probe(VIP4, seconds=30)
    time.sleep(0.3)
    lab.break_("lb1", "crash")
    assert lab.wait_settled(nodes=["lb2", "lb3"]) == "lb2"
    time.sleep(0.5)
    assert gap_ms(probe.finish()) <= CRASH_MS
