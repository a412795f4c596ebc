/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/filter_table.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

#define COMMAND_MAX (FILTER_SLICE_MAX * (IP_ADDR_TEXT + 1) + 256)
#define ERROR_MAX 200

/* `add` before `delete`: deleting what is not there would fail, and with it the whole. */
#define DELETE_TABLE "add table inet vipring\ndelete table inet vipring\n"

/*
 * Neighbours that know the address probe it with unicast solicitations: RFC 9568 6.1 forbids to
 * drop them. Accepting ends this chain only; other tables still have their say.
 */
#define MAKE_TABLE                                                                                 \
        DELETE_TABLE "add table inet vipring\n"                                                    \
                     "add set inet vipring v4 { type ipv4_addr; }\n"                               \
                     "add set inet vipring v6 { type ipv6_addr; }\n"                               \
                     "add chain inet vipring input { type filter hook input priority filter - 1; " \
                     "policy accept; }\n"                                                          \
                     "add rule inet vipring input icmpv6 type "                                    \
                     "{ nd-neighbor-solicit, nd-neighbor-advert } accept\n"                        \
                     "add rule inet vipring input ip daddr @v4 counter drop\n"                     \
                     "add rule inet vipring input ip6 daddr @v6 counter drop\n"

struct filter_table {
        struct nft_ctx *nft; /* NULL until it is needed, and can be had */
        int err;
        char error[ERROR_MAX];
};

/* It says errors in words only. */
static int errno_from_nft(const char *text)
{
        static const int known[] = {EPERM,  ENOENT, EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT,
                                    ENOMEM, EEXIST, EBUSY,      EINVAL};

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strstr(text, strerror(known[i])))
                        return -known[i];
        return -EIO;
}

static int fail(struct filter_table *t, int err, const char *text)
{
        if (strncmp(text, "Error: ", 7) == 0)
                text += 7;
        snprintf(t->error, sizeof(t->error), "%.*s", (int)strcspn(text, "\n"), text);
        return t->err = err;
}

/* Ask for the ruleset's generation. @return 0, or -errno of sending or of the kernel's answer */
static int ask_generation(int fd)
{
        struct {
                struct nlmsghdr head;
                struct nfgenmsg family;
        } ask = {.head = {.nlmsg_len = sizeof(ask),
                          .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
                          .nlmsg_flags = NLM_F_REQUEST},
                 .family = {.version = NFNETLINK_V0}};
        struct {
                struct nlmsghdr head;
                struct nlmsgerr error;
                char rest[4096];
        } answer = {0};
        ssize_t n;

        if (send(fd, &ask, sizeof(ask), 0) < 0)
                return -errno;
        n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT); /* answered within send() */
        if (n < 0)
                return -errno;
        return answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : 0;
}

/*
 * The library ends the process when it cannot have its socket, and writes to stderr when it lacks
 * the right: find out before.
 */
static int probe(struct filter_table *t)
{
        CLEANUP(closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
        int r = fd < 0 ? -errno : ask_generation(fd);

        if (r == -EPERM)
                return fail(t, r, "Operation not permitted (CAP_NET_ADMIN is missing)");
        if (r == -EINVAL || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT)
                return fail(t, -EOPNOTSUPP, "the kernel has no nf_tables");
        return r < 0 ? fail(t, r, strerror(-r)) : 0;
}

static void open_library(struct filter_table *t)
{
        if (probe(t) < 0)
                return;
        t->nft = nft_ctx_new(NFT_CTX_DEFAULT);
        if (!t->nft) {
                fail(t, -ENOMEM, strerror(ENOMEM));
                return;
        }
        nft_ctx_buffer_output(t->nft);
        nft_ctx_buffer_error(t->nft);
}

static int run(struct filter_table *t, const char *commands)
{
        const char *text;

        if (!t->nft)
                open_library(t);
        if (!t->nft)
                return t->err;
        if (nft_run_cmd_from_buffer(t->nft, commands) == 0)
                return 0;
        text = nft_ctx_get_error_buffer(t->nft);
        return fail(t, errno_from_nft(text), text);
}

__attribute__((format(printf, 3, 4))) static void append(char *command, size_t *len,
                                                         const char *format, ...)
{
        va_list args;

        va_start(args, format);
        *len += (size_t)vsnprintf(command + *len, COMMAND_MAX - *len, format, args);
        va_end(args);
}

static void append_family(char *command, size_t *len, const struct ip_addr *const *addrs,
                          unsigned n, const char *verb, uint8_t family)
{
        const char *separator = "";
        char text[IP_ADDR_TEXT];

        for (unsigned i = 0; i < n; i++) {
                if (addrs[i]->family != family)
                        continue;
                if (!*separator)
                        append(command, len, "%s element inet vipring %s {", verb,
                               family == AF_INET ? "v4" : "v6");
                append(command, len, "%s%s", separator, ip_addr_format(addrs[i], text));
                separator = ",";
        }
        if (*separator)
                append(command, len, "}\n");
}

static int change(struct filter_table *t, const struct ip_addr *const *addrs, unsigned n,
                  const char *verb)
{
        char command[COMMAND_MAX] = "";
        size_t len = 0;

        assert(n > 0 && n <= FILTER_SLICE_MAX);
        append_family(command, &len, addrs, n, verb, AF_INET);
        append_family(command, &len, addrs, n, verb, AF_INET6);
        return run(t, command);
}

struct filter_table *filter_table_new(void)
{
        return calloc(1, sizeof(struct filter_table));
}

struct filter_table *filter_table_free(struct filter_table *t)
{
        if (t && t->nft)
                nft_ctx_free(t->nft);
        free(t);
        return NULL;
}

int filter_table_make(struct filter_table *t)
{
        return run(t, MAKE_TABLE);
}

int filter_table_delete(struct filter_table *t)
{
        return run(t, DELETE_TABLE);
}

int filter_table_add(struct filter_table *t, const struct ip_addr *const *addrs, unsigned n)
{
        return change(t, addrs, n, "add");
}

int filter_table_remove(struct filter_table *t, const struct ip_addr *const *addrs, unsigned n)
{
        return change(t, addrs, n, "delete");
}

const char *filter_table_error(const struct filter_table *t)
{
        return t->error;
}
