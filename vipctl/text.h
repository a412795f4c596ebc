/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPCTL_TEXT_H
#define VIPCTL_TEXT_H
/* Durations, instants and JSON values as text for people, and durations read from them. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TEXT_MAX 64

/** Can it be a JSON string? */
bool text_is_utf8(const char *text);

/** "340 us", "61 ms", "1.2 s", "2m 11s", "3h 04m", "3d 04h"; "-" if negative. @return buf */
const char *text_duration(int64_t us, char buf[static TEXT_MAX]);

/** "100ms", "5s", "2min", "3h", "2d": a positive number and a unit. @return 0 or -EINVAL */
int text_parse_duration(const char *text, int64_t *ret_us);

/** "2026-03-01T14:02:07.114235Z" in microseconds since 1970. @return 0 or -EINVAL */
int text_parse_instant(const char *text, int64_t *ret_us);

/** "2026-03-01 14:02:07.114Z" of an RFC 3339 instant; what is none stays. @return buf */
const char *text_instant(const char *rfc3339, char buf[static TEXT_MAX]);

/** The string, or `otherwise` if it is missing, null or of another type. */
const char *text_of(const json_t *object, const char *key, const char *otherwise);

/** @return false, and 0, if it is missing, null or of another type */
bool text_number_of(const json_t *object, const char *key, int64_t *ret);

/** Duration under the key, "-" if there is none. @return buf */
const char *text_duration_of(const json_t *object, const char *key, char buf[static TEXT_MAX]);

/**
 * Replace control characters in all strings by "?": names and details come
 * from programs, peers and other users, and must not reach a terminal as they are.
 */
void text_make_plain(json_t *value);

#endif
