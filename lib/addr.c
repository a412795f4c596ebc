/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

size_t ip_addr_len(const struct ip_addr *a)
{
        return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

uint8_t ip_addr_bits(const struct ip_addr *a)
{
        return (uint8_t)(ip_addr_len(a) * 8);
}

int ip_addr_parse(const char *text, struct ip_addr *ret)
{
        struct ip_addr a = {0};

        if (inet_pton(AF_INET, text, a.bytes) == 1)
                a.family = AF_INET;
        else if (inet_pton(AF_INET6, text, a.bytes) == 1)
                a.family = AF_INET6;
        else
                return -EINVAL;
        *ret = a;
        return 0;
}

const char *ip_addr_format(const struct ip_addr *a, char buf[static IP_ADDR_TEXT])
{
        if (a->family == 0 || !inet_ntop(a->family, a->bytes, buf, IP_ADDR_TEXT))
                strcpy(buf, "none");
        return buf;
}

int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
        int order;

        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        order = memcmp(a->bytes, b->bytes, ip_addr_len(a));
        return order < 0 ? -1 : order > 0;
}

struct ip_addr ip_addr_from_sockaddr(const struct sockaddr *sa)
{
        if (sa->sa_family == AF_INET)
                return ip_addr_from_v4(&((const struct sockaddr_in *)sa)->sin_addr);
        if (sa->sa_family == AF_INET6)
                return ip_addr_from_v6(&((const struct sockaddr_in6 *)sa)->sin6_addr);
        return (struct ip_addr){0};
}

socklen_t ip_addr_to_sockaddr(const struct ip_addr *a, int ifindex, struct sockaddr_storage *ret)
{
        memset(ret, 0, sizeof(*ret));
        if (a->family == AF_INET) {
                struct sockaddr_in *in = (struct sockaddr_in *)ret;

                in->sin_family = AF_INET;
                memcpy(&in->sin_addr, a->bytes, 4);
                return sizeof(*in);
        }
        if (a->family == AF_INET6) {
                struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

                in6->sin6_family = AF_INET6;
                memcpy(&in6->sin6_addr, a->bytes, 16);
                if (ip_addr_is_link_local(a) || ip_addr_is_multicast(a))
                        in6->sin6_scope_id = (uint32_t)ifindex;
                return sizeof(*in6);
        }
        return 0;
}

struct ip_addr ip_addr_from_v4(const void *four_bytes)
{
        struct ip_addr a = {.family = AF_INET};

        memcpy(a.bytes, four_bytes, 4);
        return a;
}

struct ip_addr ip_addr_from_v6(const void *sixteen_bytes)
{
        struct ip_addr a = {.family = AF_INET6};

        memcpy(a.bytes, sixteen_bytes, 16);
        return a;
}

bool ip_addr_is_multicast(const struct ip_addr *a)
{
        return a->family == AF_INET ? (a->bytes[0] & 0xf0) == 0xe0
                                    : a->family == AF_INET6 && a->bytes[0] == 0xff;
}

bool ip_addr_is_link_local(const struct ip_addr *a)
{
        return a->family == AF_INET ? a->bytes[0] == 169 && a->bytes[1] == 254
                                    : a->family == AF_INET6 && a->bytes[0] == 0xfe &&
                                              (a->bytes[1] & 0xc0) == 0x80;
}
