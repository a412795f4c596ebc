/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/arp_packet.h"

#include "lib/wire.h"

#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV4 0x0800
#define HARDWARE_ETHERNET 1
#define OP_REQUEST 1

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

size_t arp_packet_announce(const struct ip_addr *addr, const uint8_t mac[static 6], void *bytes,
                           size_t size)
{
        struct wire w = wire_writer(bytes, size);

        if (addr->family != AF_INET)
                return 0;
        wire_put_bytes(&w, broadcast, 6);
        wire_put_bytes(&w, mac, 6);
        wire_put_be16(&w, ETHERTYPE_ARP);

        wire_put_be16(&w, HARDWARE_ETHERNET);
        wire_put_be16(&w, ETHERTYPE_IPV4);
        wire_put_u8(&w, 6);
        wire_put_u8(&w, 4);
        wire_put_be16(&w, OP_REQUEST);
        wire_put_bytes(&w, mac, 6);
        wire_put_bytes(&w, addr->bytes, 4);
        wire_put_bytes(&w, broadcast, 6);
        wire_put_bytes(&w, addr->bytes, 4);
        return w.failed ? 0 : w.pos;
}
