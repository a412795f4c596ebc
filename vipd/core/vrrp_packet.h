/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_CORE_VRRP_PACKET_H
#define VIPD_CORE_VRRP_PACKET_H
/*
 * VRRP advertisements as bytes: version 2 (RFC 3768, with the authentication
 * data of RFC 2338 that keepalived still sends) and version 3 (RFC 9568).
 * Whether an advertisement is for us, or better than us, is not decided here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define VRRP_PROTOCOL 112
#define VRRP_TTL 255
#define VRRP_ADDRS_MAX 255          /* the count is one byte */
#define VRRP_PRIORITY_OWNER 255
#define VRRP_PRIORITY_RELEASE 0
#define VRRP_INTERVAL_CS_MAX 4095   /* 12 bits */
#define VRRP_PASSWORD_LEN 8
#define VRRP_ADVERT_MAX (8 + VRRP_ADDRS_MAX * 16 + VRRP_PASSWORD_LEN)

/** Each value but OK has a counter and a name (vrrp_error_name). */
enum vrrp_error {
        VRRP_OK,
        VRRP_ERR_TRUNCATED, /* shorter than its header or address count says */
        VRRP_ERR_LENGTH,    /* longer than it says */
        VRRP_ERR_VERSION,
        VRRP_ERR_TYPE, /* not an advertisement */
        VRRP_ERR_CHECKSUM,
        VRRP_ERR_VRID,      /* zero */
        VRRP_ERR_NO_ADDRESS,/* lists none (erratum 8299) */
        VRRP_ERR_AUTH_TYPE, /* v2: neither none nor simple password, or not the configured one */
        VRRP_ERR_PASSWORD,
        /* the rest is found by the receiver, not by the codec, and counted with it */
        VRRP_ERR_TTL,
        VRRP_ERR_SOURCE,      /* not a configured unicast peer; or our own address */
        VRRP_ERR_DESTINATION, /* multicast for a unicast group, or the reverse */
        VRRP_ERR_UNKNOWN_VRID,
        VRRP_ERR_INTERVAL, /* zero (found by the codec); v2: differs from ours (RFC 3768 7.1) */
        VRRP_ERR_COUNT,
};

enum vrrp_sum {
        VRRP_SUM_UNKNOWN,
        VRRP_SUM_PSEUDO, /* v3/IPv4 with the IPv4 pseudo-header (keepalived, FRR by default) */
        VRRP_SUM_PLAIN,  /* v3/IPv4 as RFC 9568 has it */
};

struct vrrp_advert {
        uint8_t version; /* 2 or 3 */
        uint8_t vrid;
        uint8_t priority;
        uint16_t interval_cs; /* v2's seconds are converted */
        uint8_t family;       /* AF_INET or AF_INET6 of the addresses */
        uint8_t n_addrs;
        bool has_password; /* v2, authentication type 1 */
        uint8_t password[VRRP_PASSWORD_LEN];
        enum vrrp_sum sum; /* v3/IPv4 only. Decoded: which form matched (plain, should both);
                              encoding: which to send, PSEUDO or PLAIN */
        struct ip_addr addrs[VRRP_ADDRS_MAX]; /* n_addrs of them; the rest is not touched */
};

/**
 * Decode the VRRP payload of an IP packet.
 * @param bytes     after the IP header; not kept
 * @param len       of the IP payload (Ethernet padding already removed by the IP length)
 * @param src, dst  of the IP packet, for the pseudo-header; their family selects v4 or v6
 * @param ret       written only when VRRP_OK is returned
 * @return VRRP_OK or the first fault found
 * IPv6 checksums are verified here too (with the pseudo-header of RFC 8200 8.1). A v2 message
 * without a password may carry anything in its authentication data (RFC 3768 5.3.10).
 */
enum vrrp_error vrrp_advert_decode(const void *bytes, size_t len, const struct ip_addr *src,
                                   const struct ip_addr *dst, struct vrrp_advert *ret);

/**
 * Encode.
 * @param dst   the real destination, unicast or multicast
 * @return the length; 0 if it does not fit or the advert makes no sense (v2 with IPv6, VRID 0,
 *         no address, families mixed, v3 with a password, v3/IPv4 without a form of checksum,
 *         interval out of range: v2 needs whole seconds 1..255, v3 1..4095 cs); what `bytes`
 *         holds is then undefined
 */
size_t vrrp_advert_encode(const struct vrrp_advert *a, const struct ip_addr *src,
                          const struct ip_addr *dst, void *bytes, size_t size);

/** How many addresses of a family fit one advert on a link with this MTU, at most 255. */
unsigned vrrp_advert_fits(uint8_t version, uint8_t family, unsigned mtu);

/** Compare two passwords in constant time. */
bool vrrp_password_equal(const uint8_t a[static VRRP_PASSWORD_LEN],
                         const uint8_t b[static VRRP_PASSWORD_LEN]);

/** A short stable word: "truncated", "checksum", ... for metrics and JSON. */
const char *vrrp_error_name(enum vrrp_error e);

#endif
