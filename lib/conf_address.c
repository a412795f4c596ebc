/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <config.h>

/* Addresses, alone and with what may be written around them. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/conf_settings.h"
#include "lib/conf_value.h"

bool conf_address_is_any(const struct ip_addr *a)
{
        struct ip_addr any = {.family = a->family};

        return ip_addr_cmp(a, &any) == 0;
}

static bool is_loopback(const struct ip_addr *a)
{
        static const struct ip_addr v6 = {.family = AF_INET6, .bytes = {[15] = 1}};

        return a->family == AF_INET ? a->bytes[0] == 127 : ip_addr_cmp(a, &v6) == 0;
}

/** What makes an address useless for a host, or NULL. */
static const char *address_fault(const struct ip_addr *a)
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

        if (conf_address_is_any(a))
                return "the unspecified address";
        if (is_loopback(a))
                return "a loopback address";
        if (ip_addr_is_multicast(a))
                return "a multicast address";
        if (a->family == AF_INET && a->bytes[0] == 0)
                return "in 0.0.0.0/8, which no host can have";
        if (a->family == AF_INET && a->bytes[0] >= 240)
                return "reserved or the broadcast address";
        if (a->family == AF_INET6 && memcmp(a->bytes, mapped, sizeof(mapped)) == 0)
                return "an IPv4-mapped address; write the IPv4 address";
        return NULL;
}

static int parse(const char *text, struct ip_addr *ret, struct conf_why *why)
{
        if (ip_addr_parse(text, ret) == 0)
                return 0;
        if (strchr(text, '/'))
                return conf_why(why, "\"%.60s\" is not an address: leave out what follows the '/'",
                                text);
        return conf_why(why, "\"%.60s\" is not an IPv4 or IPv6 address", text);
}

int conf_value_address(const char *text, struct ip_addr *ret, struct conf_why *why)
{
        struct ip_addr a;
        const char *fault;
        int r = parse(text, &a, why);

        if (r < 0)
                return r;
        fault = address_fault(&a);
        if (fault)
                return conf_why(why, "%s is %s", text, fault);
        *ret = a;
        return 0;
}

int conf_value_number(const char *digits, int max)
{
        int value = 0;

        if (*digits == '\0' || strlen(digits) > 5)
                return -1;
        for (; *digits; digits++) {
                if (*digits < '0' || *digits > '9')
                        return -1;
                value = value * 10 + (*digits - '0');
        }
        return value > max ? -1 : value;
}

/** Host part all zeros or all ones: the subnet's own or its broadcast address. */
static const char *subnet_fault(const struct conf_vip *vip)
{
        uint32_t addr, host;

        if (vip->addr.family != AF_INET || vip->prefix_len > 30)
                return NULL;
        addr = (uint32_t)vip->addr.bytes[0] << 24 | (uint32_t)vip->addr.bytes[1] << 16 |
               (uint32_t)vip->addr.bytes[2] << 8 | vip->addr.bytes[3];
        host = UINT32_MAX >> vip->prefix_len;
        if ((addr & host) == 0)
                return "the network's own address";
        return (addr & host) == host ? "the network's broadcast address" : NULL;
}

/** "192.0.2.10/24" */
static int prefix(char *word, struct conf_vip *vip, struct conf_why *why)
{
        char *slash = strchr(word, '/');
        const char *fault;
        int bits, len, r;

        if (slash)
                *slash = '\0';
        r = conf_value_address(word, &vip->addr, why);
        if (r < 0)
                return r;
        bits = ip_addr_bits(&vip->addr);
        len = slash ? conf_value_number(slash + 1, bits) : bits;
        if (len < 1)
                return conf_why(why, "\"%s/%.20s\": the prefix length must be 1 to %d", word,
                                slash + 1, bits);
        vip->prefix_len = (uint8_t)len;
        fault = subnet_fault(vip);
        return fault ? conf_why(why, "%s/%d is %s", word, len, fault) : 0;
}

static int scope(const char *word, uint8_t *ret, struct conf_why *why)
{
        static const char *const names[] = {"global", "site", "link", "host", NULL};
        static const uint8_t values[] = {RT_SCOPE_UNIVERSE, RT_SCOPE_SITE, RT_SCOPE_LINK,
                                         RT_SCOPE_HOST};
        char advice[CONF_ADVICE_MAX];
        int at = conf_choices_find(names, word);

        if (at < 0)
                return conf_why(why, "\"%.40s\" is not a scope (global, site, link, host)%s", word,
                                conf_choices_advise(names, word, advice));
        *ret = values[at];
        return 0;
}

static int label(const char *word, struct conf_vip *vip, struct conf_why *why)
{
        if (vip->addr.family != AF_INET)
                return conf_why(why, "a label is for IPv4 only");
        if (strlen(word) >= IFNAMSIZ)
                return conf_why(why, "the label \"%.40s\" is longer than %d characters", word,
                                IFNAMSIZ - 1);
        for (const char *c = word; *c; c++) {
                if (*c <= ' ' || *c > '~' || *c == '/')
                        return conf_why(why, "\"%s\" is not a label", word);
        }
        strcpy(vip->label, word);
        return 0;
}

/** @param seen one bit for each option, set as they come */
static int option(const char *name, const char *value, struct conf_vip *vip, unsigned *seen,
                  struct conf_why *why)
{
        static const char *const names[] = {"dev", "label", "scope", "block", NULL};
        char advice[CONF_ADVICE_MAX];
        int r, at = conf_choices_find(names, name);

        if (at < 0)
                return conf_why(why, "\"%.40s\" is not an option of an address%s", name,
                                conf_choices_advise(names, name, advice));
        if (*seen & (1u << at))
                return conf_why(why, "\"%s\" is given twice", name);
        *seen |= 1u << at;
        if (*value == '\0')
                return conf_why(why, "a word is missing after \"%s\"", name);
        if (strcmp(name, "scope") == 0)
                return scope(value, &vip->scope, why);
        if (strcmp(name, "label") == 0)
                return label(value, vip, why);
        r = conf_value_interface(value, why);
        if (r == 0)
                strcpy(vip->dev, value);
        return r;
}

static void copy_word(char *buf, size_t size, const char **text)
{
        const char *word;
        size_t len = conf_value_word(text, &word);

        snprintf(buf, size, "%.*s", (int)len, word);
}

/** True if one of the options is "block", a whole prefix. */
static bool names_block(const char *options)
{
        char name[80], value[80];

        for (;;) {
                copy_word(name, sizeof(name), &options);
                if (*name == '\0' || strcmp(name, "block") == 0)
                        return *name != '\0';
                copy_word(value, sizeof(value), &options);
        }
}

int conf_value_vip(const char *text, struct conf_vip *ret, struct conf_why *why)
{
        struct conf_vip vip = {.scope = RT_SCOPE_UNIVERSE};
        char word[80], value[80];
        unsigned seen = 0;
        int r;

        if (strlen(text) >= sizeof(word))
                return conf_why(why, "\"%.40s...\" is too long for an address with options", text);
        copy_word(word, sizeof(word), &text);
        if (*word == '\0')
                return conf_why(why, "an empty address");
        if (names_block(text))
                return conf_why(why, "'block' is not available in vipring " PACKAGE_VERSION
                                     ": list the addresses one by one");
        r = prefix(word, &vip, why);
        while (r == 0) {
                copy_word(word, sizeof(word), &text);
                if (*word == '\0')
                        break;
                copy_word(value, sizeof(value), &text);
                r = option(word, value, &vip, &seen, why);
        }
        if (r == 0)
                *ret = vip;
        return r;
}

int conf_value_vip_complete(struct conf_vip *vip, const char *iface, struct conf_why *why)
{
        char full[2 * IFNAMSIZ + 1];
        size_t len;

        if (vip->dev[0] == '\0')
                snprintf(vip->dev, sizeof(vip->dev), "%s", iface);
        if (vip->label[0] == '\0')
                return 0;
        len = strlen(vip->dev);
        if (strncmp(vip->label, vip->dev, len) == 0 &&
            (vip->label[len] == ':' || vip->label[len] == '\0'))
                return 0;
        snprintf(full, sizeof(full), "%s:%s", vip->dev, vip->label);
        if (strlen(full) >= IFNAMSIZ)
                return conf_why(why, "the label \"%s\" is longer than the kernel's %d characters",
                                full, IFNAMSIZ - 1);
        strcpy(vip->label, full);
        return 0;
}

int conf_value_track(const char *text, struct conf_track *ret, struct conf_why *why)
{
        struct conf_track track = {0};
        char iface[80], word[80], value[80], *end;
        long weight;
        int r;

        copy_word(iface, sizeof(iface), &text);
        copy_word(word, sizeof(word), &text);
        copy_word(value, sizeof(value), &text);
        r = conf_value_interface(iface, why);
        if (r < 0)
                return r;
        strcpy(track.iface, iface);
        if (*word == '\0') {
                *ret = track;
                return 0;
        }
        if (strcmp(word, "weight") != 0)
                return conf_why(why,
                                "\"%.40s\" is not an option of a tracked interface; write "
                                "\"%s\" or \"%s weight -20\"",
                                word, iface, iface);
        weight = strtol(value, &end, 10);
        if (*value == '\0' || *end != '\0' || weight < -253 || weight > 253 || weight == 0)
                return conf_why(why, "the weight must be -253 to 253, and not 0");
        if (text[strspn(text, " \t")] != '\0')
                return conf_why(why, "nothing may follow the weight");
        track.weight = (int)weight;
        *ret = track;
        return 0;
}
