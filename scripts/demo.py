# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/demo does once everything is built: the steps, their promises, the table."""
import argparse
import json
import os
import signal
import sys
import textwrap
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "netns"))
from vrlab import VIP4, VIP6, Lab, LabError, wait_until  # noqa: E402

ADVERT_MS = 100
# A backup with priority p waits three adverts and (256 - p) / 256 of one (RFC 9568, 6.1). The
# lowest of three candidates has priority 250.
DEAD_MS = 3 * ADVERT_MS + (256 - 250) * ADVERT_MS / 256
# What a loaded two-core machine may add before a woken process runs, twice over.
SCHEDULING_MS = 150
CRASH_MS = DEAD_MS + SCHEDULING_MS
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

NGINX = """
worker_processes 1;
user nobody nogroup;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 80;
        listen [::]:80;
        location / {{ default_type text/plain; return 200 "{node}\\n"; }}
    }}
}}
"""


class Demo:
    def __init__(self, lab):
        self.lab = lab
        self.steps = []

    def prepare(self):
        """A web server and an echo on every node; the ring has an owner."""
        for node in self.lab.nodes:
            place = self.lab.dir / node / "nginx"
            place.mkdir()
            (place / "nginx.conf").write_text(NGINX.format(dir=place, node=node))
            self.lab.run(node, "nginx", "/usr/sbin/nginx", "-p", place, "-c", place / "nginx.conf",
                         "-e", "stderr", "-g", "daemon off;")
        self.lab.responders()
        self.lab.wait_settled()
        wait_until(lambda: self.lab.http_probe(VIP4, 0.2).result()["ok"], what="the page is served")
        wait_until(lambda: self.lab.gap_probe(VIP4, VIP6, seconds=0.2).result()["lost"] == 0,
                   what="both addresses answer")

    def step(self, title, act, gap_ms, failed_fetches, away=(), why=True, settle=0.7):
        """Do something while the client measures; then check what was promised.

        gap_ms: the longest time without an answer that is promised. away: nodes that the fault
        takes off the LAN. act() returns the node that must own the group then, or None.
        """
        lab = self.lab
        present = [n for n in lab.nodes if n not in away]
        before = lab.wait_settled(nodes=[n for n in lab.nodes if n in lab.reachable()])
        probe = lab.gap_probe(VIP4, VIP6, seconds=60)
        fetcher = lab.http_probe(VIP4, 60, every_us=1000)
        time.sleep(0.5)
        wanted = act(before)
        after = lab.wait_settled(nodes=present)
        time.sleep(settle)
        seen, fetched = probe.finish(), fetcher.finish()
        answering = lab.answering(VIP4)
        holders = {vip: lab.holders(vip, present) for vip in (VIP4, VIP6)}
        promises = [
            # A prober that was itself not run for a while sees a gap longer by as much.
            promise(f"no gap longer than {gap_ms:.0f} ms", seen["gap_usec"] / 1000,
                    gap_ms + seen["own_stall_usec"] / 1000) if gap_ms else
            promise("no probe lost", seen["lost"], 0),
            promise("fetches that fail", fetched["failed"], failed_fetches),
            promise("hosts that answer for the address beside the owner",
                    len([m for m in answering if m != lab.mac(after)]), 0),
            promise("addresses left behind on another node",
                    sum(len(nodes) - (after in nodes) for nodes in holders.values()), 0),
        ]
        if wanted:
            promises.append(promise(f"owner other than {wanted}", int(after != wanted), 0))
        self.report({
            "step": title.format(before=before, after=after), "owner_before": before,
            "owner_after": after,
            "client": {
                "probes": seen["sent"], "lost": seen["lost"], "gap_usec": seen["gap_usec"],
                "own_stall_usec": seen["own_stall_usec"], "fetches": fetched["ok"] + fetched["failed"],
                "failed_fetches": fetched["failed"], "slowest_fetch_usec": fetched["slowest_usec"],
            },
            "promises": promises, "held": all(p["held"] for p in promises),
            "why": lab.ctl(after, "why", "web").stdout if why else None,
        })

    def report(self, step):
        self.steps.append(step)
        client = step["client"]
        owner = step["owner_before"]
        if step["owner_after"] != owner:
            owner += " -> " + step["owner_after"]
        print(f"{step['step']:<27} {owner:<11} {client['lost']:>5} of {client['probes']:<6}"
              f"{client['gap_usec'] / 1000:>8.1f} ms {client['failed_fetches']:>4} of {client['fetches']:<6}"
              f" {'held' if step['held'] else 'BROKEN'}")
        first = step["promises"][0]
        print(f"    promised: {first['promise']}", end="")
        print("; one host answers, no address stays behind")
        for p in step["promises"]:
            if not p["held"]:
                print(f"    BROKEN: {p['promise']}: {p['measured']}, promised at most {p['limit']}")
        if step["why"]:
            print(textwrap.indent(step["why"].rstrip(), "    why | "))
        print(flush=True)

    # --- what happens -----------------------------------------------------------

    def fault(self, kind):
        def act(owner):
            self.away = owner
            self.lab.break_(owner, kind)
        return act

    def mend(self, _owner):
        self.lab.mend(self.away)

    def move(self, owner):
        """To the best candidate: home, or from there to the next along the ring."""
        target = "lb2" if owner == "lb1" else "lb1"
        self.lab.ctl(owner, "move", "web", target, "--reason", "demo", "--wait", "--yes")
        return target

    def run(self):
        print(f"{'step':<27} {'owner':<11} {'probes lost':<15} {'longest gap':<10} {'fetches failed':<14} promises")
        print("-" * 92)
        self.step("nothing happens", lambda owner: time.sleep(1), gap_ms=0, failed_fetches=0, why=False)
        for title, kind in (("power cut on {before}", "crash"), ("cable of {before} cut", "cut"),
                            ("cable of {before} unplugged", "unplug")):
            owner = self.lab.wait_settled()
            self.step(title, self.fault(kind), gap_ms=CRASH_MS, failed_fetches=2, away=[owner])
            # Coming back may be a move home: never worse than a crash.
            self.step(f"{owner} is back", self.mend, gap_ms=CRASH_MS, failed_fetches=2, why=False,
                      settle=1.5)
        self.step("planned move", self.move, gap_ms=DEAD_MS, failed_fetches=2)


def promise(text, measured, limit):
    return {"promise": text, "measured": measured, "limit": limit, "held": measured <= limit}


def document(demo, error=None):
    return {"schema": 1, "advert_usec": ADVERT_MS * 1000, "steps": demo.steps, "error": error,
            "held": not error and bool(demo.steps) and all(s["held"] for s in demo.steps)}


def interrupted(number, _frame):
    """Take the lab down and end; a second signal must not leave half of it behind."""
    signals_off()
    print(f"demo: {signal.Signals(number).name}: removing the lab", file=sys.stderr, flush=True)
    sys.exit(128 + number)


def signals_off():
    """For this process and for those it starts."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def how_to_play(lab):
    one = lab.nodes[0]
    command = f"sudo scripts/lab --prefix {lab.prefix}"
    print("The lab is still up. Try:")
    for line in (f"{command} ctl {one} status", f"{command} ctl {one} why web",
                 f"{command} client curl http://{VIP4}/", f"{command} break {one} crash",
                 f"{command} mend {one}", f"{command} down"):
        print("   ", line)


def main():
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, interrupted)
    lab = Lab("demo" if args.keep else f"demo{os.getpid()}")
    if lab.dir.exists():
        print(f"demo: the lab that `demo --keep` left is still up; end it with: "
              f"sudo scripts/lab --prefix {lab.prefix} down", file=sys.stderr)
        return 2
    demo, error, finished = Demo(lab), None, False
    print(f"Three nodes, one group: {VIP4} and {VIP6}, an advertisement every {ADVERT_MS} ms.\n"
          f"A client probes both addresses every millisecond and fetches a page all the time.\n")
    try:
        lab.up()
        demo.prepare()
        demo.run()
        finished = True
    except (AssertionError, LabError) as problem:
        error = str(problem)
        print(f"demo: {error}", file=sys.stderr)
        for node in lab.nodes if (lab.dir / "nodes").exists() else []:
            print(f"--- log of vipd on {node}:\n" + "\n".join(lab.log(node).splitlines()[-15:]),
                  file=sys.stderr)
    finally:
        if args.keep and finished:
            how_to_play(lab)
        else:
            signals_off()
            lab.down()
    result = document(demo, error)
    held = sum(s["held"] for s in demo.steps)
    print(f"{held} of {len(demo.steps)} steps kept their promises" + (", then an error" if error else ""))
    if args.json:
        print(json.dumps(result, indent=1))
    return 0 if result["held"] else 1


if __name__ == "__main__":
    sys.exit(main())
