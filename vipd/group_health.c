/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May this node serve the group? The group's interface and the tracked ones
 * must be up, there must be an address to send from, required checks must be
 * good. Weighted ones (groups shared with foreign routers only) change the
 * priority instead.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "vipd/group_private.h"

/* How long a node stays out of the election after it could not keep an address. */
#define UNSTABLE_US (30 * US_PER_S)

/* --- checks ----------------------------------------------------------------------- */

static void on_check(void *arg, struct check *c, bool up, const char *detail)
{
        struct group *g = arg;

        unsigned before = g->faults;

        group_health_update(g);
        /* what takes the group out of the election has just been said */
        if (!up && check_conf(c)->weight == 0 && !(before & ~(unsigned)GROUP_FAULT_WAITING))
                return;
        log_write(up ? LOG_NOTICE : LOG_WARNING, &(struct log_about){.group = g->conf->name},
                  "check %s is %s: %s", check_conf(c)->name, up ? "up" : "down", detail);
}

/* The running check for this configuration, taken out of the old list, or NULL. */
static struct check *take_running(struct check **old, unsigned n, const struct conf_check *conf)
{
        for (unsigned i = 0; i < n; i++) {
                struct check *c = old[i];

                if (c && strcmp(check_conf(c)->name, conf->name) == 0 &&
                    conf_check_equal(check_conf(c), conf)) {
                        old[i] = NULL;
                        return c;
                }
        }
        return NULL;
}

int group_checks_sync(struct group *g, const struct conf_group *before)
{
        const struct conf_group *conf = g->conf;
        const char *digest = g->config->digest;
        unsigned n_old = before ? before->n_checks : 0;
        struct check **old = g->checks;
        int result = 0;

        g->checks = calloc(conf->n_checks ? conf->n_checks : 1, sizeof(*g->checks));
        if (!g->checks)
                result = -ENOMEM; /* all are unknown now */
        for (unsigned i = 0; g->checks && i < conf->n_checks; i++) {
                int r;

                g->checks[i] = take_running(old, n_old, &conf->checks[i]);
                if (g->checks[i]) {
                        check_rebind(g->checks[i], digest, conf->name, &conf->checks[i]);
                        continue;
                }
                r = check_new(&g->checks[i], g->env->loop, g->env->runner, digest, conf->name,
                              &conf->checks[i], on_check, g);
                if (r < 0)
                        result = r;
        }
        for (unsigned i = 0; i < n_old; i++)
                check_free(old[i]);
        free(old);
        return result;
}

void group_checks_stop(struct group *g)
{
        for (unsigned i = 0; g->checks && i < g->conf->n_checks; i++)
                g->checks[i] = check_free(g->checks[i]);
}

/* --- faults ----------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void add_fault(struct group *g, enum group_fault fault,
                                                            const char *format, ...)
{
        va_list args;

        if (g->faults == 0) {
                va_start(args, format);
                vsnprintf(g->fault_text, sizeof(g->fault_text), format, args);
                va_end(args);
                timeline_trim(g->fault_text);
        }
        g->faults |= fault;
}

/* What is wrong with an interface, or NULL. */
static const char *link_trouble(const struct group *g, const char *name)
{
        const struct kernel_link *link = addresses_link(g->env->addresses, name);

        if (!link)
                return "does not exist";
        if (!link->up)
                return "is down";
        return link->carrier ? NULL : "has no carrier";
}

/* A whole group moves or none of it, so each interface its addresses are on must be good. */
static void look_at_address_links(struct group *g)
{
        const char *before = g->conf->iface;

        for (unsigned i = 0; i < g->conf->n_vips; i++) {
                const char *dev = g->conf->vips[i].dev, *trouble;

                if (strcmp(dev, before) == 0)
                        continue;
                before = dev;
                trouble = link_trouble(g, dev);
                if (trouble)
                        add_fault(g, GROUP_FAULT_LINK, "interface %s, for addresses, %s", dev,
                                  trouble);
        }
}

static void look_at_links(struct group *g, int *priority)
{
        const char *trouble = link_trouble(g, g->conf->iface);

        if (trouble)
                add_fault(g, GROUP_FAULT_LINK, "interface %s %s", g->conf->iface, trouble);
        look_at_address_links(g);
        for (unsigned i = 0; i < g->conf->n_track; i++) {
                const struct conf_track *t = &g->conf->track[i];

                trouble = link_trouble(g, t->iface);
                if (t->weight == 0 && trouble)
                        add_fault(g, GROUP_FAULT_LINK, "tracked interface %s %s", t->iface,
                                  trouble);
                else if (t->weight < 0 ? trouble != NULL : trouble == NULL)
                        *priority += t->weight;
        }
}

/*
 * What adverts of this family should come from: as configured, else the one of the unicast peers
 * that is this node, else its address in the configuration. Family 0: whatever the interface has.
 */
static struct ip_addr wanted_source(const struct group *g, uint8_t family)
{
        const struct conf_node *self = &g->config->nodes[g->self];
        const struct ip_addr *source = &g->conf->source[family == AF_INET6];

        if (source->family != 0)
                return *source;
        for (unsigned i = 0; i < g->conf->n_peers; i++)
                if (g->conf->peers[i].family == family &&
                    addresses_is_local(g->env->addresses, &g->conf->peers[i]))
                        return g->conf->peers[i];
        return self->address.family == family ? self->address : (struct ip_addr){0};
}

static void look_at_sources(struct group *g)
{
        for (unsigned i = 0; i < g->n_routers; i++) {
                struct virtual_router *v = &g->routers[i];
                const struct ip_addr wanted = wanted_source(g, v->family);
                const struct kernel_link *link = addresses_link(g->env->addresses, g->conf->iface);
                struct ip_addr source = {0};

                if (addresses_source(g->env->addresses, g->conf->iface, v->family, &wanted,
                                     &source) < 0)
                        add_fault(g, GROUP_FAULT_SOURCE,
                                  "interface %s has no IPv%d address to advertise from",
                                  g->conf->iface, v->family == AF_INET ? 4 : 6);
                v->source = source;
                if (!link)
                        continue;
                virtual_router_fit(v, link->mtu);
                if (vrrp_ports_hears(g->env->ports, &v->receiver))
                        continue;
                add_fault(g, GROUP_FAULT_DEAF, "cannot listen for VRRP on %s", g->conf->iface);
                g->env->tick_wanted = true;
        }
}

static void look_at_checks(struct group *g, int *priority)
{
        for (unsigned i = 0; i < g->conf->n_checks; i++) {
                const struct conf_check *conf = &g->conf->checks[i];
                const struct check *c = g->checks ? g->checks[i] : NULL;
                enum check_state state = c ? check_state(c) : CHECK_UNKNOWN;

                if (conf->weight != 0) {
                        if (conf->weight < 0 ? state == CHECK_DOWN : state == CHECK_UP)
                                *priority += conf->weight;
                } else if (state == CHECK_DOWN) {
                        add_fault(g, GROUP_FAULT_CHECK, "check %s is down: %s", conf->name,
                                  check_detail(c));
                } else if (state == CHECK_UNKNOWN) {
                        add_fault(g, GROUP_FAULT_WAITING, "waiting for check %s", conf->name);
                }
        }
}

/* Everything anew; sets faults and fault_text. @return the priority that weights leave */
static int evaluate(struct group *g)
{
        int priority = config_priority(g->config, g->conf, g->self);

        g->faults = 0;
        g->fault_text[0] = '\0';
        look_at_links(g, &priority);
        look_at_sources(g);
        look_at_checks(g, &priority);
        if (mono_before(clock_now(), g->unstable_until))
                add_fault(g, GROUP_FAULT_UNSTABLE, "addresses do not stay up on this node");
        return priority < 1 ? 1 : priority > 254 ? 254 : priority;
}

bool group_health_evaluate(struct group *g)
{
        evaluate(g);
        return g->faults == 0;
}

void group_health_update(struct group *g)
{
        unsigned before = g->faults;
        char before_text[TIMELINE_TEXT_MAX];
        int priority;

        if (g->stopped)
                return;
        memcpy(before_text, g->fault_text, sizeof(before_text));
        priority = evaluate(g);
        if (g->faults && (!before || strcmp(before_text, g->fault_text) != 0))
                log_write(g->faults == GROUP_FAULT_WAITING ? LOG_INFO : LOG_WARNING,
                          &(struct log_about){.group = g->conf->name},
                          "cannot serve here: %s; waiting until that changes", g->fault_text);
        else if (!g->faults && before == GROUP_FAULT_WAITING)
                log_write(LOG_NOTICE, &(struct log_about){.group = g->conf->name},
                          "can serve here; taking part in the election");
        else if (!g->faults && before)
                log_write(LOG_NOTICE, &(struct log_about){.group = g->conf->name},
                          "can serve here again; it was: %s", before_text);
        if (g->election.config.priority != VRRP_PRIORITY_OWNER && priority != g->election.priority)
                group_step(g, &(struct election_event){.type = ELECTION_PRIORITY,
                                                       .priority = (uint8_t)priority});
        if (!before != !g->faults)
                group_step(g, &(struct election_event){.type = g->faults ? ELECTION_INELIGIBLE
                                                                         : ELECTION_ELIGIBLE});
}

void group_became_unstable(struct group *g, const struct conf_vip *vip, int err)
{
        char text[IP_ADDR_TEXT];

        log_write(LOG_ERR, &(struct log_about){.group = g->conf->name, .iface = vip->dev},
                  "%s does not stay up on %s%s%s; leaving the group to others for %d s",
                  ip_addr_format(&vip->addr, text), vip->dev, err ? ": " : "",
                  err ? strerror(-err) : "", (int)(UNSTABLE_US / US_PER_S));
        /* Acted upon by the next group_tick(): this may come from inside a claim. */
        g->unstable_until = mono_add_us(clock_now(), UNSTABLE_US);
        g->env->tick_wanted = true;
}

/* --- links ------------------------------------------------------------------------ */

static bool concerns(const struct group *g, const char *iface)
{
        if (strcmp(g->conf->iface, iface) == 0)
                return true;
        for (unsigned i = 0; i < g->conf->n_track; i++)
                if (strcmp(g->conf->track[i].iface, iface) == 0)
                        return true;
        for (unsigned i = 0; i < g->conf->n_vips; i++)
                if (strcmp(g->conf->vips[i].dev, iface) == 0)
                        return true;
        return false;
}

void group_link_changed(struct group *g, const char *iface)
{
        const struct kernel_link *link = addresses_link(g->env->addresses, iface);
        int r;

        if (!concerns(g, iface))
                return;
        r = vrrp_ports_link(g->env->ports, iface, link ? link->ifindex : 0);
        if (r < 0)
                log_write(LOG_WARNING, &(struct log_about){.group = g->conf->name, .iface = iface},
                          "cannot listen for VRRP on %s: %s; trying again every second, not "
                          "serving until then",
                          iface, strerror(-r));
        group_health_update(g);
}
