/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONFIG_H
#define LIB_CONFIG_H
/*
 * The configuration as checked values: what vipring.conf(5) describes, the
 * same on every node. Loading either yields a whole, valid configuration or a
 * list of errors, each with file and line; nothing in between. Times are
 * microseconds. Strings and arrays belong to the struct config.
 */
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/addr.h"

#define CONF_NAME_MAX 32 /* names of clusters, nodes, groups, checks, hooks; with the NUL */
#define CONF_NODES_MAX 64
#define CONF_GROUPS_MAX 1000
#define CONF_VIPS_MAX 20000 /* over all groups */
#define CONF_CHECKS_MAX 512
#define CONF_HOOKS_MAX 64
#define CONF_TRACK_MAX 16 /* tracked interfaces of one group */
#define CONF_PEERS_MAX 32 /* unicast peers of one group */
#define CONF_ARGS_MAX 32  /* words of one command */

struct conf_node {
        char name[CONF_NAME_MAX];
        uint16_t id;            /* hash of the name; unique in the file */
        struct ip_addr address; /* on the LAN */
};

/** One virtual address: "192.0.2.10/24 dev eth1 label web scope link". */
struct conf_vip {
        struct ip_addr addr;
        uint8_t prefix_len;
        uint8_t scope;      /* RT_SCOPE_x; default universe */
        bool excluded;      /* from excluded-addresses: not in adverts */
        char dev[IFNAMSIZ]; /* never empty: defaults to the group's interface */
        char label[IFNAMSIZ]; /* "" = none; IPv4 only. As the kernel wants it: "eth0:web" */
};

enum conf_check_kind {
        CONF_CHECK_TCP,
        CONF_CHECK_HTTP,
        CONF_CHECK_EXEC,
        CONF_CHECK_FILE,
        CONF_CHECK_PROCESS,
};

struct conf_check {
        char name[CONF_NAME_MAX];
        enum conf_check_kind kind;
        char *target;           /* as written: URL, "addr:port", path, process name */
        struct ip_addr address; /* tcp and http: where to connect (literal addresses only) */
        uint16_t port;          /* tcp and http */
        char *host;             /* http: Host header */
        char *path;             /* http: request target, "/healthz" */
        char **argv;            /* exec: absolute path and arguments, NULL-terminated */
        char *user;             /* exec: run as; never NULL for exec */
        int64_t interval_us;    /* between starts */
        int64_t timeout_us;     /* of one try */
        unsigned rise, fall;    /* good / bad results in a row that turn it */
        int weight;             /* 0: required. Else added to the VRRP priority: <0 while down,
                                   >0 while up. Only in groups with vrrp.priority */
};

/** When a hook runs. BEFORE_x is queued before the change starts, x after it is done. */
enum conf_hook_on {
        CONF_HOOK_ACTIVE = 1 << 0,
        CONF_HOOK_BACKUP = 1 << 1,
        CONF_HOOK_FAULT = 1 << 2,
        CONF_HOOK_STOP = 1 << 3,
        CONF_HOOK_BEFORE_ACTIVE = 1 << 4,
        CONF_HOOK_BEFORE_BACKUP = 1 << 5,
        CONF_HOOK_BEFORE_FAULT = 1 << 6,
        CONF_HOOK_BEFORE_STOP = 1 << 7,
};

struct conf_hook {
        char name[CONF_NAME_MAX];
        unsigned on;  /* bits of enum conf_hook_on */
        char **argv;  /* absolute path and arguments, NULL-terminated */
        char *user;   /* never NULL */
        int64_t timeout_us;
};

struct conf_track {
        char iface[IFNAMSIZ];
        int weight; /* 0: required, as in conf_check */
};

/** How often gratuitous ARP and unsolicited NA go out, per address. */
struct conf_announce {
        unsigned count;      /* frames after a claim, the first at once */
        int64_t interval_us; /* between them */
        int64_t refresh_us;  /* repeat for ever at this interval; 0 = no */
        unsigned rate;       /* frames a second, over the group */
};

#define CONF_VRRP_PASSWORD_MAX 8 /* RFC 2338's simple password */

struct conf_group {
        char name[CONF_NAME_MAX];
        uint32_t id; /* hash of the name; unique in the file */
        char iface[IFNAMSIZ];
        uint8_t vrid; /* 1..255 */
        struct conf_vip *vips; /* advertised ones first, in file order, then excluded */
        unsigned n_vips;
        unsigned home; /* index of the preferred node; without `prefer` the first node */
        struct conf_track track[CONF_TRACK_MAX]; /* without the group's own interface */
        unsigned n_track;
        struct conf_check *checks;
        unsigned n_checks;
        struct conf_hook *hooks;
        unsigned n_hooks;
        bool accept; /* answer on the addresses (RFC 9568 6.1, Accept_Mode) */
        struct conf_announce announce;

        /* VRRP on the LAN */
        bool foreign;        /* `vrrp.priority` is set: shared with keepalived or routers */
        uint8_t version;     /* 2 or 3 */
        uint8_t priority;    /* home's; only if foreign. The k-th candidate has priority - 2k */
        int64_t interval_us; /* between adverts; v3 multiples of 10 ms, v2 whole seconds */
        bool preempt; /* native: failback "auto"; foreign: vrrp.preempt. Ask config_preempt() */
        int64_t preempt_delay_us;  /* how long a better candidate waits, eligible, before it does */
        bool checksum_plain;       /* v3/IPv4: without pseudo-header (RFC 9568) */
        struct ip_addr source[2];  /* [0] IPv4, [1] IPv6; family 0 = take the interface's */
        struct ip_addr peers[CONF_PEERS_MAX]; /* unicast; none = multicast */
        unsigned n_peers;
        uint8_t password[CONF_VRRP_PASSWORD_MAX]; /* v2, zero-padded */
        bool has_password;
};

struct config {
        char cluster[CONF_NAME_MAX];
        char *path; /* of the file that was read */
        char **files; /* that one and those it includes */
        unsigned n_files;
        struct conf_node nodes[CONF_NODES_MAX]; /* in ring order */
        unsigned n_nodes;
        struct conf_group *groups; /* in file order */
        unsigned n_groups;
        char digest[17]; /* of the meaning, not of the spelling: 16 hex digits */
};

/** The errors of one load, oldest first. At most CONF_ERRORS_MAX are kept; all are counted. */
#define CONF_ERRORS_MAX 50
struct conf_errors {
        char *text[CONF_ERRORS_MAX]; /* "FILE:LINE: error: MESSAGE" */
        unsigned n;                  /* errors found, may exceed what is kept */
        char *warnings[CONF_ERRORS_MAX];
        unsigned n_warnings;
};

/**
 * Read and check a file.
 * @param ret     set only on success; free with config_free()
 * @param errors  always set; free with conf_errors_clear()
 * @return 0; -EINVAL with errors->n > 0; -ENOMEM
 * Reads secrets that the file names (auth-password-file: must be 0600 or stricter).
 */
int config_load(const char *path, struct config **ret, struct conf_errors *errors);

/** The same for a text in memory that calls itself `path` (includes are still read from files). */
int config_load_text(const char *path, const char *text, size_t len, struct config **ret,
                     struct conf_errors *errors);

/** NULL is allowed. @return NULL */
struct config *config_free(struct config *c);

void conf_errors_clear(struct conf_errors *errors);

/** One line each, errors then warnings, then a count. */
void conf_errors_print(const struct conf_errors *errors, FILE *to);

/** @return index into nodes, or -ENOENT */
int config_find_node(const struct config *c, const char *name);

/** @return the group, or NULL */
const struct conf_group *config_find_group(const struct config *c, const char *name);

/** How far `node` is from the group's home along the ring: 0 = home. */
unsigned config_rank(const struct config *c, const struct conf_group *g, unsigned node);

/** The VRRP priority `node` has in the group: 254 for home, 252 - 2k behind it, or from vrrp.priority. */
uint8_t config_priority(const struct config *c, const struct conf_group *g, unsigned node);

/**
 * May `node` take the group over from a living active one? Native groups: only
 * home, with failback "auto"; groups shared with foreign routers: every node,
 * by vrrp.preempt. How long it waits first is preempt_delay_us.
 */
bool config_preempt(const struct config *c, const struct conf_group *g, unsigned node);

/**
 * True if nothing that matters at run time differs within the groups. What a
 * group means also depends on the list of nodes: compare config_priority() too.
 */
bool conf_group_equal(const struct conf_group *a, const struct conf_group *b);
bool conf_check_equal(const struct conf_check *a, const struct conf_check *b);

/* --- the table of settings, for `vipctl explain` and the manual --------------- */

enum conf_kind {
        CONF_KIND_NAME,      /* letters, digits, '-' and '_' */
        CONF_KIND_INTERFACE,
        CONF_KIND_USER,
        CONF_KIND_PATH,      /* absolute */
        CONF_KIND_PROCESS,
        CONF_KIND_BOOLEAN,
        CONF_KIND_INTEGER,
        CONF_KIND_TIME,      /* string with a unit */
        CONF_KIND_CHOICE,    /* one of `choices` */
        CONF_KIND_VERSION,   /* integer, one of `choices` */
        CONF_KIND_ADDRESS,
        CONF_KIND_ADDRESSES, /* list */
        CONF_KIND_SOURCES,   /* address or list, one per family */
        CONF_KIND_VIPS,      /* list of addresses with options */
        CONF_KIND_TRACKS,    /* list of interfaces with options */
        CONF_KIND_ENDPOINT,  /* "ADDRESS:PORT" */
        CONF_KIND_URL,
        CONF_KIND_COMMAND,   /* string or list of words */
        CONF_KIND_EVENTS,    /* enum conf_hook_on: string or list */
        CONF_KIND_SECTION,   /* { } of settings at "PLACE.NAME" */
        CONF_KIND_NAMED,     /* { NAME = { } ... } of settings at "PLACE.NAME.NAME" */
        CONF_KIND_TEXT,      /* not looked at: not available */
};

struct conf_setting {
        const char *place; /* "", "nodes.NAME", "groups.NAME", "groups.NAME.vrrp", ... */
        const char *name;
        enum conf_kind kind;
        const char *type;   /* for people: "name", "time 10ms to 1h", "integer 1..255", ... */
        const char *lo, *hi; /* range of an integer or time, as text */
        const char *const *choices; /* ends with NULL */
        bool required;
        const char *fallback; /* the default as text, or NULL if required or none */
        const char *help;   /* one line */
        bool available;     /* false: known, but its feature is not built yet; refused */
        const char *instead; /* if not available: what happens instead */
};

/** All settings, in the order of the manual. */
const struct conf_setting *config_settings(size_t *ret_n);

#endif
