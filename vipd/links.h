/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_LINKS_H
#define VIPD_LINKS_H
/*
 * The host's links by name and by index. A link that the configuration names
 * has a slot even while it does not exist, and gets the same one when it comes
 * back; the slot's number is the link of the address plan.
 */
#include "vipd/kernel.h"

#define LINKS_NONE UINT32_MAX
#define LINKS_BUCKETS 1024
#define LINKS_MAX 65536 /* more are not looked at */

struct link_slot {
        struct kernel_link link; /* ifindex 0: does not exist now; only the name counts */
        uint32_t touched;        /* as in struct addr_entry */
        uint32_t checked;
        bool used;
        uint32_t next_by_name, next_by_index;
};

struct links {
        struct link_slot *slots;
        uint32_t n_slots; /* used or free */
        uint32_t capacity;
        uint32_t by_name[LINKS_BUCKETS], by_index[LINKS_BUCKETS];
};

void links_init(struct links *l);
void links_clear(struct links *l);

/** @return slot number, or LINKS_NONE */
uint32_t links_find(const struct links *l, const char *name);
uint32_t links_find_index(const struct links *l, int ifindex);

/** Find or make the slot of a name. @return LINKS_NONE without memory or beyond LINKS_MAX */
uint32_t links_slot(struct links *l, const char *name);

/** The link exists, as described; its name must be the slot's. */
void links_put(struct links *l, uint32_t slot, const struct kernel_link *link);
/** It does not exist any more. */
void links_drop(struct links *l, uint32_t slot);
/** Nobody needs the slot: another name may have it. The link must not exist. */
void links_release(struct links *l, uint32_t slot);

#endif
