/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The advert decoder under libFuzzer. The first byte chooses the family and whether to put a right
 * checksum in (else the fuzzer would have to find one); the rest is the message. What decodes must
 * encode, and decode again to the same; without the bits that are ignored, to the same bytes.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"
#include "vipd/core/vrrp_packet.h"

#define CHOOSE_IPV6 1
#define MEND_CHECKSUM 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bits the decoder looks past: v3's reserved four, v2's authentication data without a password. */
static void clear_ignored(uint8_t *bytes, size_t len)
{
        if (bytes[0] >> 4 == 3)
                bytes[4] &= 0x0f;
        else if (bytes[4] == 0)
                memset(bytes + len - VRRP_PASSWORD_LEN, 0, VRRP_PASSWORD_LEN);
}

static void mend_checksum(uint8_t *bytes, size_t len, const struct ip_addr *src,
                          const struct ip_addr *dst)
{
        uint8_t rest[4] = {(uint8_t)(len >> 8), (uint8_t)len, 0, VRRP_PROTOCOL};
        uint32_t sum;
        uint16_t folded;

        bytes[6] = bytes[7] = 0;
        sum = wire_sum(0, bytes, len);
        if (src->family == AF_INET6) {
                sum = wire_sum(sum, src->bytes, 16);
                sum = wire_sum(sum, dst->bytes, 16);
                sum = wire_sum(sum, rest, sizeof(rest));
        }
        folded = wire_sum_fold(sum);
        bytes[6] = (uint8_t)(folded >> 8);
        bytes[7] = (uint8_t)folded;
}

static void check_decoded(const struct vrrp_advert *a)
{
        assert(a->version == 3 || (a->version == 2 && a->family == AF_INET));
        assert(a->vrid > 0 && a->n_addrs > 0);
        assert(a->interval_cs > 0 && a->interval_cs <= (a->version == 3 ? 4095 : 25500));
        assert(!a->has_password || a->version == 2);
        assert((a->sum != VRRP_SUM_UNKNOWN) == (a->version == 3 && a->family == AF_INET));
        for (unsigned i = 0; i < a->n_addrs; i++)
                assert(a->addrs[i].family == a->family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t message[VRRP_ADVERT_MAX + 64], again[VRRP_ADVERT_MAX];
        static struct vrrp_advert a, b;
        struct ip_addr src, dst;
        size_t len;

        if (size < 1 || size - 1 > sizeof(message))
                return 0;
        len = size - 1;
        memcpy(message, data + 1, len);
        ip_addr_parse(data[0] & CHOOSE_IPV6 ? "fe80::1" : "192.0.2.1", &src);
        ip_addr_parse(data[0] & CHOOSE_IPV6 ? "ff02::12" : "224.0.0.18", &dst);
        if (len >= 8 && data[0] & MEND_CHECKSUM)
                mend_checksum(message, len, &src, &dst);

        uint8_t *exact = malloc(len ? len : 1); /* so that one byte over is seen */

        if (!exact)
                return 0;
        memcpy(exact, message, len);
        memset(&a, 0, sizeof(a));
        const enum vrrp_error e = vrrp_advert_decode(exact, len, &src, &dst, &a);

        free(exact);
        if (e != VRRP_OK) {
                assert(a.version == 0); /* not touched */
                return 0;
        }
        check_decoded(&a);
        if (vrrp_advert_encode(&a, &src, &dst, again, sizeof(again)) != len)
                abort();
        memset(&b, 0, sizeof(b));
        if (vrrp_advert_decode(again, len, &src, &dst, &b) != VRRP_OK)
                abort();
        check_decoded(&b);
        if (a.sum != b.sum)
                abort();
        clear_ignored(message, len);
        message[6] = again[6];
        message[7] = again[7];
        if (memcmp(message, again, len) != 0)
                abort();
        return 0;
}
