# SPDX-License-Identifier: GPL-2.0-or-later
"""What RFC 9568 asks of the hosts themselves, seen from the LAN: who answers for the addresses,
who takes packets for them, and what is told about a move. doc/rfc9568.md names these tests.

A question is put to one host alone, in frames to its own MAC address, so that silence is that
host's and not the wire's. Nothing here forwards.
"""
import json
import sys

from vrlab import VIP4, VIP6, config, stays, wait_until, web_group

SOLICITED_NODE = "ff02::1:ff00:100"  # of fd77::100, RFC 4291 2.7.1

# Runs on the client: ask ADDRESS4 ADDRESS6 MAC; prints which questions MAC answered.
ASK = r"""
import json, socket, struct, sys, time
v4, v6, mac = sys.argv[1:]
own4, own6 = "10.77.0.250", "fd77::250"
hexmac = lambda text: bytes.fromhex(text.replace(":", ""))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("eth0", 0))
own = s.getsockname()[4]
mac = hexmac(mac)
p4, p6 = socket.inet_aton(v4), socket.inet_pton(socket.AF_INET6, v6)
o4, o6 = socket.inet_aton(own4), socket.inet_pton(socket.AF_INET6, own6)

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", total ^ 0xffff)

def icmp6(body):
    pseudo = o6 + p6 + struct.pack(">II", len(body), 58)
    body = body[:2] + checksum(pseudo + body) + body[4:]
    return b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), 58, 255) + o6 + p6 + body

def ipv4(proto, body):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, proto, 0) + o4 + p4
    return b"\x08\x00" + head[:10] + checksum(head) + head[12:] + body

echo4 = struct.pack(">BBHHH", 8, 0, 0, 77, 1)
questions = {
    "arp": b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + own + o4 + bytes(6) + p4,
    "nd": icmp6(struct.pack(">BBHI", 135, 0, 0, 0) + p6 + b"\x01\x01" + own),
    "ping4": ipv4(1, echo4[:2] + checksum(echo4) + echo4[4:]),
    "ping6": icmp6(struct.pack(">BBHHH", 128, 0, 0, 77, 1)),
}
answered, router = set(), None
for _ in range(3):
    for frame in questions.values():
        s.send(mac + own + frame)
    end = time.monotonic() + 0.3
    while (left := end - time.monotonic()) > 0 and len(answered) < 4:
        s.settimeout(left)
        try:
            frame = s.recv(2000)
        except TimeoutError:
            break
        if frame[6:12] != mac:
            continue
        kind, rest = frame[12:14], frame[14:]
        if kind == b"\x08\x06" and rest[6:8] == b"\0\2" and rest[14:18] == p4:
            answered.add("arp")
        elif kind == b"\x08\0" and rest[9] == 1 and rest[12:16] == p4 and rest[20] == 0:
            answered.add("ping4")
        elif kind == b"\x86\xdd" and rest[6] == 58 and rest[40] == 136 and rest[48:64] == p6:
            if rest[44] & 0x40:  # solicited: the answer, not an announcement
                answered.add("nd")
                router = bool(rest[44] & 0x80)
        elif kind == b"\x86\xdd" and rest[6] == 58 and rest[40] == 129 and rest[8:24] == p6:
            answered.add("ping6")
print(json.dumps({"answered": sorted(answered), "router": router}))
"""

ALL = ["arp", "nd", "ping4", "ping6"]


def ask(lab, node):
    """Which of our questions for the group's addresses this node answers."""
    # Its own entry for the client must be there, or its answers wait for ours.
    lab.exec(node, "ping", "-c1", "-W2", "10.77.0.250", check=False)
    lab.exec(node, "ping", "-6", "-c1", "-W2", "fd77::250", check=False)
    done = lab.exec("client", sys.executable, "-c", ASK, VIP4, VIP6, lab.mac(node))
    return json.loads(done.stdout)


def multicast_groups(lab, node):
    groups = json.loads(lab.exec(node, "ip", "-j", "maddr", "show", "dev", "eth0").stdout)
    return {m["address"] for m in groups[0]["maddr"] if m.get("family") == "inet6"}


def test_active_answers_for_the_addresses(lab):
    """6.4.3: ARP, neighbour solicitations, the solicited-node group, and packets, at one host."""
    assert ask(lab, "lb1")["answered"] == ALL
    assert SOLICITED_NODE in multicast_groups(lab, "lb1")
    assert lab.answering(VIP4) == [lab.mac("lb1")]
    lab.exec("lb1", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    assert ask(lab, "lb1")["router"] is True
    lab.exec("lb1", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=0")
    assert ask(lab, "lb1")["router"] is False


def test_backup_answers_nothing_for_the_addresses(lab):
    """6.4.2: neither before it was active nor after."""
    for node in ("lb2", "lb3"):
        assert ask(lab, node)["answered"] == []
        assert SOLICITED_NODE not in multicast_groups(lab, node)
    lab.ctl("lb1", "move", "web", "lb2", "--yes")
    wait_until(lambda: lab.actives() == ["lb2"])
    wait_until(lambda: ask(lab, "lb2")["answered"] == ALL)
    assert ask(lab, "lb1")["answered"] == []
    assert SOLICITED_NODE not in multicast_groups(lab, "lb1")


def test_without_accept_the_active_answers_neighbours_only(make_lab):
    """6.4.3 with Accept_Mode off: neighbours find it, what is sent to the addresses it drops."""
    lab = make_lab(config=config(groups={"web": web_group(accept=False)}))
    owner = lab.wait_settled()
    wait_until(lambda: ask(lab, owner)["answered"] == ["arp", "nd"])
    stays(lambda: "ping4" not in ask(lab, owner)["answered"], 2)


def test_every_change_of_owner_is_told_with_its_cause(lab):
    """2.5: whoever reads the log or the events sees each change, and why, however often it is."""
    for round in (1, 2, 3):
        owner = lab.actives()[0]
        lab.break_(owner, "cut")
        heir = lab.wait_settled(nodes=[n for n in lab.nodes if n != owner])
        lab.mend(owner)
        assert lab.wait_settled() == owner  # it never knew it was cut off, and is the better one
        event = [e for e in lab.events(heir) if e["to"] == heir][-1]
        assert (event["from"], event["cause"]) == (owner, "advert-timeout")
        assert lab.log(heir).count(f"{owner} -> {heir}, cause advert-timeout") == round
        assert lab.log(heir).count(f"{heir} -> {owner}, cause conflict") == round
