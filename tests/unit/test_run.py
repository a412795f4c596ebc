#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vipring-run as vipd sees it: the real program, real users, real processes."""
import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath("vipring-run/vipring-run")
CLIENT = "daemon"  # stands in for _vipd: a user that every Debian has
DEADLINE = 20  # seconds; what should happen at once gets this long on a busy machine
TERM_PROOF = "trap '' TERM; "

CONFIG = """
cluster = "edge"
nodes = {
    a = { address = "192.0.2.11" }
    b = { address = "192.0.2.12" }
}
groups = {
    web = {
        interface = "lo"
        vrid = 51
        addresses = [ "192.0.2.10/24" ]
        checks = { %(checks)s }
        hooks = { %(hooks)s }
    }
    db = {
        interface = "lo"
        vrid = 52
        addresses = [ "192.0.2.20/24" ]
        hooks = { quick = { on = "active", run = [ "/bin/echo", "db" ], user = "root" } }
    }
}
"""

FACTS = {"event": "active", "node": "a", "from": "backup", "to": "active", "cause": "advert-timeout",
         "owner": "a", "priority": 254, "vrid": 51}


def eventually(condition, what):
    """The first true value of condition(), or a failure at the deadline."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("not within %d s: %s" % (DEADLINE, what))


def contents(path):
    """A whole file as text, "" if it is not there."""
    with contextlib.suppress(OSError), open(path, errors="replace") as f:
        return f.read()
    return ""


def processes_with(marker):
    """Pids whose command line holds the marker."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if marker.encode() in f.read() and int(pid) != os.getpid():
                    found.append(int(pid))
    return found


def shell(script):
    return '[ "/bin/sh", "-c", %s ]' % json.dumps(script)


class Connection:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        try:
            self.sock.connect(path)
        except OSError:
            self.sock.close()
            raise
        self.file = self.sock.makefile("rwb")
        self.last = 0

    def send(self, verb, **args):
        self.last += 1
        line = {"verb": verb, "id": self.last, "args": args}
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        return self.last

    def receive(self):
        line = self.file.readline()
        return json.loads(line) if line else None

    def call(self, verb, **args):
        self.send(verb, **args)
        return self.receive()

    def close(self):
        self.file.close()
        self.sock.close()


class Rig(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="vipring-run-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.conf = self.dir + "/vipring.conf"
        self.path = self.dir + "/run/vipring-run/run.sock"
        os.mkdir(self.dir + "/run")
        self.daemon = None

    def write_config(self, checks="", hooks=""):
        with open(self.conf + ".new", "w") as f:
            f.write(CONFIG % {"checks": checks, "hooks": hooks})
        os.rename(self.conf + ".new", self.conf)

    def start(self, *more):
        self.log = open(self.dir + "/log", "ab")
        self.addCleanup(self.log.close)
        self.daemon = subprocess.Popen(
            [PROGRAM, "--config", self.conf, "--run-dir", self.dir + "/run", "--node", "a",
             "--client-user", CLIENT, "--log-level", "debug", *more], stderr=self.log,
            extra_groups=[0, 4])  # which no program of another user may keep
        self.addCleanup(self.stop)
        eventually(self.answers, "vipring-run answers")

    def answers(self):
        if self.daemon.poll() is not None:
            self.fail("vipring-run ended with %d: %s" % (self.daemon.returncode, self.logged()))
        try:
            with contextlib.closing(Connection(self.path)) as c:
                return c.call("status")
        except OSError:
            return False

    def stop(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()

    def logged(self):
        return contents(self.dir + "/log")

    def connect(self):
        c = Connection(self.path)
        self.addCleanup(c.close)
        return c

    def serve(self, checks="", hooks=""):
        """A daemon with this configuration, a connection and the digest."""
        self.write_config(checks, hooks)
        self.start()
        self.c = self.connect()
        self.digest = self.learn_digest()

    def learn_digest(self):
        error = self.c.call("check", config="?", group="web", check="x")["error"]
        return re.search("holds configuration ([0-9a-f]{16})", error).group(1)

    def check(self, name, group="web"):
        return self.c.call("check", config=self.digest, group=group, check=name)

    def hook(self, name, group="web", **facts):
        return self.c.call("hook", config=self.digest, group=group, hook=name,
                           facts={**FACTS, **facts})

    def result(self, answer):
        self.assertEqual(answer["exit"], 0, answer)
        return answer["result"]

    def script(self, text, name="script", mode=0o755):
        path = "%s/%s" % (self.dir, name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, mode)
        return path

    def no_children(self):
        return not contents("/proc/%d/task/%d/children" % (self.daemon.pid, self.daemon.pid)).strip()


class WhatAProgramGets(Rig):
    def test_runs_as_the_configured_user_with_no_group_of_root(self):
        self.serve('id = { exec = %s, user = "nobody" }' % shell("id -ru; id -u; id -rg; id -G"))
        nobody = pwd.getpwnam("nobody")
        self.assertEqual(self.result(self.check("id"))["output"].split(),
                         [str(nobody.pw_uid), str(nobody.pw_uid), str(nobody.pw_gid),
                          str(nobody.pw_gid)])

    def test_check_environment_is_the_documented_one_and_no_more(self):
        os.environ["VIPRING_LEAK"] = "1"
        self.serve('env = { exec = "/usr/bin/env", user = "nobody" }')
        del os.environ["VIPRING_LEAK"]
        got = dict(l.split("=", 1) for l in self.result(self.check("env"))["output"].splitlines())
        self.assertEqual(got, {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": pwd.getpwnam("nobody").pw_dir, "USER": "nobody", "LOGNAME": "nobody",
            "SHELL": "/bin/sh", "LANG": "C.UTF-8",
            "VIPRING_GROUP": "web", "VIPRING_CHECK": "env", "VIPRING_VRID": "51",
            "VIPRING_NODE": "a"})

    def test_hook_environment_tells_the_change(self):
        self.serve(hooks='note = { on = "active", run = "/usr/bin/env", user = "nobody" }')
        got = dict(l.split("=", 1) for l in self.result(self.hook("note"))["output"].splitlines()
                   if l.startswith("VIPRING"))
        self.assertEqual(got, {
            "VIPRING_GROUP": "web", "VIPRING_HOOK": "note", "VIPRING_EVENT": "active",
            "VIPRING_FROM": "backup", "VIPRING_TO": "active", "VIPRING_CAUSE": "advert-timeout",
            "VIPRING_NODE": "a", "VIPRING_OWNER": "a", "VIPRING_PRIORITY": "254",
            "VIPRING_VRID": "51"})

    def test_control_characters_in_a_fact_do_not_start_a_line(self):
        self.serve(hooks='note = { on = "active", run = "/usr/bin/env", user = "nobody" }')
        out = self.result(self.hook("note", cause="x\nPATH=/evil"))["output"]
        self.assertIn("VIPRING_CAUSE=x?PATH=/evil\n", out)

    def test_words_reach_the_program_as_they_are_written(self):
        self.serve('args = { exec = [ "/usr/bin/printf", "<%s>", "a b", "$HOME", "*", "" ] }')
        self.assertEqual(self.result(self.check("args"))["output"], "<a b><$HOME><*><>")

    def test_starts_with_clean_descriptors_signals_session_and_folder(self):
        self.serve("state = { exec = %s, user = \"root\" }" % shell(
            "pwd; umask; readlink /proc/$$/fd/0; cut -d' ' -f1,5,6 /proc/$$/stat;"
            "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/$$/fd"))
        out = self.result(self.check("state"))["output"].splitlines()
        self.assertEqual(out[:3], ["/", "0022", "/dev/null"])
        pid, group, session = out[3].split()
        self.assertEqual((group, session), (pid, pid))
        blocked, ignored = (int(l.split()[1], 16) for l in out[4:6])
        libcs_own = 1 << 31 | 1 << 32  # signals 32 and 33 are not to be had from glibc
        self.assertEqual((blocked & ~libcs_own, ignored & ~libcs_own), (0, 0), out)
        self.assertEqual(out[6:], ["0", "1", "2"])

    def test_exit_status_and_signal_are_told(self):
        self.serve("three = { exec = %s } killed = { exec = %s } good = { exec = \"/bin/true\" }" % (
            shell("echo; echo '  it broke  '; echo more; exit 3"), shell("kill -KILL $$")))
        three = self.result(self.check("three"))
        self.assertEqual((three["status"], three["detail"]), (3, "exit status 3: it broke"))
        killed = self.result(self.check("killed"))
        self.assertEqual((killed["status"], killed["detail"]), (128 + 9, "killed by SIGKILL"))
        good = self.result(self.check("good"))
        self.assertEqual((good["status"], good["detail"], good["tried"]), (0, "ok", True))


class WhatAProgramSays(Rig):
    def test_first_4_KiB_of_output_are_kept_and_the_rest_is_read(self):
        self.serve('flood = { exec = %s }' % shell("head -c 300000 /dev/zero | tr '\\0' x; exit 0"))
        r = self.result(self.check("flood"))
        self.assertEqual((r["status"], r["output"], r["output_cut"]), (0, "x" * 4096, True))
        self.assertLess(len(r["detail"]), 256)

    def test_output_that_fits_is_not_cut(self):
        self.serve('full = { exec = %s } both = { exec = %s }' % (
            shell("head -c 4096 /dev/zero | tr '\\0' x"), shell("echo out; echo err >&2")))
        r = self.result(self.check("full"))
        self.assertEqual((len(r["output"]), r["output_cut"]), (4096, False))
        self.assertEqual(self.result(self.check("both"))["output"], "out\nerr\n")

    def test_bytes_that_are_not_text_become_question_marks(self):
        self.serve('raw = { exec = %s }' % shell(
            r"printf 'a\377b\033[31mc\302\205d\355\240\200e\342\202\254\tf\r\n'"))
        self.assertEqual(self.result(self.check("raw"))["output"],
                         "a?b?[31mc??d???e\u20ac f?\n")

    def test_a_child_that_keeps_the_output_open_does_not_delay_the_result(self):
        marker = "4711%d" % os.getpid()
        self.serve('leaves = { exec = %s, timeout = "1s" }' % shell("sleep %s & echo done" % marker))
        r = self.result(self.check("leaves"))
        for pid in processes_with(marker):
            os.kill(pid, signal.SIGKILL)
        self.assertEqual((r["status"], r["timed_out"]), (0, False))


class Timeouts(Rig):
    def test_timeout_ends_the_whole_process_group(self):
        marker = "4712%d" % os.getpid()
        self.serve('hang = { exec = %s, timeout = "200ms" }' % shell(
            TERM_PROOF + "echo begun; sleep %s & sleep %s" % (marker, marker)))
        r = self.result(self.check("hang"))
        self.assertEqual((r["status"], r["timed_out"], r["detail"]),
                         (-1, True, "timeout after 200 ms: begun"))
        eventually(lambda: not processes_with(marker), "every process of the group is gone")
        eventually(self.no_children, "nothing is left of it")

    def test_what_outlives_a_leader_that_obeys_is_killed(self):
        marker = "4716%d" % os.getpid()
        self.serve('hang = { exec = %s, timeout = "200ms" }' % shell(
            "(%ssleep %s) & sleep %s" % (TERM_PROOF, marker, marker)))
        self.assertTrue(self.result(self.check("hang"))["timed_out"])
        eventually(lambda: not processes_with(marker), "every process of the group is gone")

    def test_a_stopped_program_is_ended_too_and_hears_of_it(self):
        said = self.dir + "/said"
        self.serve('stop = { exec = %s, timeout = "200ms", user = "root" }' %
                   shell("trap 'echo bye > %s; exit' TERM; kill -STOP $$; sleep 60" % said))
        self.assertTrue(self.result(self.check("stop"))["timed_out"])
        eventually(self.no_children, "the stopped program is gone")
        self.assertEqual(contents(said), "bye\n")

    def test_a_check_does_not_start_while_its_last_run_is_there(self):
        self.serve('hang = { exec = %s, timeout = "200ms" }' % shell(TERM_PROOF + "sleep 5; sleep 5"))
        other = self.connect()
        self.c.send("check", config=self.digest, group="web", check="hang")
        time.sleep(0.05)
        other.send("check", config=self.digest, group="web", check="hang")
        self.assertTrue(self.result(self.c.receive())["timed_out"])
        second = self.result(other.receive())
        self.assertEqual((second["status"], second["tried"], second["detail"]),
                         (-1, False, "not started within 200 ms: its last run has not ended"))

    def test_a_check_is_ended_when_the_asker_goes(self):
        marker = "4713%d" % os.getpid()
        self.serve('long = { exec = "/bin/sleep %s", interval = "1h", timeout = "1h" }' % marker)
        other = self.connect()
        other.send("check", config=self.digest, group="web", check="long")
        eventually(lambda: processes_with(marker), "it runs")
        other.close()
        eventually(lambda: not processes_with(marker), "it is ended")
        eventually(lambda: self.c.call("status")["result"]["checks"]["running"] == 0, "its place is free")


class ManyAtOnce(Rig):
    def test_two_hundred_at_once_all_end_and_at_most_64_run(self):
        n = 200
        self.serve("\n".join('c%d = { exec = %s, interval = "1min", timeout = "1min" }' %
                             (i, shell("sleep 0.2; echo %d" % i)) for i in range(n)))
        watcher, most = self.connect(), 0
        for i in range(n):
            self.c.send("check", config=self.digest, group="web", check="c%d" % i)
        ids = {self.c.last - n + 1 + i: str(i) for i in range(n)}
        while True:
            pools = watcher.call("status")["result"]["checks"]
            most = max(most, pools["running"])
            if pools["started"] == n:
                break
            time.sleep(0.02)
        for _ in range(n):
            answer = self.c.receive()
            self.assertEqual(self.result(answer)["output"].strip(), ids.pop(answer["id"]))
        self.assertEqual(ids, {})
        self.assertGreater(most, 1)
        self.assertLessEqual(most, 64)

    def test_hanging_hooks_leave_room_for_checks(self):
        self.serve('ok = { exec = "/bin/true" }',
                   'hang = { on = "active", run = "/bin/sleep 60", timeout = "1min" }')
        for _ in range(70):
            self.c.send("hook", config=self.digest, group="web", hook="hang", facts=FACTS)
        other = self.c = self.connect()
        self.assertEqual(self.result(self.check("ok"))["status"], 0)
        self.assertEqual(other.call("status")["result"]["hooks"]["running"], 1)


class Hooks(Rig):
    def test_hooks_of_a_group_run_in_order_and_other_groups_do_not_wait(self):
        out = self.dir + "/order"
        hooks = "".join('h%d = { on = "active", run = %s, user = "root" }\n' % (
            i, shell("sleep 0.%d; echo %d >> %s" % (4 - i, i, out))) for i in range(4))
        self.serve(hooks=hooks)
        for i in range(4):
            self.c.send("hook", config=self.digest, group="web", hook="h%d" % i, facts=FACTS)
        self.c.send("hook", config=self.digest, group="db", hook="quick", facts=FACTS)
        ids = [self.c.receive()["id"] for _ in range(5)]
        self.assertEqual(ids[0], self.c.last, "db's hook waits for nobody")
        self.assertEqual(ids[1:], sorted(ids[1:]))
        self.assertEqual(contents(out).split(), ["0", "1", "2", "3"])

    def test_hooks_run_to_their_end_when_the_asker_goes(self):
        out = self.dir + "/late"
        self.serve(hooks='late = { on = "stop", run = %s, user = "root" }' %
                   shell("sleep 0.3; echo $VIPRING_EVENT >> " + out))
        other = self.connect()
        for _ in range(2):
            other.send("hook", config=self.digest, group="web", hook="late",
                       facts={**FACTS, "event": "stop", "to": "stop"})
        other.close()
        eventually(lambda: contents(out) == "stop\nstop\n",
                   "both hooks have run")

    def test_what_a_failing_hook_said_is_logged(self):
        self.serve(hooks='bad = { on = "active", run = %s }' % shell("echo one; echo two; exit 1"))
        self.hook("bad")
        eventually(lambda: "hook bad said: one" in self.logged() and
                   "hook bad said: two" in self.logged(), "both lines are logged")


class WhatIsRefused(Rig):
    def refused(self, answer, exit_code, text):
        self.assertEqual(answer["exit"], exit_code, answer)
        self.assertIn(text, answer["error"])

    def test_only_what_the_configuration_names_is_run(self):
        self.serve('web = { tcp = "127.0.0.1:80" } ok = { exec = "/bin/true" }',
                   'note = { on = "active", run = "/bin/true" }')
        self.refused(self.check("/bin/true"), 4, "no check /bin/true")
        self.refused(self.check("web"), 4, "no check web to be run here")
        self.refused(self.check("ok", group="nix"), 4, "no group nix")
        self.refused(self.check("ok", group="db"), 4, "group db has no check ok")
        self.refused(self.hook("ok"), 4, "no hook ok on active")
        self.refused(self.hook("note", event="backup"), 4, "no hook note on backup")
        self.refused(self.hook("note", event="anything"), 4, "no hook note on anything")
        self.refused(self.hook("note", node="elsewhere"), 4, "facts of hook note make no sense")
        self.refused(self.hook("note", to="x"), 4, "make no sense")
        self.refused(self.hook("note", priority=256), 4, "make no sense")
        self.refused(self.hook("note", cause="x" * 2000), 4, "make no sense")

    def test_requests_of_a_wrong_shape_are_refused(self):
        self.serve('ok = { exec = "/bin/true" }')
        self.refused(self.c.call("check"), 2, "check needs config, group and check")
        self.refused(self.c.call("check", config=1, group="web", check="ok"), 2, "check needs")
        self.refused(self.c.call("hook", config="x", group="web", hook="h", facts={}), 2, "all facts")
        self.refused(self.c.call("exec", command="/bin/sh"), 2, "exec")
        self.assertEqual(self.result(self.check("ok"))["status"], 0)

    def as_user(self, uid, gid):
        """Ask for a check from a process with these ids. @return "answer", "closed" or an error"""
        code = ("import json,os,socket,sys\n"
                "os.setgroups([]); os.setgid(%d); os.setuid(%d)\n"
                "s = socket.socket(socket.AF_UNIX); s.settimeout(%d)\n"
                "try:\n"
                "    s.connect(sys.argv[1])\n"
                "    s.sendall(json.dumps({'verb': 'check', 'args': {'config': sys.argv[2],"
                "'group': 'web', 'check': 'ok'}}).encode() + b'\\n')\n"
                "    line = s.makefile().readline()\n"
                "    print('answer ' + line if line else 'closed')\n"
                "except OSError as e:\n"
                "    print('error', e.errno)\n" % (gid, uid, DEADLINE))
        return subprocess.run([sys.executable, "-c", code, self.path, self.digest],
                              stdout=subprocess.PIPE, check=True, text=True).stdout.strip()

    def test_only_root_and_vipds_user_are_served(self):
        self.serve('ok = { exec = "/bin/true" }')
        client, nobody = pwd.getpwnam(CLIENT), pwd.getpwnam("nobody")
        st = os.stat(self.path)
        self.assertEqual(st.st_mode & 0o7777, 0o660)
        self.assertIn('"status":0', self.as_user(client.pw_uid, st.st_gid).replace(" ", ""))
        # the socket's group lets them in, their uid does not
        self.assertNotIn('"status"', self.as_user(nobody.pw_uid, st.st_gid))
        # not even the group
        self.assertEqual(self.as_user(nobody.pw_uid, nobody.pw_gid), "error 13")
        self.assertEqual(self.c.call("status")["result"]["checks"]["started"], 1)


class WhichProgramsAreTrusted(Rig):
    def setUp(self):
        super().setUp()
        self.nobody = pwd.getpwnam("nobody")

    def refusal(self, path, user="nobody"):
        checks = 'p = { exec = [ "%s" ], user = "%s" }' % (path, user)
        if self.daemon is None:
            self.serve(checks)
        else:
            self.write_config(checks)
            self.digest = self.learn_digest()
        r = self.result(self.check("p"))
        return r["detail"] if r["status"] == -1 else None

    def test_root_owned_programs_run(self):
        self.assertIsNone(self.refusal(self.script("exit 0")))
        os.symlink(self.script("exit 0", "target"), self.dir + "/link")
        self.assertIsNone(self.refusal(self.dir + "/link"))
        self.assertIsNone(self.refusal("/bin/sh"))  # /bin is a link too

    def test_a_users_own_programs_run_as_that_user_but_not_as_root(self):
        os.mkdir(self.dir + "/own")
        os.chown(self.dir + "/own", self.nobody.pw_uid, self.nobody.pw_gid)
        path = self.script("exit 0", "own/script")
        os.chown(path, self.nobody.pw_uid, self.nobody.pw_gid)
        self.assertIsNone(self.refusal(path))
        self.assertIn("own belongs to uid %d, neither root nor the user" % self.nobody.pw_uid,
                      self.refusal(path, "root"))

    def test_programs_that_others_may_write_are_refused(self):
        self.assertIn("script may be written by others (mode 0757)",
                      self.refusal(self.script("", mode=0o757)))
        path = self.script("", mode=0o775)
        os.chown(path, 0, self.nobody.pw_gid)
        self.assertIn("script may be written by its group", self.refusal(path, "root"))

    def test_programs_in_folders_that_others_may_write_are_refused(self):
        os.mkdir(self.dir + "/open")
        os.chmod(self.dir + "/open", 0o777)
        self.assertIn("open may be written by others", self.refusal(self.script("", "open/script")))
        os.symlink(self.script("", "inside"), self.dir + "/open/link")
        self.assertIn("open may be written by others", self.refusal(self.dir + "/open/link"))
        os.symlink(self.dir + "/open", self.dir + "/way")
        self.assertIn("open may be written by others", self.refusal(self.dir + "/way/script"))

    def test_links_that_somebody_else_made_are_refused(self):
        os.symlink(self.script("", "target"), self.dir + "/link")
        os.lchown(self.dir + "/link", 1, 1)
        self.assertIn("link belongs to uid 1", self.refusal(self.dir + "/link"))

    def test_links_in_circles_are_refused(self):
        os.symlink(self.dir + "/two", self.dir + "/one")
        os.symlink(self.dir + "/one", self.dir + "/two")
        self.assertIn("too many symbolic links", self.refusal(self.dir + "/one"))

    def test_what_cannot_be_run_says_why(self):
        self.assertIn("No such file", self.refusal(self.dir + "/missing"))
        self.assertIn("not executable", self.refusal(self.script("", mode=0o644)))
        self.assertIn("not a regular file", self.refusal(self.dir))
        path = self.script("", "lost")
        with open(path, "w") as f:
            f.write("#!/no/such/interpreter\n")
        self.assertIn("interpreter", self.refusal(path))
        self.assertIn("Permission denied", self.refusal(self.script("", mode=0o744)))

    def test_a_user_that_this_host_does_not_have_is_named(self):
        self.assertIn("there is no user nosuchuser", self.refusal("/bin/true", "nosuchuser"))


class Looking(Rig):
    def test_a_file_check_passes_while_the_file_is_there_and_not_down(self):
        flag = self.dir + "/flag"
        self.serve('f = { file = "%s" } d = { file = "%s" } dev = { file = "/dev/null" }' %
                   (flag, self.dir))

        def says(text):
            with open(flag, "w") as f:
                f.write(text)
            return self.result(self.check("f"))["status"]

        self.assertEqual(self.result(self.check("f"))["detail"],
                         flag + ": No such file or directory")
        self.assertEqual([says(t) for t in ("", "up", "\n\n", "downtown", "not down", "DOWN")],
                         [0] * 6)
        self.assertEqual([says(t) for t in ("down", "  down\n", "down for the weekend", "\ndown")],
                         [1] * 4)
        self.assertEqual(self.result(self.check("f"))["detail"], flag + " says down")
        for name in ("d", "dev"):
            r = self.result(self.check(name))
            self.assertEqual(r["status"], 1)
            self.assertIn("not a regular file", r["detail"])

    def test_a_pipe_in_place_of_the_file_does_not_hang(self):
        os.mkfifo(self.dir + "/pipe")
        self.serve('f = { file = "%s/pipe" }' % self.dir)
        self.assertIn("not a regular file", self.result(self.check("f"))["detail"])

    def test_a_process_check_finds_command_name_and_argv0(self):
        mine = "vrp%d" % os.getpid()
        os.symlink("/bin/sleep", "%s/%s" % (self.dir, mine))
        self.serve('p = { process = "%s" } q = { process = "%sx" }' % (mine, mine))
        self.assertEqual(self.result(self.check("p"))["status"], 1)
        by_name = subprocess.Popen(["%s/%s" % (self.dir, mine), "60"])
        r = self.result(self.check("p"))
        self.assertEqual((r["status"], r["detail"]),
                         (0, "%s runs as process %d" % (mine, by_name.pid)))
        self.assertEqual(self.result(self.check("q"))["status"], 1)
        by_name.kill()
        eventually(lambda: contents("/proc/%d/stat" % by_name.pid).split()[2] == "Z", "a zombie")
        r = self.result(self.check("p"))
        self.assertEqual(r["status"], 1, "a zombie does not run")
        by_name.wait()
        by_argv0 = subprocess.Popen(["/opt/%s" % mine, "60"], executable="/bin/sleep")
        status = self.result(self.check("p"))["status"]
        by_argv0.kill()
        by_argv0.wait()
        self.assertEqual(status, 0)


class Configuration(Rig):
    def test_a_new_configuration_is_read_when_it_is_asked_for(self):
        self.serve('c = { exec = "/bin/echo one" }')
        self.assertEqual(self.result(self.check("c"))["output"], "one\n")
        self.write_config('c = { exec = "/bin/echo two" }')
        # vipd has not reloaded: what it runs is still what counts
        self.assertEqual(self.result(self.check("c"))["output"], "one\n")
        old, self.digest = self.digest, self.learn_digest()
        self.assertNotEqual(old, self.digest)
        self.assertEqual(self.result(self.check("c"))["output"], "two\n")
        two, self.digest = self.digest, old
        # a reload still ends what was there before it, and there is one reload at a time
        self.assertEqual(self.result(self.check("c"))["output"], "one\n")
        self.write_config('c = { exec = "/bin/echo three" }')
        self.digest = self.learn_digest()
        self.assertEqual(self.result(self.check("c"))["output"], "three\n")
        self.digest = two
        self.assertEqual(self.result(self.check("c"))["output"], "two\n")
        self.digest = old
        answer = self.check("c")
        self.assertEqual(answer["exit"], 6)
        self.assertRegex(answer["error"], "holds configuration [0-9a-f]{16}, vipd runs " + old)

    def test_a_file_that_others_may_write_is_not_used(self):
        self.serve('c = { exec = "/bin/echo one" }')
        more = self.dir + "/more.conf"
        with open(more, "w") as f:
            f.write("# nothing\n")
        for path, mode, owner in ((self.conf, 0o666, 0), (self.conf, 0o664, 0), (more, 0o646, 0),
                                  (more, 0o644, pwd.getpwnam("nobody").pw_uid)):
            self.write_config('c = { exec = "/bin/echo two" }')
            with open(self.conf, "a") as f:
                f.write('@include "more.conf"\n')
            for each in (self.conf, more):
                os.chmod(each, 0o644)
                os.chown(each, 0, 0)
            os.chmod(path, mode)
            os.chown(path, owner, pwd.getpwnam("nobody").pw_gid)
            good, self.digest = self.digest, "0" * 16
            answer = self.check("c")
            self.assertEqual(answer["exit"], 6, (path, oct(mode), owner))
            self.assertRegex(answer["error"], path + " (may be written|belongs to)")
            self.digest = good
            self.assertEqual(self.result(self.check("c"))["output"], "one\n")

    def test_a_broken_file_does_not_take_away_what_runs(self):
        self.serve('c = { exec = "/bin/echo one" }')
        with open(self.conf, "w") as f:
            f.write("groups = {")
        self.assertEqual(self.result(self.check("c"))["output"], "one\n")
        good, self.digest = self.digest, "0" * 16
        answer = self.check("c")
        self.assertEqual(answer["exit"], 6)
        self.assertIn(self.conf, answer["error"])
        self.digest = good
        self.assertEqual(self.result(self.check("c"))["output"], "one\n")

    def test_a_missing_file_is_named_and_read_when_it_comes(self):
        self.start()
        self.c, self.digest = self.connect(), "0" * 16
        answer = self.check("c")
        self.assertEqual(answer["exit"], 6)
        self.assertIn(self.conf, answer["error"])
        self.write_config('c = { exec = "/bin/true" }')
        self.digest = self.learn_digest()
        self.assertEqual(self.result(self.check("c"))["status"], 0)


class BeginningAndEnd(Rig):
    def test_sigterm_ends_checks_at_once_and_lets_hooks_end(self):
        marker, out = "4714%d" % os.getpid(), self.dir + "/done"
        self.serve('long = { exec = "/bin/sleep %s", interval = "1h", timeout = "1h" }' % marker,
                   'note = { on = "stop", run = %s, user = "root" }' %
                   shell("touch %s.begun; sleep 0.5; echo done > %s" % (out, out)))
        self.c.send("check", config=self.digest, group="web", check="long")
        self.c.send("hook", config=self.digest, group="web", hook="note",
                    facts={**FACTS, "event": "stop", "to": "stop"})
        eventually(lambda: processes_with(marker) and os.path.exists(out + ".begun"), "both run")
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(DEADLINE), 0)
        self.assertEqual(processes_with(marker), [])
        self.assertEqual(contents(out), "done\n")
        self.assertFalse(os.path.exists(self.path), "the socket is removed")

    def test_a_second_sigterm_ends_hooks_too(self):
        marker = "4715%d" % os.getpid()
        self.serve(hooks='hang = { on = "stop", run = %s, timeout = "1h" }' %
                   shell(TERM_PROOF + "sleep %s; sleep %s" % (marker, marker)))
        self.c.send("hook", config=self.digest, group="web", hook="hang",
                    facts={**FACTS, "event": "stop", "to": "stop"})
        eventually(lambda: processes_with(marker), "it runs")
        self.daemon.terminate()
        eventually(lambda: "stopping" in self.logged(), "the first SIGTERM is heard")
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(DEADLINE), 0)
        eventually(lambda: not processes_with(marker), "the hook is gone")

    def test_a_killed_daemon_is_replaced_by_the_next(self):
        self.serve('ok = { exec = "/bin/true" }')
        self.daemon.kill()
        self.daemon.wait()
        self.assertIsNone(self.c.receive())
        self.start()
        self.c = self.connect()
        self.assertEqual(self.result(self.check("ok"))["status"], 0)

    def test_two_daemons_do_not_share_a_socket(self):
        self.serve('ok = { exec = "/bin/true" }')
        second = subprocess.run([PROGRAM, "--config", self.conf, "--run-dir", self.dir + "/run"],
                                stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another vipring-run serves there", second.stderr)
        self.assertEqual(self.result(self.check("ok"))["status"], 0)

    def test_unknown_options_are_usage_errors(self):
        for words in (["--nonsense"], ["word"], ["--log-level", "loud"]):
            r = subprocess.run([PROGRAM, *words], stderr=subprocess.PIPE, timeout=DEADLINE)
            self.assertEqual(r.returncode, 2, words)
        r = subprocess.run([PROGRAM, "--version"], stdout=subprocess.PIPE, text=True, timeout=DEADLINE)
        self.assertRegex(r.stdout, r"^vipring-run \d+\.\d+")


if __name__ == "__main__":
    if os.getuid() != 0:
        print("needs root: programs are run as other users")
        sys.exit(77)
    os.umask(0o022)  # other users look into what is made here
    unittest.main(verbosity=1)
