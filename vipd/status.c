/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/status.h"

#include <unistd.h>

#include "config.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/daemon.h"

/* Without the ring's hello only this node knows itself for sure. */
static json_t *nodes_json(const struct daemon *d)
{
        json_t *nodes = json_array();
        char addr[IP_ADDR_TEXT];

        for (unsigned i = 0; i < d->config->n_nodes; i++) {
                const struct conf_node *node = &d->config->nodes[i];
                bool self = i == d->self;

                json_array_append_new(
                        nodes, json_pack("{s:s, s:[s], s:s?, s:s?, s:n, s:n}", "name", node->name,
                                         "addresses", ip_addr_format(&node->address, addr), "state",
                                         self ? "up" : NULL, "version",
                                         self ? PACKAGE_VERSION : NULL, "protocol", "rtt_usec"));
        }
        return nodes;
}

static json_t *groups_json(const struct daemon *d)
{
        json_t *groups = json_array();

        for (unsigned i = 0; i < d->config->n_groups; i++)
                if (d->groups[i])
                        json_array_append_new(groups, group_status(d->groups[i]));
        return groups;
}

static json_t *addresses_json(const struct daemon *d)
{
        struct addresses_stats s = addresses_stats(d->env.addresses);

        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "added", (json_int_t)s.added,
                         "removed", (json_int_t)s.removed, "lost", (json_int_t)s.lost, "restored",
                         (json_int_t)s.restored, "failed", (json_int_t)s.failed, "swept",
                         (json_int_t)s.swept, "netlink_overruns", (json_int_t)s.kernel.overruns,
                         "netlink_dumps", (json_int_t)s.kernel.dumps);
}

static json_t *announcements_json(const struct daemon *d)
{
        struct announcer_stats s = announcer_stats(d->env.announcer);

        return json_pack("{s:I, s:I, s:I, s:I}", "arp_sent", (json_int_t)s.arp_sent, "na_sent",
                         (json_int_t)s.na_sent, "failed", (json_int_t)s.failed, "retried",
                         (json_int_t)s.retried);
}

/* Of groups with accept = false: whether packets for their addresses are really dropped. */
static json_t *accept_filter_json(const struct daemon *d)
{
        static const char *const words[] = {[ACCEPT_FILTER_UNUSED] = "unused",
                                            [ACCEPT_FILTER_WORKING] = "working",
                                            [ACCEPT_FILTER_FAILED] = "failed"};
        const char *error = accept_filter_error(d->env.accept_filter);

        return json_pack("{s:s, s:s?}", "state", words[accept_filter_state(d->env.accept_filter)],
                         "error", *error ? error : NULL);
}

static json_t *vrrp_json(const struct daemon *d)
{
        struct vrrp_ports_stats s = vrrp_ports_stats(d->env.ports);

        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "received", (json_int_t)s.received,
                         "sent", (json_int_t)s.sent, "send_failed", (json_int_t)s.send_failed,
                         "unknown_vrid", (json_int_t)s.unknown_vrid, "short",
                         (json_int_t)s.short_packets, "overruns", (json_int_t)s.overruns);
}

static json_t *daemon_json(const struct daemon *d)
{
        const struct daemon_loop_stats *l = &d->loop_stats;

        return json_pack(
                "{s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "pid", (int)getpid(),
                "uptime_usec", (json_int_t)mono_diff_us(clock_now(), d->started), "reloads",
                (json_int_t)d->reloads, "reloads_refused", (json_int_t)d->reloads_refused,
                "log_dropped", (json_int_t)log_dropped(), "loop",
                json_pack("{s:I, s:I, s:I, s:I, s:I}", "turns", (json_int_t)l->turns,
                          "longest_turn_usec", (json_int_t)l->longest_turn_us, "longest_stall_usec",
                          (json_int_t)l->longest_stall_us, "stalls", (json_int_t)l->stalls,
                          "advert_late_max_usec", (json_int_t)d->env.advert_late_max_us),
                "addresses", addresses_json(d), "announcements", announcements_json(d),
                "accept_filter", accept_filter_json(d), "vrrp", vrrp_json(d));
}

json_t *status_json(const struct daemon *d)
{
        return json_pack("{s:i, s:s, s:s, s:s, s:{s:s, s:n}, s:o, s:o, s:o}", "schema", 1,
                         "cluster", d->config->cluster, "node", d->config->nodes[d->self].name,
                         "version", PACKAGE_VERSION, "config", "digest", d->config->digest,
                         "same_everywhere", "nodes", nodes_json(d), "groups", groups_json(d),
                         "daemon", daemon_json(d));
}
