/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink messages, of events and dumps, into the listener's words. */
#include "vipd/kernel_internal.h"

#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

/* linux/if_addr.h of kernel 5.18; older headers lack it. */
#define ADDR_ATTR_PROTO 11
#define ADDR_ATTR_MAX (IFA_MAX > ADDR_ATTR_PROTO ? IFA_MAX : ADDR_ATTR_PROTO)

/* RFC 2863 operational states (linux/if.h clashes with net/if.h). */
enum { OPER_NOTPRESENT = 1, OPER_DOWN = 2, OPER_LOWERLAYERDOWN = 3 };

static bool operstate_is_down(const struct nlattr *a)
{
        uint8_t state = a ? nla_get_u8(a) : 0;

        return state == OPER_NOTPRESENT || state == OPER_DOWN || state == OPER_LOWERLAYERDOWN;
}

static bool decode_link(struct nlmsghdr *h, struct kernel_link *ret)
{
        const struct ifinfomsg *info = nlmsg_data(h);
        struct nlattr *tb[IFLA_MAX + 1];
        struct kernel_link l = {0};

        if (nlmsg_parse(h, sizeof(*info), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
                return false;
        /* A bridge tells of its ports in its own family, wireless drivers of their scans. */
        if (info->ifi_family != AF_UNSPEC || tb[IFLA_WIRELESS])
                return false;
        l.ifindex = info->ifi_index;
        nla_strlcpy(l.name, tb[IFLA_IFNAME], sizeof(l.name));
        l.up = info->ifi_flags & IFF_UP;
        l.carrier = (info->ifi_flags & (1u << 16) /* IFF_LOWER_UP */) &&
                    !operstate_is_down(tb[IFLA_OPERSTATE]);
        l.loopback = info->ifi_flags & IFF_LOOPBACK;
        if (info->ifi_type == ARPHRD_ETHER && tb[IFLA_ADDRESS] &&
            nla_len(tb[IFLA_ADDRESS]) == sizeof(l.mac))
                memcpy(l.mac, nla_data(tb[IFLA_ADDRESS]), sizeof(l.mac));
        l.mtu = tb[IFLA_MTU] ? nla_get_u32(tb[IFLA_MTU]) : 0;
        *ret = l;
        return true;
}

static bool take_addr(const struct nlattr *a, uint8_t family, struct ip_addr *ret)
{
        if (!a || nla_len(a) != (family == AF_INET ? 4 : 16))
                return false;
        *ret = family == AF_INET ? ip_addr_from_v4(nla_data(a)) : ip_addr_from_v6(nla_data(a));
        return true;
}

static bool decode_addr(struct nlmsghdr *h, struct kernel_addr *ret)
{
        const struct ifaddrmsg *info = nlmsg_data(h);
        struct nlattr *tb[ADDR_ATTR_MAX + 1];
        struct kernel_addr a = {0};

        if (nlmsg_parse(h, sizeof(*info), tb, ADDR_ATTR_MAX, NULL) < 0)
                return false;
        if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
                return false;
        /* IFA_ADDRESS is the other end of a point-to-point link. */
        if (!take_addr(tb[IFA_LOCAL], info->ifa_family, &a.addr) &&
            !take_addr(tb[IFA_ADDRESS], info->ifa_family, &a.addr))
                return false;
        a.ifindex = (int)info->ifa_index;
        a.prefix_len = info->ifa_prefixlen;
        a.scope = info->ifa_scope;
        a.flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : info->ifa_flags;
        a.proto = tb[ADDR_ATTR_PROTO] ? nla_get_u8(tb[ADDR_ATTR_PROTO]) : 0;
        *ret = a;
        return true;
}

void kernel_message(struct kernel *k, struct nlmsghdr *h, bool dump)
{
        const struct kernel_origin by = {
                .dump = dump,
                .port = dump ? 0 : h->nlmsg_pid,
                .seq = dump ? 0 : h->nlmsg_seq,
        };
        struct kernel_link link;
        struct kernel_addr addr;

        switch (h->nlmsg_type) {
        case RTM_NEWLINK:
                if (decode_link(h, &link))
                        k->listener.link_seen(k->arg, &link, &by);
                break;
        case RTM_DELLINK:
                if (decode_link(h, &link))
                        k->listener.link_gone(k->arg, link.ifindex, link.name);
                break;
        case RTM_NEWADDR:
                if (decode_addr(h, &addr))
                        k->listener.addr_seen(k->arg, &addr, &by);
                break;
        case RTM_DELADDR:
                if (decode_addr(h, &addr))
                        k->listener.addr_gone(k->arg, &addr, &by);
                break;
        default:
                break;
        }
}
