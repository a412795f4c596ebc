/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_FILTER_TABLE_H
#define VIPD_FILTER_TABLE_H
/*
 * The nftables table `inet vipring`: two sets of addresses, and a chain in the
 * input hook that drops what is addressed to one of them, save neighbour
 * discovery. The only user of libnftables. When it is there, and what belongs
 * into it, is accept_filter's matter.
 */
#include <stdbool.h>

#include "lib/addr.h"

/** Addresses of one transaction. */
#define FILTER_SLICE_MAX 256

struct filter_table;

/** Touches nothing yet. @return NULL without memory */
struct filter_table *filter_table_new(void);

/** Leaves the kernel's table as it is. NULL is allowed. @return NULL */
struct filter_table *filter_table_free(struct filter_table *t);

/* Each of these is one transaction, and returns 0 or -errno: -EPERM without CAP_NET_ADMIN,
 * -EOPNOTSUPP without nf_tables, -ENOENT if the table (or an element to delete) is not there. */

/** The table, empty, whatever was there of that name. */
int filter_table_make(struct filter_table *t);

/** No table; not having one is a success. */
int filter_table_delete(struct filter_table *t);

/** Put 1..FILTER_SLICE_MAX addresses into the sets; one that is there already changes nothing. */
int filter_table_add(struct filter_table *t, const struct ip_addr *const *addrs, unsigned n);

/** Take them out; all must be there. */
int filter_table_remove(struct filter_table *t, const struct ip_addr *const *addrs, unsigned n);

/** What went wrong last, in words. Valid until the next call. */
const char *filter_table_error(const struct filter_table *t);

#endif
