/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a check of kind tcp or http asks: an address with a port, a URL. */
#include <string.h>

#include "lib/conf_value.h"

/** `text` up to `end` is "ADDRESS", "ADDRESS:PORT", "[V6]" or "[V6]:PORT"; port 0: none. */
static int authority(const char *text, size_t len, struct ip_addr *ret_addr, uint16_t *ret_port,
                     struct conf_why *why)
{
        char buf[80], *host = buf, *port;
        struct ip_addr addr;
        int number = 0;

        if (len == 0 || len >= sizeof(buf))
                return conf_why(why, "\"%.*s\" is not an address and a port", len ? 60 : 0, text);
        memcpy(buf, text, len);
        buf[len] = '\0';
        port = strrchr(buf, ':');
        if (buf[0] == '[') {
                char *close = strchr(buf, ']');

                if (!close || (close[1] != '\0' && close[1] != ':'))
                        return conf_why(why, "\"%s\": a ']' must end the IPv6 address", buf);
                host = buf + 1;
                *close = '\0';
                port = close[1] == ':' || (close + 1 == port) ? close + 1 : NULL;
        } else if (port && strchr(buf, ':') != port) {
                return conf_why(why, "\"%s\": an IPv6 address stands in brackets, as in [::1]:80",
                                buf);
        }
        if (port) {
                *port++ = '\0';
                number = conf_value_number(port, 65535);
                if (number < 1)
                        return conf_why(why, "\"%.20s\" is not a port (1 to 65535)", port);
        }
        if (!port && conf_value_number(host, 65535) > 0)
                return conf_why(why, "\"%s\" is a port without an address; write \"127.0.0.1:%s\"",
                                host, host);
        if (ip_addr_parse(host, &addr) < 0 || (addr.family == AF_INET6) != (host != buf))
                return conf_why(why,
                                "\"%s\" is not an address; names are not looked up here, write "
                                "the number",
                                host);
        if (ip_addr_is_multicast(&addr) || conf_address_is_any(&addr))
                return conf_why(why, "nothing can be asked at %s", host);
        *ret_addr = addr;
        *ret_port = (uint16_t)number;
        return 0;
}

int conf_value_endpoint(const char *text, struct ip_addr *ret_addr, uint16_t *ret_port,
                        struct conf_why *why)
{
        struct ip_addr addr;
        uint16_t port;
        int r = authority(text, strlen(text), &addr, &port, why);

        if (r < 0)
                return r;
        if (port == 0)
                return conf_why(why, "\"%.60s\" names no port; write \"%.60s:80\"", text, text);
        *ret_addr = addr;
        *ret_port = port;
        return 0;
}

int conf_value_url(const char *text, struct conf_url *ret, struct conf_why *why)
{
        struct conf_url url = {.path = "/"};
        size_t len;
        int r;

        if (strncasecmp(text, "https://", 8) == 0)
                return conf_why(why, "https is not available; check a plain port on this host, or "
                                     "use exec with curl");
        if (strncasecmp(text, "http://", 7) != 0)
                return conf_why(why, "\"%.60s\" does not start with http://", text);
        url.host = text + 7;
        len = strcspn(url.host, "/?#");
        if (memchr(url.host, '@', len))
                return conf_why(why, "a user in the URL is not available");
        r = authority(url.host, len, &url.address, &url.port, why);
        if (r < 0)
                return r;
        url.host_len = len;
        if (url.port == 0)
                url.port = 80;
        if (url.host[len] == '/')
                url.path = url.host + len;
        else if (url.host[len] != '\0')
                return conf_why(why, "a '/' is missing before the '%c'", url.host[len]);
        for (const char *c = url.path; *c; c++) {
                if (*c <= ' ' || *c > '~' || *c == '#')
                        return conf_why(why, "a URL cannot hold a %s",
                                        *c == ' ' ? "blank; write %20" : "character like this");
        }
        if (strlen(url.path) > 1024)
                return conf_why(why, "this URL is longer than 1024 bytes");
        *ret = url;
        return 0;
}
