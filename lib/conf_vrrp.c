/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The section vrrp of a group, and what it says about the rest of the group. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/conf_build.h"
#include "lib/mono.h"

#define GROUP "groups.NAME"
#define VRRP "groups.NAME.vrrp"

static bool has_family(const struct conf_group *g, uint8_t family)
{
        for (unsigned i = 0; i < g->n_vips; i++) {
                if (g->vips[i].addr.family == family)
                        return true;
        }
        return false;
}

static const char *family_name(uint8_t family)
{
        return family == AF_INET ? "IPv4" : "IPv6";
}

/* --- protocol ------------------------------------------------------------------ */

static void read_version(struct conf_build *b, config_setting_t *vrrp, struct conf_group *g)
{
        const config_setting_t *checksum = conf_tree_raw(vrrp, "checksum");

        g->version = (uint8_t)conf_tree_integer(vrrp, VRRP, "version");
        g->checksum_plain = strcmp(conf_tree_text(vrrp, VRRP, "checksum"), "plain") == 0;
        if (g->version == 2 && has_family(g, AF_INET6))
                conf_tree_error(&b->tree, conf_tree_raw(vrrp, "version"),
                                "'version': VRRP version 2 is for IPv4 only, and groups.%s has "
                                "IPv6 addresses; use version 3 or move them to another group",
                                g->name);
        if (g->version == 2 && checksum)
                conf_tree_error(&b->tree, checksum,
                                "'checksum' is for version 3; version 2 knows only the plain form: "
                                "remove the line");
}

/** RFC 9568 5.2.9: the first IPv6 address is the link-local one; some routers insist. */
static void warn_link_local(struct conf_build *b, config_setting_t *section,
                            const struct conf_group *g)
{
        unsigned i = 0;

        while (i < g->n_vips && (g->vips[i].addr.family != AF_INET6 || g->vips[i].excluded))
                i++;
        if (g->foreign && i < g->n_vips && !ip_addr_is_link_local(&g->vips[i].addr))
                conf_tree_warning(&b->tree, conf_tree_raw(section, "addresses"),
                                  "'addresses': foreign routers may refuse the adverts: the first "
                                  "IPv6 address should be link-local, such as \"fe80::%x/64\"",
                                  g->vrid);
}

static int64_t default_interval_us(const struct conf_group *g)
{
        return g->foreign && g->version == 3 ? 100 * US_PER_MS : US_PER_S;
}

static void read_interval(struct conf_build *b, config_setting_t *vrrp, struct conf_group *g)
{
        const config_setting_t *at = conf_tree_get(vrrp, "advert-interval");
        const char *text = at ? config_setting_get_string(at) : NULL;

        g->interval_us =
                at ? conf_tree_time(vrrp, VRRP, "advert-interval") : default_interval_us(g);
        if (!at || conf_tree_is_bad(conf_tree_raw(vrrp, "version")))
                return;
        if (g->version == 2 && g->interval_us % US_PER_S != 0)
                conf_tree_error(&b->tree, at,
                                "'advert-interval': version 2 knows whole seconds only (1s to "
                                "255s), not \"%s\"",
                                text);
        else if (g->version == 3 && g->interval_us > 4095 * US_PER_CS)
                conf_tree_error(&b->tree, at,
                                "'advert-interval': \"%s\" is longer than version 3 can say "
                                "(40.95s)",
                                text);
        else if (g->version == 3 && g->interval_us % US_PER_CS != 0)
                conf_tree_error(&b->tree, at,
                                "'advert-interval': version 3 counts in steps of 10ms, and \"%s\" "
                                "is not a multiple of that",
                                text);
}

/* --- who takes over -------------------------------------------------------------- */

static void read_priority(struct conf_build *b, config_setting_t *vrrp, struct conf_group *g)
{
        const config_setting_t *at = conf_tree_get(vrrp, "priority");
        int last;

        g->foreign = at != NULL;
        if (!at)
                return;
        g->priority = (uint8_t)config_setting_get_int(at);
        last = g->priority - 2 * ((int)b->config->n_nodes - 1);
        if (last < 1)
                conf_tree_error(&b->tree, at,
                                "'priority': %u is too low for %u nodes: each behind the preferred "
                                "one has 2 less, and the last would have %d; use at least %u",
                                g->priority, b->config->n_nodes, last,
                                2 * (b->config->n_nodes - 1) + 1);
}

static void warn_idle_delay(struct conf_build *b, const config_setting_t *delay,
                            const struct conf_group *g)
{
        if (delay && !g->preempt)
                conf_tree_warning(&b->tree, delay,
                                  "'failback-delay' has no effect: groups.%s does not go back by "
                                  "itself",
                                  g->name);
}

static void read_failback(struct conf_build *b, config_setting_t *section, config_setting_t *vrrp,
                          struct conf_group *g)
{
        const config_setting_t *failback = conf_tree_raw(section, "failback");
        const config_setting_t *delay = conf_tree_raw(section, "failback-delay");
        const config_setting_t *preempt = conf_tree_raw(vrrp, "preempt");

        if (g->foreign) {
                g->preempt = conf_tree_boolean(vrrp, VRRP, "preempt");
                g->preempt_delay_us = delay ? conf_tree_time(section, GROUP, "failback-delay") : 0;
                if (failback)
                        conf_tree_error(&b->tree, failback,
                                        "'failback' is for groups without vrrp.priority; here use "
                                        "vrrp.preempt = true or false");
                warn_idle_delay(b, delay, g);
                return;
        }
        g->preempt = strcmp(conf_tree_text(section, GROUP, "failback"), "auto") == 0;
        g->preempt_delay_us = conf_tree_time(section, GROUP, "failback-delay");
        warn_idle_delay(b, delay, g);
        if (preempt && !conf_tree_raw(vrrp, "priority"))
                conf_tree_error(&b->tree, preempt,
                                "'preempt' is for groups with vrrp.priority; here use failback = "
                                "\"auto\" or \"manual\"");
}

/* --- addresses of adverts --------------------------------------------------------- */

static void read_source(struct conf_build *b, config_setting_t *vrrp, struct conf_group *g)
{
        config_setting_t *list = conf_tree_raw(vrrp, "source");

        for (unsigned i = 0; i < conf_tree_length(list); i++) {
                const config_setting_t *at = conf_tree_element(list, i);
                const char *text = conf_tree_element_text(list, i);
                struct ip_addr addr;
                struct conf_why why;
                unsigned slot;

                if (!text || conf_value_address(text, &addr, &why) < 0)
                        continue;
                slot = addr.family == AF_INET6;
                if (g->source[slot].family)
                        conf_tree_error(&b->tree, at, "'source': a second %s address (%s)",
                                        family_name(addr.family), text);
                else if (!has_family(g, addr.family))
                        conf_tree_error(&b->tree, at, "'source': groups.%s has no %s addresses",
                                        g->name, family_name(addr.family));
                g->source[slot] = addr;
        }
}

static void add_peer(struct conf_build *b, config_setting_t *list, unsigned i, struct conf_group *g)
{
        const config_setting_t *at = conf_tree_element(list, i);
        const char *text = conf_tree_element_text(list, i);
        struct ip_addr addr;
        struct conf_why why;

        if (!text || conf_value_address(text, &addr, &why) < 0)
                return;
        for (unsigned p = 0; p < g->n_peers; p++) {
                if (ip_addr_cmp(&g->peers[p], &addr) == 0) {
                        conf_tree_error(&b->tree, at, "'unicast-peers': %s is named twice", text);
                        return;
                }
        }
        for (unsigned v = 0; v < g->n_vips; v++) {
                if (ip_addr_cmp(&g->vips[v].addr, &addr) == 0)
                        conf_tree_error(&b->tree, at,
                                        "'unicast-peers': %s is one of the group's own addresses",
                                        text);
        }
        g->peers[g->n_peers++] = addr;
}

static bool has_peer(const struct conf_group *g, uint8_t family)
{
        for (unsigned i = 0; i < g->n_peers; i++) {
                if (g->peers[i].family == family)
                        return true;
        }
        return false;
}

/** Without a peer of a family, adverts of that family would go nowhere. */
static void check_peer_families(struct conf_build *b, const config_setting_t *list,
                                const struct conf_group *g)
{
        static const uint8_t families[] = {AF_INET, AF_INET6};

        for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
                if (has_family(g, families[i]) && !has_peer(g, families[i]))
                        conf_tree_error(&b->tree, list,
                                        "'unicast-peers': groups.%s has %s addresses, but no peer "
                                        "is %s",
                                        g->name, family_name(families[i]),
                                        family_name(families[i]));
        }
}

static void read_peers(struct conf_build *b, config_setting_t *vrrp, struct conf_group *g)
{
        config_setting_t *list = conf_tree_raw(vrrp, "unicast-peers");
        unsigned n = conf_tree_length(list);

        if (n > CONF_PEERS_MAX) {
                conf_tree_error(&b->tree, list,
                                "'unicast-peers': %u are more than the %d a group can have", n,
                                CONF_PEERS_MAX);
                return;
        }
        for (unsigned i = 0; i < n; i++)
                add_peer(b, list, i, g);
        if (n && !conf_tree_is_bad(list))
                check_peer_families(b, list, g);
}

/* --- password -------------------------------------------------------------------- */

/** Read a secret of at most `max` bytes. @return its length or -errno; the reason in `why` */
static int read_secret(const char *path, uint8_t *buf, size_t max, struct conf_why *why)
{
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        char bytes[64];
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return conf_why(why, "cannot read %.150s: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return conf_why(why, "%.150s is not a file", path);
        if (st.st_mode & 077)
                return conf_why(why, "%.150s can be read by others (mode %04o); chmod 0600 it",
                                path, (unsigned)(st.st_mode & 07777));
        n = read(fd, bytes, sizeof(bytes));
        if (n < 0)
                return conf_why(why, "cannot read %.150s: %s", path, strerror(errno));
        if (n > 0 && bytes[n - 1] == '\n')
                n--;
        if (n == 0)
                return conf_why(why, "%.150s is empty", path);
        if ((size_t)n > max)
                return conf_why(why,
                                "the password in %.150s is longer than the %zu bytes of VRRP "
                                "version 2; it is not cut",
                                path, max);
        if (memchr(bytes, '\n', (size_t)n) || memchr(bytes, '\0', (size_t)n))
                return conf_why(why, "%.150s holds more than one line of text", path);
        memcpy(buf, bytes, (size_t)n);
        explicit_bzero(bytes, sizeof(bytes));
        return (int)n;
}

static void read_password(struct conf_build *b, config_setting_t *vrrp, struct conf_group *g)
{
        const config_setting_t *at = conf_tree_get(vrrp, "auth-password-file");
        struct conf_why why;

        if (!at)
                return;
        if (g->version != 2) {
                conf_tree_error(&b->tree, at,
                                "'auth-password-file' is for version 2; version 3 has no "
                                "passwords: set version = 2 or remove the line");
                return;
        }
        if (read_secret(config_setting_get_string(at), g->password, sizeof(g->password), &why) < 0)
                conf_tree_error(&b->tree, at, "'auth-password-file': %s", why.text);
        else
                g->has_password = true;
}

void conf_vrrp_read(struct conf_build *b, config_setting_t *section, struct conf_group *g)
{
        config_setting_t *vrrp = conf_tree_raw(section, "vrrp");

        if (vrrp && !config_setting_is_group(vrrp))
                vrrp = NULL;
        read_priority(b, vrrp, g);
        read_version(b, vrrp, g);
        warn_link_local(b, section, g);
        read_interval(b, vrrp, g);
        read_failback(b, section, vrrp, g);
        read_source(b, vrrp, g);
        read_peers(b, vrrp, g);
        read_password(b, vrrp, g);
}
