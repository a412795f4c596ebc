#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vipctl against a vipd of this test: what it asks, what it prints, how it ends.

Run in the build folder, or with the path of vipctl as argument.
"""
import contextlib
import copy
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

VIPCTL = os.path.abspath("vipctl/vipctl")
DEADLINE = 30  # seconds; only a hang takes so long

EVENT = {
    "id": 418, "group": "web", "token": None, "from": "lb1", "to": "lb2", "cause": "check",
    "t0": "2026-03-01T14:02:07.114235Z", "no_owner_usec": 61000, "dual_owner_usec": None,
    "flows_kept": None, "flows_lost": None, "actor": None, "reason": None,
    "steps": [
        {"node": "lb1", "at_usec": -1500, "what": "check", "detail": "health failed 2/2"},
        {"node": "lb2", "at_usec": 0, "what": "resign-heard", "detail": None},
        {"node": "lb2", "at_usec": 1061999, "what": "address", "detail": "192.0.2.10/24 up"},
    ],
    "ruled_out": ["link up on eth0", "no stall"],
}

GROUP = {
    "name": "web", "vrid": 51, "interface": "eth0", "addresses": ["192.0.2.10/24", "2001:db8::10/64"],
    "owner": "lb1", "token": None, "since_usec": 131_000_000, "role": "active", "state_reason": None,
    "priority": 254, "prefer": "lb1", "heir": "lb2", "copy": None, "addresses_up": 2,
    "vips": [{"address": "192.0.2.10/24", "dev": "eth0", "up": True},
             {"address": "2001:db8::10/64", "dev": "eth0", "up": True}],
    "checks": {"up": 1, "total": 1, "list": [
        {"name": "health", "kind": "http", "state": "up", "detail": "200 in 3 ms", "required": True}]},
    "adverts": {"sent": 120, "received": 3, "rejected": {"ttl": 2}},
    "hooks": {"total": 0, "run": 0}, "last": None, "survives": ["addresses"],
}

STATUS = {
    "schema": 1, "cluster": "edge", "node": "lb1", "version": "0.1.0",
    "config": {"digest": "7f3a000000000000", "same_everywhere": None},
    "nodes": [{"name": "lb1", "addresses": ["192.0.2.11"], "state": "up"},
              {"name": "lb2", "addresses": ["192.0.2.12"], "state": None}],
    "groups": [GROUP],
    "daemon": {"pid": 7, "uptime_usec": 5, "loop": {"longest_turn_usec": 900, "stalls": 0},
               "log_dropped": 0},
}

CONFIG = """
cluster = "edge"
nodes = { lb1 = { address = "192.0.2.11" } lb2 = { address = "192.0.2.12" } }
groups = { web = { interface = "eth0", vrid = 51, addresses = [ "192.0.2.10/24" ] } }
"""


class FakeVipd(threading.Thread):
    """Serves one connection after the other; `lines` of a request are sent back, {id} filled in.

    A line None hangs up, a number sleeps so long.
    """

    def __init__(self, run_dir):
        super().__init__(daemon=True)
        os.makedirs(run_dir + "/vipd", exist_ok=True)
        self.path = run_dir + "/vipd/control.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.requests = []
        self.scripts = []
        self.closing = threading.Event()
        self.start()

    def then(self, *lines):
        self.scripts.append(lines)

    def answer(self, result=None, code=0, error=None):
        answer = {"id": 1, "exit": code}
        if result is not None:
            answer["result"] = result
        if error is not None:
            answer["error"] = error
        self.then(answer)

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as stream:
                try:
                    self.serve(stream)
                except OSError:
                    pass

    def serve(self, stream):
        line = stream.readline()
        if not line:
            return
        self.requests.append({"args": {}, **json.loads(line)})
        for line in self.scripts.pop(0) if self.scripts else ():
            if line is None:
                return
            if isinstance(line, (int, float)):
                self.closing.wait(line)
                continue
            text = line if isinstance(line, str) else json.dumps(line)
            stream.write(text.encode() + b"\n")
            stream.flush()

    def close(self):
        self.closing.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="vipctl-test-")
        self.vipd = FakeVipd(self.dir)

    def tearDown(self):
        self.vipd.close()
        shutil.rmtree(self.dir)

    def env(self):
        env = {k: v for k, v in os.environ.items() if k not in ("LC_ALL", "LANG", "NO_COLOR")}
        env["LC_ALL"] = "C.UTF-8"
        env["TZ"] = "UTC"
        return env

    def vipctl(self, *args, code=0):
        """Run it; @return stdout, stderr"""
        done = subprocess.run([VIPCTL, "--run-dir", self.dir, *args], capture_output=True, text=True,
                              timeout=DEADLINE, env=self.env(), check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def file(self, name, text):
        path = self.dir + "/" + name
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path


class CommandLine(Case):
    def test_a_misspelt_verb_gets_a_suggestion(self):
        out, err = self.vipctl("statsu", code=2)
        self.assertEqual(err, "vipctl: unknown verb 'statsu'; did you mean 'status'?\n")
        self.assertEqual(out, "")
        self.assertIn("--help", self.vipctl("zzzzzz", code=2)[1])

    def test_verbs_of_later_versions_are_refused(self):
        for verb in ("drain", "restore", "rebalance", "upgrade", "resync", "what-if", "top", "doctor",
                     "diff", "import", "keygen", "init"):
            _, err = self.vipctl(verb, "x", code=2)
            self.assertEqual(err, f"vipctl: '{verb}' is not available in vipring 0.1\n")
        self.assertEqual(self.vipd.requests, [])

    def test_operands_and_options_must_fit_the_verb(self):
        self.assertIn("Usage: vipctl move GROUP NODE", self.vipctl("move", "web", code=2)[1])
        self.assertIn("Usage: vipctl status [GROUP|NODE]", self.vipctl("status", "a", "b", code=2)[1])
        self.assertIn("'status' does not take --dry-run\n", self.vipctl("status", "--dry-run", code=2)[1])
        self.assertIn("Usage: vipctl VERB", self.vipctl(code=2)[1])
        self.assertIn("not one of table, json, jsonl", self.vipctl("status", "-o", "xml", code=2)[1])
        for time_text in ("5", "s", "-5s", "0s", "5 s", "5weeks", "99999999999999999999s", "9999999999999d"):
            self.assertIn("not a time", self.vipctl("status", f"--timeout={time_text}", code=2)[1])
        self.assertEqual(self.vipd.requests, [])

    def test_a_wrong_option_is_named_with_the_nearest_known_one(self):
        for words, said in ((("move", "--wiat"), "unknown option '--wiat'; did you mean '--wait'?"),
                            (("--nonsense=5",), "unknown option '--nonsense'; 'vipctl --help' lists them"),
                            (("--co",), "'--co' may be several options; 'vipctl --help' lists them"),
                            (("--wait=5",), "option '--wait' takes no value"),
                            (("--reason",), "option '--reason' needs a value"),
                            (("status", "-o"), "option '-o' needs a value"),
                            (("-no", "json"), "unknown option '-n'; 'vipctl --help' lists them")):
            self.assertEqual(self.vipctl(*words, code=2), ("", f"vipctl: {said}\n"))

    def test_help_is_a_verb_too(self):
        self.assertEqual(self.vipctl("help"), self.vipctl("--help"))
        self.assertEqual(self.vipctl("help", "move"), self.vipctl("move", "--help"))

    def test_help_and_version_go_to_stdout(self):
        out, err = self.vipctl("--help")
        self.assertEqual(err, "")
        for verb in ("status", "why", "events", "move", "check", "reload", "explain"):
            self.assertIn(f"\n  {verb} ", out)
        self.assertNotIn("drain", out)
        out, _ = self.vipctl("move", "--help")
        self.assertIn("--dry-run", out)
        self.assertNotIn("--follow", out)
        self.assertRegex(self.vipctl("--version")[0], r"^vipctl \(vipring\) \d+\.\d+")

    def test_a_full_disk_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([VIPCTL, "--help"], stdout=full, stderr=subprocess.PIPE, check=False,
                                  timeout=DEADLINE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)


class Reaching(Case):
    def test_no_socket_says_which_and_what_to_try(self):
        _, err = self.vipctl("status", "--run-dir", self.dir + "/none", code=3)
        self.assertIn(self.dir + "/none/vipd/control.sock", err)
        self.assertIn("systemctl status vipd", err)

    def test_a_stale_socket_is_unreachable(self):
        os.makedirs(self.dir + "/stale/vipd")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.dir + "/stale/vipd/control.sock")
        self.assertIn("nobody listens", self.vipctl("status", "--run-dir", self.dir + "/stale", code=3)[1])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to be somebody else")
    def test_without_permission_it_names_the_group(self):
        os.chmod(self.dir, 0o755)
        os.chmod(self.vipd.path, 0o660)
        os.chown(self.vipd.path, 0, 60)  # games, in Debian's base
        exe = shutil.copy(VIPCTL, self.dir + "/vipctl-copy")
        os.chmod(exe, 0o755)
        done = subprocess.run([exe, "--run-dir", self.dir, "status"], capture_output=True, text=True,
                              user=65534, group=65534, extra_groups=[], env=self.env(), cwd="/",
                              timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("group 'games'", done.stderr)

    def test_a_silent_vipd_is_given_up(self):
        self.vipd.then(5)
        _, err = self.vipctl("status", "--timeout", "100ms", code=3)
        self.assertIn("does not answer in time", err)

    def test_a_vipd_that_ends_before_its_answer_is_a_failure(self):
        self.vipd.then(None)
        self.assertIn("ended before it answered", self.vipctl("status", code=1)[1])

    def test_another_protocol_is_noticed(self):
        self.vipd.then("HTTP/1.0 400 Bad Request")
        self.assertIn("does not speak", self.vipctl("status", code=1)[1])

    def test_an_exit_code_of_its_own_invention_becomes_failed(self):
        self.vipd.answer(code=77, error="strange")
        self.assertIn("strange", self.vipctl("status", code=1)[1])

    def test_vipds_refusal_is_passed_on(self):
        for code in (1, 2, 4, 5, 6, 7):
            self.vipd.answer(code=code, error="because")
            self.assertEqual(self.vipctl("move", "web", "lb2", code=code)[1], "vipctl: because\n")


class Status(Case):
    def lines(self, status, *args, code=0):
        self.vipd.answer(status)
        return self.vipctl("status", *args, code=code)[0].splitlines()

    def changed(self, **of_group):
        status = copy.deepcopy(STATUS)
        status["groups"][0].update(of_group)
        return status

    def test_a_healthy_pair_is_a_head_and_a_table(self):
        lines = self.lines(STATUS)
        self.assertEqual(self.vipd.requests[0], {"verb": "status", "id": 1, "args": {}})
        self.assertEqual(lines[0], "edge  node lb1  config 7f3a…  vipring 0.1.0")
        self.assertEqual(lines[1].split(), ["GROUP", "OWNER", "ROLE", "SINCE", "PREFER", "NEXT",
                                            "ADDRESSES", "CHECKS", "SURVIVES"])
        # 131 s are 2m 11s
        self.assertEqual(lines[2].split(), ["web", "lb1", "active", "2m", "11s", "lb1", "lb2", "2/2",
                                            "1/1", "address", "only"])
        self.assertEqual(len(lines), 3)

    def test_json_is_vipds_object_untouched(self):
        self.vipd.answer(STATUS)
        self.assertEqual(json.loads(self.vipctl("status", "-o", "json")[0]), STATUS)
        self.vipd.answer(STATUS)
        out = self.vipctl("status", "-ojsonl")[0]
        self.assertEqual(out.count("\n"), 1)
        self.assertEqual(json.loads(out), STATUS)

    def test_faults_say_why(self):
        lines = self.lines(self.changed(owner=None, role="fault", since_usec=None, addresses_up=0,
                                        state_reason="eth0 has no carrier"))
        self.assertEqual(lines[2].split()[:4], ["web", "-", "*", "fault"])
        self.assertEqual(lines[3:], ["* web: fault here: eth0 has no carrier; who else has it is "
                                     "not known here"])
        lines = self.lines(self.changed(owner=None, role="backup", since_usec=None, addresses_up=0))
        self.assertEqual(lines[3:], ["* web: nobody is known to own it (yet)"])

    def test_a_second_owner_is_a_note(self):
        lines = self.lines(self.changed(also_active="lb2"))
        self.assertEqual(lines[2].split()[:3], ["web", "lb1", "*"])
        self.assertTrue(lines[3].startswith("* web: lb2 claims to be active too"), lines[3])

    def test_a_check_that_is_down_is_a_note(self):
        down = {"up": 0, "total": 1, "list": [{"name": "health", "kind": "http", "state": "down",
                                               "detail": "connection refused", "required": True}]}
        self.assertEqual(self.lines(self.changed(checks=down))[3:],
                         ["* web: check health is down: connection refused"])

    def test_a_group_away_from_home_says_by_which_move(self):
        away = self.changed(owner="lb2", role="backup", addresses_up=0, last=EVENT)
        self.assertEqual(self.lines(away)[3:], ["* web moved from lb1: check. 'vipctl why web'"])
        away["groups"][0]["last"] = dict(EVENT, cause="start", **{"from": None})
        self.assertEqual(self.lines(away)[3:], ["* web was at lb2 when this node first heard of it; its home is lb1"])
        away["groups"][0]["failback_in_usec"] = 52_000_000
        self.assertEqual(self.lines(away)[4:], ["* web goes home to lb1 in 52.0 s if that stays well"])
        away["groups"][0]["failback_in_usec"] = None
        away["groups"][0]["last"] = None
        self.assertEqual(self.lines(away)[3:], ["* web is away from lb1, its home"])

    def test_missing_addresses_are_noted_on_the_owner_only(self):
        self.assertEqual(self.lines(self.changed(addresses_up=1))[3:], ["* web: 1 address is not up"])
        self.assertEqual(self.lines(self.changed(addresses_up=0, role="backup", owner="lb1"))[3:], [])

    def test_trouble_of_nodes_and_of_vipd_is_noted(self):
        status = copy.deepcopy(STATUS)
        status["nodes"][1]["state"] = "lost"
        status["daemon"]["loop"] = {"stalls": 2, "longest_stall_usec": 1_250_000}
        status["daemon"]["log_dropped"] = 9
        status["daemon"]["accept_filter"] = {"state": "failed", "error": "the kernel has no nf_tables"}
        self.assertEqual(self.lines(status)[3:],
                         ["* node lb2 is lost",
                          "* addresses with accept = false are accepted here all the same: "
                          "the kernel has no nf_tables",
                          "* vipd was held up 2 times, longest 1.2 s",
                          "* 9 log lines were dropped: journal or disk too slow"])

    def test_what_survives_is_said_in_words(self):
        for survives, text in ((["addresses", "connections"], "forwarded flows"),
                               (["addresses", "connections", "tables"], "forwarded flows, tables"),
                               ([], "-")):
            self.assertTrue(self.lines(self.changed(survives=survives))[2].endswith("  " + text)
                            or text == "-")

    def test_a_named_group_is_shown_in_depth(self):
        text = "\n".join(self.lines(STATUS, "web"))
        for part in ("2001:db8::10/64", "200 in 3 ms", "virtual router 51", "priority here 254",
                     "sent 120, received 3, rejected: ttl 2"):
            self.assertIn(part, text)

    def test_a_node_shows_what_it_has_to_do_with(self):
        status = copy.deepcopy(STATUS)
        other = copy.deepcopy(GROUP)
        other.update(name="db", owner="lb3", prefer="lb3", heir="lb1")
        status["groups"].append(other)
        self.assertIn("web", "\n".join(self.lines(status, "lb2")))
        self.assertNotIn("\ndb", "\n".join(self.lines(status, "lb2")))
        self.assertIn("\ndb", "\n".join(self.lines(status, "lb1")))

    def test_an_unknown_name_gets_a_suggestion(self):
        self.vipd.answer(STATUS)
        self.assertEqual(self.vipctl("status", "wbe", code=2)[1],
                         "vipctl: no group or node is named 'wbe'; did you mean 'web'?\n")

    def test_missing_and_odd_members_do_no_harm(self):
        for odd in ({}, {"groups": [{}], "nodes": [{}]}, {"groups": [[], None, 7]}, {"groups": {"a": 1}},
                    {"groups": [{"checks": 7, "survives": {}, "vips": "x", "last": [], "adverts": 1}]}):
            self.vipd.answer(odd)
            self.vipctl("status")
        self.vipd.answer({"groups": [{"name": "web", "vips": [7], "checks": {"list": [None]},
                                      "last": {"steps": [3], "ruled_out": [4]}}]})
        self.vipctl("status", "web")

    def test_control_characters_do_not_reach_the_terminal(self):
        text = "\n".join(self.lines(self.changed(state_reason="a\x1b[2Jb\u009bc\nd", role="fault")))
        self.assertIn("a?[2Jb??c?d", text)
        self.vipd.answer(code=4, error="a\x1b]0;x\x07b")
        self.assertEqual(self.vipctl("status", "-o", "json", code=4)[1], "vipctl: a?]0;x?b\n")

    def terminal(self, **env):
        """@return what it prints on a terminal"""
        self.vipd.answer(self.changed(role="fault", state_reason="x"))
        main, side = pty.openpty()
        with subprocess.Popen([VIPCTL, "--run-dir", self.dir, "status"], stdin=side, stdout=side,
                              stderr=side, env=dict(self.env(), TERM="xterm", **env)) as p:
            os.close(side)
            text = b""
            try:
                while chunk := os.read(main, 4096):
                    text += chunk
            except OSError:
                pass
            p.wait(timeout=DEADLINE)
        os.close(main)
        return text

    def test_colour_is_for_terminals_and_not_with_no_color(self):
        self.assertIn(b"\x1b[31m", self.terminal())
        self.assertNotIn(b"\x1b[", self.terminal(NO_COLOR="1"))
        self.assertNotIn("\x1b", "\n".join(self.lines(self.changed(role="fault"))))


class Why(Case):
    def test_the_timeline_is_printed(self):
        self.vipd.answer({"event": EVENT})
        out, _ = self.vipctl("why", "web")
        self.assertEqual(self.vipd.requests[0]["args"], {"group": "web"})
        # -1 500 us, 0 and 1 061 999 us from t0
        self.assertEqual(out, (
            "#418  web  lb1 -> lb2   2026-03-01 14:02:07.114Z   cause check   no-owner 61 ms\n"
            "  -0.001  lb1  check: health failed 2/2\n"
            "  +0.000  lb2  resign-heard\n"
            "  +1.061  lb2  address: 192.0.2.10/24 up\n"
            "  not the cause: link up on eth0; no stall\n"))

    def test_an_event_is_asked_for_by_id(self):
        for operand, args in (("418", {"id": 418}), ("#418", {"id": 418}), (None, {}),
                              ("web-418", {"group": "web-418"}), ("#", {"group": "#"})):
            self.vipd.answer({"event": EVENT})
            self.vipctl(*(["why", operand] if operand else ["why"]))
            self.assertEqual(self.vipd.requests[-1]["args"], args)

    def test_who_ordered_it_and_why_is_told(self):
        self.vipd.answer({"event": dict(EVENT, cause="operator", actor="uid 1000", reason="kernel CVE",
                                        **{"from": None})})
        lines = self.vipctl("why")[0].splitlines()
        self.assertIn("nobody -> lb2", lines[0])
        self.assertEqual(lines[1], "  asked for by uid 1000: kernel CVE")

    def test_json_is_vipds_object_untouched(self):
        self.vipd.answer({"event": EVENT})
        self.assertEqual(json.loads(self.vipctl("why", "-o", "json")[0]), {"event": EVENT})


class Events(Case):
    def test_a_table_of_the_moves(self):
        self.vipd.answer({"events": [dict(EVENT, id=417, reason="drill"), EVENT]})
        lines = self.vipctl("events")[0].splitlines()
        self.assertEqual(self.vipd.requests[0]["args"], {"follow": False})
        self.assertEqual(lines[0].split(), ["ID", "TIME", "GROUP", "FROM", "TO", "CAUSE", "NO-OWNER",
                                            "REASON"])
        self.assertEqual(lines[1].split(), ["417", "2026-03-01", "14:02:07.114Z", "web", "lb1", "lb2",
                                            "check", "61", "ms", "drill"])
        self.assertEqual(len(lines), 3)

    def test_jsonl_is_one_object_a_line(self):
        self.vipd.answer({"events": [EVENT, EVENT]})
        lines = self.vipctl("events", "-o", "jsonl")[0].splitlines()
        self.assertEqual([json.loads(line) for line in lines], [EVENT, EVENT])
        self.vipd.answer({"events": [EVENT]})
        self.assertEqual(json.loads(self.vipctl("events", "-o", "json")[0]), {"events": [EVENT]})

    def test_since_takes_an_id_a_time_ago_and_a_time(self):
        events = {"events": [dict(EVENT, id=1, t0="2026-03-01T14:00:00.000000Z"),
                             dict(EVENT, id=2, t0="2026-03-01T14:00:01.500000Z")]}
        for since, ids in (("2026-03-01T14:00:01Z", [2]), ("2026-03-01T14:00:01.6Z", []),
                           ("2026-03-01 14:00", [1, 2]), ("2026-03-01 14:00:01", [2]),
                           ("2026-03-02", []), ("999999h", [1, 2])):
            self.vipd.answer(events)
            lines = self.vipctl("events", "--since", since, "-ojsonl")[0].splitlines()
            self.assertEqual([json.loads(line)["id"] for line in lines], ids, since)
        self.vipd.answer(events)
        self.vipctl("events", "web", "--since", "#17")
        self.assertEqual(self.vipd.requests[-1]["args"], {"follow": False, "group": "web", "since_id": 17})
        self.assertIn("neither", self.vipctl("events", "--since", "soon", code=2)[1])

    @contextlib.contextmanager
    def follow(self, *args):
        """vipctl events -f; it does not outlive the test, which would wait for it for ever."""
        with subprocess.Popen([VIPCTL, "--run-dir", self.dir, "events", "-f", *args], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env()) as p:
            try:
                yield p
            finally:
                p.kill()

    def test_following_prints_as_it_happens(self):
        self.vipd.then({"id": 1, "progress": EVENT}, DEADLINE)
        with self.follow() as p:
            self.assertEqual(p.stdout.readline().split()[0], "ID")
            self.assertEqual(p.stdout.readline().split()[0], "418")
            p.send_signal(signal.SIGINT)
            self.assertEqual(p.wait(timeout=DEADLINE), -signal.SIGINT)
        self.assertEqual(self.vipd.requests[0]["args"], {"follow": True})

    def test_following_survives_restarts_of_vipd(self):
        self.vipd.then({"id": 1, "progress": EVENT}, None)  # killed
        self.vipd.then({"id": 1, "progress": dict(EVENT, id=419)}, {"id": 1, "exit": 0})  # stopped
        self.vipd.then({"id": 1, "progress": dict(EVENT, id=420)}, DEADLINE)
        with self.follow("-o", "jsonl") as p:
            ids = [json.loads(p.stdout.readline())["id"] for _ in range(3)]
            p.terminate()
            _, err = p.communicate(timeout=DEADLINE)
        self.assertEqual(ids, [418, 419, 420])
        self.assertEqual(err, "vipctl: vipd has gone; waiting for it to come back\n")
        self.assertEqual([r["args"] for r in self.vipd.requests],
                         [{"follow": True}, {"follow": True, "since_id": 418},
                          {"follow": True, "since_id": 419}])

    def test_following_a_group_leaves_the_others_out(self):
        self.vipd.then({"id": 1, "progress": dict(EVENT, group="db")}, {"id": 1, "progress": EVENT},
                       {"id": 1, "exit": 4, "error": "enough"})
        with self.follow("web", "-o", "json") as p:
            out, err = p.communicate(timeout=DEADLINE)
        self.assertEqual([json.loads(line) for line in out.splitlines()], [EVENT])
        self.assertEqual((p.returncode, err), (4, "vipctl: enough\n"))


class Move(Case):
    def test_a_move_is_asked_for_and_its_steps_shown(self):
        self.vipd.then({"id": 1, "progress": {"line": "lb1 resigns"}},
                       {"id": 1, "exit": 0, "result": {"group": "web", "from": "lb1", "to": "lb2",
                                                       "took_usec": 61000}})
        out, _ = self.vipctl("move", "web", "lb2", "--reason", "kernel CVE", "--yes")
        self.assertEqual(self.vipd.requests[0], {"verb": "move", "id": 1, "args": {
            "group": "web", "node": "lb2", "reason": "kernel CVE", "dry_run": False, "wait": True}})
        self.assertEqual(out, "lb1 resigns\nweb  lb1 -> lb2  done in 61 ms\n")

    def test_dry_run_and_no_wait_are_passed_on(self):
        result = {"group": "web", "from": "lb1", "to": "lb2", "took_usec": None}
        self.vipd.answer(result)
        self.assertIn("nothing was changed", self.vipctl("move", "web", "lb2", "--dry-run")[0])
        self.assertTrue(self.vipd.requests[-1]["args"]["dry_run"])
        self.vipd.answer(result)
        self.assertIn("begun", self.vipctl("move", "web", "lb2", "--no-wait")[0])
        self.assertFalse(self.vipd.requests[-1]["args"]["wait"])

    def test_json_is_the_result_only(self):
        result = {"group": "web", "from": "lb1", "to": "lb2", "took_usec": 5}
        self.vipd.then({"id": 1, "progress": {"line": "x"}}, {"id": 1, "exit": 0, "result": result})
        self.assertEqual(json.loads(self.vipctl("move", "web", "lb2", "-o", "json")[0]), result)

    def test_a_timeout_is_still_running_not_failed(self):
        self.vipd.then({"id": 1, "progress": {"line": "lb1 resigns"}}, 5)
        _, err = self.vipctl("move", "web", "lb2", "--timeout", "200ms", code=5)
        self.assertEqual(err, "vipctl: no answer in time; the move goes on, 'vipctl why' shows what "
                              "became of it\n")

    def test_an_interrupt_leaves_it_running_and_says_so(self):
        self.vipd.then({"id": 1, "progress": {"line": "lb1 resigns"}}, DEADLINE)
        with subprocess.Popen([VIPCTL, "--run-dir", self.dir, "move", "web", "lb2"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env()) as p:
            self.assertEqual(p.stdout.readline(), "lb1 resigns\n")
            time.sleep(0.2)  # it waits again by now; if not, the second one ends it and the test
            p.send_signal(signal.SIGINT)
            _, err = p.communicate(timeout=DEADLINE)
        self.assertEqual(p.returncode, 5)
        self.assertIn("interrupted; the move goes on", err)


class Reload(Case):
    def test_what_changed_is_told(self):
        self.vipd.answer({"changed": ["web"], "added": ["db", "nat"], "removed": [], "unchanged": 12,
                          "digest": "7f3a000000000000"})
        self.assertEqual(self.vipctl("reload")[0],
                         "web changed; db, nat added; 12 unchanged; configuration 7f3a is in force\n")
        self.assertEqual(self.vipd.requests[0], {"verb": "reload", "id": 1, "args": {}})
        self.vipd.answer({"unchanged": 1, "digest": "7f3a000000000000"})
        self.vipctl("reload", "--reason", "new group")
        self.assertEqual(self.vipd.requests[1]["args"], {"reason": "new group"})

    def test_words_that_are_not_utf8_are_refused(self):
        for words in (["reload", "--reason", b"\xff"], ["move", b"\xff", "lb1"], ["why", b"\xff"],
                      ["events", b"\xff"]):
            self.assertIn("not UTF-8", self.vipctl(*words, code=2)[1])
        self.assertEqual(self.vipd.requests, [])

    def test_errors_are_printed_and_nothing_claimed(self):
        self.vipd.answer({"errors": ["a.conf:3: error: x", "a.conf:4: error: y"]}, code=6,
                         error="the file has 2 errors; nothing was changed")
        out, err = self.vipctl("reload", code=6)
        self.assertEqual(out, "")
        self.assertEqual(err, "vipctl: the file has 2 errors; nothing was changed\n"
                              "a.conf:3: error: x\na.conf:4: error: y\n")

    def test_a_dry_run_never_asks_for_a_reload(self):
        path = self.file("a.conf", CONFIG)
        self.vipd.answer(STATUS)
        self.assertIn("a reload would put", self.vipctl("reload", "--dry-run", "--config", path)[0])
        digest = json.loads(self.vipctl("check", path, "-ojson")[0])["digest"]
        same = copy.deepcopy(STATUS)
        same["config"]["digest"] = digest
        self.vipd.answer(same)
        self.assertIn("would change nothing", self.vipctl("reload", "--dry-run", "--config", path)[0])
        self.assertEqual([r["verb"] for r in self.vipd.requests], ["status", "status"])
        bad = self.file("bad.conf", CONFIG.replace("vrid", "vird"))
        self.vipctl("reload", "--dry-run", "--config", bad, code=6)


class Check(Case):
    def test_a_valid_file_is_summed_up(self):
        path = self.file("a.conf", CONFIG)
        out, err = self.vipctl("check", path)
        self.assertRegex(out, r"a\.conf is valid: cluster edge, 2 nodes, 1 group, 1 address, digest ")
        self.assertEqual(out, self.vipctl("check", "--config", path)[0])

    def test_an_error_has_its_line_and_exit_6(self):
        path = self.file("bad.conf", CONFIG.replace("vrid", "vird"))
        out, err = self.vipctl("check", path, code=6)
        self.assertEqual(out, "")
        self.assertRegex(err, r"bad\.conf:4: error: .*vird.*did you mean 'vrid'")
        result = json.loads(self.vipctl("check", path, "-o", "json", code=6)[0])
        self.assertFalse(result["valid"])
        self.assertTrue(any("bad.conf:4: error:" in e for e in result["errors"]))

    def test_a_missing_file_is_an_error_with_its_name(self):
        self.assertIn("nowhere.conf", self.vipctl("check", self.dir + "/nowhere.conf", code=6)[1])


class Explain(Case):
    def test_a_setting_is_found_by_its_name_and_by_its_path(self):
        for key in ("failback", "groups.NAME.failback", "groups.web.failback"):
            out, _ = self.vipctl("explain", key)
            self.assertTrue(out.startswith("groups.NAME.failback\n  type "), out)
            self.assertEqual(out.count("\n  type "), 1)

    def test_a_name_in_several_places_is_explained_for_each(self):
        out, _ = self.vipctl("explain", "interval")
        self.assertIn("groups.NAME.checks.NAME.interval\n", out)
        self.assertIn("groups.NAME.announce.interval\n", out)
        self.assertNotIn("hooks", out)

    def test_a_place_lists_its_settings(self):
        for key in ("groups.NAME.vrrp", "groups.web.vrrp", "vrrp"):
            out, _ = self.vipctl("explain", key)
            self.assertIn("groups.NAME.vrrp.version ", out)
            self.assertIn("groups.NAME.vrrp.preempt ", out)
            self.assertNotIn("failback", out)

    def test_without_a_key_all_are_listed(self):
        out, _ = self.vipctl("explain")
        for name in ("cluster", "nodes.NAME.address", "groups.NAME.hooks.NAME.run"):
            self.assertIn(f"\n{name} ", "\n" + out)

    def test_a_misspelt_setting_gets_a_suggestion(self):
        self.assertIn("did you mean 'failback'?", self.vipctl("explain", "failbakc", code=2)[1])
        self.assertIn("did you mean 'vrid'?", self.vipctl("explain", "groups.web.vird", code=2)[1])
        for key in ("", ".", "a..b", "NAME", "groups.", ".failback", "x" * 300):
            self.vipctl("explain", key, code=2)

    def test_json_lists_what_matches(self):
        found = json.loads(self.vipctl("explain", "vrid", "-o", "json")[0])
        self.assertEqual([s["name"] for s in found], ["vrid"])


class Completion(Case):
    def words(self, *so_far):
        return self.vipctl("--complete", "--", *so_far)[0].split()

    def test_each_operand_offers_its_kind(self):
        self.assertEqual(self.words(), ["status", "why", "events", "move", "check", "reload", "explain"])
        for so_far, words in ((["move"], ["web"]), (["move", "web"], ["lb1", "lb2"]),
                              (["status"], ["web", "lb1", "lb2"]), (["why"], ["web"])):
            self.vipd.answer(STATUS)
            self.assertEqual(self.words(*so_far), words)
        self.assertIn("groups.NAME.vrid", self.words("explain"))
        for nothing in (["move", "web", "lb2"], ["reload"], ["check"], ["drain"], ["nonsense"]):
            self.assertEqual(self.words(*nothing), [])

    def bash(self, *line):
        """What the shell would offer for the last word."""
        script = os.path.dirname(os.path.abspath(__file__)) + "/../../vipctl/vipctl.bash"
        run = ('compopt() { :; }; PATH=$1:$PATH; . "$2"; shift 2; COMP_WORDS=("$@"); '
               'COMP_CWORD=$(($# - 1)); _vipctl; printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", run, "bash", os.path.dirname(VIPCTL), script, "vipctl",
                               "--run-dir", self.dir, *line], capture_output=True, text=True, check=True,
                              env=self.env(), timeout=DEADLINE)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_offers_verbs_names_and_the_verbs_own_options(self):
        self.assertEqual(self.bash("re"), ["reload"])
        self.vipd.answer(STATUS)
        self.assertEqual(self.bash("move", "--dry-run", "web", ""), ["lb1", "lb2"])
        self.assertEqual(self.bash("move", "--dr"), ["--dry-run"])
        self.assertEqual(self.bash("status", "--dr"), [])
        self.assertEqual(self.bash("status", "-o", "jso"), ["json", "jsonl"])
        self.assertEqual(self.bash("explain", "groups.NAME.vr"),
                         [w for w in self.words("explain") if w.startswith("groups.NAME.vr")])


if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.exists(sys.argv[1]):
        VIPCTL = os.path.abspath(sys.argv.pop(1))
    os.umask(0o022)  # another user looks into what is made here
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a job in the background
    unittest.main()
