/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ADDR_TABLE_H
#define VIPD_CORE_ADDR_TABLE_H
/*
 * The memory of the address plan: every address of the host and every address
 * that a group may put up, found by (link, address), kept on its link's lists
 * and on at most one work list. It finds, links and unlinks in constant time
 * (the delayed ones in logarithmic time) and judges nothing; that is
 * addr_plan.c's matter. Memory is the caller's and may be replaced by a larger
 * piece: entries are named by index, never by pointer, across calls.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/mono.h"

#define ADDR_NONE UINT32_MAX /* no entry, no link */

/** Losses remembered per address; one more within ADDR_LOSS_WINDOW_US is too many. */
#define ADDR_LOSSES 5

enum addr_todo { ADDR_TODO_NOTHING, ADDR_TODO_ADD, ADDR_TODO_DEL };

/** Where an entry waits for its turn. */
enum addr_place {
        ADDR_PLACE_NONE,
        ADDR_PLACE_READY,   /* next slice */
        ADDR_PLACE_PARKED,  /* after the reload that is going on */
        ADDR_PLACE_DELAYED, /* at `due` */
};

struct addr_member;

struct addr_entry {
        /* what */
        struct ip_addr addr;
        uint32_t link;
        uint8_t prefix_len; /* wanted; of an address no set lists: as the kernel has it */
        uint8_t scope;
        char label[IFNAMSIZ];
        /* wanted: how many sets list it, how many of these are claimed */
        uint32_t held, wanted;
        struct addr_member *members; /* of those sets */
        /* present, as far as is known */
        bool present;
        bool ours;           /* tagged as put up by us */
        bool secondary;      /* IPv4: goes with the first address of its subnet */
        bool tentative;      /* IPv6: does not answer, for duplicate detection is at it or failed */
        bool usable;         /* IPv6: neither tentative nor failed nor deprecated */
        uint8_t present_len; /* IPv6 may be up with another prefix length than wanted */
        uint32_t seq;        /* of our last request for it; older echoes say nothing new */
        bool seq_valid;
        uint32_t touched; /* generation of the dump during which an event or answer told of it */
        uint32_t checked; /* same, or the dump itself */
        /* to do */
        enum addr_todo todo;
        bool recreate; /* take down, then put up with other parameters */
        bool suspect;  /* said to be gone: the add must fail if it is there */
        bool intact;   /* when it was parked: up and nothing to do */
        enum addr_place place;
        mono_t due;
        unsigned tries; /* failed in a row */
        int err;        /* of the last try, or why it waits: -errno */
        /* trouble */
        mono_t up_since;
        mono_t losses[ADDR_LOSSES]; /* ring, oldest at n_losses % ADDR_LOSSES once full */
        unsigned n_losses;
        unsigned flaps;   /* delayed restorations in a row */
        bool unstable;    /* reported */
        int unstable_err; /* as reported */
        bool restoring;   /* the next add that succeeds restores */
        uint32_t lost_port;
        /* links between entries */
        bool used;
        uint32_t hash_next; /* or next free one */
        uint32_t link_prev, link_next;
        uint32_t list_prev, list_next;
        uint32_t heap_pos;
};

struct addr_chain {
        uint32_t first, last;
};

struct addr_link {
        int ifindex; /* 0: does not exist now */
        bool up;
        bool changed;           /* own addresses came or went since the caller looked */
        struct addr_chain own;  /* addresses no set lists */
        struct addr_chain vips; /* addresses of sets */
};

/** Everything the table needs. n_buckets must be a power of two. */
struct addr_memory {
        struct addr_entry *entries;
        uint32_t *heap; /* n_entries of them */
        uint32_t n_entries;
        uint32_t *buckets;
        uint32_t n_buckets;
        struct addr_link *links;
        uint32_t n_links;
};

struct addr_table {
        struct addr_memory mem;
        uint32_t n_used;
        uint32_t free_first;
        struct addr_chain ready, parked;
        uint32_t n_ready;
        uint32_t n_heap;
};

/** Contents of the memory do not matter. */
void addr_table_init(struct addr_table *t, const struct addr_memory *mem);

/** Go on in larger memory (no part smaller than before). The old one is free afterwards. */
void addr_table_move(struct addr_table *t, const struct addr_memory *mem);

/**
 * Find. IPv6 addresses exist once per link whatever their prefix length; IPv4 ones once per length.
 * @return index or ADDR_NONE
 */
uint32_t addr_table_find(const struct addr_table *t, uint32_t link, const struct ip_addr *addr,
                         uint8_t prefix_len);

/** Find with any prefix length: the first in no particular order. @return index or ADDR_NONE */
uint32_t addr_table_find_any(const struct addr_table *t, uint32_t link, const struct ip_addr *addr);

/** A new entry on the link's `own` list. @return index, or ADDR_NONE when there is no room */
uint32_t addr_table_add(struct addr_table *t, uint32_t link, const struct ip_addr *addr,
                        uint8_t prefix_len);

/** Forget an entry; it must have no members. */
void addr_table_remove(struct addr_table *t, uint32_t index);

/** After `held` changed between 0 and more: put it on the right one of its link's lists. */
void addr_table_relist(struct addr_table *t, uint32_t index, bool held);

/** Take an entry off its work list, if it is on one. */
void addr_table_unplace(struct addr_table *t, uint32_t index);
void addr_table_ready(struct addr_table *t, uint32_t index, bool first);
void addr_table_park(struct addr_table *t, uint32_t index);
void addr_table_delay(struct addr_table *t, uint32_t index, mono_t due);

/** The delayed entry that is due first, or ADDR_NONE. */
uint32_t addr_table_soonest(const struct addr_table *t);

#endif
