/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/hook_event.h"
#include "lib/mono.h"
#include "lib/suggest.h"

int conf_why(struct conf_why *why, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(why->text, sizeof(why->text), format, ap);
        va_end(ap);
        return -EINVAL;
}

size_t conf_value_word(const char **text, const char **ret_word)
{
        const char *from = *text + strspn(*text, " \t");
        size_t len = strcspn(from, " \t");

        *ret_word = from;
        *text = from + len;
        return len;
}

/* --- times ----------------------------------------------------------------- */

static const struct {
        const char *name;
        int64_t us;
} units[] = {
        {"us", 1},
        {"ms", US_PER_MS},
        {"s", US_PER_S},
        {"min", 60 * US_PER_S},
        {"h", 3600 * US_PER_S},
};

static int64_t unit_us(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                if (strcmp(units[i].name, name) == 0)
                        return units[i].us;
        }
        return 0;
}

/** Digits after the point, as a part of one unit. @return -1 if finer than a microsecond */
static int64_t fraction_us(const char *digits, size_t n, int64_t unit)
{
        int64_t sum = 0;

        for (size_t i = 0; i < n; i++) {
                if (unit % 10 != 0 && digits[i] != '0')
                        return -1;
                unit /= 10;
                sum += (digits[i] - '0') * unit;
        }
        return sum;
}

int conf_value_time(const char *text, int64_t *ret_us, struct conf_why *why)
{
        size_t whole = strspn(text, "0123456789");
        const char *rest = text + whole, *fraction = rest;
        size_t n_fraction = 0;
        int64_t unit, part, us = 0;

        if (whole == 0)
                return conf_why(why, "\"%.40s\" is not a time; write \"100ms\" or \"2s\"", text);
        if (*rest == '.') {
                fraction = rest + 1;
                n_fraction = strspn(fraction, "0123456789");
                rest = fraction + n_fraction;
        }
        if (*rest == '\0')
                return conf_why(why, "\"%.40s\" has no unit; write \"%.20sms\" or \"%.20ss\"", text,
                                text, text);
        unit = unit_us(rest + strspn(rest, " "));
        if (unit == 0)
                return conf_why(why,
                                "\"%.40s\" is not a time: its unit is none of us, ms, s, min, h",
                                text);
        part = fraction_us(fraction, n_fraction, unit);
        if (part < 0)
                return conf_why(why, "\"%.40s\" is finer than a microsecond", text);

        for (size_t i = 0; i < whole; i++) {
                if (us > 24 * 3600 * US_PER_S)
                        return conf_why(why, "\"%.40s\" is longer than any time here", text);
                us = us * 10 + (text[i] - '0');
        }
        if (__builtin_mul_overflow(us, unit, &us) || __builtin_add_overflow(us, part, &us))
                return conf_why(why, "\"%.40s\" is longer than any time here", text);
        *ret_us = us;
        return 0;
}

/* --- names ----------------------------------------------------------------- */

int conf_value_name(const char *text, struct conf_why *why)
{
        if (!isalpha((unsigned char)text[0]))
                return conf_why(why, "\"%.40s\" is not a name: it must start with a letter", text);
        for (const char *c = text; *c; c++) {
                if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
                        return conf_why(why,
                                        "\"%.40s\" is not a name: only letters, digits, '-' and "
                                        "'_' may be in it",
                                        text);
        }
        if (strlen(text) >= CONF_NAME_MAX)
                return conf_why(why, "the name \"%.60s\" is longer than %d characters", text,
                                CONF_NAME_MAX - 1);
        return 0;
}

int conf_value_interface(const char *text, struct conf_why *why)
{
        if (strlen(text) >= IFNAMSIZ)
                return conf_why(why, "\"%.40s\" is longer than an interface's name can be (%d)",
                                text, IFNAMSIZ - 1);
        if (*text == '\0' || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
                return conf_why(why, "\"%s\" is not the name of an interface", text);
        for (const char *c = text; *c; c++) {
                if (isspace((unsigned char)*c) || iscntrl((unsigned char)*c) || *c == '/' ||
                    *c == ':')
                        return conf_why(why, "\"%s\" is not the name of an interface", text);
        }
        return 0;
}

int conf_value_user(const char *text, struct conf_why *why)
{
        size_t len = strlen(text);

        if (len == 0 || len >= 32 || text[0] == '-' ||
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-$") !=
                    len)
                return conf_why(why, "\"%.40s\" is not the name of a user", text);
        return 0;
}

static bool has_control(const char *text)
{
        for (; *text; text++) {
                if (iscntrl((unsigned char)*text))
                        return true;
        }
        return false;
}

int conf_value_path(const char *text, struct conf_why *why)
{
        if (text[0] != '/')
                return conf_why(why, "\"%.100s\" is not an absolute path: it must start with '/'",
                                text);
        if (has_control(text))
                return conf_why(why, "a path with control characters is refused");
        if (strlen(text) >= 4096)
                return conf_why(why, "this path is longer than 4095 bytes");
        return 0;
}

int conf_value_process(const char *text, struct conf_why *why)
{
        if (*text == '\0' || has_control(text) || strchr(text, '/'))
                return conf_why(why, "\"%.40s\" is not the name of a process (as ps -C takes it)",
                                text);
        if (strlen(text) > NAME_MAX)
                return conf_why(why, "\"%.40s...\" is longer than a program's name can be (%d)",
                                text, NAME_MAX);
        return 0;
}

/* --- hooks and commands ------------------------------------------------------ */

static int not_an_event(const char *word, struct conf_why *why)
{
        struct suggest near = {.unknown = word};

        if (strcasecmp(word, "master") == 0) /* VRRP version 2's word */
                near.best = "active";
        for (unsigned on = 1; !near.best && hook_event_name(on); on <<= 1)
                suggest_offer(&near, hook_event_name(on));
        return conf_why(why, "\"%s\" is not an event%s%s%s", word,
                        near.best ? "; did you mean '" : "", near.best ? near.best : "",
                        near.best ? "'?" : "");
}

int conf_value_events(const char *text, unsigned *ret, struct conf_why *why)
{
        unsigned bits = 0;

        for (;; text++) {
                const char *from = text + strspn(text, " \t");
                size_t len = strcspn(from, " \t|");
                char word[40];
                unsigned on;

                snprintf(word, sizeof(word), "%.*s", (int)(len > 39 ? 39 : len), from);
                on = hook_event_from_name(word);
                if (!on)
                        return not_an_event(word, why);
                if (bits & on)
                        return conf_why(why, "\"%s\" is named twice", word);
                bits |= on;
                text = from + len;
                text += strspn(text, " \t");
                if (*text == '\0')
                        break;
                if (*text != '|')
                        return conf_why(why, "put '|' between events, as in \"active|backup\"");
        }
        *ret = bits;
        return 0;
}

int conf_value_command(const char *text, struct conf_why *why)
{
        size_t at = strcspn(text, "|&;<>$`\"'\\");

        if (text[at] != '\0')
                return conf_why(why,
                                "no shell runs this, so '%c' would not do what it seems to; name a "
                                "script, or give the words as a list: [ \"/bin/x\", \"a b\" ]",
                                text[at]);
        return 0;
}
