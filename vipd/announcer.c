/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/announcer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/core/announce.h"
#include "vipd/core/arp_packet.h"
#include "vipd/core/nd_packet.h"
#include "vipd/frame_socket.h"
#include "vipd/priorities.h"

/* A link that addresses were announced on; its place in the table is `link` of the core's entries.
 */
struct announcer_link {
        char name[IFNAMSIZ];
        int ifindex;
        uint8_t mac[6];
        bool running; /* up, with carrier */
        bool router;  /* forwards IPv6 */
        bool told;    /* that it has no Ethernet address */
};

struct announcer {
        struct frame_socket *socket;
        sd_event_source *timer;
        struct announcer_link *links;
        unsigned n_links;
        struct announcement *first, *last; /* served in turn: the head goes to the end */
        struct announcer_stats stats;
        struct log_limit failed_limit;
};

struct announcement {
        struct announcer *announcer;
        struct announcement *prev, *next;
        char group[CONF_NAME_MAX];
        struct announce schedule;
        void *memory; /* of the schedule */
};

/* Frames in the making, and which entry each is for. */
struct batch {
        uint8_t bytes[FRAME_BATCH_MAX][ND_PACKET_LEN];
        struct frame frames[FRAME_BATCH_MAX];
        struct announcement *of[FRAME_BATCH_MAX];
        struct announce_entry *entries[FRAME_BATCH_MAX];
        unsigned n;
};

/* --- sending -------------------------------------------------------------------- */

/* Take what is due of one group, as far as there is room. */
static void gather(struct batch *b, struct announcement *n, mono_t now)
{
        while (b->n < FRAME_BATCH_MAX) {
                struct announce_entry *e = announce_next(&n->schedule, now);
                const struct announcer_link *link;
                uint8_t *bytes = b->bytes[b->n];
                size_t len;

                if (!e)
                        return;
                link = &n->announcer->links[e->link];
                len = e->addr.family == AF_INET
                              ? arp_packet_announce(&e->addr, link->mac, bytes, ND_PACKET_LEN)
                              : nd_packet_announce(&e->addr, link->mac, link->router, bytes,
                                                   ND_PACKET_LEN);
                b->frames[b->n] = (struct frame){link->ifindex, bytes, len, 0};
                b->of[b->n] = n;
                b->entries[b->n] = e;
                b->n++;
        }
}

static void failed(struct announcement *n, struct announce_entry *e, int err, mono_t now)
{
        struct announcer *a = n->announcer;
        const char *link = a->links[e->link].name;
        bool again = announce_failed(&n->schedule, e, now);
        char addr[IP_ADDR_TEXT], more[64] = "";
        uint64_t withheld;

        if (again)
                a->stats.retried++;
        else
                a->stats.failed++;
        if (!log_limit_pass(&a->failed_limit, now, &withheld))
                return;
        if (withheld > 0)
                snprintf(more, sizeof(more), " (%llu such failures since the last line)",
                         (unsigned long long)withheld);
        log_write(LOG_WARNING, &(struct log_about){.group = n->group, .iface = link},
                  "cannot announce %s on %s: %s; %s%s",
                  ip_addr_format(&e->addr, addr), link, strerror(-err),
                  again ? "trying again shortly" : "given up until the schedule's next frame",
                  more);
}

static void send_batch(struct announcer *a, struct batch *b, mono_t now)
{
        if (b->n > 0)
                frame_socket_send(a->socket, b->frames, b->n);
        for (unsigned i = 0; i < b->n; i++) {
                if (b->frames[i].result < 0)
                        failed(b->of[i], b->entries[i], b->frames[i].result, now);
                else if (b->entries[i]->addr.family == AF_INET)
                        a->stats.arp_sent++;
                else
                        a->stats.na_sent++;
        }
}

static void arm(struct announcer *a, mono_t now)
{
        mono_t first = MONO_NEVER;

        for (struct announcement *n = a->first; n; n = n->next)
                first = mono_min(first, announce_deadline(&n->schedule, now));
        if (mono_is_never(first)) {
                sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(a->timer, (uint64_t)first.us);
        sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
}

static void leave_list(struct announcement *n)
{
        struct announcer *a = n->announcer;

        *(n->prev ? &n->prev->next : &a->first) = n->next;
        *(n->next ? &n->next->prev : &a->last) = n->prev;
        n->prev = n->next = NULL;
}

static void join_list(struct announcement *n)
{
        struct announcer *a = n->announcer;

        n->prev = a->last;
        n->next = NULL;
        *(a->last ? &a->last->next : &a->first) = n;
        a->last = n;
}

/* At most one batch each turn of the loop; groups that had no room in it are first in the next. */
static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        struct announcer *a = arg;
        struct announcement *last = a->last, *n;
        mono_t now = clock_now();
        struct batch b;

        b.n = 0;
        do {
                n = a->first;
                if (!n)
                        break;
                gather(&b, n, now);
                leave_list(n);
                join_list(n);
        } while (n != last && b.n < FRAME_BATCH_MAX);
        send_batch(a, &b, now);
        arm(a, now);
        return 0;
}

/* What is due of this group, without waiting for the loop. */
static void send_now(struct announcement *n)
{
        mono_t now = clock_now();
        struct batch b;

        b.n = 0;
        gather(&b, n, now);
        send_batch(n->announcer, &b, now);
        arm(n->announcer, now);
}

/* --- links ------------------------------------------------------------------------ */

/* Whether neighbours may take this host for a router (RFC 4861 6.2.2). */
static bool forwards_ipv6(const char *link)
{
        char path[64 + IFNAMSIZ];
        CLEANUP(fclosep) FILE *f = NULL;
        int on;

        snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", link);
        f = fopen(path, "re");
        return f && fscanf(f, "%d", &on) == 1 && on != 0;
}

static int find_link(const struct announcer *a, const char *name)
{
        for (unsigned i = 0; i < a->n_links; i++)
                if (strcmp(a->links[i].name, name) == 0)
                        return (int)i;
        return -ENOENT;
}

static bool has_mac(const struct kernel_link *link)
{
        static const uint8_t none[6];

        return !link->loopback && memcmp(link->mac, none, sizeof(none)) != 0;
}

static void take_over(struct announcer_link *l, const struct kernel_link *link)
{
        l->ifindex = link->ifindex;
        memcpy(l->mac, link->mac, sizeof(l->mac));
        l->running = link->up && link->carrier;
}

void announcer_link_changed(struct announcer *a, const struct kernel_link *link)
{
        int at = find_link(a, link->name);
        struct announcer_link before;

        if (at < 0 || !has_mac(link))
                return;
        before = a->links[at];
        take_over(&a->links[at], link);
        if (!a->links[at].running ||
            (before.running && memcmp(before.mac, link->mac, sizeof(before.mac)) == 0))
                return;
        a->links[at].router = forwards_ipv6(link->name);
        for (struct announcement *n = a->first; n; n = n->next)
                announce_repeat_link(&n->schedule, (uint32_t)at);
        arm(a, clock_now());
}

/* The link's place in the table, brought up to date. @return -ENOMEM */
static int note_link(struct announcer *a, const struct kernel_link *link)
{
        int at = find_link(a, link->name);
        struct announcer_link *more;

        if (at >= 0) {
                announcer_link_changed(a, link);
                return at;
        }
        more = reallocarray(a->links, a->n_links + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        a->links = more;
        at = (int)a->n_links++;
        a->links[at] = (struct announcer_link){0};
        memcpy(a->links[at].name, link->name, IFNAMSIZ);
        take_over(&a->links[at], link);
        return at;
}

/* --- surface ------------------------------------------------------------------------ */

int announcer_new(struct announcer **ret, sd_event *loop)
{
        struct announcer *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        r = frame_socket_new(&a->socket);
        if (r == 0)
                r = sd_event_add_time(loop, &a->timer, CLOCK_MONOTONIC, 0, 1, on_timer, a);
        if (r >= 0)
                r = sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(a->timer, PRIORITY_BULK);
        if (r < 0) {
                announcer_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

struct announcer *announcer_free(struct announcer *a)
{
        if (!a)
                return NULL;
        sd_event_source_disable_unref(a->timer);
        frame_socket_free(a->socket);
        free(a->links);
        free(a);
        return NULL;
}

static struct announce_schedule core_schedule(const struct conf_announce *c)
{
        return (struct announce_schedule){.count = c->count > 0 ? c->count : 1,
                                          .interval_us = c->interval_us,
                                          .refresh_us = c->refresh_us,
                                          .rate = c->rate};
}

int announcement_new(struct announcement **ret, struct announcer *a, const char *group,
                     const struct conf_announce *schedule, unsigned vips_max)
{
        const struct announce_schedule core = core_schedule(schedule);
        struct announcement *n = calloc(1, sizeof(*n));

        if (!n)
                return -ENOMEM;
        n->announcer = a;
        n->memory = malloc(announce_memory(vips_max));
        if (!n->memory) {
                free(n);
                return -ENOMEM;
        }
        snprintf(n->group, sizeof(n->group), "%s", group);
        announce_init(&n->schedule, &core, vips_max, n->memory);
        join_list(n);
        *ret = n;
        return 0;
}

struct announcement *announcement_free(struct announcement *n)
{
        if (!n)
                return NULL;
        leave_list(n);
        arm(n->announcer, clock_now());
        free(n->memory);
        free(n);
        return NULL;
}

static void say_no_mac(struct announcer_link *l, const char *group)
{
        if (!l->told)
                log_write(LOG_NOTICE, &(struct log_about){.group = group, .iface = l->name},
                          "%s has no Ethernet address: addresses on it need no announcing, and get "
                          "none",
                          l->name);
        l->told = true;
}

void announcement_add(struct announcement *n, const struct kernel_link *link,
                      const struct conf_vip *const *vips, unsigned count)
{
        int at = note_link(n->announcer, link);
        const struct log_about about = {.group = n->group, .iface = link->name};
        struct announcer_link *l;
        unsigned left = 0;

        if (at < 0) {
                log_write(LOG_ERR, &about,
                          "out of memory; %u addresses on %s come up unannounced", count, link->name);
                return;
        }
        l = &n->announcer->links[at];
        if (!has_mac(link)) {
                say_no_mac(l, n->group);
                return;
        }
        l->router = forwards_ipv6(link->name);
        for (unsigned i = 0; i < count; i++)
                if (!announce_add(&n->schedule, &vips[i]->addr, (uint32_t)at))
                        left++;
        if (left > 0) /* more than announcement_new() was told */
                log_write(LOG_ERR, &about, "no room to announce %u addresses on %s", left, link->name);
        send_now(n);
}

void announcement_repeat(struct announcement *n)
{
        announce_repeat(&n->schedule);
        send_now(n);
}

void announcement_stop(struct announcement *n)
{
        announce_clear(&n->schedule);
        arm(n->announcer, clock_now());
}

/* Only vips that are up somewhere are in the table; the others are nothing to mark. */
static void forget_others(struct announcement *n, const struct conf_vip *vips, unsigned n_vips)
{
        for (unsigned i = 0; i < n_vips; i++) {
                int at = find_link(n->announcer, vips[i].dev);

                if (at >= 0)
                        announce_mark(&n->schedule, &vips[i].addr, (uint32_t)at);
        }
        announce_sweep(&n->schedule);
}

int announcement_reconfigure(struct announcement *n, const struct conf_announce *schedule,
                             const struct conf_vip *vips, unsigned n_vips)
{
        const struct announce_schedule core = core_schedule(schedule);
        struct announce larger;
        void *memory;

        forget_others(n, vips, n_vips);
        announce_reconfigure(&n->schedule, &core);
        arm(n->announcer, clock_now());
        if (n_vips <= n->schedule.max)
                return 0;
        memory = malloc(announce_memory(n_vips));
        if (!memory)
                return -ENOMEM;
        announce_init(&larger, &core, n_vips, memory);
        announce_move(&larger, &n->schedule);
        free(n->memory);
        n->schedule = larger;
        n->memory = memory;
        return 0;
}

struct announcer_stats announcer_stats(const struct announcer *a)
{
        return a->stats;
}
