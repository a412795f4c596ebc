/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_GAP_RECORD_H
#define BENCH_GAP_RECORD_H
/*
 * What happened to each probe sent to one address, and what follows from it: how many were
 * lost, the longest time without an answer, who answered when. Times are microseconds since
 * the start of the run, of the sending unless said otherwise. Pure but for its arrays.
 */
#include <stdbool.h>
#include <stdint.h>

#define GAP_NODES_MAX 64
#define GAP_NODE_NONE 0xff
#define GAP_SWITCHES_MAX 64 /* kept; all are counted */

struct gap_probe {
        uint32_t sent_us;
        uint32_t answered_us; /* when the first answer came; 0 = lost (so never exactly 0) */
        uint8_t node;         /* who sent it, or GAP_NODE_NONE */
};

struct gap_record {
        struct gap_probe *probes; /* by sequence number */
        uint32_t n, max;
        uint32_t duplicates; /* second answers from the same node */
        uint32_t dual;       /* second answers from another node: two hosts have the address */
        uint32_t send_errors;
};

/** Answers moved from one node to another between two answered probes. */
struct gap_switch {
        uint32_t at_us;  /* the first probe the new node answered */
        uint32_t gap_us; /* since the last one the old node answered */
        uint8_t from, to;
};

struct gap_summary {
        uint32_t sent, answered, lost;
        /* The longest time between two consecutive answered probes with a lost one between
           them; probes lost at the very start or end count up to the first or last one sent.
           0: nothing was lost. */
        uint32_t gap_us, gap_at_us;
        uint32_t rtt_max_us;
        uint32_t own_stall_us; /* longest time between two sends: the prober's own lateness */
        uint32_t by_node[GAP_NODES_MAX];
        struct gap_switch switches[GAP_SWITCHES_MAX];
        uint32_t n_switches;
        uint32_t interleaved; /* switches back within a second: two nodes answered in turn */
};

/** @return 0 or -ENOMEM */
int gap_record_init(struct gap_record *r, uint32_t max_probes);
void gap_record_clear(struct gap_record *r);

/** @return the sequence number, or UINT32_MAX when the record is full */
uint32_t gap_record_sent(struct gap_record *r, uint32_t now_us);

/** False: no such probe was sent. */
bool gap_record_answer(struct gap_record *r, uint32_t seq, uint32_t now_us, uint8_t node);

void gap_record_sum(const struct gap_record *r, struct gap_summary *ret);

#endif
