/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A group as JSON for `vipctl status`. What is not known or not built is null, never invented. */
#include <string.h>

#include "lib/clock.h"
#include "vipd/group_private.h"

static const char *role_of(const struct group *g)
{
        switch (g->election.state) {
        case ELECTION_ACTIVE:
                return "active";
        case ELECTION_BACKUP:
                return "backup";
        case ELECTION_INIT:
                break;
        }
        return g->faults & ~(unsigned)GROUP_FAULT_WAITING ? "fault" : "init";
}

static json_t *vip_text(const struct conf_vip *vip)
{
        char addr[IP_ADDR_TEXT];

        return json_sprintf("%s/%u", ip_addr_format(&vip->addr, addr), vip->prefix_len);
}

static void put_addresses(const struct group *g, json_t *o)
{
        json_t *addresses = json_array(), *vips = json_array();

        for (unsigned i = 0; i < g->conf->n_vips; i++) {
                const struct conf_vip *vip = &g->conf->vips[i];

                json_array_append_new(addresses, vip_text(vip));
                json_array_append_new(vips, json_pack("{s:o, s:s, s:b, s:b}", "address",
                                                      vip_text(vip), "dev", vip->dev, "up",
                                                      address_set_is_up(g->addresses, i),
                                                      "advertised", !vip->excluded));
        }
        json_object_set_new(o, "addresses", addresses);
        json_object_set_new(o, "vips", vips);
        json_object_set_new(o, "addresses_up", json_integer(address_set_up(g->addresses)));
}

static const char *check_word(enum check_state s)
{
        switch (s) {
        case CHECK_UP:
                return "up";
        case CHECK_DOWN:
                return "down";
        case CHECK_UNKNOWN:
                break;
        }
        return "unknown";
}

static json_t *checks_json(const struct group *g)
{
        static const char *const kinds[] = {"tcp", "http", "exec", "file", "process"};
        json_t *list = json_array();
        unsigned up = 0;

        for (unsigned i = 0; g->checks && i < g->conf->n_checks; i++) {
                const struct conf_check *conf = &g->conf->checks[i];
                const struct check *c = g->checks[i];
                enum check_state state = c ? check_state(c) : CHECK_UNKNOWN;

                up += state == CHECK_UP;
                json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:i}", "name",
                                                      conf->name, "kind", kinds[conf->kind],
                                                      "state", check_word(state), "detail",
                                                      c ? check_detail(c) : "", "required",
                                                      conf->weight == 0, "weight", conf->weight));
        }
        return json_pack("{s:i, s:i, s:o}", "up", (int)up, "total", (int)g->conf->n_checks, "list",
                         list);
}

static json_t *adverts_json(const struct group *g)
{
        json_t *rejected = json_object(), *peers = json_array();
        json_int_t sent = 0, received = 0, failed = 0, addresses = 0, interval = 0, checksum = 0;
        char text[IP_ADDR_TEXT];

        for (unsigned i = 0; i < g->n_routers; i++) {
                const struct virtual_router *v = &g->routers[i];

                sent += (json_int_t)v->sent;
                received += (json_int_t)v->received;
                failed += (json_int_t)v->send_failed;
                addresses += (json_int_t)v->mismatched_addresses;
                interval += (json_int_t)v->mismatched_interval;
                checksum += (json_int_t)v->mismatched_checksum;
                for (unsigned e = 1; e < VRRP_ERR_COUNT; e++) {
                        const char *name = vrrp_error_name(e);
                        json_int_t before = json_integer_value(json_object_get(rejected, name));

                        if (v->rejected[e] > 0)
                                json_object_set_new(
                                        rejected, name,
                                        json_integer(before + (json_int_t)v->rejected[e]));
                }
                for (unsigned p = 0; p < v->n_peers; p++)
                        json_array_append_new(
                                peers,
                                json_pack("{s:s, s:I, s:I, s:I}", "address",
                                          ip_addr_format(&v->peers[p].addr, text), "adverts",
                                          (json_int_t)v->peers[p].adverts, "checksum_pseudo_header",
                                          (json_int_t)v->peers[p].pseudo, "checksum_plain",
                                          (json_int_t)v->peers[p].plain));
        }
        return json_pack("{s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:o}", "sent", sent, "received",
                         received, "send_failed", failed, "rejected", rejected,
                         "mismatched_addresses", addresses, "mismatched_interval", interval,
                         "mismatched_checksum", checksum, "peers", peers);
}

static json_t *hooks_json(const struct group *g)
{
        struct hook_stats s = hook_queue_stats(g->hooks);

        return json_pack("{s:i, s:I, s:I, s:I, s:I}", "total", (int)g->conf->n_hooks, "run",
                         (json_int_t)s.run, "failed", (json_int_t)s.failed, "timed_out",
                         (json_int_t)s.timed_out, "dropped", (json_int_t)s.dropped);
}

/* The node that is next in line behind the owner, by configuration; NULL without another node. */
static const char *heir_of(const struct group *g)
{
        const struct config *c = g->config;
        int owner = g->owner[0] ? config_find_node(c, g->owner) : -1;
        int best = -1;

        for (unsigned n = 0; n < c->n_nodes; n++) {
                if ((int)n == owner || (g->lost_nodes >> n & 1))
                        continue;
                if (best < 0 ||
                    config_rank(c, g->conf, n) < config_rank(c, g->conf, (unsigned)best))
                        best = (int)n;
        }
        return best >= 0 ? c->nodes[best].name : NULL;
}

static json_t *last_json(const struct group *g)
{
        struct timeline_event *ev =
                timeline_latest(timeline_log_events(g->env->timeline), g->conf->name);

        return ev ? timeline_log_json(g->env->timeline, ev) : json_null();
}

/* Who advertises although we are active: right now, not some time ago. */
static const char *conflict_of(const struct group *g)
{
        bool conflict = g->election.state == ELECTION_ACTIVE && !mono_is_never(g->conflict_since);

        return conflict && g->conflict_with[0] ? g->conflict_with : NULL;
}

/* A better candidate waits its delay before it takes the group from who serves it now. */
static json_t *failback_json(const struct group *g)
{
        const struct election *e = &g->election;
        int64_t left_us = mono_diff_us(e->preempt_from, clock_now());

        if (e->state != ELECTION_BACKUP || !e->config.preempt || e->resigned || left_us <= 0)
                return json_null();
        return json_integer(left_us);
}

json_t *group_status(const struct group *g)
{
        const struct config *c = g->config;
        json_t *o = json_pack(
                "{s:s, s:i, s:s, s:s?, s:n, s:o, s:s, s:s?, s:s, s:s?, s:i, s:o, s:n, s:o, s:o, "
                "s:o, s:o, s:i, s:I, s:[s], s:s?, s:o}",
                "name", g->conf->name, "vrid", g->conf->vrid, "interface", g->conf->iface, "owner",
                group_owner(g), "token", "since_usec",
                g->owner[0] ? json_integer(mono_diff_us(clock_now(), g->owner_since)) : json_null(),
                "role", role_of(g), "state_reason", g->faults ? g->fault_text : NULL, "prefer",
                c->nodes[g->conf->home].name, "heir", heir_of(g), "priority", g->election.priority,
                "interval_usec", json_integer(g->conf->interval_us), "copy", "checks",
                checks_json(g), "adverts", adverts_json(g), "hooks", hooks_json(g), "last",
                last_json(g), "transitions", (int)g->transitions, "dual_owner_usec",
                (json_int_t)g->dual_owner_us, "survives", "addresses", "also_active",
                conflict_of(g), "failback_in_usec", failback_json(g));

        put_addresses(g, o);
        return o;
}
