# SPDX-License-Identifier: GPL-2.0-or-later
"""The same virtual router in the words of vipring.conf and of keepalived.conf.

In the lab of the interop tests lb1 runs vipring and lb2 keepalived. A Router is one group on the
one and one vrrp_instance (two and a sync group for both families) on the other.
"""
import re
import subprocess
from dataclasses import dataclass, field

OURS, THEIRS = "lb1", "lb2"
NODE4 = {"lb1": "10.77.0.11", "lb2": "10.77.0.12"}
NODE6 = {"lb1": "fd77::11", "lb2": "fd77::12"}


def version():
    """Of the keepalived that is installed, as numbers."""
    done = subprocess.run(["keepalived", "--version"], capture_output=True, text=True)
    return tuple(map(int, re.search(r"v(\d+)\.(\d+)\.(\d+)", done.stderr + done.stdout).groups()))


@dataclass
class Router:
    """`ours`, `theirs`: the priorities of vipring's and of keepalived's side."""
    name: str
    vrid: int
    version: int = 3
    families: str = "4"
    unicast: bool = False
    ours: int = 150
    theirs: int = 100
    preempt: bool = True            # of both sides
    interval: float = 0             # 0: 1 s in version 2, else 100 ms
    their_interval: float = 0
    password: str = ""              # of both sides, unless the next says otherwise
    their_password: str = None
    their_extra: list = field(default_factory=list)    # addresses only keepalived has
    their_source: str = ""
    checksum: str = ""
    password_file: str = ""         # where the tests wrote it

    def __post_init__(self):
        self.interval = self.interval or (1.0 if self.version == 2 else 0.1)
        self.their_interval = self.their_interval or self.interval
        if self.their_password is None:
            self.their_password = self.password

    @property
    def addresses(self):
        """One of each family it has."""
        return ([f"10.77.0.{100 + self.vrid}"] if "4" in self.families else []) + \
            ([f"fd77::1:{self.vrid:x}"] if "6" in self.families else [])

    @property
    def better(self):
        """The node with the higher priority; None for a tie."""
        return None if self.ours == self.theirs else OURS if self.ours > self.theirs else THEIRS

    def skew(self, priority):
        """Skew_Time in seconds of a backup with this priority (RFC 9568 6.1, RFC 3768 6.1)."""
        return (256 - priority) / 256 * (1.0 if self.version == 2 else self.interval)

    def with_length(self):
        return [f"{a}/{64 if ':' in a else 24}" for a in self.addresses]

    def vipring(self):
        vrrp = {"version": self.version, "priority": self.ours, "preempt": self.preempt,
                "advert-interval": f"{self.interval * 1000:.0f}ms"}
        if self.unicast:
            peers = [NODE4] * ("4" in self.families) + [NODE6] * ("6" in self.families)
            vrrp["unicast-peers"] = [of[node] for of in peers for node in (OURS, THEIRS)]
        if self.password:
            vrrp["auth-password-file"] = self.password_file
        if self.checksum:
            vrrp["checksum"] = self.checksum
        return {"interface": "eth0", "vrid": self.vrid, "addresses": self.with_length(),
                "prefer": OURS, "vrrp": vrrp}

    def _instance(self, family, node):
        of = NODE4 if family == "4" else NODE6
        lines = ["state BACKUP", "interface eth0", f"virtual_router_id {self.vrid}",
                 f"version {self.version}", f"priority {self.theirs}",
                 f"advert_int {self.their_interval:g}"]
        if not self.preempt:
            lines.append("nopreempt")
        if self.their_source:
            lines.append(f"mcast_src_ip {self.their_source}")
        if self.unicast:
            others = "\n".join(address for name, address in of.items() if name != node)
            lines += [f"unicast_src_ip {of[node]}", f"unicast_peer {{\n{others}\n}}"]
        if self.their_password:
            lines.append(f"authentication {{\nauth_type PASS\nauth_pass {self.their_password}\n}}")
        own = [a for a in self.with_length() + self.their_extra if (":" in a) == (family == "6")]
        lines.append("virtual_ipaddress {\n" + "\n".join(own) + "\n}")
        return f"vrrp_instance {self.name}-v{family} {{\n" + "\n".join(lines) + "\n}\n"

    def keepalived(self, node=THEIRS):
        text = "".join(self._instance(family, node) for family in self.families)
        if len(self.families) > 1:
            text += f"vrrp_sync_group {self.name} {{\ngroup {{\n" + \
                "".join(f"{self.name}-v{f}\n" for f in self.families) + "}\n}\n"
        return text


def keepalived_conf(routers, node=THEIRS):
    return f"global_defs {{\nrouter_id {node}\n}}\n" + "".join(r.keepalived(node) for r in routers)
