/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H
/*
 * A simulated LAN with two to five nodes, each with the election core that vipd runs and
 * a model of what the shell does around it. Time is virtual, chance comes from a seed, so
 * one seed is one history.
 *
 *   plan.c   draws a group and a list of faults from the seed
 *   fault.c  lets them happen
 *   run.c    lets time pass
 *   lan.c    carries adverts: delay, reorder, duplication, loss, cuts
 *   node.c   the shell: receives, steps the core, performs its actions, arms one timer
 *   watch.c  what must hold of each step of a node: the rules, stated a second time
 *   watch_world.c  what users were promised of all nodes together
 */
#include <stdbool.h>
#include <stdint.h>

#include "vipd/core/election.h"

#define SIM_NODES_MAX 5
#define SIM_QUEUE_MAX 256 /* adverts a paused process keeps in its socket */
#define SIM_FLYING_MAX 1024
#define SIM_LONG_AGO (INT64_MIN / 4)

struct sim_random {
        uint64_t state;
};

struct sim_packet {
        int64_t at; /* of delivery */
        uint64_t number;
        int from;
        int to;
        uint8_t priority;
        int64_t interval_us;
};

struct sim_node {
        int id;
        uint32_t address;
        struct election_config config;
        struct election e;

        /* the machine and the shell */
        bool alive;
        bool eligible;
        bool stopped; /* its group, while the daemon runs on */
        bool paused;
        bool frozen; /* paused, and its network card drops what comes */
        int64_t paused_at;
        bool addresses_up;
        int64_t fire_at; /* when its timer really fires */
        struct sim_packet queue[SIM_QUEUE_MAX];
        unsigned n_queued;
        uint64_t steps;

        /* watch.c: what this node should do, worked out apart from the core */
        uint8_t priority;
        bool resigned;
        bool stalled;   /* since its last advert, and bound to yield */
        bool discarded; /* the last advert heard in BACKUP was worse and discarded */
        bool released;
        bool heard; /* an active, since it is BACKUP */
        int64_t preempt_from;
        int64_t heard_interval_us;
        uint8_t heard_priority;
        int64_t due; /* the latest it may act; exactly then if due_exact */
        bool due_exact;
        bool listens_on; /* stalled in this silence already */
        int64_t active_since;
        int64_t resumed_at;     /* from a stall long enough for all others to time out */
        bool was_away;          /* stood still while active */
        int64_t candidate_from; /* ready to take over since */
};

enum sim_shell {
        SIM_SHELL_PLAIN,
        SIM_SHELL_OWNER_DEAF, /* an active owner drops what it hears (RFC 9568 7.1) */
};

struct sim_counts {
        uint64_t claims;
        uint64_t lost;
        uint64_t faults;
        uint64_t sent;
        uint64_t steps;
        int dual_percent; /* longest time with two actives, of what is allowed */
        int gap_percent;  /* longest time with none though somebody could, likewise */
};

struct sim_world {
        uint64_t seed;
        struct sim_random random;
        bool trace;
        bool failed;
        int64_t now;

        int n;
        struct sim_node node[SIM_NODES_MAX];
        enum sim_shell shell;
        int64_t interval_max_us; /* the longest any node ever had */
        int64_t interval_min_us;
        int64_t late_max_us; /* how late a timer may fire */

        /* lan.c */
        bool cut[SIM_NODES_MAX][SIM_NODES_MAX];
        int loss_permille;
        int twice_permille;
        int64_t burst_until;
        int64_t delay_min_us;
        int64_t delay_max_us;
        struct sim_packet flying[SIM_FLYING_MAX];
        unsigned n_flying;
        uint64_t next_number;
        int64_t disturbed[SIM_NODES_MAX][SIM_NODES_MAX]; /* last fault on the way from, to */

        /* watch.c */
        int64_t dual_since[SIM_NODES_MAX][SIM_NODES_MAX];
        int64_t gap_since;
        bool quiet; /* from here on nobody may move */
        struct sim_counts counts;
};

/* --- chance --- */
uint64_t sim_draw(struct sim_random *r);
/** Uniform in [low, high]. */
int64_t sim_between(struct sim_random *r, int64_t low, int64_t high);
bool sim_chance(struct sim_random *r, int permille);

/* --- run.c --- */
/** Run one seed from its plan to the end. @return true if everything held */
bool sim_run(uint64_t seed, bool trace, struct sim_counts *add_to);

/* --- trace and failure --- */
void sim_trace(const struct sim_world *w, const struct sim_node *n, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/** Record that a promise did not hold; the first one is printed. */
void sim_fail(struct sim_world *w, const struct sim_node *n, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* --- lan.c --- */
void lan_send(struct sim_world *w, const struct sim_node *from, uint8_t priority);
/** When the next packet arrives, or INT64_MAX. */
int64_t lan_next(const struct sim_world *w);
/** Deliver that packet. */
void lan_deliver(struct sim_world *w);
/** Note a fault on every way to and from a node. */
void lan_disturb(struct sim_world *w, int id);

/* --- node.c --- */
void node_boot(struct sim_world *w, struct sim_node *n);
void node_start(struct sim_world *w, struct sim_node *n);
void node_stop(struct sim_world *w, struct sim_node *n);
void node_crash(struct sim_world *w, struct sim_node *n);
void node_pause(struct sim_world *w, struct sim_node *n, bool frozen);
void node_resume(struct sim_world *w, struct sim_node *n);
void node_receive(struct sim_world *w, struct sim_node *n, const struct sim_packet *p);
void node_feed(struct sim_world *w, struct sim_node *n, const struct election_event *ev);
void node_feed_type(struct sim_world *w, struct sim_node *n, enum election_event_type type);
void node_reconfigure(struct sim_world *w, struct sim_node *n, const struct election_config *c);
/** Running and neither stopped nor without process time. */
bool node_runs(const struct sim_node *n);

/* --- watch.c --- */
void watch_boot(struct sim_world *w, struct sim_node *n);
void watch_resume(struct sim_world *w, struct sim_node *n, int64_t stall_us);
void watch_step(struct sim_world *w, struct sim_node *n, enum election_state before,
                const struct election_event *ev, const struct sim_packet *p, unsigned actions);
void watch_reconfigure(struct sim_world *w, struct sim_node *n, const struct election_config *old,
                       unsigned actions);
/** After every event: what must hold of all nodes together. */
void watch_world(struct sim_world *w);
/** After the settling time: exactly one active, the right one; from here on nobody moves. */
void watch_settled(struct sim_world *w);
/** At the end: nothing ran hot. */
void watch_end(struct sim_world *w, int64_t duration_us);

#endif
