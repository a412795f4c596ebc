/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_ARP_PACKET_H
#define VIPD_CORE_ARP_PACKET_H
/*
 * Gratuitous ARP as an Ethernet frame. The request form: neighbours take a
 * request and a reply alike, but some switches and hosts ignore replies that
 * nobody asked for, and keepalived sends requests too.
 */
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/** 14 of Ethernet and 28 of ARP (RFC 826); the driver pads it to 60. */
#define ARP_PACKET_LEN 42

/**
 * "addr is at mac", to everybody: sender and target protocol address are both `addr`
 * (RFC 5227 3, RFC 9568 6.4.1), target hardware address is broadcast.
 * @param addr IPv4
 * @return ARP_PACKET_LEN, or 0 if `addr` is not IPv4 or `size` too small
 */
size_t arp_packet_announce(const struct ip_addr *addr, const uint8_t mac[static 6], void *bytes,
                           size_t size);

#endif
