/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/nd_packet.h"

#include "lib/wire.h"

#define ETHERTYPE_IPV6 0x86dd
#define NEXT_ICMP6 58
#define HOP_LIMIT 255 /* receivers drop anything else (RFC 4861 7.1.2) */
#define TYPE_ADVERTISEMENT 136
#define FLAG_ROUTER UINT32_C(0x80000000)
#define FLAG_OVERRIDE UINT32_C(0x20000000)
#define OPTION_TARGET_LINK_LAYER 2
#define MESSAGE_LEN 32

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 0x01};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1}; /* RFC 2464 7 */

/* RFC 4443 2.3: over the pseudo-header of RFC 8200 8.1 and the message. */
static uint16_t checksum(const uint8_t *src, const uint8_t *dst, const uint8_t *message)
{
        const uint8_t rest[8] = {0, 0, 0, MESSAGE_LEN, 0, 0, 0, NEXT_ICMP6};
        uint32_t sum;

        sum = wire_sum(0, src, 16);
        sum = wire_sum(sum, dst, 16);
        sum = wire_sum(sum, rest, sizeof(rest));
        return wire_sum_fold(wire_sum(sum, message, MESSAGE_LEN));
}

static void put_message(struct wire *w, const struct ip_addr *addr, const uint8_t *mac, bool router,
                        uint16_t sum)
{
        wire_put_u8(w, TYPE_ADVERTISEMENT);
        wire_put_u8(w, 0);
        wire_put_be16(w, sum);
        wire_put_be32(w, FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0));
        wire_put_bytes(w, addr->bytes, 16);
        wire_put_u8(w, OPTION_TARGET_LINK_LAYER);
        wire_put_u8(w, 1); /* times 8 bytes */
        wire_put_bytes(w, mac, 6);
}

size_t nd_packet_announce(const struct ip_addr *addr, const uint8_t mac[static 6], bool router,
                          void *bytes, size_t size)
{
        struct wire w = wire_writer(bytes, size), message;

        if (addr->family != AF_INET6 || size < ND_PACKET_LEN)
                return 0;
        wire_put_bytes(&w, all_nodes_mac, 6);
        wire_put_bytes(&w, mac, 6);
        wire_put_be16(&w, ETHERTYPE_IPV6);

        wire_put_be32(&w, UINT32_C(6) << 28);
        wire_put_be16(&w, MESSAGE_LEN);
        wire_put_u8(&w, NEXT_ICMP6);
        wire_put_u8(&w, HOP_LIMIT);
        wire_put_bytes(&w, addr->bytes, 16);
        wire_put_bytes(&w, all_nodes, 16);

        message = w;
        put_message(&w, addr, mac, router, 0);
        put_message(&message, addr, mac, router,
                    checksum(addr->bytes, all_nodes, message.bytes + message.pos));
        return w.failed ? 0 : w.pos;
}
