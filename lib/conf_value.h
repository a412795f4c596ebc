/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIB_CONF_VALUE_H
#define LIB_CONF_VALUE_H
/*
 * Single values of the configuration as people write them. Each function
 * returns 0, or -EINVAL with the reason in `why`, a phrase that names the value.
 * Out-parameters are written only on success. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config.h"

struct conf_why {
        char text[240];
};

__attribute__((format(printf, 2, 3))) int conf_why(struct conf_why *why, const char *format, ...);

/** "100ms", "1.5s", "2min", "1h": microseconds. */
int conf_value_time(const char *text, int64_t *ret_us, struct conf_why *why);

/** Name of a node, group, check or hook: a letter, then letters, digits, '-', '_'. */
int conf_value_name(const char *text, struct conf_why *why);

/** As dev_valid_name() in the kernel's net/core/dev.c has it, and without ':' at the end. */
int conf_value_interface(const char *text, struct conf_why *why);

int conf_value_user(const char *text, struct conf_why *why);

/** Absolute, without control characters. */
int conf_value_path(const char *text, struct conf_why *why);

/** Name of a program without its folder. */
int conf_value_process(const char *text, struct conf_why *why);

/** An address that a host can have and others can reach. */
int conf_value_address(const char *text, struct ip_addr *ret, struct conf_why *why);

/** 0.0.0.0 or :: */
bool conf_address_is_any(const struct ip_addr *a);

/** Decimal digits only. @return -1 otherwise, or when larger than `max` (at most 99999) */
int conf_value_number(const char *digits, int max);

/** "192.0.2.10/24 dev eth1 label web scope link". Without dev, ret->dev is "". */
int conf_value_vip(const char *text, struct conf_vip *ret, struct conf_why *why);

/** Put the group's interface where none is named, and the label in the kernel's form. */
int conf_value_vip_complete(struct conf_vip *vip, const char *iface, struct conf_why *why);

/** "eth1", "eth1 weight -20". */
int conf_value_track(const char *text, struct conf_track *ret, struct conf_why *why);

/** "127.0.0.1:80", "[::1]:80". */
int conf_value_endpoint(const char *text, struct ip_addr *ret_addr, uint16_t *ret_port,
                        struct conf_why *why);

struct conf_url {
        struct ip_addr address;
        uint16_t port;
        const char *host; /* into the text */
        size_t host_len;
        const char *path; /* into the text; "/" if the URL has none */
};

/** "http://127.0.0.1:8080/healthz", "http://[::1]/". */
int conf_value_url(const char *text, struct conf_url *ret, struct conf_why *why);

/** "active", "before-backup|backup": bits of enum conf_hook_on. */
int conf_value_events(const char *text, unsigned *ret, struct conf_why *why);

/** A command as one string: words between blanks, no quoting, because no shell runs it. */
int conf_value_command(const char *text, struct conf_why *why);

/** Next word of *text, between blanks; moves *text behind it. @return its length, 0 at the end */
size_t conf_value_word(const char **text, const char **ret_word);

#endif
