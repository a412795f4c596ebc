/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_GROUP_H
#define VIPD_GROUP_H
/*
 * One group on this node: the shell around its election. Adverts, links,
 * checks, time and commands come in as events; what the election answers
 * (send, claim, release, announce) is performed in one place, and one timer is
 * armed for its deadline.
 */
#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "lib/config.h"
#include "vipd/accept_filter.h"
#include "vipd/addresses.h"
#include "vipd/announcer.h"
#include "vipd/runner.h"
#include "vipd/timeline_log.h"
#include "vipd/vrrp_ports.h"

/** What groups share; the daemon's. */
struct group_env {
        sd_event *loop;
        struct addresses *addresses;
        struct announcer *announcer;
        struct accept_filter *accept_filter;
        struct runner *runner;
        struct vrrp_ports *ports;
        struct timeline_log *timeline;
        int64_t advert_late_max_us; /* how late an advert of ours ever was */
        int64_t late_us;  /* the latest a group's timer came since the daemon looked */
        bool tick_wanted; /* some group waits for group_tick(); else it may come rarely */
};

struct group;

/**
 * Listens and starts its election. @return 0 or -errno
 * @param conf one of config's groups; both stay until group_reload() or group_free()
 * @param self our index in config's nodes
 */
int group_new(struct group **ret, struct group_env *env, const struct config *config,
              const struct conf_group *conf, unsigned self);

/** Give up the addresses at once (release sent) and forget the group. NULL is allowed. @return NULL */
struct group *group_free(struct group *g);

/**
 * Take over a new configuration. A group whose part is the same only takes the new pointers;
 * one that differs changes as little as it must.
 * @return 0: the old one is not used any more; -ENOMEM: logged, and it must stay
 */
int group_reload(struct group *g, const struct config *config, const struct conf_group *conf,
                 unsigned self);

/** Release and take the addresses down; the daemon ends. */
void group_stop(struct group *g);

const struct conf_group *group_conf(const struct group *g);

/** A link appeared, changed or went (then its ifindex is 0), or its own addresses changed. */
void group_link_changed(struct group *g, const char *iface);

/** For what needs no timer of its own: about once a second while env->tick_wanted. */
void group_tick(struct group *g, mono_t now);

/** Who owns the group as far as this node knows: a node's name or an address; NULL if nobody known. */
const char *group_owner(const struct group *g);

/**
 * Hand the group to `node` by resigning (`vipctl move`).
 * @param why  set to a sentence when refused
 * @return 0: resigned, watch group_owner(); -EPERM: refused, nothing changed
 */
int group_move(struct group *g, unsigned node, int64_t uid, const char *reason, bool dry_run,
               char *why, size_t why_size);

/** New reference: the group's part of `vipctl status`. */
json_t *group_status(const struct group *g);

#endif
