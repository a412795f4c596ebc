# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab from Python: for the namespace tests, the demo and the benchmarks.

A Lab is one LAN with its nodes and a client; leaving its `with` block removes it. Times are
seconds here, except where a name ends in _us. Nothing sleeps for luck: wait_until() polls.
"""
import json
import os
import re
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
LAB = TOP / "scripts" / "lab"
BUILD = Path(os.environ.get("VIPRING_BUILD", TOP / "build"))
PROBE = BUILD / "bench" / "probe"

VIP4 = "10.77.0.100"
VIP6 = "fd77::100"


class LabError(Exception):
    pass


def wait_until(condition, timeout=10.0, interval=0.02, what=None):
    """Poll until condition() is true and return what it returned; fail after `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        last = condition()
        if last:
            return last
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or condition.__doc__ or condition}"
                                 f" (last: {last!r})")
        time.sleep(interval)


def stays(condition, seconds, interval=0.02, what=None):
    """Fail as soon as condition() is false within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"did not last {seconds:g} s: {what or condition.__doc__ or condition}"
        time.sleep(interval)


def run(*command, check=True, timeout=60, **kwargs):
    """Run a command; its output as text. LabError with everything it said if it fails."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout, **kwargs)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(str(w) for w in command)}: status {done.returncode}\n"
                       f"{done.stdout}{done.stderr}")
    return done


def config(nodes=3, groups=None, extra=""):
    """Text of a vipring.conf. groups: {name: {setting: value}}; default is the lab's own group.

    Values: str, bool, int, list, dict, as libconfig writes them.
    """
    if groups is None:
        groups = {"web": web_group()}
    text = ['cluster = "lab"', "nodes = {"]
    text += [f'    lb{n} = {{ address = "10.77.0.{10 + n}" }}' for n in range(1, nodes + 1)]
    text += ["}", extra, "groups = " + _setting(groups)]
    return "\n".join(text) + "\n"


def web_group(**changes):
    """The usual group: VRID 51, one address of each family, adverts every 100 ms."""
    group = {"interface": "eth0", "vrid": 51, "addresses": [f"{VIP4}/24", f"{VIP6}/64"],
             "prefer": "lb1", "vrrp": {"advert-interval": "100ms"}}
    group.update({name.replace("_", "-"): value for name, value in changes.items()})
    return group


def _setting(value, depth=0):
    pad = "    " * (depth + 1)
    if isinstance(value, dict):
        inside = "".join(f"{pad}{k} = {_setting(v, depth + 1)}\n" for k, v in value.items())
        return "{\n" + inside + "    " * depth + "}"
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(_setting(v, depth) for v in value) + " ]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value)


class Lab:
    """One LAN. Keyword arguments are the options of `lab up`: nodes, config (text, or a path),
    with_ ("vipd", "keepalived", "nothing"), restart_delay, state_size, log_level."""

    def __init__(self, prefix, **options):
        self.prefix = prefix
        self.dir = Path(f"/run/vipring-lab.{prefix}")
        self.options = options
        self.probes = []

    # --- life -----------------------------------------------------------------

    def up(self):
        words = []
        text = None
        for name, value in self.options.items():
            if name == "config" and "\n" in str(value):
                text = Path(f"/run/vipring-lab.{self.prefix}.conf")
                text.write_text(value)
                value = text
            words += ["--" + name.rstrip("_").replace("_", "-"), str(value)]
        try:
            self._lab("up", *words)
        finally:
            if text:
                text.unlink()
        return self

    def down(self):
        for probe in self.probes:
            probe.stop()
        self._lab("down")

    def __enter__(self):
        return self.up()

    def __exit__(self, *exc):
        self.down()

    def _lab(self, *words, check=True, timeout=60):
        return run(LAB, "--prefix", self.prefix, *words, check=check, timeout=timeout)

    # --- commands -------------------------------------------------------------

    @property
    def nodes(self):
        return [line.split()[0] for line in (self.dir / "nodes").read_text().splitlines()]

    def ns(self, node):
        """Name of a node's network namespace; also "client" and "lan"."""
        return f"{self.prefix}-{node}"

    def exec(self, node, *command, check=True, timeout=60):
        """Run a command on a node, or on "client"."""
        return run("ip", "netns", "exec", self.ns(node), *command, check=check, timeout=timeout)

    def popen(self, node, *command, **kwargs):
        """Start a command on a node or "client"; the caller ends it. `down` kills it anyway."""
        return subprocess.Popen(["ip", "netns", "exec", self.ns(node), *map(str, command)],
                                stdin=subprocess.DEVNULL, text=True, **kwargs)

    def ctl(self, node, *words, check=True, timeout=60):
        """vipctl on a node; the whole CompletedProcess."""
        return self._lab("ctl", node, *words, check=check, timeout=timeout)

    def break_(self, node, fault):
        self._lab("break", node, fault)

    def mend(self, node):
        self._lab("mend", node)

    def stop(self, node):
        self._lab("stop", node)

    def start(self, node, *words):
        self._lab("start", node, *words)

    def restart(self, node):
        self._lab("restart", node)

    def run(self, node, unit, *command):
        """Keep a program running on a node, also after a crash was mended."""
        self._lab("run", node, unit, *command)

    def pid(self, node, unit="vipd"):
        """Of the running program, or None."""
        try:
            pid = int((self.dir / node / "units" / unit / "pid").read_text())
            os.kill(pid, 0)
            return pid
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None

    def log(self, node, unit="vipd"):
        try:
            return (self.dir / node / "units" / unit / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def write_config(self, text, nodes=None):
        """Replace the configuration file of all nodes, or of these; nobody is told."""
        for node in nodes or self.nodes:
            path = self.dir / node / "vipring.conf"
            new = path.with_suffix(".new")
            new.write_text(text)
            new.rename(path)

    # --- what is true now -----------------------------------------------------

    def status(self, node, timeout=10):
        """`vipctl status -o json`, or None where vipd does not answer."""
        done = self.ctl(node, "status", "-o", "json", check=False, timeout=timeout)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def group(self, node, group="web"):
        """One group of status(), or None."""
        status = self.status(node)
        groups = status["groups"] if status else []
        return next((g for g in groups if g["name"] == group), None)

    def role(self, node, group="web"):
        found = self.group(node, group)
        return found["role"] if found else None

    def actives(self, group="web", nodes=None):
        """Nodes that say they are active, of those whose vipd answers."""
        return [n for n in nodes or self.nodes if self.role(n, group) == "active"]

    def events(self, node):
        """`vipctl events -o jsonl`, oldest first."""
        done = self.ctl(node, "events", "-o", "jsonl")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def addresses(self, node, dev=None):
        """Every address of a node's kernel: "10.77.0.100", "fd77::100". Works with any program."""
        words = ["ip", "-n", self.ns(node), "-j", "address", "show"] + (["dev", dev] if dev else [])
        links = json.loads(run(*words).stdout or "[]")
        return [a["local"] for link in links for a in link.get("addr_info", []) if "local" in a]

    def holders(self, address=VIP4, nodes=None):
        """Nodes whose kernel has this address. A crashed node still has it, behind a dead cable."""
        return [n for n in nodes or self.nodes if address in self.addresses(n)]

    def reachable(self):
        """Nodes whose cable is neither cut nor pulled."""
        return [n for n in self.nodes
                if not (self.dir / n / "broken").read_text().split()]

    def wait_holder(self, node=None, address=VIP4, nodes=None, timeout=10.0):
        """Wait until exactly one node (this one) of these has the address; its name."""
        def one():
            found = self.holders(address, nodes)
            return found[0] if len(found) == 1 and node in (None, found[0]) else None
        return wait_until(one, timeout, what=f"{address} on {node or 'exactly one node'}")

    def wait_settled(self, group="web", nodes=None, timeout=15.0):
        """Wait until one of these nodes is active, the others backup, and all name it; its name."""
        nodes = nodes or self.nodes

        def settled():
            seen = [self.group(n, group) for n in nodes]
            if not all(seen):
                return None
            roles = [g["role"] for g in seen]
            owner = next((n for n, r in zip(nodes, roles) if r == "active"), None)
            if roles.count("active") != 1 or roles.count("backup") != len(nodes) - 1:
                return None
            return owner if all(g["owner"] == owner for g in seen) else None
        return wait_until(settled, timeout, what=f"group {group} has one owner that all of {nodes} name")

    def answering(self, address=VIP4, seconds=1):
        """MAC addresses that answer an ARP broadcast for an IPv4 address, as the client sees it."""
        done = self.exec("client", "arping", "-b", "-w", seconds, "-I", "eth0", address, check=False)
        return sorted(set(re.findall(r"\[([0-9A-Fa-f:]{17})\]", done.stdout.upper())))

    def mac(self, node):
        links = json.loads(run("ip", "-n", self.ns(node), "-j", "link", "show", "dev", "eth0").stdout)
        return links[0]["address"].upper()

    # --- probes ---------------------------------------------------------------

    def responders(self):
        """Answer the probe on every node with the node's name."""
        for node in self.nodes:
            self.run(node, "responder", PROBE, "server", "--name", node)

    def gap_probe(self, *addresses, seconds, every_us=1000):
        """Start probing from the client; see Probe."""
        words = [PROBE, "gap", "--duration", f"{seconds}s", "--every", f"{every_us}us"]
        probe = Probe(self.popen("client", *words, *addresses, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE))
        self.probes.append(probe)
        return probe

    def http_probe(self, address, seconds, port=80, every_us=0):
        """Start fetching from the client; see Probe. every_us: pause between fetches."""
        words = [PROBE, "http", "--duration", f"{seconds}s", "--port", port, "--every",
                 f"{every_us}us", address]
        probe = Probe(self.popen("client", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        self.probes.append(probe)
        return probe


class Probe:
    """A measurement under way. It ends by itself after its duration, or early by finish()."""

    def __init__(self, process):
        self.process = process

    def finish(self, timeout=90):
        """End it now; its result."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.result(timeout)

    def result(self, timeout=90):
        """Wait for its end; its result."""
        out, err = self.process.communicate(timeout=timeout)
        if self.process.returncode != 0:
            raise LabError(f"probe failed: {err}")
        return json.loads(out)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
