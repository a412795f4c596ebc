/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/accept_filter.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/filter_table.h"
#include "vipd/priorities.h"

struct filtered {
        struct ip_addr addr;
        unsigned users;
};

struct accept_filter {
        struct filter_table *table;
        sd_event_source *timer;
        void *addrs; /* tree of struct filtered: what should be in the sets */
        unsigned n_addrs;
        bool made;   /* the table exists, as far as we know */
        bool failed; /* it could not be made, and that was said */
};

/* Addresses for one transaction. */
struct slice {
        const struct ip_addr *addrs[FILTER_SLICE_MAX];
        unsigned n;
};

typedef int slice_verb(struct filter_table *t, const struct ip_addr *const *addrs, unsigned n);

/* --- what should be filtered --------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
        return ip_addr_cmp(&((const struct filtered *)a)->addr,
                           &((const struct filtered *)b)->addr);
}

static struct filtered *find(struct accept_filter *f, const struct ip_addr *addr)
{
        const struct filtered key = {.addr = *addr};
        struct filtered **at = tfind(&key, &f->addrs, compare);

        return at ? *at : NULL;
}

/* @return 1 if it is new, 0 if it was there, or -ENOMEM */
static int hold(struct accept_filter *f, const struct ip_addr *addr)
{
        struct filtered *e = find(f, addr);

        if (e) {
                e->users++;
                return 0;
        }
        e = malloc(sizeof(*e));
        if (!e)
                return -ENOMEM;
        *e = (struct filtered){.addr = *addr, .users = 1};
        if (!tsearch(e, &f->addrs, compare)) {
                free(e);
                return -ENOMEM;
        }
        f->n_addrs++;
        return 1;
}

/* @return true if nobody wants it filtered any more */
static bool let_go(struct accept_filter *f, const struct ip_addr *addr)
{
        struct filtered *e = find(f, addr);

        if (!e || --e->users > 0)
                return false;
        tdelete(e, &f->addrs, compare);
        free(e);
        f->n_addrs--;
        return true;
}

/* --- what is filtered ---------------------------------------------------------------- */

/* Send the slice off unless an earlier one failed; then all is made anew afterwards anyway. */
static void flush(struct accept_filter *f, struct slice *s, slice_verb *verb, int *r)
{
        if (*r == 0 && s->n > 0)
                *r = verb(f->table, s->addrs, s->n);
        s->n = 0;
}

static void collect(struct accept_filter *f, struct slice *s, const struct ip_addr *addr,
                    slice_verb *verb, int *r)
{
        s->addrs[s->n++] = addr;
        if (s->n == FILTER_SLICE_MAX)
                flush(f, s, verb, r);
}

struct refill {
        struct accept_filter *f;
        struct slice slice;
        int r;
};

static void refill_one(const void *node, VISIT visit, void *arg)
{
        const struct filtered *e = *(const struct filtered *const *)node;
        struct refill *refill = arg;

        if (visit == postorder || visit == leaf)
                collect(refill->f, &refill->slice, &e->addr, filter_table_add, &refill->r);
}

static int make_table(struct accept_filter *f)
{
        struct refill refill = {.f = f, .r = filter_table_make(f->table)};

        twalk_r(f->addrs, refill_one, &refill);
        flush(f, &refill.slice, filter_table_add, &refill.r);
        f->made = refill.r == 0;
        return refill.r;
}

static int delete_table(struct accept_filter *f)
{
        f->made = false;
        return filter_table_delete(f->table);
}

/* --- health -------------------------------------------------------------------------- */

static void arm(struct accept_filter *f)
{
        if (f->n_addrs == 0) {
                sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(f->timer,
                                 (uint64_t)mono_add_us(clock_now(), ACCEPT_FILTER_CHECK_US).us);
        sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

/* Make the whole table, and say how that changed things. */
static int restore(struct accept_filter *f)
{
        bool gone = f->made, failed = f->failed;
        int r;

        if (gone)
                log_warning("the nftables table inet vipring was changed or removed by somebody "
                            "else (%s); making it anew",
                            filter_table_error(f->table));
        r = make_table(f);
        f->failed = r < 0;
        if (r < 0 && !failed)
                log_error(
                        "cannot drop packets for virtual addresses of groups with accept = false: "
                        "%s; this host accepts them for now, trying again every %d s",
                        filter_table_error(f->table), (int)(ACCEPT_FILTER_CHECK_US / US_PER_S));
        else if (r == 0 && failed)
                log_notice(
                        "packets for virtual addresses of groups with accept = false are dropped "
                        "now");
        return r;
}

static void take_one(const void *node, VISIT visit, void *arg)
{
        *(const struct ip_addr **)arg = &(*(const struct filtered *const *)node)->addr;
}

int accept_filter_check(struct accept_filter *f)
{
        const struct ip_addr *any = NULL;

        if (f->n_addrs == 0)
                return 0;
        /* adding what is there changes nothing, and fails without the set */
        twalk_r(f->addrs, take_one, &any);
        if (f->made && filter_table_add(f->table, &any, 1) == 0)
                return 0;
        return restore(f);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        struct accept_filter *f = arg;

        accept_filter_check(f);
        arm(f);
        return 0;
}

/* --- surface ------------------------------------------------------------------------- */

int accept_filter_new(struct accept_filter **ret, sd_event *loop)
{
        struct accept_filter *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->table = filter_table_new();
        r = f->table ? 0 : -ENOMEM;
        if (r >= 0)
                r = sd_event_add_time(loop, &f->timer, CLOCK_MONOTONIC, 0, 1, on_timer, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(f->timer, PRIORITY_BULK);
        if (r < 0) {
                accept_filter_free(f);
                return r;
        }
        delete_table(f); /* whether it can be had matters only once it is needed */
        *ret = f;
        return 0;
}

struct accept_filter *accept_filter_free(struct accept_filter *f)
{
        if (!f)
                return NULL;
        if (f->made && delete_table(f) < 0)
                log_warning("cannot remove the nftables table inet vipring: %s; `nft delete table "
                            "inet vipring` does it",
                            filter_table_error(f->table));
        tdestroy(f->addrs, free);
        sd_event_source_disable_unref(f->timer);
        filter_table_free(f->table);
        free(f);
        return NULL;
}

int accept_filter_add(struct accept_filter *f, const struct conf_vip *vips, unsigned n)
{
        int held = 0, r = f->made ? 0 : -ENOENT;
        struct slice s = {.n = 0};

        for (unsigned i = 0; i < n; i++) {
                int new = hold(f, &vips[i].addr);

                if (new < 0)
                        held = new;
                else if (new > 0)
                        collect(f, &s, &vips[i].addr, filter_table_add, &r);
        }
        flush(f, &s, filter_table_add, &r);
        if (f->n_addrs > 0 && r < 0)
                r = restore(f);
        if (held < 0)
                log_error(
                        "out of memory: some virtual addresses of a group with accept = false are "
                        "accepted until it is active again");
        arm(f);
        return r < 0 && f->n_addrs > 0 ? r : held;
}

int accept_filter_remove(struct accept_filter *f, const struct conf_vip *vips, unsigned n)
{
        struct slice s = {.n = 0};
        bool made = f->made;
        int r = made ? 0 : -ENOENT;

        for (unsigned i = 0; i < n; i++)
                if (let_go(f, &vips[i].addr))
                        collect(f, &s, &vips[i].addr, filter_table_remove, &r);
        if (f->n_addrs > 0) {
                flush(f, &s, filter_table_remove, &r);
                r = r < 0 ? restore(f) : 0;
        } else {
                r = made ? delete_table(f) : 0;
                f->failed = false;
        }
        arm(f);
        return r;
}

enum accept_filter_state accept_filter_state(const struct accept_filter *f)
{
        if (f->n_addrs == 0)
                return ACCEPT_FILTER_UNUSED;
        return f->made ? ACCEPT_FILTER_WORKING : ACCEPT_FILTER_FAILED;
}

const char *accept_filter_error(const struct accept_filter *f)
{
        return accept_filter_state(f) == ACCEPT_FILTER_FAILED ? filter_table_error(f->table) : "";
}
