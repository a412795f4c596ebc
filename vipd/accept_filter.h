/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_ACCEPT_FILTER_H
#define VIPD_ACCEPT_FILTER_H
/*
 * Accept_Mode = false (RFC 9568 6.1): an active node answers ARP and ND for a
 * group's addresses and forwards, but takes no packet that is addressed to
 * them, save neighbour discovery. One nftables table, `inet vipring`, drops them
 * in the input hook; it exists only while an address is filtered. It is made
 * anew whenever it is not what it should be: left over by a crash, or flushed
 * together with somebody's firewall rules.
 */
#include <systemd/sd-event.h>

#include "lib/config.h"

struct accept_filter;

enum accept_filter_state {
        ACCEPT_FILTER_UNUSED, /* nothing to filter */
        ACCEPT_FILTER_WORKING,
        ACCEPT_FILTER_FAILED, /* addresses that should be filtered are accepted */
};

/** How often the kernel is asked whether the table is still there. */
#define ACCEPT_FILTER_CHECK_US (10 * INT64_C(1000000))

/**
 * Takes away the table of a daemon that crashed. Not being allowed to, or a kernel without
 * nf_tables, is no error before an address is to be filtered.
 * @return 0 or -errno
 */
int accept_filter_new(struct accept_filter **ret, sd_event *loop);

/** Accept everything again. NULL is allowed. @return NULL */
struct accept_filter *accept_filter_free(struct accept_filter *f);

/**
 * Filter these, from before they are put up. An address that several callers add is filtered until
 * as many have removed it. Takes about 4 µs an address, in transactions of 256.
 * @return 0, or -errno: logged (once until it works again), tried again every
 * ACCEPT_FILTER_CHECK_US
 */
int accept_filter_add(struct accept_filter *f, const struct conf_vip *vips, unsigned n);

/** Accept them again, after they were taken down. What was not added is ignored. @return as above
 */
int accept_filter_remove(struct accept_filter *f, const struct conf_vip *vips, unsigned n);

enum accept_filter_state accept_filter_state(const struct accept_filter *f);

/** Why it failed last, "" if it works. Valid until the next call. */
const char *accept_filter_error(const struct accept_filter *f);

/** Look whether the table is still there and make it anew if not; also done by itself. @return 0 or
 * -errno */
int accept_filter_check(struct accept_filter *f);

#endif
