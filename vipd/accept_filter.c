/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/accept_filter.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#define LOOP_PRIORITY 50 /* after packets, deadlines and control */
#define SLICE 256        /* addresses of one transaction */
#define COMMAND_MAX (SLICE * (IP_ADDR_TEXT + 1) + 256)
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

struct filtered {
        struct ip_addr addr;
        unsigned users;
};

struct accept_filter {
        struct nft_ctx *nft;
        sd_event_source *timer;
        void *addrs; /* tree of struct filtered: what should be in the sets */
        unsigned n_addrs;
        bool made; /* the table exists, as far as we know */
        int err;   /* 0 or -errno, with `error` */
        char error[ERROR_MAX];
};

/* Addresses for one transaction, by family. */
struct slice {
        const struct ip_addr *addrs[SLICE];
        unsigned n;
};

/* --- libnftables ------------------------------------------------------------------ */

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

static int fail(struct accept_filter *f, int err, const char *text)
{
        if (strncmp(text, "Error: ", 7) == 0)
                text += 7;
        snprintf(f->error, sizeof(f->error), "%.*s", (int)strcspn(text, "\n"), text);
        return f->err = err;
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
static int probe(struct accept_filter *f)
{
        CLEANUP(closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
        int r = fd < 0 ? -errno : ask_generation(fd);

        if (r == -EPERM)
                return fail(f, r, "Operation not permitted (CAP_NET_ADMIN is missing)");
        if (r == -EINVAL || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT)
                return fail(f, -EOPNOTSUPP, "the kernel has no nf_tables");
        return r < 0 ? fail(f, r, strerror(-r)) : 0;
}

static void open_library(struct accept_filter *f)
{
        if (probe(f) < 0)
                return;
        f->nft = nft_ctx_new(NFT_CTX_DEFAULT);
        if (!f->nft) {
                fail(f, -ENOMEM, strerror(ENOMEM));
                return;
        }
        nft_ctx_buffer_output(f->nft);
        nft_ctx_buffer_error(f->nft);
}

static int run(struct accept_filter *f, const char *commands)
{
        const char *text;

        if (!f->nft)
                open_library(f);
        if (!f->nft)
                return f->err;
        if (nft_run_cmd_from_buffer(f->nft, commands) == 0)
                return 0;
        text = nft_ctx_get_error_buffer(f->nft);
        return fail(f, errno_from_nft(text), text);
}

/* --- what should be filtered --------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
        return ip_addr_cmp(&((const struct filtered *)a)->addr,
                           &((const struct filtered *)b)->addr);
}

static struct filtered *find(struct accept_filter *f, const struct ip_addr *addr)
{
        const struct filtered key = {.addr = *addr};
        struct filtered **at = tfind(&key, &f->addrs, compare);

        return at ? *at : NULL;
}

/* @return 1 if it is new, 0 if it was there, or -ENOMEM */
static int hold(struct accept_filter *f, const struct ip_addr *addr)
{
        struct filtered *e = find(f, addr);

        if (e) {
                e->users++;
                return 0;
        }
        e = malloc(sizeof(*e));
        if (!e)
                return -ENOMEM;
        *e = (struct filtered){.addr = *addr, .users = 1};
        if (!tsearch(e, &f->addrs, compare)) {
                free(e);
                return -ENOMEM;
        }
        f->n_addrs++;
        return 1;
}

/* @return true if nobody wants it filtered any more */
static bool let_go(struct accept_filter *f, const struct ip_addr *addr)
{
        struct filtered *e = find(f, addr);

        if (!e || --e->users > 0)
                return false;
        tdelete(e, &f->addrs, compare);
        free(e);
        f->n_addrs--;
        return true;
}

/* --- sets ---------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void append(char *command, size_t *len,
                                                         const char *format, ...)
{
        va_list args;

        va_start(args, format);
        *len += (size_t)vsnprintf(command + *len, COMMAND_MAX - *len, format, args);
        va_end(args);
}

static void append_family(char *command, size_t *len, const struct slice *s, const char *verb,
                          uint8_t family)
{
        const char *separator = "";
        char text[IP_ADDR_TEXT];

        for (unsigned i = 0; i < s->n; i++) {
                if (s->addrs[i]->family != family)
                        continue;
                if (!*separator)
                        append(command, len, "%s element inet vipring %s {", verb,
                               family == AF_INET ? "v4" : "v6");
                append(command, len, "%s%s", separator, ip_addr_format(s->addrs[i], text));
                separator = ",";
        }
        if (*separator)
                append(command, len, "}\n");
}

/* One transaction. */
static int change(struct accept_filter *f, struct slice *s, const char *verb)
{
        char command[COMMAND_MAX] = "";
        size_t len = 0;

        append_family(command, &len, s, verb, AF_INET);
        append_family(command, &len, s, verb, AF_INET6);
        s->n = 0;
        return len > 0 ? run(f, command) : 0;
}

struct refill {
        struct accept_filter *f;
        struct slice slice;
        int r;
};

static void refill_one(const void *node, VISIT visit, void *arg)
{
        const struct filtered *e = *(const struct filtered *const *)node;
        struct refill *refill = arg;

        if (refill->r < 0 || (visit != postorder && visit != leaf))
                return;
        refill->slice.addrs[refill->slice.n++] = &e->addr;
        if (refill->slice.n == SLICE)
                refill->r = change(refill->f, &refill->slice, "add");
}

static int make_table(struct accept_filter *f)
{
        struct refill refill = {.f = f};

        refill.r = run(f, MAKE_TABLE);
        if (refill.r == 0)
                twalk_r(f->addrs, refill_one, &refill);
        if (refill.r == 0)
                refill.r = change(f, &refill.slice, "add");
        f->made = refill.r == 0;
        return refill.r;
}

static int delete_table(struct accept_filter *f)
{
        f->made = false;
        return run(f, DELETE_TABLE);
}

/* --- health -------------------------------------------------------------------------- */

static void arm(struct accept_filter *f)
{
        if (f->n_addrs == 0) {
                sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time(f->timer,
                                 (uint64_t)mono_add_us(clock_now(), ACCEPT_FILTER_CHECK_US).us);
        sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

/* Make the whole table, and say how that changed things. @param gone it was there before */
static int restore(struct accept_filter *f, bool gone)
{
        bool failed_before = f->err < 0 && !gone;
        int r = make_table(f);

        if (r < 0) {
                if (!failed_before)
                        log_error(
                                "cannot drop packets for virtual addresses of groups with "
                                "accept = false: %s; this host accepts them for now, trying again "
                                "every %d s",
                                f->error, (int)(ACCEPT_FILTER_CHECK_US / US_PER_S));
                return r;
        }
        if (failed_before)
                log_notice(
                        "packets for virtual addresses of groups with accept = false are dropped "
                        "again");
        else if (gone)
                log_warning("the nftables table inet vipring was changed or removed by somebody "
                            "else (%s); it was made anew",
                            f->error);
        f->err = 0;
        f->error[0] = '\0';
        return 0;
}

struct probe_one {
        const struct filtered *e;
};

static void take_one(const void *node, VISIT visit, void *arg)
{
        ((struct probe_one *)arg)->e = *(const struct filtered *const *)node;
}

int accept_filter_check(struct accept_filter *f)
{
        struct probe_one any = {0};
        struct slice s = {.n = 1};
        int r;

        if (f->n_addrs == 0)
                return 0;
        if (!f->made)
                return restore(f, false);
        /* adding what is there changes nothing, and fails without the set */
        twalk_r(f->addrs, take_one, &any);
        s.addrs[0] = &any.e->addr;
        r = change(f, &s, "add");
        return r == 0 ? 0 : restore(f, true);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
        struct accept_filter *f = arg;

        accept_filter_check(f);
        arm(f);
        return 0;
}

/* --- surface ------------------------------------------------------------------------- */

int accept_filter_new(struct accept_filter **ret, sd_event *loop)
{
        struct accept_filter *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        r = sd_event_add_time(loop, &f->timer, CLOCK_MONOTONIC, 0, 1, on_timer, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(f->timer, LOOP_PRIORITY);
        if (r < 0) {
                accept_filter_free(f);
                return r;
        }
        delete_table(f);
        f->err = 0; /* whether it can be had matters only once it is needed */
        f->error[0] = '\0';
        *ret = f;
        return 0;
}

struct accept_filter *accept_filter_free(struct accept_filter *f)
{
        if (!f)
                return NULL;
        if (f->made && delete_table(f) < 0)
                log_warning("cannot remove the nftables table inet vipring: %s; `nft delete table "
                            "inet vipring` does it",
                            f->error);
        tdestroy(f->addrs, free);
        sd_event_source_disable_unref(f->timer);
        if (f->nft)
                nft_ctx_free(f->nft);
        free(f);
        return NULL;
}

/* Send the slice off unless an earlier one failed; then all is made anew afterwards anyway. */
static void flush(struct accept_filter *f, struct slice *s, const char *verb, int *r)
{
        if (f->made && *r == 0)
                *r = change(f, s, verb);
        s->n = 0;
}

int accept_filter_add(struct accept_filter *f, const struct conf_vip *vips, unsigned n)
{
        struct slice s = {.n = 0};
        bool made = f->made;
        int r = 0, held = 0;

        for (unsigned i = 0; i < n; i++) {
                int new = hold(f, &vips[i].addr);

                if (new < 0)
                        held = new;
                if (new <= 0)
                        continue;
                s.addrs[s.n++] = &vips[i].addr;
                if (s.n == SLICE)
                        flush(f, &s, "add", &r);
        }
        flush(f, &s, "add", &r);
        if (f->n_addrs > 0 && (!made || r < 0))
                r = restore(f, made);
        if (held < 0)
                log_error(
                        "out of memory: some virtual addresses of a group with accept = false are "
                        "accepted until it is active again");
        arm(f);
        return r < 0 ? r : held;
}

int accept_filter_remove(struct accept_filter *f, const struct conf_vip *vips, unsigned n)
{
        struct slice s = {.n = 0};
        bool made = f->made;
        int r = 0;

        for (unsigned i = 0; i < n; i++) {
                if (!let_go(f, &vips[i].addr))
                        continue;
                s.addrs[s.n++] = &vips[i].addr;
                if (s.n == SLICE)
                        flush(f, &s, "delete", &r);
        }
        if (f->n_addrs > 0)
                flush(f, &s, "delete", &r);
        if (f->n_addrs > 0 && r < 0)
                r = restore(f, true);
        else if (f->n_addrs == 0 && made)
                r = delete_table(f);
        arm(f);
        return r;
}

enum accept_filter_state accept_filter_state(const struct accept_filter *f)
{
        if (f->n_addrs == 0)
                return ACCEPT_FILTER_UNUSED;
        return f->made ? ACCEPT_FILTER_WORKING : ACCEPT_FILTER_FAILED;
}

const char *accept_filter_error(const struct accept_filter *f)
{
        return accept_filter_state(f) == ACCEPT_FILTER_FAILED ? f->error : "";
}
