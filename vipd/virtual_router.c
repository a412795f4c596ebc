/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vipd/virtual_router.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"

static unsigned count_advertised(const struct conf_group *conf, uint8_t family)
{
        unsigned n = 0;

        for (unsigned i = 0; i < conf->n_vips; i++)
                n += conf->vips[i].addr.family == family && !conf->vips[i].excluded;
        return n;
}

static bool is_peer(const struct conf_group *conf, const struct ip_addr *addr)
{
        for (unsigned i = 0; i < conf->n_peers; i++)
                if (ip_addr_cmp(&conf->peers[i], addr) == 0)
                        return true;
        return false;
}

void virtual_router_fit(struct virtual_router *v, unsigned mtu)
{
        unsigned wanted = count_advertised(v->conf, v->family);
        unsigned fits = vrrp_advert_fits(v->conf->version, v->family, mtu);

        unsigned left = wanted > fits ? wanted - fits : 0;

        if (left > 0 && left != v->left)
                log_write(LOG_WARNING, &(struct log_about){.group = v->conf->name},
                          "%u of %u IPv%d addresses fit one advertisement (MTU %u); the other %u "
                          "are used but not advertised",
                          fits, wanted, v->family == AF_INET ? 4 : 6, mtu, left);
        if (wanted - left != v->n_advertised)
                v->same.len = 0;
        v->fits = fits;
        v->left = left;
        v->n_advertised = wanted - left;
}

/* --- receiving ------------------------------------------------------------------ */

static struct virtual_router_peer *peer_of(struct virtual_router *v, const struct ip_addr *addr)
{
        for (unsigned i = 0; i < v->n_peers; i++)
                if (ip_addr_cmp(&v->peers[i].addr, addr) == 0)
                        return &v->peers[i];
        if (v->n_peers == VIRTUAL_ROUTER_PEERS)
                return NULL;
        v->peers[v->n_peers].addr = *addr;
        return &v->peers[v->n_peers++];
}

/* Where it came from and how, before looking inside (RFC 9568 7.1; unicast as keepalived has it:
 * any TTL, but only from a configured peer). */
static enum vrrp_error judge_datagram(const struct virtual_router *v, const struct vrrp_datagram *d)
{
        if (v->conf->n_peers == 0) {
                if (!d->multicast)
                        return VRRP_ERR_DESTINATION;
                if (d->ttl != VRRP_TTL)
                        return VRRP_ERR_TTL;
        } else {
                if (d->multicast)
                        return VRRP_ERR_DESTINATION;
                if (!is_peer(v->conf, &d->src))
                        return VRRP_ERR_SOURCE;
        }
        return v->source.family && ip_addr_cmp(&d->src, &v->source) == 0 ? VRRP_ERR_SOURCE
                                                                         : VRRP_OK;
}

/* That we own the addresses (priority 255) is no reason to ignore an advert: two owners must find
 * each other, and the election decides (erratum 8298). */
static enum vrrp_error judge_advert(const struct virtual_router *v, const struct vrrp_advert *a)
{
        if (a->version != v->conf->version)
                return VRRP_ERR_VERSION;
        if (a->has_password != v->conf->has_password)
                return VRRP_ERR_AUTH_TYPE;
        if (a->has_password && !vrrp_password_equal(a->password, v->conf->password))
                return VRRP_ERR_PASSWORD;
        if (a->version == 2 && a->interval_cs * US_PER_CS != v->conf->interval_us)
                return VRRP_ERR_INTERVAL;
        return VRRP_OK;
}

#define MORE_TEXT 40

/* The end of a line of which some were withheld: "" or "; 12 more like this". @return buf */
static const char *more(uint64_t withheld, char buf[static MORE_TEXT])
{
        buf[0] = '\0';
        if (withheld)
                snprintf(buf, MORE_TEXT, "; %" PRIu64 " more like this", withheld);
        return buf;
}

static void reject(struct virtual_router *v, const struct vrrp_datagram *d, enum vrrp_error why)
{
        char src[IP_ADDR_TEXT], tail[MORE_TEXT];
        uint64_t withheld;

        v->rejected[why]++;
        if (!log_limit_pass(&v->limit_rejected, clock_now(), &withheld))
                return;
        log_write(LOG_WARNING,
                  &(struct log_about){.group = v->conf->name,
                                      .peer = ip_addr_format(&d->src, src),
                                      .iface = v->conf->iface},
                  "advertisement from %s ignored: %s (TTL %d, %zu bytes)%s", src,
                  vrrp_error_name(why), d->ttl, d->len, more(withheld, tail));
}

static bool same_addresses(const struct virtual_router *v, const struct vrrp_advert *a)
{
        unsigned ours = 0;

        for (unsigned i = 0; i < v->conf->n_vips && ours < v->n_advertised; i++) {
                const struct conf_vip *vip = &v->conf->vips[i];
                bool found = false;

                if (vip->excluded || vip->addr.family != v->family)
                        continue;
                ours++;
                for (unsigned k = 0; k < a->n_addrs && !found; k++)
                        found = ip_addr_cmp(&a->addrs[k], &vip->addr) == 0;
                if (!found)
                        return false;
        }
        return ours == a->n_addrs;
}

/* A difference that is no reason to ignore the advert (RFC 9568 7.1), but one to tell. */
static void note_mismatch(struct virtual_router *v, const struct vrrp_datagram *d,
                          const struct vrrp_advert *a)
{
        bool addresses = !same_addresses(v, a);
        bool interval = a->version == 3 && a->interval_cs * US_PER_CS != v->conf->interval_us;
        char src[IP_ADDR_TEXT];
        uint64_t withheld;

        v->mismatched_addresses += addresses;
        v->mismatched_interval += interval;
        if ((!addresses && !interval) ||
            !log_limit_pass(&v->limit_mismatch, clock_now(), &withheld))
                return;
        ip_addr_format(&d->src, src);
        if (interval)
                log_write(LOG_WARNING, &(struct log_about){.group = v->conf->name, .peer = src},
                          "%s advertises every %u ms, we every %" PRId64
                          " ms; as backup its interval is used",
                          src, a->interval_cs * 10U, v->conf->interval_us / US_PER_MS);
        if (addresses)
                log_write(LOG_WARNING, &(struct log_about){.group = v->conf->name, .peer = src},
                          "%s advertises other addresses than this group has (%u, here %u); "
                          "the advertisement counts all the same",
                          src, a->n_addrs, v->n_advertised);
}

/* We understand either form; keepalived and many routers only their own, so that we hear each other
 * one way and both are active. */
static void note_checksum_form(struct virtual_router *v, const struct vrrp_datagram *d,
                               const struct vrrp_advert *a)
{
        const enum vrrp_sum ours = v->conf->checksum_plain ? VRRP_SUM_PLAIN : VRRP_SUM_PSEUDO;
        char src[IP_ADDR_TEXT];
        uint64_t withheld;

        if (a->sum == VRRP_SUM_UNKNOWN || a->sum == ours)
                return;
        v->mismatched_checksum++;
        if (log_limit_pass(&v->limit_checksum, clock_now(), &withheld))
                log_write(LOG_WARNING,
                          &(struct log_about){.group = v->conf->name,
                                              .peer = ip_addr_format(&d->src, src)},
                          "%s computes its checksums %s the pseudo-header, we %s; it is heard, but "
                          "may not hear us: vrrp.checksum = \"%s\" would be its form",
                          src, a->sum == VRRP_SUM_PSEUDO ? "with" : "without",
                          ours == VRRP_SUM_PSEUDO ? "with" : "without",
                          a->sum == VRRP_SUM_PSEUDO ? "pseudo-header" : "plain");
}

static void on_datagram(void *arg, const struct vrrp_datagram *d)
{
        struct virtual_router *v = arg;
        struct virtual_router_peer *peer;
        struct vrrp_advert advert;
        enum vrrp_error e;

        e = judge_datagram(v, d);
        if (e == VRRP_OK)
                e = vrrp_advert_decode(d->payload, d->len, &d->src, &d->dst, &advert);
        if (e == VRRP_OK)
                e = judge_advert(v, &advert);
        if (e != VRRP_OK) {
                reject(v, d, e);
                return;
        }
        v->received++;
        peer = peer_of(v, &d->src);
        if (peer) {
                peer->adverts++;
                peer->pseudo += advert.sum == VRRP_SUM_PSEUDO;
                peer->plain += advert.sum == VRRP_SUM_PLAIN;
        }
        note_mismatch(v, d, &advert);
        note_checksum_form(v, d, &advert);
        v->heard(v->arg, &advert, &d->src, v->source.family ? ip_addr_cmp(&d->src, &v->source) : 1);
}

/* --- sending --------------------------------------------------------------------- */

static void send_bytes(struct virtual_router *v, const struct ip_addr *dst, const void *bytes,
                       size_t len)
{
        char text[IP_ADDR_TEXT], tail[MORE_TEXT];
        uint64_t withheld;
        int r = len > 0 ? vrrp_ports_send(v->ports, &v->receiver, &v->source, dst, bytes, len)
                        : -EMSGSIZE;

        if (r >= 0) {
                v->sent++;
                return;
        }
        v->send_failed++;
        if (log_limit_pass(&v->limit_send, clock_now(), &withheld))
                log_write(LOG_WARNING,
                          &(struct log_about){.group = v->conf->name, .iface = v->conf->iface},
                          "cannot send an advertisement to %s: %s; the next one goes out as "
                          "scheduled%s",
                          ip_addr_format(dst, text), strerror(-r), more(withheld, tail));
}

static void fill_advert(const struct virtual_router *v, struct vrrp_advert *a)
{
        for (unsigned i = 0; i < v->conf->n_vips && a->n_addrs < v->n_advertised; i++)
                if (v->conf->vips[i].addr.family == v->family && !v->conf->vips[i].excluded)
                        a->addrs[a->n_addrs++] = v->conf->vips[i].addr;
}

static size_t encode(const struct virtual_router *v, uint8_t priority, int64_t interval_us,
                     const struct ip_addr *dst, uint8_t bytes[static VRRP_ADVERT_MAX])
{
        struct vrrp_advert a = {
                .version = v->conf->version,
                .vrid = v->conf->vrid,
                .priority = priority,
                .interval_cs = (uint16_t)(interval_us / US_PER_CS),
                .family = v->family,
                .has_password = v->conf->has_password,
                .sum = v->conf->checksum_plain ? VRRP_SUM_PLAIN : VRRP_SUM_PSEUDO,
        };

        memcpy(a.password, v->conf->password, sizeof(a.password));
        fill_advert(v, &a);
        return vrrp_advert_encode(&a, &v->source, dst, bytes, VRRP_ADVERT_MAX);
}

static void send_multicast(struct virtual_router *v, uint8_t priority, int64_t interval_us)
{
        struct virtual_router_same *same = &v->same;
        struct ip_addr dst = vrrp_multicast(v->family);
        uint8_t bytes[VRRP_ADVERT_MAX];
        size_t len;

        if (same->len > 0 && same->priority == priority && same->interval_us == interval_us &&
            ip_addr_cmp(&same->source, &v->source) == 0) {
                send_bytes(v, &dst, same->bytes, same->len);
                return;
        }
        len = encode(v, priority, interval_us, &dst, bytes);
        send_bytes(v, &dst, bytes, len);
        *same = (struct virtual_router_same){
                .priority = priority, .interval_us = interval_us, .source = v->source};
        if (len <= sizeof(same->bytes)) {
                same->len = len;
                memcpy(same->bytes, bytes, len);
        }
}

void virtual_router_send(struct virtual_router *v, uint8_t priority, int64_t interval_us)
{
        uint8_t bytes[VRRP_ADVERT_MAX];

        if (v->source.family == 0)
                return;
        if (v->conf->n_peers == 0) {
                send_multicast(v, priority, interval_us);
                return;
        }
        for (unsigned i = 0; i < v->conf->n_peers; i++) {
                const struct ip_addr *peer = &v->conf->peers[i];

                if (peer->family == v->family && ip_addr_cmp(peer, &v->source) != 0)
                        send_bytes(v, peer, bytes, encode(v, priority, interval_us, peer, bytes));
        }
}

/* --- life ------------------------------------------------------------------------ */

void virtual_router_rebind(struct virtual_router *v, const struct config *config,
                           const struct conf_group *conf, unsigned self)
{
        v->config = config;
        v->conf = conf;
        v->self = self;
        v->receiver.iface = conf->iface;
        v->n_advertised = count_advertised(conf, v->family);
        if (v->n_advertised > v->fits)
                v->n_advertised = v->fits;
        v->same.len = 0;
}

int virtual_router_start(struct virtual_router *v, const struct config *config,
                         const struct conf_group *conf, unsigned self, uint8_t family,
                         struct vrrp_ports *ports, int ifindex, virtual_router_heard *heard,
                         void *arg)
{
        memset(v, 0, sizeof(*v));
        v->family = family;
        v->ports = ports;
        v->heard = heard;
        v->arg = arg;
        v->fits = VRRP_ADDRS_MAX;
        virtual_router_rebind(v, config, conf, self);
        v->receiver = (struct vrrp_receiver){
                .iface = conf->iface,
                .family = family,
                .vrid = conf->vrid,
                .receive = on_datagram,
                .arg = v,
        };
        return vrrp_ports_add(ports, &v->receiver, ifindex);
}

void virtual_router_stop(struct virtual_router *v)
{
        if (v->ports)
                vrrp_ports_remove(v->ports, &v->receiver);
        v->ports = NULL;
}
