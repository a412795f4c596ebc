/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H
/*
 * The probe: what a client sees of an address, measured. `server` answers on every node with
 * the node's name; `gap` sends to addresses at a fixed pace and tells what was lost and who
 * answered; `http` fetches a page again and again on new connections. A request and its
 * answer are of the same size.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define PROBE_PORT 7117
#define PROBE_MAGIC 0x56525031u /* "VRP1" */
#define PROBE_NODE_MAX 32
#define PROBE_TARGETS_MAX 1000
#define PROBE_TOTAL_MAX 4000000 /* probes of one run */

/** On the wire, host order: both ends are on one machine. */
struct probe_packet {
        uint32_t magic, run, target, seq;
        char node[PROBE_NODE_MAX]; /* empty in a request */
};

struct probe_options {
        const char *name;     /* server: what to answer */
        uint16_t port;        /* 0: the mode's default */
        int64_t every_us;     /* gap: between probes to one address; http: pause between fetches */
        int64_t duration_us;  /* gap, http */
        int64_t timeout_us;   /* http: of one fetch */
        int64_t linger_us;    /* gap: wait for late answers after the last probe */
        bool realtime;        /* ask for SCHED_FIFO */
        char **addresses;
        unsigned n_addresses;
};

/** Set by SIGTERM and SIGINT: stop and report. */
extern volatile int probe_stop;

/** Run with SCHED_FIFO and locked memory if this is permitted. @return whether it was */
bool probe_realtime(void);

/** Parse an address into a sockaddr with this port. @return its length, or 0 with a message */
socklen_t probe_sockaddr(const char *text, uint16_t port, struct sockaddr_storage *ret);

/* Each runs its mode to the end and prints its result. @return exit status */
int responder_run(const struct probe_options *o);
int gap_run(const struct probe_options *o);
int fetch_run(const struct probe_options *o);

#endif
