# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab itself: its faults do what they say, and nothing of it stays. No vipd in these."""
import os
import subprocess
import time
from pathlib import Path

import pytest

from vrlab import LAB, Lab, run, wait_until


@pytest.fixture
def bare(make_lab):
    return make_lab(with_="nothing", nodes=2)


def reaches(lab, source, target):
    done = lab.exec(source, "ping", "-n", "-q", "-c", 3, "-i", "0.05", "-W", "0.3", target, check=False)
    return done.returncode == 0


def wait_reaches(lab, source, target):
    """Soon: the source may still be waiting for an answer to an ARP request it sent into the void."""
    wait_until(lambda: reaches(lab, source, target), what=f"{source} reaches {target}")


def carrier(lab, node):
    return lab.exec(node, "cat", "/sys/class/net/eth0/carrier", check=False).stdout.strip()


def test_nodes_and_client_reach_each_other_over_both_families(bare):
    for target in ("10.77.0.11", "10.77.0.12", "fd77::11", "fd77::12"):
        assert reaches(bare, "client", target)
    assert reaches(bare, "lb1", "10.77.0.12")


def test_cut_drops_both_ways_and_keeps_the_carrier(bare):
    bare.break_("lb1", "cut")
    assert not reaches(bare, "client", "10.77.0.11")
    assert carrier(bare, "lb1") == "1"
    assert reaches(bare, "client", "10.77.0.12")
    bare.mend("lb1")
    wait_reaches(bare, "client", "10.77.0.11")


def test_unplug_takes_the_carrier_away(bare):
    bare.break_("lb1", "unplug")
    assert carrier(bare, "lb1") == "0"
    bare.mend("lb1")
    wait_until(lambda: carrier(bare, "lb1") == "1")
    wait_reaches(bare, "client", "10.77.0.11")


def echoes(lab, node):
    """Echo requests that a node's kernel has received."""
    heads, values = [line.split() for line in lab.exec(node, "cat", "/proc/net/snmp").stdout.splitlines()
                     if line.startswith("Icmp:")]
    return int(values[heads.index("InEchos")])


@pytest.mark.parametrize("fault, into, out_of", [("deaf", False, True), ("mute", True, False)])
def test_one_way_faults_block_one_way_only(bare, fault, into, out_of):
    for node in ("lb1", "lb2"):  # neighbours known, so that echo requests alone can tell
        reaches(bare, "client", f"10.77.0.1{node[2]}")
    reaches(bare, "lb1", "10.77.0.12")
    bare.break_("lb1", fault)
    before = echoes(bare, "lb1")
    assert not reaches(bare, "client", "10.77.0.11")
    assert (echoes(bare, "lb1") - before == 3) == into
    before = echoes(bare, "lb2")
    assert not reaches(bare, "lb1", "10.77.0.12")
    assert (echoes(bare, "lb2") - before == 3) == out_of


def test_loss_takes_about_its_share_of_the_frames(bare):
    assert reaches(bare, "client", "10.77.0.11")
    bare.break_("lb1", "loss=30")
    done = bare.exec("client", "ping", "-n", "-q", "-c", 400, "-i", "0.002", "-W", "0.2", "10.77.0.11",
                     check=False)
    # An echo survives with 0.7 x 0.7 = 49 %: 196 of 400, standard deviation 10; six of them each way.
    received = int(done.stdout.split(" received")[0].split()[-1])
    assert 136 <= received <= 256, done.stdout


def test_crash_kills_everything_and_mend_boots_a_fresh_kernel(bare):
    bare.run("lb1", "sleeper", "sleep", 1000)
    other = bare.popen("lb1", "sleep", 1000)
    bare.exec("lb1", "ip", "address", "add", "10.77.0.77/24", "dev", "eth0")
    first = bare.pid("lb1", "sleeper")
    bare.break_("lb1", "crash")
    assert other.wait(timeout=5) == -9
    assert run("ip", "netns", "pids", bare.ns("lb1")).stdout.split() == []
    assert "10.77.0.77" in bare.addresses("lb1")
    assert not reaches(bare, "client", "10.77.0.11")
    bare.mend("lb1")
    assert "10.77.0.77" not in bare.addresses("lb1")
    assert bare.pid("lb1", "sleeper") not in (None, first)
    wait_reaches(bare, "client", "10.77.0.11")


def test_supervisor_restarts_a_program_that_ends_but_not_a_stopped_unit(bare):
    bare.run("lb1", "sleeper", "sleep", 1000)
    first = bare.pid("lb1", "sleeper")
    os.kill(first, 9)
    second = wait_until(lambda: (p := bare.pid("lb1", "sleeper")) and p != first and p)
    bare._lab("drop", "lb1", "sleeper")
    assert not Path(f"/proc/{second}").exists()
    assert run("ip", "netns", "pids", bare.ns("lb1")).stdout.split() == []


def test_down_leaves_no_namespace_process_or_file():
    lab = Lab(f"t{os.getpid()}-gone", with_="nothing", nodes=2)
    with lab:
        sleeper = lab.popen("lb1", "sleep", 1000)
        assert Path(f"/run/netns/{lab.ns('lb1')}").exists()
    assert sleeper.wait(timeout=5) == -9
    assert not list(Path("/run/netns").glob(lab.prefix + "-*"))
    assert not lab.dir.exists()


def test_second_lab_of_the_same_prefix_is_refused_and_the_first_lives(bare):
    done = run(LAB, "--prefix", bare.prefix, "up", check=False)
    assert done.returncode == 1
    assert "already up" in done.stderr
    assert reaches(bare, "client", "10.77.0.11")


def test_failed_up_leaves_nothing(tmp_path):
    empty = tmp_path / "empty.conf"
    empty.write_text('cluster = "x"\n# nodes = { a = { address = "10.77.0.11" } }\n')
    prefix = f"t{os.getpid()}-bad"
    done = run(LAB, "--prefix", prefix, "up", "--with", "nothing", "--config", empty, check=False)
    assert done.returncode == 1
    assert "no nodes with an address" in done.stderr
    assert not Path(f"/run/vipring-lab.{prefix}").exists()


def test_nodes_come_from_the_configuration(make_lab, tmp_path):
    path = tmp_path / "vipring.conf"
    path.write_text('''
cluster = "x"   // not a node: fake = { address = "10.9.9.9" }
/* nodes = { ghost = { address = "10.77.0.66" } } */
nodes : { left = { address = "10.77.0.41"; };
          right : { address = "10.77.0.42" } }   # } }
groups = { g = { interface = "eth0", vrid = 1, addresses = [ "10.77.0.100/24" ] } }
''')
    lab = make_lab(with_="nothing", config=path)
    assert lab.nodes == ["left", "right"]
    assert reaches(lab, "left", "10.77.0.42")


def test_answering_counts_every_host_that_claims_an_address(bare):
    for node in ("lb1", "lb2"):
        bare.exec(node, "ip", "address", "add", "10.77.0.77/24", "dev", "eth0")
    assert bare.answering("10.77.0.77") == [bare.mac("lb1"), bare.mac("lb2")]
    assert bare.answering("10.77.0.78") == []


def test_usage_errors_exit_2():
    for words in (["bogus"], ["--prefix", "UPPER", "up"], ["up", "--nodes", "0"], []):
        done = subprocess.run([LAB, *words], capture_output=True, text=True)
        assert done.returncode in (1, 2) and done.stderr, words


def test_gap_probe_measures_a_cut_and_names_who_answers(bare):
    bare.responders()
    wait_until(lambda: bare.gap_probe("10.77.0.11", seconds=0.1).result()["lost"] == 0)
    probe = bare.gap_probe("10.77.0.11", "fd77::12", seconds=20)
    time.sleep(0.5)
    begun = time.monotonic()
    bare.break_("lb1", "cut")
    time.sleep(0.2)
    bare.mend("lb1")
    upper = time.monotonic() - begun
    time.sleep(0.5)
    result = probe.finish()
    cut, spared = result["addresses"]
    assert cut["nodes"].keys() == {"lb1"}
    assert spared["nodes"].keys() == {"lb2"}
    # The cut was at least the 0.2 s between the two commands, at most the time around both,
    # give or take a period of the probe and its own lateness.
    slack = result["own_stall_usec"] + 1000
    assert 200_000 - slack <= cut["gap_usec"] <= upper * 1e6 + slack
    assert cut["lost"] > 0
    assert spared["lost"] == 0 and spared["gap_usec"] == 0


def test_http_probe_counts_what_failed(bare):
    page = "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nlb1\\n"
    server = ("import socket\ns = socket.create_server(('', 80))\nwhile True:\n"
              f"    c = s.accept()[0]; c.recv(4096); c.sendall(b'{page}'); c.close()\n")
    bare.run("lb1", "web", "/usr/bin/python3", "-c", server)
    wait_until(lambda: bare.http_probe("10.77.0.11", seconds=0.1).result()["ok"])
    good = bare.http_probe("10.77.0.11", seconds=0.3).result()
    assert good["ok"] > 10 and good["failed"] == 0
    assert good["servers"] == {"lb1": good["ok"]}
    refused = bare.http_probe("10.77.0.12", seconds=0.1).result()
    assert refused["ok"] == 0 and refused["refused"] == refused["failed"] > 0
    bare.break_("lb1", "cut")
    late = bare.http_probe("10.77.0.11", seconds=1.5).result()
    assert late["ok"] == 0 and late["timeout"] >= 1
    assert late["stall_usec"] >= 1_000_000
