/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/wire.h"
#include "vipd/core/vrrp_packet.h"

static struct ip_addr ip(const char *text)
{
        struct ip_addr a;

        assert_int_equal(ip_addr_parse(text, &a), 0);
        return a;
}

static struct ip_addr source(uint8_t family)
{
        return ip(family == AF_INET ? "192.0.2.1" : "fe80::1");
}

static struct ip_addr group(uint8_t family)
{
        return ip(family == AF_INET ? "224.0.0.18" : "ff02::12");
}

/* The n-th address of a long list. */
static struct ip_addr listed(uint8_t family, unsigned n)
{
        struct ip_addr a = ip(family == AF_INET ? "10.1.0.1" : "fe80::a");

        a.bytes[family == AF_INET ? 2 : 14] = (uint8_t)(n + 1);
        return a;
}

static struct vrrp_advert advert(uint8_t version, uint8_t family, unsigned n)
{
        struct vrrp_advert a = {
                .version = version,
                .vrid = 51,
                .priority = 150,
                .interval_cs = 100,
                .family = family,
                .n_addrs = (uint8_t)n,
        };

        if (version == 3 && family == AF_INET)
                a.sum = VRRP_SUM_PSEUDO;
        for (unsigned i = 0; i < n; i++)
                a.addrs[i] = listed(family, i);
        return a;
}

static size_t encode(const struct vrrp_advert *a, uint8_t *bytes)
{
        const struct ip_addr src = source(a->family), dst = group(a->family);

        return vrrp_advert_encode(a, &src, &dst, bytes, VRRP_ADVERT_MAX);
}

static enum vrrp_error decode(uint8_t family, const void *bytes, size_t len,
                              struct vrrp_advert *ret)
{
        const struct ip_addr src = source(family), dst = group(family);

        return vrrp_advert_decode(bytes, len, &src, &dst, ret);
}

static void assert_same(const struct vrrp_advert *a, const struct vrrp_advert *b)
{
        assert_int_equal(a->version, b->version);
        assert_int_equal(a->vrid, b->vrid);
        assert_int_equal(a->priority, b->priority);
        assert_int_equal(a->interval_cs, b->interval_cs);
        assert_int_equal(a->family, b->family);
        assert_int_equal(a->n_addrs, b->n_addrs);
        for (unsigned i = 0; i < a->n_addrs; i++)
                assert_int_equal(ip_addr_cmp(&a->addrs[i], &b->addrs[i]), 0);
        assert_int_equal(a->has_password, b->has_password);
        assert_memory_equal(a->password, b->password, VRRP_PASSWORD_LEN);
        assert_int_equal(a->sum, b->sum);
}

/* Write the right plain checksum into a message a test has tampered with. */
static void fix_checksum(uint8_t *bytes, size_t len)
{
        uint16_t sum;

        bytes[6] = bytes[7] = 0;
        sum = wire_sum_fold(wire_sum(0, bytes, len));
        bytes[6] = (uint8_t)(sum >> 8);
        bytes[7] = (uint8_t)sum;
}

/* --- layout, by hand --- */

/*
 * v2, VRID 1, priority 100, one address 10.0.0.1, 1 s, no authentication. Words:
 * 2101 6401 0001 (0000) 0a00 0001 0000 0000 0000 0000, sum 0x8f04, checksum ~ = 0x70fb.
 */
static void v2_bytes_are_those_of_rfc_3768(void **state)
{
        static const uint8_t want[] = {0x21, 1, 100, 1, 0, 1, 0x70, 0xfb, 10, 0,
                                       0,    1, 0,   0, 0, 0, 0,    0,    0,  0};
        struct vrrp_advert a = advert(2, AF_INET, 1), back;
        uint8_t bytes[VRRP_ADVERT_MAX];

        a.vrid = 1;
        a.priority = 100;
        a.addrs[0] = ip("10.0.0.1");
        assert_int_equal(encode(&a, bytes), sizeof(want));
        assert_memory_equal(bytes, want, sizeof(want));
        assert_int_equal(decode(AF_INET, want, sizeof(want), &back), VRRP_OK);
        assert_same(&a, &back);
}

/*
 * The same in v3, 1 s = 100 cs = 0x064. Words 3101 6401 0064 0a00 0001: sum 0x9f67, plain
 * checksum 0x6098. Pseudo-header of 192.0.2.1 to 224.0.0.18, protocol 112, 12 bytes: c000 + 0201
 * + e000 + 0012 + 0070 + 000c = 1a28f, folded a290; 0x9f67 + 0xa290 = 141f7, folded 41f8,
 * checksum 0xbe07.
 */
static void v3_checksum_is_written_in_either_form(void **state)
{
        static const uint8_t head[] = {0x31, 1, 100, 1, 0, 100};
        struct vrrp_advert a = advert(3, AF_INET, 1);
        uint8_t bytes[VRRP_ADVERT_MAX];

        a.vrid = 1;
        a.priority = 100;
        a.addrs[0] = ip("10.0.0.1");
        a.sum = VRRP_SUM_PLAIN;
        assert_int_equal(encode(&a, bytes), 12);
        assert_memory_equal(bytes, head, sizeof(head));
        assert_memory_equal(bytes + 6, "\x60\x98", 2);
        a.sum = VRRP_SUM_PSEUDO;
        assert_int_equal(encode(&a, bytes), 12);
        assert_memory_equal(bytes + 6, "\xbe\x07", 2);
}

static void v3_checksum_form_is_detected(void **state)
{
        static const enum vrrp_sum forms[] = {VRRP_SUM_PSEUDO, VRRP_SUM_PLAIN};
        struct vrrp_advert a = advert(3, AF_INET, 2), back;
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
                a.sum = forms[i];
                assert_int_equal(decode(AF_INET, bytes, encode(&a, bytes), &back), VRRP_OK);
                assert_int_equal(back.sum, forms[i]);
        }
}

/* A sum with pseudo-header covers the addresses of the packet, a plain one does not. */
static void v3_pseudo_header_covers_source_and_destination(void **state)
{
        const struct ip_addr other = ip("192.0.2.77"), peer = ip("192.0.2.2");
        const struct ip_addr src = source(AF_INET), dst = group(AF_INET);
        struct vrrp_advert a = advert(3, AF_INET, 1), back;
        uint8_t bytes[VRRP_ADVERT_MAX];
        size_t len = encode(&a, bytes);

        assert_int_equal(vrrp_advert_decode(bytes, len, &other, &dst, &back), VRRP_ERR_CHECKSUM);
        assert_int_equal(vrrp_advert_decode(bytes, len, &src, &peer, &back), VRRP_ERR_CHECKSUM);
        a.sum = VRRP_SUM_PLAIN;
        len = encode(&a, bytes);
        assert_int_equal(vrrp_advert_decode(bytes, len, &other, &peer, &back), VRRP_OK);
}

/* When the pseudo-header sums to 0xffff both forms are the same bytes: 224.0.0.18, protocol 112
 * and 12 bytes make e000 + 0012 + 0070 + 000c = e08e; 10.0.21.113 = 0a00 + 1571 fills it up. */
static void plain_is_reported_where_both_forms_match(void **state)
{
        const struct ip_addr src = ip("10.0.21.113"), dst = group(AF_INET);
        struct vrrp_advert a = advert(3, AF_INET, 1), back;
        uint8_t pseudo[VRRP_ADVERT_MAX], plain[VRRP_ADVERT_MAX];

        assert_int_equal(vrrp_advert_encode(&a, &src, &dst, pseudo, sizeof(pseudo)), 12);
        a.sum = VRRP_SUM_PLAIN;
        assert_int_equal(vrrp_advert_encode(&a, &src, &dst, plain, sizeof(plain)), 12);
        assert_memory_equal(pseudo, plain, 12);
        assert_int_equal(vrrp_advert_decode(pseudo, 12, &src, &dst, &back), VRRP_OK);
        assert_int_equal(back.sum, VRRP_SUM_PLAIN);
}

/* --- round trips --- */

static void round_trip(const struct vrrp_advert *a)
{
        struct vrrp_advert back;
        uint8_t bytes[VRRP_ADVERT_MAX];
        const size_t len = encode(a, bytes);

        assert_true(len > 0);
        assert_int_equal(decode(a->family, bytes, len, &back), VRRP_OK);
        assert_same(a, &back);
}

static void round_trip_priorities(struct vrrp_advert *a)
{
        static const uint8_t vrids[] = {1, 51, 128, 255};
        static const uint8_t priorities[] = {0, 1, 100, 254, 255};

        for (unsigned v = 0; v < ARRAY_SIZE(vrids); v++) {
                for (unsigned p = 0; p < ARRAY_SIZE(priorities); p++) {
                        a->vrid = vrids[v];
                        a->priority = priorities[p];
                        round_trip(a);
                }
        }
}

static void v2_round_trips_over_the_grid(void **state)
{
        static const uint16_t intervals_cs[] = {100, 200, 25500};
        static const unsigned counts[] = {1, 2, 3, 254, 255};
        struct vrrp_advert a;

        for (unsigned n = 0; n < ARRAY_SIZE(counts); n++) {
                for (unsigned i = 0; i < ARRAY_SIZE(intervals_cs); i++) {
                        a = advert(2, AF_INET, counts[n]);
                        a.interval_cs = intervals_cs[i];
                        round_trip_priorities(&a);
                        a.has_password = true;
                        memcpy(a.password, "s3cret\0\xff", VRRP_PASSWORD_LEN);
                        round_trip_priorities(&a);
                }
        }
}

static void v3_round_trips_over_the_grid(void **state)
{
        static const uint16_t intervals_cs[] = {1, 10, 100, 255, 256, 4095};
        static const unsigned counts[] = {1, 2, 3, 254, 255};
        struct vrrp_advert a;

        for (unsigned n = 0; n < ARRAY_SIZE(counts); n++) {
                for (unsigned i = 0; i < ARRAY_SIZE(intervals_cs); i++) {
                        a = advert(3, AF_INET, counts[n]);
                        a.interval_cs = intervals_cs[i];
                        round_trip_priorities(&a);
                        a.sum = VRRP_SUM_PLAIN;
                        round_trip_priorities(&a);
                        a = advert(3, AF_INET6, counts[n]);
                        a.interval_cs = intervals_cs[i];
                        round_trip_priorities(&a);
                }
        }
}

/* 8 + 255 x 16 = 4088; v2 8 + 255 x 4 + 8 = 1036. */
static void the_longest_adverts_have_255_addresses(void **state)
{
        struct vrrp_advert v2 = advert(2, AF_INET, 255), v6 = advert(3, AF_INET6, 255);
        uint8_t bytes[VRRP_ADVERT_MAX];

        assert_int_equal(encode(&v2, bytes), 1036);
        assert_int_equal(encode(&v6, bytes), 4088);
}

/* --- damage --- */

struct kind {
        uint8_t version, family;
        bool password;
        enum vrrp_sum sum;
};

static const struct kind kinds[] = {
        {2, AF_INET, false, VRRP_SUM_UNKNOWN},  {2, AF_INET, true, VRRP_SUM_UNKNOWN},
        {3, AF_INET, false, VRRP_SUM_PSEUDO},   {3, AF_INET, false, VRRP_SUM_PLAIN},
        {3, AF_INET6, false, VRRP_SUM_UNKNOWN},
};

static struct vrrp_advert advert_of_kind(const struct kind *k)
{
        struct vrrp_advert a = advert(k->version, k->family, 3);

        a.has_password = k->password;
        if (k->password)
                memcpy(a.password, "password", VRRP_PASSWORD_LEN);
        a.sum = k->sum;
        return a;
}

/* Cut before the end of its header or of what its count says, nothing is left to check. */
static void every_truncation_is_refused(void **state)
{
        struct vrrp_advert a, back = {.vrid = 77};
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
                a = advert_of_kind(&kinds[k]);
                for (size_t len = encode(&a, bytes); len-- > 0;) {
                        uint8_t *exact = test_malloc(len ? len : 1); /* ASan sees one byte over */

                        memcpy(exact, bytes, len);
                        assert_int_equal(decode(a.family, exact, len, &back), VRRP_ERR_TRUNCATED);
                        test_free(exact);
                }
        }
        assert_int_equal(back.vrid, 77); /* not written on failure */
}

static void a_longer_message_than_it_says_is_refused(void **state)
{
        struct vrrp_advert a, back;
        uint8_t bytes[VRRP_ADVERT_MAX + 4] = {0};

        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
                a = advert_of_kind(&kinds[k]);
                const size_t len = encode(&a, bytes);

                memset(bytes + len, 0, 4); /* zeros leave the plain sum right */
                for (size_t extra = 1; extra <= 4; extra++)
                        assert_int_equal(decode(a.family, bytes, len + extra, &back),
                                         VRRP_ERR_LENGTH);
        }
}

/* One's complement sums notice every single flip: it changes the sum by a power of two. */
static void every_bit_flip_is_refused(void **state)
{
        struct vrrp_advert a, back;
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
                a = advert_of_kind(&kinds[k]);
                const size_t len = encode(&a, bytes);

                for (size_t bit = 0; bit < len * 8; bit++) {
                        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                        assert_int_not_equal(decode(a.family, bytes, len, &back), VRRP_OK);
                        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                }
                assert_int_equal(decode(a.family, bytes, len, &back), VRRP_OK);
        }
}

/* A bit flip whose damage the checksum was made to fit decodes to what differs only there. */
static void a_flip_with_a_right_checksum_shows_in_its_field_only(void **state)
{
        struct vrrp_advert a = advert(3, AF_INET, 1), back, want;
        uint8_t bytes[VRRP_ADVERT_MAX];
        size_t len;

        a.sum = VRRP_SUM_PLAIN;
        len = encode(&a, bytes);
        for (unsigned bit = 0; bit < 8; bit++) {
                want = a;
                want.priority ^= (uint8_t)(1 << bit);
                bytes[2] ^= (uint8_t)(1 << bit);
                fix_checksum(bytes, len);
                assert_int_equal(decode(AF_INET, bytes, len, &back), VRRP_OK);
                assert_same(&want, &back);
                bytes[2] ^= (uint8_t)(1 << bit);
        }
}

static void a_wrong_checksum_is_refused(void **state)
{
        struct vrrp_advert a, back;
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
                a = advert_of_kind(&kinds[k]);
                const size_t len = encode(&a, bytes);

                bytes[6] ^= 0x10;
                assert_int_equal(decode(a.family, bytes, len, &back), VRRP_ERR_CHECKSUM);
        }
}

/* --- single faults, each with a right checksum --- */

/* Decode an advert whose byte `at` is `value` and whose sum is right. */
static enum vrrp_error decode_with(uint8_t version, size_t at, uint8_t value)
{
        struct vrrp_advert a = advert(version, AF_INET, 1), back;
        uint8_t bytes[VRRP_ADVERT_MAX];
        const size_t len = encode(&a, bytes);

        bytes[at] = value;
        fix_checksum(bytes, len);
        return decode(AF_INET, bytes, len, &back);
}

static void versions_other_than_two_and_three_are_refused(void **state)
{
        for (unsigned v = 0; v < 16; v++)
                if (v != 2 && v != 3)
                        assert_int_equal(decode_with(3, 0, (uint8_t)(v << 4 | 1)),
                                         VRRP_ERR_VERSION);
}

static void version_two_over_ipv6_is_refused(void **state)
{
        struct vrrp_advert a = advert(3, AF_INET6, 1), back;
        uint8_t bytes[VRRP_ADVERT_MAX];
        const size_t len = encode(&a, bytes);

        bytes[0] = 0x21;
        assert_int_equal(decode(AF_INET6, bytes, len, &back), VRRP_ERR_VERSION);
}

static void types_other_than_advertisement_are_refused(void **state)
{
        for (unsigned type = 0; type < 16; type++) {
                if (type == 1)
                        continue;
                assert_int_equal(decode_with(2, 0, (uint8_t)(0x20 | type)), VRRP_ERR_TYPE);
                assert_int_equal(decode_with(3, 0, (uint8_t)(0x30 | type)), VRRP_ERR_TYPE);
        }
}

static void vrid_zero_is_refused(void **state)
{
        assert_int_equal(decode_with(2, 1, 0), VRRP_ERR_VRID);
        assert_int_equal(decode_with(3, 1, 0), VRRP_ERR_VRID);
        assert_int_equal(decode_with(3, 1, 1), VRRP_OK);
        assert_int_equal(decode_with(3, 1, 255), VRRP_OK);
}

/* Erratum 8299. The length fits the count: 8 bytes, v2 with 8 of authentication data. */
static void an_advert_without_addresses_is_refused(void **state)
{
        uint8_t v2[16] = {0x21, 51, 150, 0, 0, 1}, v3[8] = {0x31, 51, 150, 0, 0, 100};
        struct vrrp_advert back;

        fix_checksum(v2, sizeof(v2));
        fix_checksum(v3, sizeof(v3));
        assert_int_equal(decode(AF_INET, v2, sizeof(v2), &back), VRRP_ERR_NO_ADDRESS);
        assert_int_equal(decode(AF_INET, v3, sizeof(v3), &back), VRRP_ERR_NO_ADDRESS);
}

/* With an interval of 0 every deadline would be now. */
static void an_interval_of_zero_is_refused(void **state)
{
        assert_int_equal(decode_with(2, 5, 0), VRRP_ERR_INTERVAL);
        assert_int_equal(decode_with(3, 5, 0), VRRP_ERR_INTERVAL);
}

/* RFC 9568 5.2.6: the upper four bits before the interval. */
static void reserved_bits_are_sent_zero(void **state)
{
        struct vrrp_advert a = advert(3, AF_INET, 1);
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned cs = 1; cs <= VRRP_INTERVAL_CS_MAX; cs++) {
                a.interval_cs = (uint16_t)cs;
                assert_int_equal(encode(&a, bytes), 12);
                assert_int_equal(bytes[4] & 0xf0, 0);
        }
}

static void reserved_bits_are_not_looked_at(void **state)
{
        struct vrrp_advert a = advert(3, AF_INET, 1), back;
        uint8_t bytes[VRRP_ADVERT_MAX];
        size_t len;

        a.sum = VRRP_SUM_PLAIN;
        a.interval_cs = 0xabc;
        len = encode(&a, bytes);
        for (unsigned reserved = 1; reserved < 16; reserved++) {
                bytes[4] = (uint8_t)(reserved << 4 | 0xa);
                fix_checksum(bytes, len);
                assert_int_equal(decode(AF_INET, bytes, len, &back), VRRP_OK);
                assert_same(&a, &back);
        }
}

/* RFC 2338 5.3.6: 2 is the IP authentication header, the rest was never given out. */
static void v2_authentication_other_than_none_and_simple_is_refused(void **state)
{
        assert_int_equal(decode_with(2, 4, 0), VRRP_OK);
        assert_int_equal(decode_with(2, 4, 1), VRRP_OK);
        for (unsigned auth = 2; auth < 256; auth++)
                assert_int_equal(decode_with(2, 4, (uint8_t)auth), VRRP_ERR_AUTH_TYPE);
}

/* RFC 3768 5.3.10: what stands there without a password means nothing. */
static void v2_authentication_data_without_password_is_ignored(void **state)
{
        struct vrrp_advert a = advert(2, AF_INET, 1), back;
        uint8_t bytes[VRRP_ADVERT_MAX];
        const size_t len = encode(&a, bytes);

        memcpy(bytes + len - 8, "leftover", 8);
        fix_checksum(bytes, len);
        assert_int_equal(decode(AF_INET, bytes, len, &back), VRRP_OK);
        assert_same(&a, &back);
}

static void a_password_that_is_not_used_does_not_leak(void **state)
{
        struct vrrp_advert a = advert(2, AF_INET, 1);
        uint8_t bytes[VRRP_ADVERT_MAX];
        const size_t len = encode(&a, bytes);

        memcpy(a.password, "s3cret\0", VRRP_PASSWORD_LEN);
        assert_int_equal(encode(&a, bytes), len);
        assert_memory_equal(bytes + len - 8, "\0\0\0\0\0\0\0", 8);
}

/* --- encoding nonsense --- */

static void v2_sends_whole_seconds_up_to_255_only(void **state)
{
        static const uint16_t bad_cs[] = {0, 1, 10, 99, 101, 25501, 25600, 65500};
        struct vrrp_advert a = advert(2, AF_INET, 1);
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned i = 0; i < ARRAY_SIZE(bad_cs); i++) {
                a.interval_cs = bad_cs[i];
                assert_int_equal(encode(&a, bytes), 0);
        }
}

static void v3_sends_intervals_of_twelve_bits_only(void **state)
{
        static const uint16_t bad_cs[] = {0, 4096, 65535};
        struct vrrp_advert a = advert(3, AF_INET, 1);
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned i = 0; i < ARRAY_SIZE(bad_cs); i++) {
                a.interval_cs = bad_cs[i];
                assert_int_equal(encode(&a, bytes), 0);
        }
}

static void an_advert_that_makes_no_sense_is_not_encoded(void **state)
{
        uint8_t bytes[VRRP_ADVERT_MAX];
        struct vrrp_advert a;

        a = advert(2, AF_INET6, 1);
        assert_int_equal(encode(&a, bytes), 0);
        a = advert(4, AF_INET, 1);
        assert_int_equal(encode(&a, bytes), 0);
        a = advert(3, AF_INET, 1);
        a.vrid = 0;
        assert_int_equal(encode(&a, bytes), 0);
        a = advert(3, AF_INET, 0);
        assert_int_equal(encode(&a, bytes), 0);
        a = advert(3, AF_INET, 1);
        a.has_password = true;
        assert_int_equal(encode(&a, bytes), 0);
        a = advert(3, AF_INET, 1);
        a.sum = VRRP_SUM_UNKNOWN;
        assert_int_equal(encode(&a, bytes), 0);
}

/* RFC 9568 5.2.9: the addresses are of the family that carries them. */
static void families_are_not_mixed(void **state)
{
        const struct ip_addr v4 = source(AF_INET), v6 = source(AF_INET6);
        struct vrrp_advert a = advert(3, AF_INET, 2);
        uint8_t bytes[VRRP_ADVERT_MAX];

        a.addrs[1] = v6;
        assert_int_equal(encode(&a, bytes), 0);
        a.addrs[1] = v4;
        assert_int_equal(vrrp_advert_encode(&a, &v4, &v6, bytes, sizeof(bytes)), 0);
        assert_int_equal(vrrp_advert_encode(&a, &v6, &v4, bytes, sizeof(bytes)), 0);
        assert_int_equal(vrrp_advert_encode(&a, &v4, &v4, bytes, sizeof(bytes)), 16);
}

static void a_buffer_too_small_by_one_is_not_overrun(void **state)
{
        struct vrrp_advert a;
        uint8_t bytes[VRRP_ADVERT_MAX];

        for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
                a = advert_of_kind(&kinds[k]);
                const struct ip_addr src = source(a.family), dst = group(a.family);
                const size_t len = encode(&a, bytes);

                for (size_t size = 0; size < len; size++) {
                        uint8_t *exact = test_malloc(size ? size : 1);

                        assert_int_equal(vrrp_advert_encode(&a, &src, &dst, exact, size), 0);
                        test_free(exact);
                }
        }
}

/* --- the rest of the surface --- */

/* Ethernet: (1500 - 20 - 8) / 4 = 368, so 255; IPv6 (1500 - 40 - 8) / 16 = 90.75. At an MTU of
 * 576, v2: (576 - 20 - 8 - 8) / 4 = 135; v3: 137. */
static void as_many_addresses_fit_as_the_mtu_allows(void **state)
{
        assert_int_equal(vrrp_advert_fits(3, AF_INET, 1500), 255);
        assert_int_equal(vrrp_advert_fits(2, AF_INET, 1500), 255);
        assert_int_equal(vrrp_advert_fits(3, AF_INET6, 1500), 90);
        assert_int_equal(vrrp_advert_fits(3, AF_INET6, 9000), 255);
        assert_int_equal(vrrp_advert_fits(2, AF_INET, 576), 135);
        assert_int_equal(vrrp_advert_fits(3, AF_INET, 576), 137);
        assert_int_equal(vrrp_advert_fits(3, AF_INET, 31), 0);
        assert_int_equal(vrrp_advert_fits(3, AF_INET, 32), 1);
        assert_int_equal(vrrp_advert_fits(3, AF_INET6, 0), 0);
}

static void passwords_are_equal_only_in_all_eight_bytes(void **state)
{
        static const uint8_t a[VRRP_PASSWORD_LEN] = "s3cret\0";
        uint8_t b[VRRP_PASSWORD_LEN];

        for (unsigned i = 0; i < VRRP_PASSWORD_LEN; i++) {
                memcpy(b, a, sizeof(b));
                assert_true(vrrp_password_equal(a, b));
                b[i] ^= 1;
                assert_false(vrrp_password_equal(a, b));
        }
}

static void every_error_has_a_name_of_its_own(void **state)
{
        for (int e = 0; e < VRRP_ERR_COUNT; e++) {
                assert_string_not_equal(vrrp_error_name((enum vrrp_error)e), "unknown");
                for (int other = 0; other < e; other++)
                        assert_string_not_equal(vrrp_error_name((enum vrrp_error)e),
                                                vrrp_error_name((enum vrrp_error)other));
        }
}

/* --- adverts of a real keepalived, see tests/data/capture-vrrp --- */

struct captured {
        struct ip_addr src, dst;
        uint8_t ttl;
        const uint8_t *payload;
        size_t len;
        uint8_t packet[512];
};

static size_t read_hex(const char *name, uint8_t *bytes, size_t size)
{
        char path[512], line[512];
        CLEANUP(fclosep) FILE *f = NULL;
        size_t n = 0;

        snprintf(path, sizeof(path), "%s/keepalived-%s.hex", TEST_DATA, name);
        f = fopen(path, "r");
        assert_non_null(f);
        while (fgets(line, sizeof(line), f)) {
                char *at = line, *end;

                if (line[0] == '#')
                        continue;
                for (unsigned long byte; byte = strtoul(at, &end, 16), end != at; at = end) {
                        assert_true(n < size);
                        bytes[n++] = (uint8_t)byte;
                }
        }
        return n;
}

static void read_packet(const char *name, struct captured *c)
{
        const size_t len = read_hex(name, c->packet, sizeof(c->packet));
        const uint8_t *p = c->packet;

        assert_true(len >= 36); /* the shortest: 20 + 8 + 2 x 4 */
        if (p[0] >> 4 == 4) {
                c->src = ip_addr_from_v4(p + 12);
                c->dst = ip_addr_from_v4(p + 16);
                c->ttl = p[8];
                c->payload = p + (p[0] & 0xf) * 4;
        } else {
                c->src = ip_addr_from_v6(p + 8);
                c->dst = ip_addr_from_v6(p + 24);
                c->ttl = p[7];
                c->payload = p + 40;
        }
        c->len = (size_t)(p + len - c->payload);
}

/* Decode the capture, hold it against `want`, encode again and get the same bytes. */
static void check_capture(const char *name, const struct vrrp_advert *want)
{
        struct captured c;
        struct vrrp_advert a;
        uint8_t bytes[VRRP_ADVERT_MAX];

        read_packet(name, &c);
        assert_int_equal(vrrp_advert_decode(c.payload, c.len, &c.src, &c.dst, &a), VRRP_OK);
        assert_same(&a, want);
        assert_int_equal(vrrp_advert_encode(&a, &c.src, &c.dst, bytes, sizeof(bytes)), c.len);
        assert_memory_equal(bytes, c.payload, c.len);
}

static struct vrrp_advert captured_advert(uint8_t version, uint8_t family)
{
        struct vrrp_advert a = advert(version, family, 2);

        a.addrs[0] = ip(family == AF_INET ? "192.0.2.10" : "fe80::10");
        a.addrs[1] = ip(family == AF_INET ? "192.0.2.20" : "2001:db8::10");
        return a;
}

static void v2_of_keepalived_is_understood_and_imitated(void **state)
{
        struct vrrp_advert a = captured_advert(2, AF_INET);

        check_capture("v2", &a);
        check_capture("v2-unicast", &a);
        a.priority = 0;
        check_capture("v2-release", &a);
}

static void v2_password_of_keepalived_is_understood_and_imitated(void **state)
{
        struct vrrp_advert a = captured_advert(2, AF_INET);

        a.interval_cs = 200;
        a.has_password = true;
        memcpy(a.password, "s3cret\0", VRRP_PASSWORD_LEN);
        check_capture("v2-password", &a);
}

static void v3_ipv4_of_keepalived_is_understood_and_imitated(void **state)
{
        struct vrrp_advert a = captured_advert(3, AF_INET);

        a.interval_cs = 25;
        check_capture("v3-ipv4", &a);
        check_capture("v3-ipv4-unicast", &a);
}

static void v3_ipv6_of_keepalived_is_understood_and_imitated(void **state)
{
        struct vrrp_advert a = captured_advert(3, AF_INET6);

        check_capture("v3-ipv6", &a);
        check_capture("v3-ipv6-unicast", &a);
        a.priority = 0;
        check_capture("v3-ipv6-release", &a);
}

/* What keepalived sends by multicast and by IPv4 unicast; its IPv6 unicast has the system's. */
static void the_captures_left_with_ttl_255(void **state)
{
        static const char *const names[] = {"v2",      "v2-password",     "v2-unicast",
                                            "v3-ipv4", "v3-ipv4-unicast", "v3-ipv6"};
        struct captured c;

        for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
                read_packet(names[i], &c);
                assert_int_equal(c.ttl, VRRP_TTL);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(v2_bytes_are_those_of_rfc_3768),
                cmocka_unit_test(v3_checksum_is_written_in_either_form),
                cmocka_unit_test(v3_checksum_form_is_detected),
                cmocka_unit_test(v3_pseudo_header_covers_source_and_destination),
                cmocka_unit_test(plain_is_reported_where_both_forms_match),
                cmocka_unit_test(v2_round_trips_over_the_grid),
                cmocka_unit_test(v3_round_trips_over_the_grid),
                cmocka_unit_test(the_longest_adverts_have_255_addresses),
                cmocka_unit_test(every_truncation_is_refused),
                cmocka_unit_test(a_longer_message_than_it_says_is_refused),
                cmocka_unit_test(every_bit_flip_is_refused),
                cmocka_unit_test(a_flip_with_a_right_checksum_shows_in_its_field_only),
                cmocka_unit_test(a_wrong_checksum_is_refused),
                cmocka_unit_test(versions_other_than_two_and_three_are_refused),
                cmocka_unit_test(version_two_over_ipv6_is_refused),
                cmocka_unit_test(types_other_than_advertisement_are_refused),
                cmocka_unit_test(vrid_zero_is_refused),
                cmocka_unit_test(an_advert_without_addresses_is_refused),
                cmocka_unit_test(an_interval_of_zero_is_refused),
                cmocka_unit_test(reserved_bits_are_sent_zero),
                cmocka_unit_test(reserved_bits_are_not_looked_at),
                cmocka_unit_test(v2_authentication_other_than_none_and_simple_is_refused),
                cmocka_unit_test(v2_authentication_data_without_password_is_ignored),
                cmocka_unit_test(a_password_that_is_not_used_does_not_leak),
                cmocka_unit_test(v2_sends_whole_seconds_up_to_255_only),
                cmocka_unit_test(v3_sends_intervals_of_twelve_bits_only),
                cmocka_unit_test(an_advert_that_makes_no_sense_is_not_encoded),
                cmocka_unit_test(families_are_not_mixed),
                cmocka_unit_test(a_buffer_too_small_by_one_is_not_overrun),
                cmocka_unit_test(as_many_addresses_fit_as_the_mtu_allows),
                cmocka_unit_test(passwords_are_equal_only_in_all_eight_bytes),
                cmocka_unit_test(every_error_has_a_name_of_its_own),
                cmocka_unit_test(v2_of_keepalived_is_understood_and_imitated),
                cmocka_unit_test(v2_password_of_keepalived_is_understood_and_imitated),
                cmocka_unit_test(v3_ipv4_of_keepalived_is_understood_and_imitated),
                cmocka_unit_test(v3_ipv6_of_keepalived_is_understood_and_imitated),
                cmocka_unit_test(the_captures_left_with_ttl_255),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
