# SPDX-License-Identifier: GPL-2.0-or-later
"""`vipctl status -o json` and `events -o jsonl`: the keys that scripts rely on, in every state of a
cluster. Keys may be added; none may go, change its name or its type. What is not known is null."""
import copy
import json
import re

import pytest

from vrlab import config, wait_until, web_group

ROLES = {"active", "backup", "init", "fault", "drained"}
NODE_STATES = {"up", "drained", "lost", "incompatible"}
COPY_STATES = {"off", "cold", "filling", "warm"}
SURVIVES = {"addresses", "connections", "tables"}
CAUSES = {"advert-timeout", "hello-timeout", "process-gone", "resign", "check", "link", "operator",
          "drain", "preempt", "start", "stall", "foreign", "conflict", "stop", "reload"}


# --- the contract ----------------------------------------------------------------
# A leaf is a predicate, a dict an object with at least these keys, a one-element list an array.


def text(value):
    return isinstance(value, str) and value != ""


def number(value):
    """JSON's true is an int in Python, 1.0 is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def flag(value):
    return isinstance(value, bool)


def one_of(words):
    return lambda value: isinstance(value, str) and value in words


def instant(value):
    return isinstance(value, str) and \
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value) is not None


class OrNull:
    def __init__(self, what):
        self.what = what


COPY = {"state": one_of(COPY_STATES), "lag_usec": OrNull(number), "entries": OrNull(number)}

STATUS = {
    "schema": lambda v: v == 1, "cluster": text, "node": text, "version": text,
    "config": {"digest": text, "same_everywhere": OrNull(flag)},
    "nodes": [{"name": text, "addresses": [text], "state": OrNull(one_of(NODE_STATES)),
               "version": OrNull(text), "protocol": OrNull(number), "rtt_usec": OrNull(number)}],
    "groups": [{"name": text, "vrid": OrNull(number), "interface": text, "addresses": [text],
                "owner": OrNull(text), "token": OrNull(text), "since_usec": OrNull(number),
                "role": one_of(ROLES), "prefer": text, "heir": OrNull(text),
                "copy": OrNull({"connections": OrNull(COPY), "tables": OrNull(COPY)}),
                "checks": {"up": number, "total": number},
                "survives": [one_of(SURVIVES)]}],
}

EVENT = {
    "id": number, "group": text, "token": OrNull(text), "from": OrNull(text), "to": OrNull(text),
    "cause": one_of(CAUSES), "t0": instant, "no_owner_usec": OrNull(number),
    "dual_owner_usec": OrNull(number), "flows_kept": OrNull(number), "flows_lost": OrNull(number),
    # evidence from before the cause was noticed has a negative time
    "steps": [{"node": text, "at_usec": lambda v: isinstance(v, int), "what": text,
               "detail": lambda v: isinstance(v, str)}],
    "ruled_out": [text], "actor": OrNull(text), "reason": OrNull(text),
}


def breaches(value, contract, at=""):
    """What of `value` is not as the contract says, as readable lines."""
    if isinstance(contract, OrNull):
        return [] if value is None else breaches(value, contract.what, at)
    if isinstance(contract, dict):
        if not isinstance(value, dict):
            return [f"{at or 'the document'} is not an object: {value!r}"]
        missing = [f"{at}.{key} is missing" for key in contract if key not in value]
        return missing + [line for key, part in contract.items() if key in value
                          for line in breaches(value[key], part, f"{at}.{key}")]
    if isinstance(contract, list):
        if not isinstance(value, list):
            return [f"{at} is not an array: {value!r}"]
        return [line for i, item in enumerate(value)
                for line in breaches(item, contract[0], f"{at}[{i}]")]
    return [] if contract(value) else [f"{at} is {value!r}"]


def status(lab, node):
    """Of a node, after holding it against the contract."""
    document = json.loads(lab.ctl(node, "status", "-o", "json").stdout)
    assert breaches(document, STATUS) == []
    names = {n["name"] for n in document["nodes"]}
    assert document["node"] in names
    for group in document["groups"]:
        assert group["prefer"] in names
        assert group["owner"] is None or group["owner"] in names
        assert (group["owner"] is None) == (group["since_usec"] is None)
        assert group["heir"] != group["owner"] or group["heir"] is None
        assert (group["role"] == "active") == (group["owner"] == document["node"])
        assert group["checks"]["up"] <= group["checks"]["total"]
    return document


def events(lab, node):
    lines = lab.ctl(node, "events", "-o", "jsonl").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    for event in found:
        assert breaches(event, EVENT) == []
    assert [e["id"] for e in found] == sorted(e["id"] for e in found)
    return found


# --- the contract is held --------------------------------------------------------


def test_status_keeps_its_keys_in_every_state(make_lab):
    lab = make_lab(config=config(groups={"web": web_group(checks={"never": {
        "file": "/nonexistent/a", "interval": "50ms", "timeout": "50ms"}}),
        "db": web_group(vrid=52, addresses=["10.77.0.102/24"])}))
    wait_until(lambda: {g["owner"] for g in status(lab, "lb2")["groups"]} == {None, "lb1"})
    assert {g["role"] for g in status(lab, "lb1")["groups"]} == {"fault", "active"}
    lab.break_("lb1", "unplug")
    wait_until(lambda: status(lab, "lb2")["groups"][1]["owner"] == "lb2")
    gone = status(lab, "lb1")["groups"][1]
    assert (gone["role"], gone["owner"]) == ("fault", None)  # who else has it is not known here
    lab.mend("lb1")
    wait_until(lambda: status(lab, "lb1")["groups"][1]["owner"] == "lb2")
    lab.break_("lb2", "crash")
    wait_until(lambda: status(lab, "lb3")["groups"][1]["owner"] not in (None, "lb2"))


def test_events_keep_their_keys_for_every_kind_of_move(lab):
    lab.ctl("lb1", "move", "web", "lb2", "--reason", "new kernel")
    moved = wait_until(lambda: [e for e in events(lab, "lb1") if e["cause"] == "operator"])[-1]
    # On a busy machine lb3 may be first by chance; lb2 then takes the group from it.
    assert moved["from"] == "lb1" and moved["to"] in ("lb2", "lb3")
    assert lab.wait_settled() == "lb2"
    assert (moved["reason"], moved["actor"]) == ("new kernel", "uid 0")
    lab.break_("lb2", "kill")
    wait_until(lambda: [e for e in events(lab, "lb3") if e["cause"] == "advert-timeout"])
    lab.mend("lb2")
    for node in lab.nodes:
        assert events(lab, node)


def test_unknown_groups_and_an_absent_vipd_give_no_document(lab):
    assert lab.ctl("lb1", "status", "nosuch", "-o", "json", check=False).stdout == ""
    lab.stop("lb3")
    done = lab.ctl("lb3", "status", "-o", "json", check=False)
    assert (done.returncode, done.stdout) == (3, "")


# --- and the test would notice ---------------------------------------------------


def _paths(contract, value, at=()):
    """Every place of the document that the contract speaks of."""
    if isinstance(contract, OrNull):
        contract = contract.what
    if isinstance(contract, dict) and isinstance(value, dict):
        for key, part in contract.items():
            yield (*at, key)
            yield from _paths(part, value[key], (*at, key))
    elif isinstance(contract, list) and value:
        yield from _paths(contract[0], value[0], (*at, 0))


def _changed(document, path, change):
    changed = copy.deepcopy(document)
    place = changed
    for step in path[:-1]:
        place = place[step]
    change(place, path[-1])
    return changed


@pytest.mark.parametrize("verb", ["status", "events"])
def test_a_key_that_goes_or_changes_its_type_is_noticed(lab, verb):
    document, contract = (status(lab, "lb1"), STATUS) if verb == "status" else \
        (events(lab, "lb1")[-1], EVENT)
    paths = [p for p in _paths(contract, document) if isinstance(p[-1], str)]
    assert len(paths) > 12
    for path in paths:
        assert breaches(_changed(document, path, lambda o, k: o.pop(k)), contract), path
        assert breaches(_changed(document, path, lambda o, k: o.update({k: 1.5})), contract), path


# --- what status says of trouble --------------------------------------------------


def notes(lab, node):
    return [line for line in lab.ctl(node, "status").stdout.splitlines() if line.startswith("* ")]


def test_an_owner_that_is_not_heard_says_that_another_is_active_too(lab):
    lab.break_("lb1", "mute")  # it hears lb2 take over, and nobody hears it
    wait_until(lambda: status(lab, "lb1")["groups"][0]["also_active"] == "lb2")
    assert [n for n in notes(lab, "lb1") if n.startswith("* web: lb2 claims to be active too")]
    lab.mend("lb1")
    wait_until(lambda: status(lab, "lb1")["groups"][0]["also_active"] is None)
    assert "web: lb2 also claims to be active" in lab.log("lb1")
    wait_until(lambda: "web: nobody else claims to be active any more" in lab.log("lb1"))


def test_a_home_that_is_back_says_when_it_takes_over(lab):
    lab.break_("lb1", "kill")
    wait_until(lambda: status(lab, "lb2")["groups"][0]["owner"] == "lb2")
    lab.mend("lb1")
    back = wait_until(lambda: [g for g in status(lab, "lb1")["groups"] if g["owner"] == "lb2"])[0]
    # failback-delay is 60 s, counted from the start of this vipd
    assert 30_000_000 < back["failback_in_usec"] <= 60_000_000
    assert [n for n in notes(lab, "lb1") if n.startswith("* web goes home to lb1 in ")]
    assert status(lab, "lb2")["groups"][0]["failback_in_usec"] is None
