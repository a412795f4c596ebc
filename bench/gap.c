/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends one probe to each address every so often, on an absolute schedule, and records which
 * were answered and by whom. With n addresses the probes of one period are spread over it.
 * A prober that was itself late says so (own_stall_usec): judge its numbers by that.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/gap_record.h"
#include "bench/probe.h"
#include "lib/clock.h"

#define BATCH 64
#define MIN_SLEEP_US 200 /* with many addresses: rather a batch than a wake-up a probe */

struct gap_target {
        const char *text;
        struct sockaddr_storage to;
        socklen_t to_len;
        struct gap_record record;
};

struct gap {
        const struct probe_options *o;
        struct gap_target *targets;
        uint32_t n_targets;
        uint32_t rounds; /* probes to each address */
        uint32_t run;    /* tells our answers from those of another run */
        mono_t start;
        struct pollfd fds[2]; /* IPv4, IPv6; fd -1: not needed */
        char nodes[GAP_NODES_MAX][PROBE_NODE_MAX];
        unsigned n_nodes;
        uint64_t strangers; /* packets that are no answers of ours */
};

static uint32_t elapsed_us(const struct gap *g)
{
        return (uint32_t)mono_diff_us(clock_now(), g->start);
}

static int open_sockets(struct gap *g)
{
        static const int families[] = {AF_INET, AF_INET6};
        int buffer = 8 * 1024 * 1024;

        for (int i = 0; i < 2; i++) {
                bool needed = false;
                int fd;

                for (uint32_t t = 0; t < g->n_targets; t++)
                        needed |= g->targets[t].to.ss_family == families[i];
                g->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
                if (!needed)
                        continue;
                fd = socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                if (fd < 0)
                        return -errno;
                setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
                setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
                g->fds[i].fd = fd;
        }
        return 0;
}

static int gap_init(struct gap *g, const struct probe_options *o)
{
        uint16_t port = o->port ? o->port : PROBE_PORT;
        int64_t every_us = o->every_us > 0 ? o->every_us : US_PER_MS;
        int64_t rounds = o->duration_us / every_us;

        if (rounds < 1 || rounds * o->n_addresses > PROBE_TOTAL_MAX) {
                fprintf(stderr, "probe: %lld probes; 1 to %d are possible: change --every or --duration\n",
                        (long long)(rounds * o->n_addresses), PROBE_TOTAL_MAX);
                return -EINVAL;
        }
        *g = (struct gap){.o = o, .n_targets = o->n_addresses, .rounds = (uint32_t)rounds};
        g->targets = calloc(g->n_targets, sizeof(*g->targets));
        if (!g->targets)
                return -ENOMEM;
        for (uint32_t i = 0; i < g->n_targets; i++) {
                struct gap_target *t = &g->targets[i];

                t->text = o->addresses[i];
                t->to_len = probe_sockaddr(t->text, port, &t->to);
                if (!t->to_len)
                        return -EINVAL;
                if (gap_record_init(&t->record, g->rounds) < 0)
                        return -ENOMEM;
        }
        return open_sockets(g);
}

static void gap_clear(struct gap *g)
{
        for (int i = 0; i < 2; i++)
                if (g->fds[i].fd > 0)
                        close(g->fds[i].fd);
        for (uint32_t i = 0; g->targets && i < g->n_targets; i++)
                gap_record_clear(&g->targets[i].record);
        free(g->targets);
}

static uint8_t node_index(struct gap *g, const char *name)
{
        for (unsigned i = 0; i < g->n_nodes; i++)
                if (strncmp(g->nodes[i], name, PROBE_NODE_MAX) == 0)
                        return (uint8_t)i;
        if (g->n_nodes == GAP_NODES_MAX)
                return GAP_NODE_NONE;
        snprintf(g->nodes[g->n_nodes], PROBE_NODE_MAX, "%.*s", PROBE_NODE_MAX - 1, name);
        return (uint8_t)g->n_nodes++;
}

static void receive_all(struct gap *g, int fd)
{
        static struct probe_packet packets[BATCH];
        struct iovec iov[BATCH];
        struct mmsghdr msgs[BATCH] = {0};
        int n;

        for (int i = 0; i < BATCH; i++) {
                iov[i] = (struct iovec){&packets[i], sizeof(packets[i])};
                msgs[i].msg_hdr.msg_iov = &iov[i];
                msgs[i].msg_hdr.msg_iovlen = 1;
        }
        while ((n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL)) > 0) {
                uint32_t now_us = elapsed_us(g);

                for (int i = 0; i < n; i++) {
                        const struct probe_packet *p = &packets[i];

                        if (msgs[i].msg_len != sizeof(*p) || p->magic != PROBE_MAGIC ||
                            p->run != g->run || p->target >= g->n_targets ||
                            !gap_record_answer(&g->targets[p->target].record, p->seq, now_us,
                                               node_index(g, p->node)))
                                g->strangers++;
                }
        }
}

static void send_probe(struct gap *g, uint32_t target)
{
        struct gap_target *t = &g->targets[target];
        struct probe_packet p = {.magic = PROBE_MAGIC, .run = g->run, .target = target};
        int fd = g->fds[t->to.ss_family == AF_INET6].fd;

        p.seq = gap_record_sent(&t->record, elapsed_us(g));
        if (sendto(fd, &p, sizeof(p), 0, (struct sockaddr *)&t->to, t->to_len) < 0)
                t->record.send_errors++;
}

/* Wait until `until` or until something came in, and take it. */
static void wait_until(struct gap *g, mono_t until)
{
        int64_t us = mono_diff_us(until, clock_now());
        struct timespec ts = {.tv_sec = us / US_PER_S, .tv_nsec = us % US_PER_S * 1000};

        if (us < 0)
                ts = (struct timespec){0};
        if (ppoll(g->fds, 2, &ts, NULL) <= 0)
                return;
        for (int i = 0; i < 2; i++)
                if (g->fds[i].fd >= 0 && g->fds[i].revents)
                        receive_all(g, g->fds[i].fd);
}

static void gap_measure(struct gap *g)
{
        uint64_t total = (uint64_t)g->rounds * g->n_targets;
        int64_t every_us = g->o->every_us > 0 ? g->o->every_us : US_PER_MS;
        mono_t end;

        g->start = clock_now();
        g->run = (uint32_t)g->start.us ^ (uint32_t)getpid();
        for (uint64_t i = 0; i < total && !probe_stop;) {
                mono_t due = mono_add_us(g->start, (int64_t)(i * (uint64_t)every_us / g->n_targets));
                mono_t now = clock_now();

                if (mono_reached(due, now)) {
                        send_probe(g, (uint32_t)(i++ % g->n_targets));
                        if (i % BATCH)
                                continue;
                        due = now; /* look at the sockets now and then while catching up */
                } else if (g->n_targets > 4 && mono_diff_us(due, now) < MIN_SLEEP_US) {
                        due = mono_add_us(now, MIN_SLEEP_US);
                }
                wait_until(g, due);
        }
        end = mono_add_us(clock_now(), g->o->linger_us);
        while (!mono_reached(end, clock_now()))
                wait_until(g, end);
}

static json_t *switches_json(const struct gap *g, const struct gap_summary *s)
{
        uint32_t kept = s->n_switches < GAP_SWITCHES_MAX ? s->n_switches : GAP_SWITCHES_MAX;
        json_t *list = json_array();

        for (uint32_t i = 0; i < kept; i++) {
                const struct gap_switch *w = &s->switches[i];

                json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "from", g->nodes[w->from],
                                                      "to", g->nodes[w->to], "at_usec",
                                                      (json_int_t)w->at_us, "gap_usec",
                                                      (json_int_t)w->gap_us));
        }
        return list;
}

static json_t *target_json(const struct gap *g, const struct gap_target *t,
                           const struct gap_summary *s)
{
        json_t *nodes = json_object();

        for (unsigned i = 0; i < g->n_nodes; i++)
                if (s->by_node[i])
                        json_object_set_new(nodes, g->nodes[i], json_integer(s->by_node[i]));
        return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o}",
                         "address", t->text, "sent", (json_int_t)s->sent, "answered",
                         (json_int_t)s->answered, "lost", (json_int_t)s->lost, "gap_usec",
                         (json_int_t)s->gap_us, "gap_at_usec", (json_int_t)s->gap_at_us,
                         "rtt_max_usec", (json_int_t)s->rtt_max_us, "send_errors",
                         (json_int_t)t->record.send_errors, "duplicates",
                         (json_int_t)t->record.duplicates, "dual", (json_int_t)t->record.dual,
                         "interleaved", (json_int_t)s->interleaved, "nodes", nodes, "n_switches",
                         (json_int_t)s->n_switches, "switches", switches_json(g, s));
}

static void gap_report(const struct gap *g, bool realtime)
{
        json_int_t sent = 0, lost = 0, gap_us = 0, stall_us = 0, dual = 0;
        json_t *addresses = json_array(), *all;

        for (uint32_t i = 0; i < g->n_targets; i++) {
                struct gap_summary s;

                gap_record_sum(&g->targets[i].record, &s);
                sent += s.sent;
                lost += s.lost;
                dual += g->targets[i].record.dual;
                if (s.gap_us > gap_us)
                        gap_us = s.gap_us;
                if (s.own_stall_us > stall_us)
                        stall_us = s.own_stall_us;
                json_array_append_new(addresses, target_json(g, &g->targets[i], &s));
        }
        all = json_pack("{s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "mode", "gap",
                        "started_usec", (json_int_t)g->start.us, "realtime", realtime, "sent", sent,
                        "lost", lost, "gap_usec", gap_us, "dual", dual, "own_stall_usec", stall_us,
                        "strangers", (json_int_t)g->strangers, "addresses", addresses);
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(all);
}

int gap_run(const struct probe_options *o)
{
        struct gap g;
        bool realtime;
        int r = gap_init(&g, o);

        if (r < 0) {
                if (r != -EINVAL)
                        fprintf(stderr, "probe: %s\n", strerror(-r));
                gap_clear(&g);
                return 1;
        }
        realtime = o->realtime && probe_realtime();
        gap_measure(&g);
        gap_report(&g, realtime);
        gap_clear(&g);
        return 0;
}
