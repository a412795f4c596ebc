/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The meaning of a configuration as text: for the digest, which tells nodes
 * whether they run the same configuration, and to see what a reload changes.
 * Every field of lib/config.h that matters at run time is in it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf_build.h"

static void address(FILE *to, const char *name, const struct ip_addr *a)
{
        char text[IP_ADDR_TEXT];

        fprintf(to, "%s %s\n", name, ip_addr_format(a, text));
}

/** With its length, so that no two lists of texts look alike. */
static void string(FILE *to, const char *name, const char *value)
{
        fprintf(to, "%s %zu:%s\n", name, value ? strlen(value) : 0, value ? value : "");
}

static void words(FILE *to, char *const *argv)
{
        for (; argv && *argv; argv++)
                string(to, "word", *argv);
}

static void vip(FILE *to, const struct conf_vip *v)
{
        address(to, "vip", &v->addr);
        fprintf(to, "prefix %u scope %u excluded %d dev %s label %s\n", v->prefix_len, v->scope,
                v->excluded, v->dev, v->label);
}

static void check(FILE *to, const struct conf_check *c)
{
        fprintf(to,
                "check %s kind %d interval %" PRId64 " timeout %" PRId64 " rise %u fall %u "
                "weight %d\n",
                c->name, c->kind, c->interval_us, c->timeout_us, c->rise, c->fall, c->weight);
        string(to, "target", c->target);
        string(to, "host", c->host);
        string(to, "user", c->user);
        words(to, c->argv);
}

static void hook(FILE *to, const struct conf_hook *h)
{
        fprintf(to, "hook %s on %u timeout %" PRId64 "\n", h->name, h->on, h->timeout_us);
        string(to, "user", h->user);
        words(to, h->argv);
}

static void vrrp(FILE *to, const struct conf_group *g)
{
        fprintf(to,
                "vrrp %u foreign %d priority %u interval %" PRId64 " preempt %d delay %" PRId64
                " plain %d\n",
                g->version, g->foreign, g->priority, g->interval_us, g->preempt,
                g->preempt_delay_us, g->checksum_plain);
        address(to, "source4", &g->source[0]);
        address(to, "source6", &g->source[1]);
        for (unsigned i = 0; i < g->n_peers; i++)
                address(to, "peer", &g->peers[i]);
        fputs("password ", to);
        for (unsigned i = 0; g->has_password && i < sizeof(g->password); i++)
                fprintf(to, "%02x", g->password[i]);
        fputc('\n', to);
}

static void group(FILE *to, const struct conf_group *g)
{
        fprintf(to, "group %s interface %s vrid %u home %u accept %d\n", g->name, g->iface, g->vrid,
                g->home, g->accept);
        fprintf(to, "announce %u every %" PRId64 " refresh %" PRId64 " rate %u\n",
                g->announce.count, g->announce.interval_us, g->announce.refresh_us,
                g->announce.rate);
        for (unsigned i = 0; i < g->n_vips; i++)
                vip(to, &g->vips[i]);
        for (unsigned i = 0; i < g->n_track; i++)
                fprintf(to, "track %s weight %d\n", g->track[i].iface, g->track[i].weight);
        for (unsigned i = 0; i < g->n_checks; i++)
                check(to, &g->checks[i]);
        for (unsigned i = 0; i < g->n_hooks; i++)
                hook(to, &g->hooks[i]);
        vrrp(to, g);
}

/* What render() writes, as a string; NULL: no memory. */
static char *rendered(void (*render)(FILE *to, const void *what), const void *what)
{
        char *text = NULL;
        size_t len;
        FILE *to = open_memstream(&text, &len);

        if (!to)
                return NULL;
        render(to, what);
        if (fclose(to) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static void render_group(FILE *to, const void *what)
{
        group(to, what);
}

static void render_check(FILE *to, const void *what)
{
        check(to, what);
}

char *conf_group_render(const struct conf_group *g)
{
        return rendered(render_group, g);
}

char *conf_check_render(const struct conf_check *c)
{
        return rendered(render_check, c);
}

static ssize_t hash_bytes(void *cookie, const char *bytes, size_t len)
{
        uint64_t *hash = cookie;

        for (size_t i = 0; i < len; i++)
                *hash = (*hash ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
        return (ssize_t)len;
}

int conf_digest(struct config *c)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, 64 bits */
        cookie_io_functions_t into = {.write = hash_bytes};
        FILE *to = fopencookie(&hash, "w", into);

        if (!to)
                return -ENOMEM;
        fprintf(to, "cluster %s\n", c->cluster);
        for (unsigned i = 0; i < c->n_nodes; i++) {
                fprintf(to, "node %s\n", c->nodes[i].name);
                address(to, "address", &c->nodes[i].address);
        }
        for (unsigned i = 0; i < c->n_groups; i++)
                group(to, &c->groups[i]);
        if (fclose(to) != 0)
                return -ENOMEM;
        snprintf(c->digest, sizeof(c->digest), "%016" PRIx64, hash);
        return 0;
}
