/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPD_GROUP_PRIVATE_H
#define VIPD_GROUP_PRIVATE_H
/*
 * The inside of a group, shared by group.c (life and events), group_actions.c
 * (what the election answered), group_health.c (may it serve?), group_owner.c
 * (who serves, and the story of it), group_move.c, group_reload.c and
 * group_status.c.
 */
#include "vipd/check.h"
#include "vipd/core/election.h"
#include "vipd/group.h"
#include "vipd/hook.h"
#include "vipd/virtual_router.h"

/** Why a group may not serve here; several may hold, the first one is shown. */
enum group_fault {
        GROUP_FAULT_LINK = 1 << 0,     /* own or tracked interface missing or down */
        GROUP_FAULT_SOURCE = 1 << 1,   /* no address to send adverts from */
        GROUP_FAULT_CHECK = 1 << 2,    /* a required check is down */
        GROUP_FAULT_WAITING = 1 << 3,  /* a required check has no result yet */
        GROUP_FAULT_UNSTABLE = 1 << 4, /* an address does not stay up */
        GROUP_FAULT_DEAF = 1 << 5,     /* no socket to hear other nodes with */
};

struct group {
        struct group_env *env;
        const struct config *config; /* that conf belongs to: during a reload the old or the new one */
        const struct conf_group *conf;
        unsigned self; /* our index in its nodes */
        struct election election;
        sd_event_source *timer;
        struct virtual_router routers[2]; /* IPv4, IPv6; n_routers of them in use */
        unsigned n_routers;
        struct address_set *addresses;
        struct announcement *announcement;
        struct hook_queue *hooks;
        struct check **checks; /* as many as conf->n_checks */
        mono_t stall_noted; /* the deadline whose lateness the election was told of */
        bool filtered; /* packets to its addresses are dropped: accept = false */
        bool stopped;

        /* group_health.c */
        unsigned faults;     /* bits of enum group_fault */
        char fault_text[TIMELINE_TEXT_MAX]; /* of the first one; "" if none */
        mono_t unstable_until;

        /* group_owner.c */
        char owner[TIMELINE_NAME_MAX]; /* "" = nobody known */
        bool owner_is_self;
        mono_t owner_since;
        mono_t owner_heard; /* its last advert */
        uint8_t owner_priority; /* in it */
        mono_t ipv6_unnamed; /* both families: IPv6 adverts without IPv4 ones since; else NEVER */
        mono_t owner_lost;  /* since when nobody owns it; NEVER while somebody does */
        uint64_t open_event; /* timeline id of the transition in progress, 0 = none */
        mono_t open_until;   /* then it is closed, complete or not */
        int64_t down_us, listened_us; /* the election's limit and interval before its last step */
        uint64_t lost_nodes; /* bit per node that fell silent as owner and was not heard since */

        /* conflict: somebody else advertises while we are active */
        mono_t conflict_seen, conflict_since;
        char conflict_with[TIMELINE_NAME_MAX];
        bool conflict_told; /* a line was written, so its end is worth one too */
        struct log_limit limit_conflict;
        mono_t announced; /* last repetition because of a conflict */
        uint64_t dual_owner_us;

        unsigned transitions;
        int64_t mover_uid;   /* of the move being performed, -1 = none */
        char move_reason[TIMELINE_TEXT_MAX];
};

/* group.c */
/** Ask the election, perform its answer, arm the timer. */
void group_step(struct group *g, const struct election_event *ev);
void group_arm(struct group *g);
struct election_config group_election_config(const struct group *g);
/** Failures are logged: a group that cannot listen does not serve. */
void group_routers_start(struct group *g);
void group_routers_stop(struct group *g);

/* group_actions.c */
extern const struct address_set_events group_address_events;
/** Bits of enum election_action, in their order, with the hooks around a change of state. */
void group_perform(struct group *g, unsigned todo, enum election_state before);
/** Filter packets to the addresses of the present configuration, or stop that. */
void group_filter(struct group *g, bool on);
bool group_wants_filter(const struct group *g);

/* group_health.c */
/** Start the checks that are not running, stop those that are no longer configured. */
int group_checks_sync(struct group *g, const struct conf_group *before);
void group_checks_stop(struct group *g);
/** Look at links, source addresses and checks again; feeds the election what changed. */
void group_health_update(struct group *g);
/** The same without telling the election: before it starts. @return may serve */
bool group_health_evaluate(struct group *g);
void group_became_unstable(struct group *g, const struct conf_vip *vip, int err);

/* group_owner.c */
/** An advert of somebody else, priority > 0. */
void group_owner_heard(struct group *g, const struct vrrp_advert *advert, const struct ip_addr *src,
                       mono_t now);
/** The owner said it releases. */
void group_owner_released(struct group *g, const struct ip_addr *src, mono_t now);
/** Our own election changed its state. */
void group_owner_self(struct group *g, enum election_state before, mono_t now);
/** The name of whoever sent this: a node's, or the address. @return buf */
const char *group_sender_name(const struct group *g, uint8_t priority, const struct ip_addr *src,
                              char buf[static TIMELINE_NAME_MAX]);
/** Add to the transition in progress, if there is one. */
__attribute__((format(printf, 3, 4))) void group_story(struct group *g, const char *what,
                                                       const char *format, ...);
void group_story_end(struct group *g);

#endif
