/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/core/vrrp_packet.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "lib/wire.h"

#define TYPE_ADVERTISEMENT 1
#define HEADER_LEN 8 /* both versions */
#define CHECKSUM_AT 6
#define V2_CS_PER_S 100
#define V2_INTERVAL_S_MAX 255
#define IPV4_HEADER_LEN 20
#define IPV6_HEADER_LEN 40
/* Of a struct vrrp_advert: its addresses take 4 KiB, of which an advert rarely uses any. */
#define HEAD_SIZE offsetof(struct vrrp_advert, addrs)

enum auth_type { /* RFC 2338 5.3.6 */
                 AUTH_NONE = 0,
                 AUTH_SIMPLE = 1,
};

_Static_assert(VRRP_ADVERT_MAX == 4096, "8 + 255 IPv6 addresses + authentication data");

static size_t address_len(uint8_t family)
{
        return family == AF_INET ? 4 : 16;
}

static size_t trailer_len(uint8_t version)
{
        return version == 2 ? VRRP_PASSWORD_LEN : 0;
}

/* The pseudo-header: RFC 8200 8.1, and the same fields in IPv4's widths (RFC 793 3.1). One's
 * complement sums do not depend on the order or width of zero-extended fields. */
static uint32_t pseudo_sum(const struct ip_addr *src, const struct ip_addr *dst, size_t len)
{
        uint8_t rest[4];
        struct wire w = wire_writer(rest, sizeof(rest));
        uint32_t sum;

        wire_put_be16(&w, (uint16_t)len);
        wire_put_be16(&w, VRRP_PROTOCOL);
        sum = wire_sum(0, src->bytes, ip_addr_len(src));
        sum = wire_sum(sum, dst->bytes, ip_addr_len(dst));
        return wire_sum(sum, rest, sizeof(rest));
}

/* True if the message's own checksum is right; *ret_sum says in which form. */
static bool checksum_matches(uint8_t version, const void *bytes, size_t len,
                             const struct ip_addr *src, const struct ip_addr *dst,
                             enum vrrp_sum *ret_sum)
{
        const uint32_t plain = wire_sum(0, bytes, len);
        const bool pseudo_matches = wire_sum_fold(plain + pseudo_sum(src, dst, len)) == 0;

        *ret_sum = VRRP_SUM_UNKNOWN;
        if (version == 2)
                return wire_sum_fold(plain) == 0;
        if (src->family == AF_INET6)
                return pseudo_matches;
        if (wire_sum_fold(plain) == 0)
                *ret_sum = VRRP_SUM_PLAIN;
        else if (pseudo_matches)
                *ret_sum = VRRP_SUM_PSEUDO;
        return *ret_sum != VRRP_SUM_UNKNOWN;
}

static enum vrrp_error check_length(const struct vrrp_advert *a, size_t len)
{
        const size_t need =
                HEADER_LEN + a->n_addrs * address_len(a->family) + trailer_len(a->version);

        if (len < need)
                return VRRP_ERR_TRUNCATED;
        return len > need ? VRRP_ERR_LENGTH : VRRP_OK;
}

static void get_addresses(struct wire *w, struct vrrp_advert *a)
{
        uint8_t bytes[16];

        for (unsigned i = 0; i < a->n_addrs; i++) {
                wire_get_bytes(w, bytes, address_len(a->family));
                a->addrs[i] =
                        a->family == AF_INET ? ip_addr_from_v4(bytes) : ip_addr_from_v6(bytes);
        }
}

/* The two bytes behind the count: authentication type and seconds, or reserved bits and
 * centiseconds. The reserved bits are ignored (RFC 9568 5.2.6). */
static uint16_t get_interval_cs(struct wire *w, uint8_t version, uint8_t *ret_auth)
{
        *ret_auth = AUTH_NONE;
        if (version == 3)
                return wire_get_be16(w) & VRRP_INTERVAL_CS_MAX;
        *ret_auth = wire_get_u8(w);
        return (uint16_t)(wire_get_u8(w) * V2_CS_PER_S);
}

enum vrrp_error vrrp_advert_decode(const void *bytes, size_t len, const struct ip_addr *src,
                                   const struct ip_addr *dst, struct vrrp_advert *ret)
{
        struct wire w = wire_reader(bytes, len);
        struct vrrp_advert a;
        enum vrrp_error e;
        uint8_t first, auth;

        assert(src->family == AF_INET || src->family == AF_INET6);
        assert(src->family == dst->family);

        memset(&a, 0, HEAD_SIZE);
        a.family = src->family;
        first = wire_get_u8(&w);
        a.version = first >> 4;
        a.vrid = wire_get_u8(&w);
        a.priority = wire_get_u8(&w);
        a.n_addrs = wire_get_u8(&w);
        if (w.failed)
                return VRRP_ERR_TRUNCATED;
        if (a.version != 3 && (a.version != 2 || a.family != AF_INET))
                return VRRP_ERR_VERSION;
        if ((first & 0xf) != TYPE_ADVERTISEMENT)
                return VRRP_ERR_TYPE;
        e = check_length(&a, len);
        if (e != VRRP_OK)
                return e;
        if (!checksum_matches(a.version, bytes, len, src, dst, &a.sum))
                return VRRP_ERR_CHECKSUM;

        a.interval_cs = get_interval_cs(&w, a.version, &auth);
        wire_skip(&w, sizeof(uint16_t)); /* the checksum */
        get_addresses(&w, &a);
        if (a.vrid == 0)
                return VRRP_ERR_VRID;
        if (a.n_addrs == 0)
                return VRRP_ERR_NO_ADDRESS;
        if (a.interval_cs == 0)
                return VRRP_ERR_INTERVAL;
        if (auth != AUTH_NONE && auth != AUTH_SIMPLE)
                return VRRP_ERR_AUTH_TYPE;
        a.has_password = auth == AUTH_SIMPLE;
        if (a.has_password)
                wire_get_bytes(&w, a.password, sizeof(a.password));
        assert(!w.failed);
        memcpy(ret, &a, HEAD_SIZE + a.n_addrs * sizeof(a.addrs[0]));
        return VRRP_OK;
}

static bool interval_fits(const struct vrrp_advert *a)
{
        if (a->interval_cs == 0)
                return false;
        if (a->version == 3)
                return a->interval_cs <= VRRP_INTERVAL_CS_MAX;
        return a->interval_cs % V2_CS_PER_S == 0 &&
               a->interval_cs / V2_CS_PER_S <= V2_INTERVAL_S_MAX;
}

/* Whether the advert can be said in bytes at all. */
static bool makes_sense(const struct vrrp_advert *a, const struct ip_addr *src,
                        const struct ip_addr *dst)
{
        const bool v4 = a->family == AF_INET;

        if (!v4 && a->family != AF_INET6)
                return false;
        if (src->family != a->family || dst->family != a->family)
                return false;
        if (a->version != 3 && (a->version != 2 || !v4))
                return false;
        if (a->version == 3 && v4 && a->sum != VRRP_SUM_PSEUDO && a->sum != VRRP_SUM_PLAIN)
                return false;
        if (a->vrid == 0 || a->n_addrs == 0 || (a->version == 3 && a->has_password))
                return false;
        for (unsigned i = 0; i < a->n_addrs; i++)
                if (a->addrs[i].family != a->family)
                        return false;
        return interval_fits(a);
}

size_t vrrp_advert_encode(const struct vrrp_advert *a, const struct ip_addr *src,
                          const struct ip_addr *dst, void *bytes, size_t size)
{
        static const uint8_t no_password[VRRP_PASSWORD_LEN];
        struct wire w = wire_writer(bytes, size);
        struct wire sum_field;
        uint32_t sum;

        if (!makes_sense(a, src, dst))
                return 0;

        wire_put_u8(&w, (uint8_t)(a->version << 4 | TYPE_ADVERTISEMENT));
        wire_put_u8(&w, a->vrid);
        wire_put_u8(&w, a->priority);
        wire_put_u8(&w, a->n_addrs);
        if (a->version == 3) {
                wire_put_be16(&w, a->interval_cs);
        } else {
                wire_put_u8(&w, a->has_password ? AUTH_SIMPLE : AUTH_NONE);
                wire_put_u8(&w, (uint8_t)(a->interval_cs / V2_CS_PER_S));
        }
        wire_put_be16(&w, 0);
        for (unsigned i = 0; i < a->n_addrs; i++)
                wire_put_bytes(&w, a->addrs[i].bytes, address_len(a->family));
        if (a->version == 2)
                wire_put_bytes(&w, a->has_password ? a->password : no_password, VRRP_PASSWORD_LEN);
        if (w.failed)
                return 0;

        sum = wire_sum(0, bytes, w.pos);
        if (a->version == 3 && (a->family == AF_INET6 || a->sum == VRRP_SUM_PSEUDO))
                sum += pseudo_sum(src, dst, w.pos);
        sum_field = wire_writer((uint8_t *)bytes + CHECKSUM_AT, sizeof(uint16_t));
        wire_put_be16(&sum_field, wire_sum_fold(sum));
        return w.pos;
}

unsigned vrrp_advert_fits(uint8_t version, uint8_t family, unsigned mtu)
{
        const size_t overhead = (family == AF_INET ? IPV4_HEADER_LEN : IPV6_HEADER_LEN) +
                                HEADER_LEN + trailer_len(version);
        size_t n;

        if (mtu <= overhead)
                return 0;
        n = (mtu - overhead) / address_len(family);
        return n < VRRP_ADDRS_MAX ? (unsigned)n : VRRP_ADDRS_MAX;
}

bool vrrp_password_equal(const uint8_t a[static VRRP_PASSWORD_LEN],
                         const uint8_t b[static VRRP_PASSWORD_LEN])
{
        volatile uint8_t differs = 0;

        for (unsigned i = 0; i < VRRP_PASSWORD_LEN; i++)
                differs |= a[i] ^ b[i];
        return differs == 0;
}

const char *vrrp_error_name(enum vrrp_error e)
{
        switch (e) {
        case VRRP_OK:
                return "ok";
        case VRRP_ERR_TRUNCATED:
                return "truncated";
        case VRRP_ERR_LENGTH:
                return "length";
        case VRRP_ERR_VERSION:
                return "version";
        case VRRP_ERR_TYPE:
                return "type";
        case VRRP_ERR_CHECKSUM:
                return "checksum";
        case VRRP_ERR_VRID:
                return "vrid";
        case VRRP_ERR_NO_ADDRESS:
                return "no-address";
        case VRRP_ERR_AUTH_TYPE:
                return "auth-type";
        case VRRP_ERR_PASSWORD:
                return "password";
        case VRRP_ERR_TTL:
                return "ttl";
        case VRRP_ERR_SOURCE:
                return "source";
        case VRRP_ERR_DESTINATION:
                return "destination";
        case VRRP_ERR_UNKNOWN_VRID:
                return "unknown-vrid";
        case VRRP_ERR_INTERVAL:
                return "interval";
        case VRRP_ERR_COUNT:
                break;
        }
        return "unknown";
}
