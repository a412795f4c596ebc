# SPDX-License-Identifier: GPL-2.0-or-later
"""VRRP frames on a lab's wires: hear them, take them apart, make them.

Sockets are opened inside a node's namespace by this very process (setns there, open, setns
back), so that nothing has to be started and no time is lost.
"""
import ctypes
import os
import socket
import struct
import time
from collections import namedtuple
from contextlib import contextmanager

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 3, 0x800, 0x806, 0x86DD
CLONE_NEWNET = 0x40000000
VRRP = 112
MULTICAST4, MULTICAST6 = "224.0.0.18", "ff02::12"
SO_TIMESTAMPNS = 35
PACKET_OUTGOING = 4

_libc = ctypes.CDLL(None, use_errno=True)

# `at`: seconds of the kernel's clock. `sent`: it left here. `frame`: all of it.
Advert = namedtuple("Advert", "at sent src dst ttl tos version type vrid priority interval addresses frame")


def _setns(path_fd):
    if _libc.setns(path_fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def namespace(name):
    """Inside the block this thread is in a network namespace; what it opens stays there."""
    home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{name}", os.O_RDONLY)
    _setns(there)
    try:
        yield
    finally:
        _setns(home)
        os.close(home)
        os.close(there)


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def pseudo(src, dst, length):
    return packed(src) + packed(dst) + struct.pack(">II", length, VRRP)


# --- make ---------------------------------------------------------------------------


def advert(src, dst, vrid, priority, addresses, version=3, interval_cs=10, kind=1, form="pseudo",
           count=None, password=None, tail=b""):
    """The payload of an IP packet. `interval_cs`: version 2 sends it as seconds. `form` of the
    checksum: "pseudo", "plain" or "wrong". `count`: of addresses, if it is to be a lie. `tail`
    comes behind everything, and is in the checksum."""
    count = len(addresses) if count is None else count
    head = struct.pack(">BBBB", version << 4 | kind, vrid, priority, count)
    body = b"".join(map(packed, addresses))
    if version == 2:
        auth = (password or "").encode().ljust(8, b"\0")
        head += struct.pack(">BB", 1 if password else 0, interval_cs // 100)
        body += auth
        form = form if form == "wrong" else "plain"
    else:
        head += struct.pack(">H", interval_cs)
    message = head + b"\0\0" + body + tail
    ahead = pseudo(src, dst, len(message)) if form == "pseudo" or ":" in src else b""
    total = checksum(ahead + message) ^ (0x5555 if form == "wrong" else 0)
    return message[:6] + struct.pack(">H", total) + message[8:]


def ip_packet(src, dst, payload, ttl=255, tos=0xC0):
    if ":" in src:
        return struct.pack(">IHBB", 6 << 28 | tos << 20, len(payload), VRRP, ttl) + \
            packed(src) + packed(dst) + payload
    head = struct.pack(">BBHHHBBH", 0x45, tos, 20 + len(payload), 0, 0, ttl, VRRP, 0) + \
        packed(src) + packed(dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def destination_mac(dst, mac=None):
    """Of a multicast address; else the one given."""
    if dst == MULTICAST4:
        return bytes.fromhex("01005e000012")
    if dst == MULTICAST6:
        return bytes.fromhex("333300000012")
    return bytes.fromhex(mac.replace(":", ""))


# --- take apart ------------------------------------------------------------------------


def parse(at, sent, frame):
    """An Advert, or None if the frame is none. Nothing is verified but that it is long enough."""
    kind = struct.unpack(">H", frame[12:14])[0]
    if kind == ETH_P_IP and frame[23] == VRRP:
        head = (frame[14] & 15) * 4
        total = struct.unpack(">H", frame[16:18])[0]
        tos, ttl, src, dst = frame[15], frame[22], frame[26:30], frame[30:34]
        payload, size = frame[14 + head:14 + total], 4
    elif kind == ETH_P_IPV6 and frame[20] == VRRP:
        total = struct.unpack(">H", frame[18:20])[0]
        tos = struct.unpack(">I", frame[14:18])[0] >> 20 & 0xFF
        ttl, src, dst = frame[21], frame[22:38], frame[38:54]
        payload, size = frame[54:54 + total], 16
    else:
        return None
    if len(payload) < 8:
        return None
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    text = lambda raw: socket.inet_ntop(family, raw)
    version = payload[0] >> 4
    if version == 2:
        interval = float(payload[5])
    else:
        interval = (struct.unpack(">H", payload[4:6])[0] & 0xFFF) / 100
    rest = payload[8:]
    addresses = [text(rest[i * size:(i + 1) * size])
                 for i in range(payload[3]) if len(rest) >= (i + 1) * size]
    return Advert(at, sent, text(src), text(dst), ttl, tos, version, payload[0] & 15, payload[1],
                  payload[2], interval, addresses, frame)


class Wire:
    """eth0 of a node or the client, as a context manager: every frame is heard, any can be sent."""

    def __init__(self, lab, node):
        with namespace(lab.ns(node)):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.socket.bind(("eth0", 0))
        self.mac = self.socket.getsockname()[4]
        self.frames = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def send(self, frame):
        self.socket.send(frame)

    def send_ip(self, src, dst, payload, mac=None, **fields):
        """A packet of protocol 112 from any source; see ip_packet(). `mac`: of a unicast `dst`."""
        kind = ETH_P_IPV6 if ":" in src else ETH_P_IP
        self.send(destination_mac(dst, mac) + self.mac + struct.pack(">H", kind) +
                  ip_packet(src, dst, payload, **fields))

    def _drain(self):
        while True:
            try:
                frame, control, _, address = self.socket.recvmsg(65535, 256, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            at = next((struct.unpack("qq", data[:16]) for level, kind, data in control
                       if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)), None)
            at = at[0] + at[1] / 1e9 if at else time.time()
            self.frames.append((at, address[2] == PACKET_OUTGOING, frame))

    def adverts(self, vrid=None, src=None, since=0.0):
        """What was heard so far, oldest first."""
        self._drain()
        found = (parse(*frame) for frame in self.frames)
        return [a for a in found if a and vrid in (None, a.vrid) and src in (None, a.src) and a.at >= since]

    def arps(self):
        """(time, frame) of every ARP packet heard so far."""
        self._drain()
        return [(at, frame) for at, _, frame in self.frames
                if struct.unpack(">H", frame[12:14])[0] == ETH_P_ARP]

    def neighbour_adverts(self):
        """(time, frame) of every ICMPv6 neighbour advertisement heard so far."""
        self._drain()
        return [(at, frame) for at, _, frame in self.frames
                if struct.unpack(">H", frame[12:14])[0] == ETH_P_IPV6 and frame[20] == 58
                and len(frame) >= 78 and frame[54] == 136]
