/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address plan against a model kernel: links that come and go, secondaries
 * that go with their primary, IPv6 addresses that go with the link's being up,
 * events that are read late or lost, dumps in pieces that are old when they are
 * read, requests that fail, and somebody who adds and removes addresses as he
 * likes. After each spell of this the dust settles, and then what the groups
 * want and what the kernel has must be the same.
 *
 * VIPRING_SEED=n runs one seed and tells its story; VIPRING_SEEDS=n runs so many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "vipd/core/addr_set.h"

#define SEEDS 1500
#define ROUNDS 6
#define STEPS 80
#define LINKS 2
#define SETS 3
#define POOL 10  /* addresses a group may list: even ones IPv4 */
#define QUEUE 24 /* events; beyond is an overrun */
#define OUR_PORT 4711
#define THEIR_PORT 99

static unsigned seed;
static uint64_t random_state;
static bool verbose;

static unsigned below(unsigned n)
{
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(random_state >> 33) % n;
}

#define story(...)                                                                                 \
        do {                                                                                       \
                if (verbose)                                                                       \
                        printf(__VA_ARGS__);                                                       \
        } while (0)

#define check(condition, ...)                                                                      \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        printf("seed %u: ", seed);                                                 \
                        printf(__VA_ARGS__);                                                       \
                        printf("\n");                                                              \
                        fail();                                                                    \
                }                                                                                  \
        } while (0)

/* --- the model kernel --------------------------------------------------------------------- */

struct model_addr {
        unsigned link; /* 0... */
        unsigned id;   /* in the pool */
        bool ours, secondary;
};

enum event_type { EVENT_LINK, EVENT_SEEN, EVENT_GONE };

struct event {
        enum event_type type;
        unsigned link;
        int ifindex; /* of the link then */
        bool up, deleted;
        struct model_addr addr;
        uint32_t port, seq;
};

static struct {
        int ifindex[LINKS]; /* 0 = does not exist */
        bool up[LINKS];
        int next_ifindex;
        bool promote;
        struct model_addr addrs[LINKS * POOL];
        unsigned n;
        struct event queue[QUEUE];
        unsigned queued;
        bool overrun;
        unsigned changes;
} kernel;

static bool is_v4(unsigned id)
{
        return id % 2 == 0;
}

static void emit(struct event e)
{
        kernel.changes++;
        if (kernel.overrun || kernel.queued == QUEUE) {
                kernel.overrun = true;
                return;
        }
        kernel.queue[kernel.queued++] = e;
}

static void emit_addr(enum event_type type, struct model_addr a, uint32_t port, uint32_t seq)
{
        bool named = is_v4(a.id); /* IPv6's events name nobody */

        emit((struct event){.type = type,
                            .link = a.link,
                            .ifindex = kernel.ifindex[a.link],
                            .addr = a,
                            .port = named ? port : 0,
                            .seq = named ? seq : 0});
}

/* The index is what the link has, or had until it was deleted. */
static void emit_link(unsigned link, bool deleted)
{
        emit((struct event){.type = EVENT_LINK,
                            .link = link,
                            .ifindex = kernel.ifindex[link],
                            .up = kernel.up[link],
                            .deleted = deleted});
        if (deleted)
                kernel.ifindex[link] = 0;
}

static int kernel_find(unsigned link, unsigned id)
{
        for (unsigned i = 0; i < kernel.n; i++)
                if (kernel.addrs[i].link == link && kernel.addrs[i].id == id)
                        return (int)i;
        return -1;
}

static void kernel_remove(unsigned i, uint32_t port, uint32_t seq)
{
        struct model_addr a = kernel.addrs[i];

        memmove(&kernel.addrs[i], &kernel.addrs[i + 1], (--kernel.n - i) * sizeof(a));
        emit_addr(EVENT_GONE, a, port, seq);
}

/* All IPv4 addresses of a link are in one subnet. */
static int kernel_primary(unsigned link)
{
        for (unsigned i = 0; i < kernel.n; i++)
                if (kernel.addrs[i].link == link && is_v4(kernel.addrs[i].id) &&
                    !kernel.addrs[i].secondary)
                        return (int)i;
        return -1;
}

static int kernel_add(unsigned link, unsigned id, bool ours, bool exclusive, uint32_t port,
                      uint32_t seq)
{
        struct model_addr a = {.link = link, .id = id, .ours = ours};
        int i = kernel_find(link, id);

        if (i >= 0) {
                if (exclusive)
                        return -EEXIST;
                kernel.addrs[i].ours = ours;
                emit_addr(EVENT_SEEN, kernel.addrs[i], port, seq);
                return 0;
        }
        a.secondary = is_v4(id) && kernel_primary(link) >= 0;
        kernel.addrs[kernel.n++] = a;
        emit_addr(EVENT_SEEN, a, port, seq);
        return 0;
}

static void remove_secondaries(unsigned link, uint32_t port, uint32_t seq)
{
        for (unsigned i = kernel.n; i-- > 0;)
                if (kernel.addrs[i].link == link && kernel.addrs[i].secondary)
                        kernel_remove(i, port, seq);
}

static int kernel_del(unsigned link, unsigned id, uint32_t port, uint32_t seq)
{
        int i = kernel_find(link, id);
        bool primary;

        if (i < 0)
                return -EADDRNOTAVAIL;
        primary = is_v4(id) && !kernel.addrs[i].secondary;
        if (primary && !kernel.promote)
                remove_secondaries(link, port, seq);
        kernel_remove((unsigned)kernel_find(link, id), port, seq);
        for (unsigned k = 0; primary && kernel.promote && k < kernel.n; k++) {
                if (kernel.addrs[k].link != link || !kernel.addrs[k].secondary)
                        continue;
                kernel.addrs[k].secondary = false;
                emit_addr(EVENT_SEEN, kernel.addrs[k], port, seq);
                break;
        }
        return 0;
}

static void kernel_flush(unsigned link, bool v4_too)
{
        for (unsigned i = kernel.n; i-- > 0;)
                if (kernel.addrs[i].link == link && (v4_too || !is_v4(kernel.addrs[i].id)))
                        kernel_remove(i, 0, 0);
}

static void kernel_link_down(unsigned link)
{
        kernel.up[link] = false;
        emit_link(link, false);
        kernel_flush(link, false);
}

static void kernel_link_change(unsigned link)
{
        if (kernel.ifindex[link] == 0) {
                kernel.ifindex[link] = kernel.next_ifindex++;
                kernel.up[link] = below(2);
        } else if (!kernel.up[link]) {
                kernel.up[link] = true;
        } else {
                kernel_link_down(link);
                if (below(2))
                        return;
                kernel_flush(link, true);
                emit_link(link, true);
                return;
        }
        emit_link(link, false);
}

/* --- the shell, as short as it gets ---------------------------------------------------------- */

#define ENTRIES 64

static struct addr_entry entries[ENTRIES];
static uint32_t heap[ENTRIES], buckets[ENTRIES];
static struct addr_link links[LINKS];
static struct addr_plan plan;
static mono_t now;
static uint32_t seq;
static bool requests_fail;
static bool tags_known; /* that the kernel keeps them, when the round began */

static struct group {
        struct addr_set set;
        struct addr_member members[2][2 * POOL];
        struct addr_spec specs[2 * POOL];
        bool claimed, said_claimed, said_unclaimed;
        bool told_up[LINKS][POOL];
} groups[SETS];

enum dump_stage { DUMP_NONE, DUMP_LINKS, DUMP_ADDRS };

static struct {
        enum dump_stage stage;
        unsigned changes; /* at its start */
        bool interrupted; /* something changed before its last piece was made */
        unsigned repeats;
        bool later;  /* once more, for this one was taken as it was */
        unsigned at; /* next address of the kernel's list */
        int ifindex[LINKS];
        bool up[LINKS];
        struct model_addr piece[2]; /* made, but not read yet */
        int piece_ifindex[2];
        unsigned n_piece;
} dump;

/* Which link events told of since the dump began: newer than its lines. */
static bool link_touched[LINKS];

static struct ip_addr addr_of(unsigned id)
{
        struct ip_addr a = {.family = is_v4(id) ? AF_INET : AF_INET6};

        a.bytes[0] = 10;
        a.bytes[3] = (uint8_t)id;
        return a;
}

static uint8_t prefix_of(unsigned id)
{
        return is_v4(id) ? 24 : 64;
}

static struct addr_sight sight_of(const struct model_addr *a)
{
        return (struct addr_sight){.link = a->link,
                                   .addr = addr_of(a->id),
                                   .prefix_len = prefix_of(a->id),
                                   .ours = a->ours,
                                   .secondary = a->secondary,
                                   .usable = true};
}

static void make_piece(void)
{
        dump.interrupted = dump.changes != kernel.changes;
        dump.n_piece = 0;
        while (dump.n_piece < 2 && dump.at < kernel.n) {
                dump.piece[dump.n_piece] = kernel.addrs[dump.at++];
                dump.piece_ifindex[dump.n_piece] = kernel.ifindex[dump.piece[dump.n_piece].link];
                dump.n_piece++;
        }
}

static void dump_begin(void)
{
        story("  dump begins\n");
        addr_plan_dump_begin(&plan);
        dump.stage = DUMP_LINKS;
        dump.changes = kernel.changes;
        dump.at = 0;
        memcpy(dump.ifindex, kernel.ifindex, sizeof(dump.ifindex));
        memcpy(dump.up, kernel.up, sizeof(dump.up));
        memset(link_touched, 0, sizeof(link_touched));
}

static void dump_links(void)
{
        for (unsigned l = 0; l < LINKS; l++)
                if (!link_touched[l] && dump.ifindex[l] != 0)
                        addr_plan_link(&plan, l, dump.ifindex[l], dump.up[l], now);
        dump.stage = DUMP_ADDRS;
        make_piece();
}

static void dump_end(void)
{
        if (dump.interrupted && ++dump.repeats < 5) {
                dump_begin();
                return;
        }
        dump.repeats = 0;
        dump.later = dump.interrupted;
        dump.stage = DUMP_NONE;
        for (unsigned l = 0; l < LINKS; l++)
                if (!link_touched[l] && dump.ifindex[l] == 0)
                        addr_plan_link(&plan, l, 0, false, now);
        addr_plan_dump_end(&plan, now);
        story("  dump ends\n");
}

static void read_event(void)
{
        struct addr_origin by;
        struct addr_sight sight;
        struct event e;

        if (kernel.overrun) {
                story("  overrun\n");
                kernel.overrun = false;
                kernel.queued = 0;
                dump.repeats = 0;
                dump_begin();
                return;
        }
        if (kernel.queued == 0)
                return;
        e = kernel.queue[0];
        memmove(kernel.queue, kernel.queue + 1, --kernel.queued * sizeof(e));
        if (e.type == EVENT_LINK) {
                story("  event link %u: index %d %s\n", e.link, e.ifindex,
                      e.deleted ? "deleted"
                      : e.up    ? "up"
                                : "down");
                link_touched[e.link] = true;
                if (!e.deleted)
                        addr_plan_link(&plan, e.link, e.ifindex, e.up, now);
                else if (links[e.link].ifindex == e.ifindex)
                        addr_plan_link(&plan, e.link, 0, false, now);
                return;
        }
        if (links[e.link].ifindex != e.ifindex)
                return; /* a link not known (any more) */
        story("  event %s %u on %u, port %u seq %u\n", e.type == EVENT_SEEN ? "seen" : "gone",
              e.addr.id, e.link, e.port, e.seq);
        by = (struct addr_origin){e.port == OUR_PORT ? ADDR_BY_US : ADDR_BY_OTHER, e.port, e.seq};
        sight = sight_of(&e.addr);
        if (e.type == EVENT_SEEN)
                assert_true(addr_plan_seen(&plan, &sight, &by, now));
        else
                addr_plan_gone(&plan, &sight, &by, now);
}

/* As before each piece of a dump, and before it begins. */
static void read_all_events(void)
{
        while (kernel.queued || kernel.overrun)
                read_event();
}

static void dump_step(void)
{
        const struct addr_origin by = {.teller = ADDR_BY_DUMP};

        read_all_events();
        if (dump.stage == DUMP_LINKS) {
                dump_links();
                return;
        }
        if (dump.stage == DUMP_NONE)
                return;
        if (dump.n_piece == 0) {
                dump_end();
                return;
        }
        for (unsigned i = 0; i < dump.n_piece; i++) {
                struct addr_sight sight = sight_of(&dump.piece[i]);

                if (links[dump.piece[i].link].ifindex == dump.piece_ifindex[i])
                        assert_true(addr_plan_seen(&plan, &sight, &by, now));
        }
        make_piece();
}

static int perform(const struct addr_entry *e)
{
        unsigned id = e->addr.bytes[3];
        int r;

        ++seq;
        if (kernel.ifindex[e->link] == 0 || kernel.ifindex[e->link] != links[e->link].ifindex)
                return -ENODEV;
        if (requests_fail && below(12) == 0)
                return -ENOBUFS;
        if (e->todo == ADDR_TODO_ADD)
                r = kernel_add(e->link, id, true, e->suspect, OUR_PORT, seq);
        else
                r = kernel_del(e->link, id, OUR_PORT, seq);
        story("  %s %u on %u seq %u%s: %d\n", e->todo == ADDR_TODO_ADD ? "add" : "del", id,
              (unsigned)e->link, seq, e->suspect ? " (suspect)" : "", r);
        return r;
}

/* A slice is sent, then answered, as a whole. */
static void slice(void)
{
        uint32_t todo[4], seqs[4];
        int results[4];
        uint32_t n = addr_plan_next(&plan, now, todo, 1 + below(4));

        for (uint32_t i = 0; i < n; i++) {
                results[i] = perform(addr_plan_entry(&plan, todo[i]));
                seqs[i] = seq;
        }
        for (uint32_t i = 0; i < n; i++)
                addr_plan_done(&plan, todo[i], results[i], seqs[i], now);
}

static struct group *group_of(const struct addr_set *set)
{
        for (unsigned g = 0; g < SETS; g++)
                if (&groups[g].set == set)
                        return &groups[g];
        check(false, "a report of no set");
        return NULL;
}

static void take_reports(void)
{
        struct addr_report r;

        while (addr_plan_report(&plan, &r)) {
                struct group *g = group_of(r.set);

                check(g->claimed == (r.what != ADDR_NEWS_UNCLAIMED),
                      "news %u of group %td, which is %s", r.what, g - groups,
                      g->claimed ? "claimed" : "not");
                g->said_claimed |= r.what == ADDR_NEWS_CLAIMED;
                g->said_unclaimed |= r.what == ADDR_NEWS_UNCLAIMED;
                for (uint32_t i = 0; i < r.n; i++) {
                        const struct addr_spec *s = &g->specs[r.members[i]];
                        bool *told = &g->told_up[s->link][s->addr.bytes[3]];

                        check(r.members[i] < r.set->n, "a report of no member");
                        if (r.what == ADDR_NEWS_UP)
                                *told = true;
                        if (r.what == ADDR_NEWS_LOST)
                                *told = false;
                }
        }
}

/* --- the groups' part ---------------------------------------------------------------------------
 */

static void choose_list(struct group *g)
{
        struct addr_member *room = g->set.members == g->members[0] ? g->members[1] : g->members[0];
        bool listed[LINKS][POOL] = {0};
        uint32_t n = 0;

        take_reports(); /* those of the old list */
        for (unsigned k = below(6); k > 0; k--) {
                unsigned link = below(LINKS), id = below(POOL);

                if (listed[link][id])
                        continue;
                listed[link][id] = true;
                g->specs[n++] = (struct addr_spec){
                        .addr = addr_of(id), .prefix_len = prefix_of(id), .link = link};
        }
        story("group %td lists %u\n", g - groups, n);
        addr_set_assign(&plan, &g->set, room, g->specs, n, now);
        for (unsigned link = 0; link < LINKS; link++)
                for (unsigned id = 0; id < POOL; id++)
                        g->told_up[link][id] &= listed[link][id];
}

static void toggle(struct group *g)
{
        story("group %td: %s\n", g - groups, g->claimed ? "release" : "claim");
        g->claimed = !g->claimed;
        g->said_claimed = g->said_unclaimed = false;
        memset(g->told_up, 0, sizeof(g->told_up));
        if (g->claimed)
                addr_set_claim(&plan, &g->set, now);
        else
                addr_set_unclaim(&plan, &g->set, now);
}

static void step(void)
{
        unsigned link = below(LINKS), id = below(POOL), k;

        switch (below(16)) {
        case 0:
        case 1:
                if (kernel.ifindex[link] != 0 && (kernel.up[link] || is_v4(id))) {
                        story("they add %u on %u\n", id, link);
                        kernel_add(link, id, false, below(2), THEIR_PORT, 7);
                }
                break;
        case 2:
        case 3:
                story("they delete %u on %u\n", id, link);
                kernel_del(link, id, THEIR_PORT, 7);
                break;
        case 4:
                if (below(3) == 0) {
                        story("link %u changes\n", link);
                        kernel_link_change(link);
                }
                break;
        case 5:
                choose_list(&groups[below(SETS)]);
                break;
        case 6:
        case 7:
                toggle(&groups[below(SETS)]);
                break;
        case 8:
                addr_plan_unpark(&plan);
                break;
        case 9:
        case 10:
                for (k = below(12); k > 0; k--)
                        read_event();
                break;
        case 11:
                if (dump.stage == DUMP_NONE && below(8) == 0) {
                        read_all_events();
                        dump_begin();
                }
                for (k = below(4); k > 0; k--)
                        dump_step();
                break;
        case 12:
                now = mono_add_us(now, below(2000) * US_PER_MS);
                break;
        case 13:
                take_reports();
                break;
        default:
                slice();
                break;
        }
}

/* --- what must be true when the dust has settled
 * -------------------------------------------------- */

static void settle(void)
{
        requests_fail = false;
        addr_plan_unpark(&plan);
        for (unsigned turns = 0;; turns++) {
                check(turns < 10000, "it does not come to rest");
                if (kernel.queued || kernel.overrun)
                        read_event();
                else if (dump.stage != DUMP_NONE)
                        dump_step();
                else if (dump.later)
                        dump_begin();
                else if (addr_plan_busy(&plan))
                        slice();
                else if (!mono_is_never(addr_plan_deadline(&plan))) {
                        now = addr_plan_deadline(&plan);
                        slice();
                } else {
                        break;
                }
        }
        take_reports();
}

static bool wanted(unsigned link, unsigned id)
{
        for (unsigned g = 0; g < SETS; g++)
                for (uint32_t i = 0; groups[g].claimed && i < groups[g].set.n; i++)
                        if (groups[g].specs[i].link == link &&
                            groups[g].specs[i].addr.bytes[3] == id)
                                return true;
        return false;
}

static bool is_possible(unsigned link, unsigned id)
{
        return kernel.ifindex[link] != 0 && (is_v4(id) || kernel.up[link]);
}

static void check_addresses(void)
{
        for (unsigned link = 0; link < LINKS; link++) {
                for (unsigned id = 0; id < POOL; id++) {
                        struct ip_addr addr = addr_of(id);
                        uint32_t e = addr_table_find(&plan.table, link, &addr, prefix_of(id));
                        bool believed = e != ADDR_NONE && entries[e].present;
                        int at = kernel_find(link, id);

                        if (e != ADDR_NONE)
                                story("  %u on %u: held %u wanted %u todo %d place %d suspect %d "
                                      "err %d\n",
                                      id, link, entries[e].held, entries[e].wanted, entries[e].todo,
                                      entries[e].place, entries[e].suspect, entries[e].err);
                        check(believed == (at >= 0), "%u on %u is %sthere, but believed otherwise",
                              id, link, at >= 0 ? "" : "not ");
                        check(!wanted(link, id) || !is_possible(link, id) || at >= 0,
                              "%u on %u is lost", id, link);
                        check(at < 0 || !kernel.addrs[at].ours || wanted(link, id),
                              "%u on %u was left behind", id, link);
                        check(at < 0 || kernel.addrs[at].ours || !wanted(link, id) ||
                                      !is_possible(link, id) || !tags_known,
                              "%u on %u is wanted but not ours", id, link);
                }
        }
}

static void check_group(const struct group *g)
{
        unsigned up = 0;
        bool all_up = true;

        for (uint32_t i = 0; i < g->set.n; i++) {
                unsigned link = g->specs[i].link, id = g->specs[i].addr.bytes[3];
                bool there = kernel_find(link, id) >= 0;

                up += there;
                all_up &= there && is_possible(link, id);
                check(!g->claimed || !there || !is_possible(link, id) || g->told_up[link][id],
                      "group %td was not told that %u on %u is up", g - groups, id, link);
        }
        check(up == g->set.up, "group %td counts %u, up are %u", g - groups, g->set.up, up);
        check(!g->claimed || !all_up || g->said_claimed, "group %td was not told it is claimed",
              g - groups);
        check(g->claimed || g->said_unclaimed, "group %td was not told it is released", g - groups);
}

static void run_seed(void)
{
        const struct addr_memory mem = {entries, heap, ENTRIES, buckets, ENTRIES, links, LINKS};

        random_state = seed * 2654435761u + 1;
        memset(&kernel, 0, sizeof(kernel));
        memset(groups, 0, sizeof(groups));
        memset(&dump, 0, sizeof(dump));
        kernel.next_ifindex = 2;
        kernel.promote = below(2);
        now = (mono_t){1000 * US_PER_S};
        addr_plan_init(&plan, &mem);
        for (unsigned g = 0; g < SETS; g++) {
                addr_set_init(&groups[g].set);
                groups[g].said_unclaimed = true;
        }
        for (unsigned l = 0; l < LINKS; l++)
                kernel_link_change(l);
        for (unsigned round = 0; round < ROUNDS; round++) {
                requests_fail = true;
                tags_known = plan.tags_work;
                for (unsigned i = 0; i < STEPS; i++)
                        step();
                story("--- settling\n");
                settle();
                check_addresses();
                for (unsigned g = 0; g < SETS; g++)
                        check_group(&groups[g]);
        }
}

static void whatever_happens_wanted_and_present_are_the_same_in_the_end(void **state)
{
        const char *one = getenv("VIPRING_SEED"), *many = getenv("VIPRING_SEEDS");
        unsigned n = many ? (unsigned)atoi(many) : SEEDS;

        if (one) {
                verbose = true;
                seed = (unsigned)atoi(one);
                run_seed();
                return;
        }
        for (seed = 1; seed <= n; seed++)
                run_seed();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whatever_happens_wanted_and_present_are_the_same_in_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
