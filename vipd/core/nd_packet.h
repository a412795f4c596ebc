/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ND_PACKET_H
#define VIPD_CORE_ND_PACKET_H
/* Unsolicited neighbour advertisements (RFC 4861 4.4, 7.2.6) as Ethernet frames. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/** 14 of Ethernet, 40 of IPv6, 24 of the advertisement, 8 of its one option. */
#define ND_PACKET_LEN 86

/**
 * "addr is at mac", to all nodes (ff02::1) from `addr` itself, hop limit 255, Override set,
 * Solicited not set, with the target link-layer address option (RFC 9568 6.4.1).
 * @param addr   IPv6
 * @param router the R flag: whether this host forwards. RFC 9568 has virtual routers in mind and
 *               sets it always; a host that does not forward must not (RFC 4861 4.4), lest
 *               neighbours keep it as a router.
 * @return ND_PACKET_LEN, or 0 if `addr` is not IPv6 or `size` too small
 */
size_t nd_packet_announce(const struct ip_addr *addr, const uint8_t mac[static 6], bool router,
                          void *bytes, size_t size);

#endif
