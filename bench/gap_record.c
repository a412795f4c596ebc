/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/gap_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INTERLEAVED_US 1000000u

int gap_record_init(struct gap_record *r, uint32_t max_probes)
{
        memset(r, 0, sizeof(*r));
        r->probes = calloc(max_probes, sizeof(*r->probes));
        if (!r->probes)
                return -ENOMEM;
        r->max = max_probes;
        return 0;
}

void gap_record_clear(struct gap_record *r)
{
        free(r->probes);
        memset(r, 0, sizeof(*r));
}

uint32_t gap_record_sent(struct gap_record *r, uint32_t now_us)
{
        if (r->n >= r->max)
                return UINT32_MAX;
        r->probes[r->n] = (struct gap_probe){.sent_us = now_us, .node = GAP_NODE_NONE};
        return r->n++;
}

bool gap_record_answer(struct gap_record *r, uint32_t seq, uint32_t now_us, uint8_t node)
{
        struct gap_probe *p;

        if (seq >= r->n)
                return false;
        p = &r->probes[seq];
        if (p->answered_us == 0) {
                p->answered_us = now_us ? now_us : 1;
                p->node = node;
        } else if (p->node == node) {
                r->duplicates++;
        } else {
                r->dual++;
        }
        return true;
}

static void take_gap(struct gap_summary *s, uint32_t from_us, uint32_t to_us)
{
        if (to_us - from_us <= s->gap_us)
                return;
        s->gap_us = to_us - from_us;
        s->gap_at_us = from_us;
}

static void take_switch(struct gap_summary *s, const struct gap_probe *from,
                        const struct gap_probe *to)
{
        struct gap_switch now = {.at_us = to->sent_us,
                                 .gap_us = to->sent_us - from->sent_us,
                                 .from = from->node,
                                 .to = to->node};

        if (s->n_switches > 0 && s->n_switches <= GAP_SWITCHES_MAX) {
                const struct gap_switch *last = &s->switches[s->n_switches - 1];

                if (last->from == now.to && now.at_us - last->at_us < INTERLEAVED_US)
                        s->interleaved++;
        }
        if (s->n_switches < GAP_SWITCHES_MAX)
                s->switches[s->n_switches] = now;
        s->n_switches++;
}

static void take_answer(struct gap_summary *s, const struct gap_probe *p)
{
        uint32_t rtt_us = p->answered_us > p->sent_us ? p->answered_us - p->sent_us : 0;

        s->answered++;
        if (rtt_us > s->rtt_max_us)
                s->rtt_max_us = rtt_us;
        if (p->node < GAP_NODES_MAX)
                s->by_node[p->node]++;
}

void gap_record_sum(const struct gap_record *r, struct gap_summary *ret)
{
        const struct gap_probe *last = NULL; /* answered */

        memset(ret, 0, sizeof(*ret));
        ret->sent = r->n;
        for (uint32_t i = 0; i < r->n; i++) {
                const struct gap_probe *p = &r->probes[i];
                bool lost_before;

                if (i > 0 && p->sent_us - p[-1].sent_us > ret->own_stall_us)
                        ret->own_stall_us = p->sent_us - p[-1].sent_us;
                if (p->answered_us == 0)
                        continue;
                lost_before = i > 0 && p[-1].answered_us == 0;
                if (lost_before)
                        take_gap(ret, last ? last->sent_us : r->probes[0].sent_us, p->sent_us);
                if (last && last->node != p->node)
                        take_switch(ret, last, p);
                take_answer(ret, p);
                last = p;
        }
        if (r->n > 0 && r->probes[r->n - 1].answered_us == 0)
                take_gap(ret, last ? last->sent_us : r->probes[0].sent_us,
                         r->probes[r->n - 1].sent_us);
        ret->lost = ret->sent - ret->answered;
}
