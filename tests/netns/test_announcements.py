# SPDX-License-Identifier: GPL-2.0-or-later
"""What neighbours learn from a vipd that claims, and what accept = false lets through."""
import json

from vrlab import VIP4, VIP6, config, run, stays, wait_until, web_group


def neighbours(lab, dev="eth0"):
    """The client's ARP and ND caches: {address: MAC}."""
    seen = json.loads(run("ip", "-n", lab.ns("client"), "-j", "neigh", "show", "dev", dev).stdout or "[]")
    return {n["dst"]: n["lladdr"].upper() for n in seen if "lladdr" in n}


def make_known(lab, addresses):
    """Have the client resolve them, from whoever answers now."""
    for address in addresses:
        lab.exec("client", "ping", "-c", 1, "-W", 1, address, check=False)
    known = neighbours(lab)
    assert set(addresses) <= set(known)
    return {a: known[a] for a in addresses}


def go_to(lab, addresses, node):
    """True once the client's caches have all of them at this node."""
    mac, known = lab.mac(node), neighbours(lab)
    return all(known.get(a) == mac for a in addresses)


# --- announcements ---------------------------------------------------------------


def test_every_neighbours_cache_follows_a_takeover_without_asking(make_lab):
    """The client sends nothing: only announcements can have moved its entries."""
    many = [f"10.77.0.{n}" for n in range(101, 161)] + [f"fd77::1:{n:x}" for n in range(1, 21)]
    group = web_group(addresses=[f"{a}/{64 if ':' in a else 24}" for a in many])
    lab = make_lab(config=config(groups={"web": group}))
    owner = lab.wait_settled()
    known = make_known(lab, many)
    assert set(known.values()) == {lab.mac(owner)}
    lab.break_(owner, "crash")
    heir = lab.wait_settled(nodes=[n for n in lab.nodes if n != owner])
    wait_until(lambda: go_to(lab, many, heir), what=f"all entries at {heir}")


def test_after_a_conflict_the_winner_has_the_last_word(make_lab):
    """lb1 is cut off and both claim; when it is mended, lb1 announces last before it yields or wins."""
    lab = make_lab()
    lab.wait_settled()
    lab.break_("lb1", "cut")
    lab.wait_settled(nodes=["lb2", "lb3"])
    make_known(lab, [VIP4, VIP6])
    sent = {n: lab.status(n)["daemon"]["announcements"]["arp_sent"] for n in lab.nodes}
    lab.mend("lb1")
    winner = lab.wait_settled()
    wait_until(lambda: lab.status(winner)["daemon"]["announcements"]["arp_sent"] > sent[winner],
               what="the winner announces again")
    wait_until(lambda: go_to(lab, [VIP4, VIP6], winner))
    stays(lambda: go_to(lab, [VIP4, VIP6], winner), 0.5)


def test_a_winner_that_speaks_first_announces_again_after_a_partition(make_lab):
    """Who yields is not heard by then, so it says so once more; bystanders see one move each way."""
    lab = make_lab(config=config(groups={"web": web_group(announce={"count": 1})}))
    lab.wait_settled()
    for round in range(1, 4):  # whose advert comes first is chance
        lab.break_("lb1", "cut")
        lab.wait_settled(nodes=["lb2", "lb3"])
        sent = lab.status("lb1")["daemon"]["announcements"]["arp_sent"]
        lab.mend("lb1")
        assert lab.wait_settled() == "lb1"
        wait_until(lambda: lab.status("lb1")["daemon"]["announcements"]["arp_sent"] > sent,
                   what="lb1 announces again")
        assert lab.log("lb3").count("lb2 -> lb1") == round


def test_a_new_mac_of_the_owner_is_announced(lab):
    make_known(lab, [VIP4, VIP6])
    run("ip", "-n", lab.ns("lb1"), "link", "set", "eth0", "address", "02:00:5e:77:00:01")
    wait_until(lambda: go_to(lab, [VIP4, VIP6], "lb1"), what="the new MAC in the client's caches")
    assert lab.mac("lb1") == "02:00:5E:77:00:01"


# --- accept = false --------------------------------------------------------------


def filter_of(lab, node):
    return lab.status(node)["daemon"]["accept_filter"]["state"]


def has_table(lab, node):
    return "inet vipring" in lab.exec(node, "nft", "list", "tables").stdout


def pings(lab, address):
    return lab.exec("client", "ping", "-c", 1, "-W", 1, address, check=False).returncode == 0


def test_without_accept_the_owner_is_found_but_takes_nothing(make_lab, need):
    need("nft", "arping", "ping")
    lab = make_lab(config=config(groups={"web": web_group(accept=False)}))
    owner = lab.wait_settled()
    assert filter_of(lab, owner) == "working"
    assert lab.answering(VIP4) == [lab.mac(owner)]
    assert not pings(lab, VIP4) and not pings(lab, VIP6)
    wait_until(lambda: go_to(lab, [VIP4, VIP6], owner))  # ND was answered too
    assert pings(lab, "10.77.0.11")  # its own address is none of the group's
    lab.stop(owner)
    wait_until(lambda: not has_table(lab, owner), what="the table goes with vipd")
    heir = lab.wait_settled(nodes=[n for n in lab.nodes if n != owner])
    assert filter_of(lab, heir) == "working" and not pings(lab, VIP4)


def test_accept_can_be_changed_while_active(make_lab, need):
    need("nft", "ping")
    lab = make_lab(config=config(groups={"web": web_group()}))
    owner = lab.wait_settled()
    assert pings(lab, VIP4) and not has_table(lab, owner)
    for accept in (False, True):
        lab.write_config(config(groups={"web": web_group(accept=accept)}))
        for node in lab.nodes:
            lab.ctl(node, "reload")
        assert lab.role(owner) == "active"
        assert pings(lab, VIP4) == accept and pings(lab, VIP6) == accept
        assert has_table(lab, owner) != accept
