/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_settings.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/suggest.h"

#define GROUP "groups.NAME"
#define CHECK "groups.NAME.checks.NAME"
#define HOOK "groups.NAME.hooks.NAME"
#define ANNOUNCE "groups.NAME.announce"
#define VRRP "groups.NAME.vrrp"

#define TIME(from, to) .kind = CONF_KIND_TIME, .type = "time " from " to " to, .lo = from, .hi = to
#define INTEGER(from, to)                                                                          \
        .kind = CONF_KIND_INTEGER, .type = "integer " #from ".." #to, .lo = #from, .hi = #to
#define BOOLEAN .kind = CONF_KIND_BOOLEAN, .type = "true or false"
#define CHOICE(list, text) .kind = CONF_KIND_CHOICE, .type = text, .choices = list
#define KIND(k, text) .kind = CONF_KIND_##k, .type = text
#define SECTION(text) .kind = CONF_KIND_SECTION, .type = text
#define NAMED(text) .kind = CONF_KIND_NAMED, .type = text
#define BUILT .available = true
#define NOT_YET(why) .available = false, .instead = why

static const char *const partitions[] = {"availability", "quorum", "stonith", NULL};
static const char *const failbacks[] = {"auto", "manual", NULL};
static const char *const checksums[] = {"pseudo-header", "plain", NULL};
static const char *const versions[] = {"2", "3", NULL};

static const struct conf_setting settings[] = {
        {"", "cluster", KIND(NAME, "name"), BUILT, .required = true,
         .help = "name of the cluster, the same on all its nodes"},
        {"", "nodes", NAMED("section"), BUILT, .required = true,
         .help = "the hosts, in the order of the ring"},
        {"", "groups", NAMED("section"), BUILT, .required = true,
         .help = "sets of addresses that move together"},
        {"", "partition", CHOICE(partitions, "\"availability\""), BUILT, .fallback = "availability",
         .help = "what the sides of a cut network do: both may serve"},
        {"", "profile", KIND(TEXT, "\"fast\", \"vm\" or \"cloud\""),
         NOT_YET("detection follows vrrp.advert-interval"),
         .help = "how fast a failure is detected"},
        {"", "hello-interval", KIND(TEXT, "time"), NOT_YET("nodes hear of each other by adverts"),
         .help = "between two signs of life on the ring"},
        {"", "dead-time", KIND(TEXT, "time"), NOT_YET("detection follows vrrp.advert-interval"),
         .help = "silence after which a node is suspected"},
        {"", "confirm-time", KIND(TEXT, "time"), NOT_YET("detection follows vrrp.advert-interval"),
         .help = "for probing a silent node before a claim"},
        {"", "candidate-slot", KIND(TEXT, "time"),
         NOT_YET("candidates are apart by their VRRP priority"),
         .help = "between the claims of two candidates"},
        {"", "grace-time", KIND(TEXT, "time"), NOT_YET("detection follows vrrp.advert-interval"),
         .help = "how long a daemon may be silent while its host answers"},
        {"", "key-file", KIND(TEXT, "path"), NOT_YET("adverts are sent in clear"),
         .help = "the cluster's secret"},
        {"", "stonith-hook", KIND(TEXT, "command"), NOT_YET("no node is fenced from outside"),
         .help = "ends a node before its groups are claimed"},
        {"", "copies", KIND(TEXT, "integer"), NOT_YET("addresses move without state"),
         .help = "neighbours that hold a copy of a group's state"},
        {"", "reachability", KIND(TEXT, "list of addresses"),
         NOT_YET("an owner that hears nobody goes on"),
         .help = "an owner that reaches none of these releases"},

        {"nodes.NAME", "address", KIND(ADDRESS, "address"), BUILT, .required = true,
         .help = "the node's own address on the LAN"},
        {"nodes.NAME", "sync-address", KIND(TEXT, "address"), NOT_YET("no state is copied"),
         .help = "its address on a dedicated link"},

        {GROUP, "interface", KIND(INTERFACE, "interface"), BUILT, .required = true,
         .help = "where the addresses live and adverts are sent"},
        {GROUP, "vrid", INTEGER(1, 255), BUILT,
         .help = "virtual router id; unique on the LAN. Required for now"},
        {GROUP, "addresses", KIND(VIPS, "list of addresses with options"), BUILT, .required = true,
         .help = "what moves: \"ADDRESS[/LENGTH] [dev IF] [label TEXT] [scope SCOPE]\""},
        {GROUP, "excluded-addresses", KIND(VIPS, "list of addresses with options"), BUILT,
         .fallback = "[ ]", .help = "addresses that move along but are not named in adverts"},
        {GROUP, "prefer", KIND(NAME, "name of a node"), BUILT,
         .help = "the group's home; without it the first node"},
        {GROUP, "failback", CHOICE(failbacks, "\"auto\" or \"manual\""), BUILT, .fallback = "auto",
         .help = "whether the group goes home by itself"},
        {GROUP, "failback-delay", TIME("0s", "1h"), BUILT, .fallback = "60s",
         .help = "how long home must be well before the group goes back"},
        {GROUP, "track-interfaces", KIND(TRACKS, "list of \"INTERFACE [weight N]\""), BUILT,
         .fallback = "[ ]", .help = "further interfaces that must be up"},
        {GROUP, "checks", NAMED("section"), BUILT, .help = "what must be well on the owner"},
        {GROUP, "hooks", NAMED("section"), BUILT, .help = "commands to run when the role changes"},
        {GROUP, "announce", SECTION("section"), BUILT,
         .help = "gratuitous ARP and neighbour advertisements"},
        {GROUP, "accept", BOOLEAN, BUILT, .fallback = "true",
         .help = "answer to what is sent to the addresses (Accept_Mode)"},
        {GROUP, "virtual-mac", BOOLEAN, BUILT, .fallback = "false",
         .help = "use the virtual router's MAC address; only false for now"},
        {GROUP, "vrrp", SECTION("section"), BUILT,
         .help = "for groups shared with keepalived or routers"},
        {GROUP, "mirror", KIND(TEXT, "list of \"connections\", \"tables\""),
         NOT_YET("addresses move without state"), .help = "state that moves with the addresses"},
        {GROUP, "tables", KIND(TEXT, "section"), NOT_YET("addresses move without state"),
         .help = "limits of the group's tables"},
        {GROUP, "networks-behind", KIND(TEXT, "list of networks"),
         NOT_YET("addresses move without state"), .help = "networks a gateway group forwards for"},
        {GROUP, "routes", KIND(TEXT, "list"), NOT_YET("only addresses move"),
         .help = "routes that move with the addresses"},
        {GROUP, "rules", KIND(TEXT, "list"), NOT_YET("only addresses move"),
         .help = "routing rules that move with the addresses"},

        {CHECK, "tcp", KIND(ENDPOINT, "\"ADDRESS:PORT\""), BUILT,
         .help = "a connection is accepted there"},
        {CHECK, "http", KIND(URL, "\"http://ADDRESS[:PORT]/PATH\""), BUILT,
         .help = "GET is answered with a 2xx or 3xx status"},
        {CHECK, "exec", KIND(COMMAND, "command"), BUILT, .help = "the command exits with 0"},
        {CHECK, "file", KIND(PATH, "path"), BUILT,
         .help = "the file is there and its first word is not \"down\""},
        {CHECK, "process", KIND(PROCESS, "name of a process"), BUILT,
         .help = "a process of that name runs"},
        {CHECK, "interval", TIME("10ms", "1h"), BUILT, .fallback = "2s",
         .help = "between the starts of two tries"},
        {CHECK, "timeout", TIME("10ms", "1h"), BUILT, .fallback = "1s",
         .help = "of one try; not more than the interval"},
        {CHECK, "rise", INTEGER(1, 1000), BUILT, .fallback = "2",
         .help = "good results in a row that make it up"},
        {CHECK, "fall", INTEGER(1, 1000), BUILT, .fallback = "3",
         .help = "bad results in a row that make it down"},
        {CHECK, "weight", INTEGER(-253, 253), BUILT, .fallback = "0",
         .help = "0: required. Else changes vrrp.priority: below 0 while down, above 0 while up"},
        {CHECK, "user", KIND(USER, "name of a user"), BUILT, .fallback = "nobody",
         .help = "runs the command of exec"},

        {HOOK, "on",
         KIND(EVENTS, "one or more of \"active\", \"backup\", \"fault\", \"stop\", "
                      "\"before-active\", \"before-backup\", \"before-fault\", "
                      "\"before-stop\""),
         BUILT, .required = true, .help = "when to run it"},
        {HOOK, "run", KIND(COMMAND, "command"), BUILT, .required = true,
         .help = "absolute path and arguments; no shell"},
        {HOOK, "timeout", TIME("10ms", "1h"), BUILT, .fallback = "10s",
         .help = "it is killed after that"},
        {HOOK, "user", KIND(USER, "name of a user"), BUILT, .fallback = "nobody",
         .help = "runs the command"},

        {ANNOUNCE, "count", INTEGER(1, 100), BUILT, .fallback = "5",
         .help = "announcements per address after a takeover, the first at once"},
        {ANNOUNCE, "interval", TIME("10ms", "1min"), BUILT, .fallback = "1s",
         .help = "between them"},
        {ANNOUNCE, "refresh", TIME("0s", "24h"), BUILT, .fallback = "0s",
         .help = "repeat for ever at this interval; 0s: no"},
        {ANNOUNCE, "rate", INTEGER(1, 1000000), BUILT, .fallback = "50000",
         .help = "announcements a second over the whole group"},

        {VRRP, "version", KIND(VERSION, "2 or 3"), .choices = versions, BUILT, .fallback = "3",
         .help = "of the protocol; 2 is for IPv4 only"},
        {VRRP, "advert-interval", TIME("10ms", "255s"), BUILT,
         .help = "between adverts; default 1s, or 100ms with vrrp.priority in version 3"},
        {VRRP, "unicast-peers", KIND(ADDRESSES, "list of addresses"), BUILT, .fallback = "[ ]",
         .help = "send adverts to these instead of multicast"},
        {VRRP, "source", KIND(SOURCES, "address, or a list of one per family"), BUILT,
         .help = "source of adverts; default: the own one of unicast-peers, else the interface's"},
        {VRRP, "priority", INTEGER(1, 255), BUILT,
         .help = "of the preferred node; the k-th behind it has 2k less. Makes the group shared"},
        {VRRP, "preempt", BOOLEAN, BUILT, .fallback = "true",
         .help = "a better router takes over from a living one; with vrrp.priority only"},
        {VRRP, "checksum", CHOICE(checksums, "\"pseudo-header\" or \"plain\""), BUILT,
         .fallback = "pseudo-header",
         .help = "form sent in version 3 over IPv4; both are accepted"},
        {VRRP, "auth-password-file", KIND(PATH, "path"), BUILT,
         .help = "version 2's simple password, 1 to 8 bytes; mode 0600 or stricter"},
};

const struct conf_setting *config_settings(size_t *ret_n)
{
        *ret_n = ARRAY_SIZE(settings);
        return settings;
}

const struct conf_setting *conf_settings_find(const char *place, const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                if (strcmp(settings[i].place, place) == 0 && strcmp(settings[i].name, name) == 0)
                        return &settings[i];
        }
        return NULL;
}

const struct conf_setting *conf_settings_nearest(const char *place, const char *word)
{
        struct suggest near = {.unknown = word};

        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                if (strcmp(settings[i].place, place) == 0)
                        suggest_offer(&near, settings[i].name);
        }
        return near.best ? conf_settings_find(place, near.best) : NULL;
}

/** Words of keepalived.conf, for those who come from there. */
static const struct {
        const char *word, *here;
} migrants[] = {
        {"vrrp_instance", "a section in 'groups'"},
        {"vrrp_script", "'checks' of a group"},
        {"virtual_router_id", "'vrid'"},
        {"virtual_ipaddress", "'addresses'"},
        {"virtual_ipaddress_excluded", "'excluded-addresses'"},
        {"virtual_routes", "'routes'"},
        {"virtual_rules", "'rules'"},
        {"state", "'prefer', the name of the node"},
        {"advert_int", "'advert-interval' in 'vrrp'"},
        {"auth_pass", "'auth-password-file' in 'vrrp'"},
        {"authentication", "'auth-password-file' in 'vrrp'"},
        {"unicast_peer", "'unicast-peers' in 'vrrp'"},
        {"unicast_src_ip", "the node's own address among 'unicast-peers' in 'vrrp'"},
        {"mcast_src_ip", "'source' in 'vrrp'"},
        {"vrrp_version", "'version' in 'vrrp'"},
        {"nopreempt", "failback = \"manual\", or preempt = false in 'vrrp'"},
        {"preempt_delay", "'failback-delay'"},
        {"track_script", "'checks'"},
        {"notify", "'hooks'"},
        {"notify_master", "a hook with on = \"active\""},
        {"notify_backup", "a hook with on = \"backup\""},
        {"notify_fault", "a hook with on = \"fault\""},
        {"notify_stop", "a hook with on = \"stop\""},
        {"use_vmac", "'virtual-mac'"},
        {"garp_master_repeat", "'count' in 'announce'"},
        {"garp_master_refresh", "'refresh' in 'announce'"},
        {"garp_interval", "'rate' in 'announce'"},
};

/** "in groups.NAME.checks.NAME or in groups.NAME.announce": where a word is known. @return buf */
static const char *elsewhere(const char *word, char buf[static CONF_ADVICE_MAX])
{
        size_t len = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
                const char *place = settings[i].place;

                if (strcmp(settings[i].name, word) == 0)
                        len += (size_t)snprintf(buf + len, CONF_ADVICE_MAX - len, "%s%s%s",
                                                len ? " or " : "", *place ? "in " : "",
                                                *place ? place : "at the top level");
        }
        return buf;
}

const char *conf_settings_advise(const char *place, const char *word,
                                 char buf[static CONF_ADVICE_MAX])
{
        const struct conf_setting *near = conf_settings_nearest(place, word);
        char places[CONF_ADVICE_MAX];

        buf[0] = '\0';
        elsewhere(word, places);
        if (near && *places)
                snprintf(buf, CONF_ADVICE_MAX, "; did you mean '%s'? ('%s' belongs %.150s)",
                         near->name, word, places);
        else if (near)
                snprintf(buf, CONF_ADVICE_MAX, "; did you mean '%s'?", near->name);
        else if (*places)
                snprintf(buf, CONF_ADVICE_MAX, "; it belongs %.200s", places);
        for (size_t i = 0; !near && !*places && i < ARRAY_SIZE(migrants); i++) {
                if (strcmp(migrants[i].word, word) == 0)
                        snprintf(buf, CONF_ADVICE_MAX, "; what keepalived calls so is %s here",
                                 migrants[i].here);
        }
        return buf;
}

const char *conf_choices_advise(const char *const *choices, const char *word,
                                char buf[static CONF_ADVICE_MAX])
{
        struct suggest near = {.unknown = word};

        buf[0] = '\0';
        for (; *choices; choices++)
                suggest_offer(&near, *choices);
        if (near.best)
                snprintf(buf, CONF_ADVICE_MAX, "; did you mean '%s'?", near.best);
        return buf;
}

int conf_choices_find(const char *const *choices, const char *word)
{
        for (int i = 0; choices[i]; i++) {
                if (strcmp(choices[i], word) == 0)
                        return i;
        }
        return -1;
}
