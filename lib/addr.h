/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H
/* An IP address of either family as a plain value. Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct ip_addr {
        uint8_t family;    /* AF_INET, AF_INET6, or 0: no address */
        uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

/** Room for any formatted address. */
#define IP_ADDR_TEXT INET6_ADDRSTRLEN

/** 4 or 16, or 0 for no address. */
size_t ip_addr_len(const struct ip_addr *a);

/** 32 or 128, or 0 for no address. */
uint8_t ip_addr_bits(const struct ip_addr *a);

/** Parse "192.0.2.1" or "2001:db8::1", nothing around it. @return 0, or -EINVAL */
int ip_addr_parse(const char *text, struct ip_addr *ret);

/** Text form; "none" for no address. @return buf */
const char *ip_addr_format(const struct ip_addr *a, char buf[static IP_ADDR_TEXT]);

/** Order by family, then as unsigned integer in network order: -1, 0 or 1. */
int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b);

/** Take an address out of a sockaddr_in or sockaddr_in6; other families give no address. */
struct ip_addr ip_addr_from_sockaddr(const struct sockaddr *sa);

/** Fill a sockaddr (port 0, scope `ifindex` for IPv6 link-local). @return its length */
socklen_t ip_addr_to_sockaddr(const struct ip_addr *a, int ifindex, struct sockaddr_storage *ret);

struct ip_addr ip_addr_from_v4(const void *four_bytes);
struct ip_addr ip_addr_from_v6(const void *sixteen_bytes);

bool ip_addr_is_multicast(const struct ip_addr *a);
bool ip_addr_is_link_local(const struct ip_addr *a);

#endif
