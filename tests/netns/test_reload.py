# SPDX-License-Identifier: GPL-2.0-or-later
"""Reloads: what a new file may change, when, and how often.

The long test draws configurations from a seed and has them loaded as fast as they are taken:
groups come and go, are renamed, exchange VRIDs, addresses and homes, grow beyond what fits an
advertisement; some files are broken. Nothing may crash, leak (with --enable-sanitizers) or be left
over, and the last file must be what runs. VIPRING_STRESS_SEED and VIPRING_STRESS_ROUNDS change
that run.
"""
import json
import os
import random
import re
import signal
import subprocess
import time

from vrlab import BUILD, VIP4, config, stays, wait_until, web_group

SEED = int(os.environ.get("VIPRING_STRESS_SEED", "1"))
ROUNDS = int(os.environ.get("VIPRING_STRESS_ROUNDS", "60"))
SANITIZER = re.compile("AddressSanitizer|LeakSanitizer|runtime error:")


def own_text(lab, node):
    """Everything vipd and vipring-run of a node have said."""
    return lab.log(node) + lab.log(node, "vipring-run")


def assert_sound(lab, node):
    found = SANITIZER.search(own_text(lab, node))
    assert not found, f"{node}: " + own_text(lab, node)[found.start():][:3000]


def random_group(draw, vrid, numbers, many):
    """A group of its own VRID and numbers of addresses; IPv6 ones now and then."""
    addresses = [f"10.77.1.{n}/24" for n in numbers]
    if many:
        addresses += [f"10.78.{vrid}.{n}/32" for n in range(1, 255)]
        addresses += [f"10.79.{vrid}.{n}/32" for n in range(1, draw.randint(2, 250))]
    vrrp = {"advert-interval": draw.choice(["100ms", "150ms"])}
    if draw.random() < 0.1:
        vrrp = {"version": 2, "advert-interval": "1s"}
    elif draw.random() < 0.4:
        addresses.append(f"fd77::1:{numbers[0]}/64")
    group = {"interface": "eth0", "vrid": vrid, "addresses": addresses,
             "prefer": draw.choice(["lb1", "lb2"]), "vrrp": vrrp}
    if draw.random() < 0.2:
        group["accept"] = False
    if draw.random() < 0.3:
        group["checks"] = {f"c{n}": {"exec": ["/bin/true"], "interval": "50ms"}
                           for n in range(draw.randint(1, 3))}
    if draw.random() < 0.3:
        group["hooks"] = {f"h{n}": {"on": ["active", "backup", "stop"], "run": ["/bin/true"]}
                          for n in range(draw.randint(1, 3))}
    return group


def random_config(draw):
    """"web" stays as it is in all of them, so that its addresses must not move."""
    names = draw.sample([f"g{n}" for n in range(8)], draw.randint(0, 6))
    vrids = draw.sample(range(60, 66), len(names))
    numbers = draw.sample(range(10, 60), 2 * len(names))
    groups = {"web": web_group(failback="manual")}
    for n, name in enumerate(names):
        groups[name] = random_group(draw, vrids[n], numbers[2 * n:2 * n + 2], draw.random() < 0.15)
    order = list(groups)
    draw.shuffle(order)
    return config(nodes=2, groups={name: groups[name] for name in order})


def ask_for_reload(lab, draw, node):
    if draw.random() < 0.5:
        lab.ctl(node, "reload", check=False)
        return
    for _ in range(draw.randint(1, 2)):
        os.kill(lab.pid(node), signal.SIGHUP)


def digest(lab, node):
    status = lab.status(node)
    return status and status["config"]["digest"]


def expected(lab, node):
    """The digest that the file on this node has."""
    return json.loads(lab.ctl(node, "check", "-o", "json").stdout)["digest"]


def many_groups(first_vrid, count, name):
    """Cheap groups on VRIDs of their own, of both families."""
    return {f"{name}{n}": {"interface": "eth0", "vrid": first_vrid + n, "prefer": "lb1",
                           "addresses": [f"10.80.{first_vrid + n}.{k}/32" for k in range(1, 40)],
                           "vrrp": {"advert-interval": "100ms"}} for n in range(count)}


def reload_with(lab, node, groups):
    lab.write_config(config(nodes=2, groups=groups), [node])
    assert lab.ctl(node, "reload").returncode == 0


def test_backup_that_renames_a_group_still_hears_the_active(make_lab):
    """The renamed group is a new one beside the old one, for a moment, with the same VRID."""
    lab = make_lab(nodes=2, config=config(nodes=2))
    assert lab.wait_settled() == "lb1"
    reload_with(lab, "lb2", {"www": web_group()})
    stays(lambda: lab.role("lb2", "www") == "backup" and lab.holders() == ["lb1"], 1.5,
          what="lb2 hears lb1")


def test_groups_that_exchange_their_vrids_hear_each_others_nodes(make_lab):
    one = web_group(addresses=["10.77.1.1/24"], vrid=1, prefer="lb1")
    two = web_group(addresses=["10.77.1.2/24"], vrid=2, prefer="lb1")
    lab = make_lab(nodes=2, config=config(nodes=2, groups={"one": one, "two": two}))
    for group in ("one", "two"):
        assert lab.wait_settled(group) == "lb1"
    reload_with(lab, "lb2", {"one": {**one, "vrid": 2}, "two": {**two, "vrid": 1}})
    stays(lambda: [lab.role("lb2", g) for g in ("one", "two")] == ["backup", "backup"], 1.5,
          what="lb2 hears lb1 in both groups")


def test_hangup_before_the_host_has_an_address_is_served_afterwards(make_lab):
    """No node of the file is this host yet; the file is corrected, and its address comes."""
    lab = make_lab(nodes=1, with_="nothing")
    lab.exec("lb1", "ip", "address", "del", "10.77.0.11/24", "dev", "eth0")
    folder = lab.dir / "lb1"
    lab.write_config(config(nodes=1))
    vipd = lab.popen("lb1", BUILD / "vipd" / "vipd", "--config", folder / "vipring.conf",
                     "--run-dir", folder / "run", "--state-dir", folder / "state",
                     stderr=subprocess.PIPE)
    time.sleep(0.5)
    lab.write_config(config(nodes=1, groups={"later": web_group()}))
    vipd.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert vipd.poll() is None, vipd.stderr.read()
    lab.exec("lb1", "ip", "address", "add", "10.77.0.11/24", "dev", "eth0")
    wait_until(lambda: lab.role("lb1", "later") == "active")
    vipd.terminate()
    assert vipd.wait(timeout=5) == 0, vipd.stderr.read()


def test_hangup_during_a_reload_is_followed_by_another(make_lab):
    """The first file takes a while to be read and taken over; the second one runs in the end."""
    lab = make_lab(nodes=1, config=config(nodes=1))
    pid = lab.pid("lb1")
    for vrid in range(200, 205):
        lab.write_config(config(nodes=1, groups=many_groups(1, 150, "first")))
        second = config(nodes=1, groups={"second": web_group(vrid=vrid)})
        os.kill(pid, signal.SIGHUP)
        time.sleep(0.01)
        lab.write_config(second)
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: (lab.group("lb1", "second") or {}).get("vrid") == vrid)


def test_reloads_as_fast_as_they_go_leave_what_the_last_file_says(make_lab):
    draw = random.Random(SEED)
    lab = make_lab(nodes=2, config=config(nodes=2, groups={"web": web_group(failback="manual")}))
    lab.wait_settled()
    pids = {node: lab.pid(node) for node in lab.nodes}
    before = {node: lab.group(node)["transitions"] for node in lab.nodes}
    for _ in range(ROUNDS):
        text = random_config(draw)
        if draw.random() < 0.1:
            text = text.replace("vrid", "vird", 1)
        lab.write_config(text)
        for node in lab.nodes:
            ask_for_reload(lab, draw, node)
        time.sleep(draw.choice([0, 0, 0.05, 0.4]))
        for node in lab.nodes:
            assert_sound(lab, node)
            assert lab.pid(node) == pids[node], own_text(lab, node)[-3000:]

    last = {"web": web_group(failback="manual"),
            "end": web_group(vrid=60, addresses=["10.77.1.10/24", "10.77.1.11/24"])}
    lab.write_config(config(nodes=2, groups=last))
    for node in lab.nodes:
        os.kill(lab.pid(node), signal.SIGHUP)
    for node in lab.nodes:
        wait_until(lambda: digest(lab, node) == expected(lab, node), what=f"{node} runs the last file")
    for group in last:
        lab.wait_settled(group)
    assert {n: lab.group(n)["transitions"] for n in lab.nodes} == before
    for address in (VIP4, "10.77.1.10", "10.77.1.11"):
        lab.wait_holder(address=address)
    assert not [a for n in lab.nodes for a in lab.addresses(n)
                if a.startswith(("10.78.", "10.79.", "fd77::1:"))]
    for node in lab.nodes:
        lab.stop(node)
        assert_sound(lab, node)


def test_end_in_the_middle_of_a_reload_leaves_no_address(make_lab):
    """The old half, the new half and what is both at that moment: all of it goes."""
    draw = random.Random(SEED)
    first = config(nodes=1, groups=many_groups(1, 60, "a"))
    second = config(nodes=1, groups={**many_groups(31, 30, "a"), **many_groups(100, 60, "b")})
    lab = make_lab(nodes=1, config=first)
    wait_until(lambda: "10.80.60.39" in lab.addresses("lb1"))
    for _ in range(6):
        lab.write_config(second)
        os.kill(lab.pid("lb1"), signal.SIGHUP)
        time.sleep(draw.uniform(0, 0.03))
        lab.stop("lb1")
        assert_sound(lab, "lb1")
        assert not [a for a in lab.addresses("lb1") if a.startswith("10.80.")]
        lab.write_config(first)
        lab.start("lb1")
        wait_until(lambda: "10.80.60.39" in lab.addresses("lb1"))


def test_many_groups_that_turn_together_hold_up_no_advert(make_lab):
    """250 groups are claimed, asked about, removed and claimed anew under other names."""
    lab = make_lab(nodes=1, config=config(nodes=1, groups=many_groups(1, 250, "a")))
    wait_until(lambda: "10.80.250.39" in lab.addresses("lb1"), timeout=20)
    for _ in range(3):
        lab.status("lb1")
    lab.write_config(config(nodes=1, groups=many_groups(1, 250, "b")))
    os.kill(lab.pid("lb1"), signal.SIGHUP)
    wait_until(lambda: lab.role("lb1", "b249") == "active", timeout=20)
    wait_until(lambda: "10.80.250.39" in lab.addresses("lb1"), timeout=20)
    # A backup would have waited for three adverts of 100 ms.
    assert lab.status("lb1")["daemon"]["loop"]["advert_late_max_usec"] < 200_000
