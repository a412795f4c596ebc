/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slices of the plan's work, performed on the kernel from the loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "vipd/addresses_internal.h"

#define SLICE_MIN 4
#define SLICE_US (2 * US_PER_MS) /* a slice that takes longer is followed by a smaller one */

static struct kernel_op op_of(const struct addresses *a, uint32_t index)
{
        const struct addr_entry *e = addr_plan_entry(&a->plan, index);
        struct kernel_op op = {
                .kind = e->todo == ADDR_TODO_ADD ? KERNEL_ADDR_ADD : KERNEL_ADDR_DEL,
                .ifindex = a->links.slots[e->link].link.ifindex,
                .addr = e->addr,
                .prefix_len = e->prefix_len,
                .scope = e->scope,
                .exclusive = e->suspect,
        };

        if (op.kind == KERNEL_ADDR_DEL && e->present)
                op.prefix_len = e->present_len;
        memcpy(op.label, e->label, sizeof(op.label));
        return op;
}

const char *addresses_more(uint64_t withheld, char buf[static ADDRESSES_MORE_TEXT])
{
        buf[0] = '\0';
        if (withheld > 0)
                snprintf(buf, ADDRESSES_MORE_TEXT, " (%llu more like this)",
                         (unsigned long long)withheld);
        return buf;
}

static struct address_set *first_set(const struct addr_entry *e)
{
        return e->members ? address_set_of(e->members->set) : NULL;
}

void addresses_log_foreign(const struct addresses *a, const struct addr_entry *e)
{
        struct address_set *s = first_set(e);
        char text[IP_ADDR_TEXT], more[ADDRESSES_MORE_TEXT];
        uint64_t withheld;

        if (!s || e->wanted > 0 || !e->present || e->ours ||
            !log_limit_pass(&s->foreign_limit, clock_now(), &withheld))
                return;
        log_notice("%s: %s/%u is on %s, not put there by vipd, and the group is not active here; "
                   "left alone until it is%s",
                   s->group, ip_addr_format(&e->addr, text), e->present_len,
                   a->links.slots[e->link].link.name, addresses_more(withheld, more));
}

static void log_adoption(const struct addresses *a, uint32_t index)
{
        const struct addr_entry *e = addr_plan_entry(&a->plan, index);
        const struct address_set *s = first_set(e);
        char text[IP_ADDR_TEXT];

        if (e->todo != ADDR_TODO_ADD || e->suspect || !e->present || e->ours || !s)
                return;
        log_notice("%s: %s/%u was on %s already, not put there by vipd; adopted, and removed when "
                   "the group is released",
                   s->group, ip_addr_format(&e->addr, text), e->present_len,
                   a->links.slots[e->link].link.name);
}

static void log_failure(struct addresses *a, uint32_t index, bool add, int err)
{
        const struct addr_entry *e = addr_plan_entry(&a->plan, index);
        struct address_set *s = first_set(e);
        struct log_limit *limit = s ? &s->failed_limit : &a->orphan_limit;
        char text[IP_ADDR_TEXT], more[ADDRESSES_MORE_TEXT];
        uint64_t withheld;

        if (err == -ENODEV) /* the news that the link is gone are on their way */
                return;
        if (!log_limit_pass(limit, clock_now(), &withheld))
                return;
        log_warning("%s%scannot %s %s/%u %s %s: %s; trying again in %lld ms%s", s ? s->group : "",
                    s ? ": " : "", add ? "put" : "take", ip_addr_format(&e->addr, text),
                    e->prefix_len, add ? "on" : "from", a->links.slots[e->link].link.name,
                    strerror(-err),
                    (long long)(addr_plan_delay_us(ADDR_RETRY_DELAY_US, e->tries) / US_PER_MS),
                    addresses_more(withheld, more));
}

static void adapt_slice(struct addresses *a, unsigned n, int64_t took_us)
{
        if (took_us > SLICE_US)
                a->slice = a->slice / 2 > SLICE_MIN ? a->slice / 2 : SLICE_MIN;
        else if (n == a->slice && took_us < SLICE_US / 2)
                a->slice = a->slice * 2 < KERNEL_BATCH_MAX ? a->slice * 2 : KERNEL_BATCH_MAX;
}

unsigned addresses_slice(struct addresses *a, const struct addr_set *only)
{
        uint32_t todo[KERNEL_BATCH_MAX];
        struct kernel_op ops[KERNEL_BATCH_MAX];
        mono_t start = clock_now();
        mono_t now;
        uint32_t n;

        n = only ? addr_set_next(&a->plan, only, todo, a->slice)
                 : addr_plan_next(&a->plan, start, todo, a->slice);
        if (n == 0)
                return 0;
        for (uint32_t i = 0; i < n; i++) {
                ops[i] = op_of(a, todo[i]);
                log_adoption(a, todo[i]);
        }
        kernel_addr_apply(a->kernel, ops, n);

        now = clock_now();
        adapt_slice(a, n, mono_diff_us(now, start));
        for (uint32_t i = 0; i < n; i++) {
                uint64_t failed = a->plan.stats.failed;

                addr_plan_done(&a->plan, todo[i], ops[i].result, ops[i].seq, now);
                if (a->plan.stats.failed != failed)
                        log_failure(a, todo[i], ops[i].kind == KERNEL_ADDR_ADD, ops[i].result);
        }
        return n;
}

void addresses_arm(struct addresses *a)
{
        bool parked = a->holds == 0 && a->plan.table.parked.first != ADDR_NONE;
        bool busy = parked || addr_plan_busy(&a->plan) || a->plan.reports_first;
        mono_t deadline = addr_plan_deadline(&a->plan);

        sd_event_source_set_enabled(a->work, busy ? SD_EVENT_ON : SD_EVENT_OFF);
        if (mono_is_never(deadline)) {
                sd_event_source_set_enabled(a->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(a->timer, (uint64_t)deadline.us);
        sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
}

static void work(struct addresses *a)
{
        if (a->holds == 0)
                addr_plan_unpark(&a->plan);
        addresses_slice(a, NULL);
        addresses_dispatch(a);
        addresses_arm(a);
}

int addresses_on_work(sd_event_source *source, void *arg)
{
        work(arg);
        return 0;
}

int addresses_on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        work(arg);
        return 0;
}
