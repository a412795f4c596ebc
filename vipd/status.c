/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/daemon.h"
#include "vipd/priorities.h"

/* Groups are described for at most this long before the loop gets its turn. */
#define SLICE_US (2 * US_PER_MS)

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

/* Everything but the groups. */
static json_t *head_json(const struct daemon *d)
{
        return json_pack("{s:i, s:s, s:s, s:s, s:{s:s, s:n}, s:o, s:o}", "schema", 1, "cluster",
                         d->config->cluster, "node", d->config->nodes[d->self].name, "version",
                         PACKAGE_VERSION, "config", "digest", d->config->digest, "same_everywhere",
                         "nodes", nodes_json(d), "daemon", daemon_json(d));
}

/* --- in slices --------------------------------------------------------------------- */

struct status {
        const struct daemon *daemon;
        struct ctl_request *request;
        sd_event_source *slice;
        unsigned next;    /* group */
        uint64_t reloads; /* the daemon's count when the first group was written */
        FILE *text;       /* the groups, with commas */
        char *bytes;
        size_t len;
};

static struct status *status_free(struct status *s)
{
        if (s->text)
                fclose(s->text);
        free(s->bytes);
        sd_event_source_disable_unref(s->slice);
        free(s);
        return NULL;
}

static void on_gone(struct ctl_request *req, void *arg)
{
        ctl_request_done(req, NULL);
        status_free(arg);
}

/* Of the groups as they are now: a reload makes what was written so far worthless. */
static void begin(struct status *s)
{
        s->reloads = s->daemon->reloads;
        s->next = 0;
        rewind(s->text);
}

static void write_group(struct status *s, const struct group *g)
{
        json_t *o = g ? group_status(g) : NULL;

        if (!o)
                return;
        if (ftell(s->text) > 0)
                fputc(',', s->text);
        json_dumpf(o, s->text, JSON_COMPACT);
        json_decref(o);
}

static void answer(struct status *s)
{
        CLEANUP(freep) char *text = NULL;
        json_t *head = head_json(s->daemon);
        CLEANUP(freep) char *open = head ? json_dumps(head, JSON_COMPACT) : NULL;
        int len = -1;

        json_decref(head);
        if (open && fflush(s->text) == 0 && !ferror(s->text)) {
                open[strlen(open) - 1] = '\0'; /* the brace that closes it */
                len = asprintf(&text, "%s,\"groups\":[%.*s]}", open, (int)s->len,
                               s->bytes ? s->bytes : "");
        }
        if (len < 0) {
                text = NULL;
                ctl_request_fail(s->request, CTL_FAILED, "out of memory");
        } else {
                ctl_request_done_text(s->request, text, (size_t)len);
        }
        status_free(s);
}

static int on_slice(sd_event_source *source, void *arg)
{
        struct status *s = arg;
        mono_t until = mono_add_us(clock_now(), SLICE_US);

        if (s->reloads != s->daemon->reloads)
                begin(s);
        while (s->next < s->daemon->config->n_groups && mono_before(clock_now(), until))
                write_group(s, s->daemon->groups[s->next++]);
        if (s->next == s->daemon->config->n_groups)
                answer(s);
        else
                sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

void status_answer(const struct daemon *d, struct ctl_request *req)
{
        struct status *s = calloc(1, sizeof(*s));

        if (s)
                s->text = open_memstream(&s->bytes, &s->len);
        if (!s || !s->text || sd_event_add_defer(d->loop, &s->slice, on_slice, s) < 0) {
                if (s)
                        status_free(s);
                ctl_request_fail(req, CTL_FAILED, "out of memory");
                return;
        }
        sd_event_source_set_priority(s->slice, PRIORITY_BULK);
        s->daemon = d;
        s->request = req;
        begin(s);
        ctl_request_on_gone(req, on_gone, s);
}
