/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "lib/wire.h"
#include "vipd/core/arp_packet.h"
#include "vipd/core/nd_packet.h"

static const uint8_t mac[6] = {0x02, 0x00, 0x5e, 0x10, 0x20, 0x30};

static struct ip_addr addr(const char *text)
{
        struct ip_addr a;

        assert_int_equal(ip_addr_parse(text, &a), 0);
        return a;
}

/* RFC 826 and RFC 894, field by field; 192.0.2.10 is c0 00 02 0a. */
static void gratuitous_arp_is_a_request_for_itself_to_everybody(void **state)
{
        static const uint8_t expected[ARP_PACKET_LEN] = {
                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* to broadcast */
                0x02, 0x00, 0x5e, 0x10, 0x20, 0x30, /* from our MAC */
                0x08, 0x06,                         /* ARP */
                0x00, 0x01,                         /* hardware: Ethernet */
                0x08, 0x00,                         /* protocol: IPv4 */
                6,    4,                            /* address lengths */
                0x00, 0x01,                         /* request */
                0x02, 0x00, 0x5e, 0x10, 0x20, 0x30, /* sender hardware */
                0xc0, 0x00, 0x02, 0x0a,             /* sender protocol: the address */
                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* target hardware: broadcast */
                0xc0, 0x00, 0x02, 0x0a,             /* target protocol: the same address */
        };
        struct ip_addr vip = addr("192.0.2.10");
        uint8_t bytes[ARP_PACKET_LEN + 1] = {[ARP_PACKET_LEN] = 0xaa};

        assert_int_equal(arp_packet_announce(&vip, mac, bytes, ARP_PACKET_LEN), ARP_PACKET_LEN);
        assert_memory_equal(bytes, expected, sizeof(expected));
        assert_int_equal(bytes[ARP_PACKET_LEN], 0xaa);
}

/*
 * The checksum by hand, 16-bit words of 2001:db8::10, ff02::1, length, next header, message:
 *   2001+0db8+0010                          = 2dc9
 *   ff02+0001                               = ff03
 *   0020 (length 32) + 003a (ICMPv6 58)     = 005a
 *   8800 (type 136) + 2000 (flags)          = a800
 *   target, again                           = 2dc9
 *   0201 (option) + 0200+5e10+2030          = 8241
 *   sum 2dc9+ff03+005a+a800+2dc9+8241 = 28530 -> 8530+2 = 8532, complement 7acd
 */
static void advertisement_is_unsolicited_and_overrides(void **state)
{
        static const uint8_t expected[ND_PACKET_LEN] = {
                0x33, 0x33, 0x00, 0x00, 0x00, 0x01, /* all nodes (RFC 2464) */
                0x02, 0x00, 0x5e, 0x10, 0x20, 0x30, /* from our MAC */
                0x86, 0xdd,                         /* IPv6 */
                0x60, 0x00, 0x00, 0x00,             /* version 6 */
                0x00, 0x20,                         /* payload: 24 + 8 */
                58,   255,                          /* ICMPv6, hop limit */
                0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,    0,
                0,    0,    0,    0,    0,    0,    0,    0x10, /* from the address */
                0xff, 0x02, 0,    0,    0,    0,    0,    0,
                0,    0,    0,    0,    0,    0,    0,    0x01, /* to ff02::1 */
                136,  0,    0x7a, 0xcd,                         /* advertisement, checksum */
                0x20, 0,    0,    0,                            /* Override alone */
                0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,    0,
                0,    0,    0,    0,    0,    0,    0,    0x10, /* target */
                2,    1,    0x02, 0x00, 0x5e, 0x10, 0x20, 0x30, /* its link-layer address */
        };
        struct ip_addr vip = addr("2001:db8::10");
        uint8_t bytes[ND_PACKET_LEN];

        assert_int_equal(nd_packet_announce(&vip, mac, false, bytes, sizeof(bytes)), ND_PACKET_LEN);
        assert_memory_equal(bytes, expected, sizeof(expected));
}

/* The flag adds 8000 to the sum: 8532 + 8000 = 10532 -> 0533, complement facc. */
static void a_forwarding_host_says_router(void **state)
{
        struct ip_addr vip = addr("2001:db8::10");
        uint8_t bytes[ND_PACKET_LEN];

        assert_int_equal(nd_packet_announce(&vip, mac, true, bytes, sizeof(bytes)), ND_PACKET_LEN);
        assert_int_equal(bytes[58], 0xa0);
        assert_int_equal(bytes[56], 0xfa);
        assert_int_equal(bytes[57], 0xcc);
}

/* RFC 1071: with its checksum in place, the whole sums to ffff, so its complement is zero. */
static void the_checksum_holds_for_any_address(void **state)
{
        static const uint8_t pseudo[8] = {[3] = 32, [7] = 58};
        struct ip_addr vip = {.family = AF_INET6};
        uint8_t bytes[ND_PACKET_LEN];
        uint32_t seed = 1;

        for (int round = 0; round < 10000; round++) {
                uint32_t sum = 0;

                for (int i = 0; i < 16; i++) {
                        seed = seed * 1103515245 + 12345;
                        vip.bytes[i] = (uint8_t)(seed >> 16);
                }
                nd_packet_announce(&vip, vip.bytes + 3, round & 1, bytes, sizeof(bytes));
                sum = wire_sum(sum, bytes + 22, 32);
                sum = wire_sum(sum, pseudo, sizeof(pseudo));
                assert_int_equal(wire_sum_fold(wire_sum(sum, bytes + 54, 32)), 0);
        }
}

static void the_wrong_family_or_too_little_room_gives_nothing(void **state)
{
        struct ip_addr v4 = addr("192.0.2.10"), v6 = addr("2001:db8::10"), none = {0};
        uint8_t bytes[ND_PACKET_LEN] = {0};

        assert_int_equal(arp_packet_announce(&v6, mac, bytes, sizeof(bytes)), 0);
        assert_int_equal(arp_packet_announce(&none, mac, bytes, sizeof(bytes)), 0);
        assert_int_equal(nd_packet_announce(&v4, mac, false, bytes, sizeof(bytes)), 0);
        assert_int_equal(nd_packet_announce(&none, mac, false, bytes, sizeof(bytes)), 0);
        for (size_t size = 0; size < ARP_PACKET_LEN; size++)
                assert_int_equal(arp_packet_announce(&v4, mac, bytes, size), 0);
        for (size_t size = 0; size < ND_PACKET_LEN; size++)
                assert_int_equal(nd_packet_announce(&v6, mac, false, bytes, size), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gratuitous_arp_is_a_request_for_itself_to_everybody),
                cmocka_unit_test(advertisement_is_unsolicited_and_overrides),
                cmocka_unit_test(a_forwarding_host_says_router),
                cmocka_unit_test(the_checksum_holds_for_any_address),
                cmocka_unit_test(the_wrong_family_or_too_little_room_gives_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
